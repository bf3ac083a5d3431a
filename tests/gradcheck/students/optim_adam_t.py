# ruff: noqa
# labels: adam=wrong forward, rmsprop=wrong forward, sgd_momentum=fragile, sgd=right
import numpy as np


def sgd(w, dw, config=None):
    if config is None: config = {}
    lr = config.get('learning_rate', 1e-2)
    return w - lr * dw, config


def sgd_momentum(w, dw, config=None):
    if config is None: config = {}
    config.setdefault('learning_rate', 1e-2)
    config.setdefault('momentum', 0.9)
    v = config.get('velocity', np.zeros_like(w))
    dw *= config['learning_rate']
    v = config['momentum'] * v - dw
    config['velocity'] = v
    return w + v, config


def rmsprop(w, dw, config=None):
    if config is None: config = {}
    config.setdefault('learning_rate', 1e-2)
    config.setdefault('decay_rate', 0.99)
    config.setdefault('epsilon', 1e-8)
    config.setdefault('cache', np.zeros_like(w))
    cache = config['decay_rate'] * config['cache'] + (1 - config['decay_rate']) * dw ** 2
    next_w = w - config['learning_rate'] * dw / (np.sqrt(cache) + config['epsilon'])
    return next_w, config


def adam(w, dw, config=None):
    if config is None: config = {}
    for k, d in dict(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, m=np.zeros_like(w), v=np.zeros_like(w), t=1).items():
        config.setdefault(k, d)
    config['t'] += 1
    config['m'] = config['beta1'] * config['m'] + (1 - config['beta1']) * dw
    config['v'] = config['beta2'] * config['v'] + (1 - config['beta2']) * dw ** 2
    mb = config['m'] / (1 - config['beta1'] ** config['t'])
    vb = config['v'] / (1 - config['beta2'] ** config['t'])
    return w - config['learning_rate'] * mb / (np.sqrt(vb) + config['epsilon']), config
