# ruff: noqa
# labels: adam=wrong forward, rmsprop=fragile, sgd_momentum=wrong forward
import numpy as np


def adam(x, dx, config=None):
    if config is None:
        config = {}
    config.setdefault('learning_rate', 1e-3)
    config.setdefault('beta1', 0.9)
    config.setdefault('beta2', 0.999)
    config.setdefault('epsilon', 1e-8)
    config.setdefault('m', np.zeros_like(x))
    config.setdefault('v', np.zeros_like(x))
    config.setdefault('t', 0)
    t = config['t'] + 1
    config['m'] = config['beta1'] * config['m'] + (1 - config['beta1']) * dx
    config['v'] = config['beta2'] * config['v'] + (1 - config['beta2']) * dx ** 2
    m_unbiased = config['m'] / (1 - config['beta1'] ** t)
    v_unbiased = config['v'] / (1 - config['beta2'] ** t)
    next_x = x - config['learning_rate'] * m_unbiased / (np.sqrt(v_unbiased) + config['epsilon'])
    return next_x, config


def rmsprop(x, dx, config=None):
    if config is None:
        config = {}
    lr = config.setdefault('learning_rate', 1e-2)
    rho = config.setdefault('decay_rate', 0.99)
    config['cache'] = rho * config.get('cache', 0) + (1 - rho) * dx ** 2
    return x - lr * dx / (np.sqrt(config['cache']) + 1e-8), config


def sgd_momentum(w, dw, config=None):
    if config is None:
        config = {}
    lr, mu = config.setdefault('learning_rate', 1e-2), config.setdefault('momentum', 0.9)
    v = config.get('velocity', np.zeros_like(w))
    prev = v
    v = mu * v - lr * dw
    config['velocity'] = v
    return w - mu * prev + (1 + mu) * v, config
