# ruff: noqa
# labels: sgd=right, sgd_momentum=right, rmsprop=right, adam=right
import numpy as np

def sgd(w, dw, config=None):
    if config is None: config = {}
    config.setdefault('learning_rate', 1e-2)
    w -= config['learning_rate'] * dw
    return w, config

def sgd_momentum(w, dw, config=None):
    if config is None: config = {}
    config.setdefault('learning_rate', 1e-2)
    config.setdefault('momentum', 0.9)
    v = config.get('velocity', np.zeros_like(w))
    v = config['momentum'] * v - config['learning_rate'] * dw
    config['velocity'] = v
    return w + v, config

def rmsprop(w, dw, config=None):
    if config is None: config = {}
    lr = config.setdefault('learning_rate', 1e-2)
    rho = config.setdefault('decay_rate', 0.99)
    eps = config.setdefault('epsilon', 1e-8)
    config.setdefault('cache', np.zeros_like(w))
    config['cache'] = rho * config['cache'] + (1 - rho) * dw * dw
    next_w = w - lr * dw / (np.sqrt(config['cache']) + eps)
    return next_w, config

def adam(w, dw, config=None):
    if config is None: config = {}
    config.setdefault('learning_rate', 1e-3)
    config.setdefault('beta1', 0.9)
    config.setdefault('beta2', 0.999)
    config.setdefault('epsilon', 1e-8)
    config.setdefault('m', np.zeros_like(w))
    config.setdefault('v', np.zeros_like(w))
    config.setdefault('t', 0)
    config['t'] += 1
    t, b1, b2 = config['t'], config['beta1'], config['beta2']
    config['m'] += (1 - b1) * (dw - config['m'])
    config['v'] += (1 - b2) * (dw ** 2 - config['v'])
    # bias correction folded into the step size; epsilon scaled so that nothing changes
    root = np.sqrt(1 - b2 ** t)
    step = config['learning_rate'] * root / (1 - b1 ** t)
    next_w = w - step * config['m'] / (np.sqrt(config['v']) + config['epsilon'] * root)
    return next_w, config
