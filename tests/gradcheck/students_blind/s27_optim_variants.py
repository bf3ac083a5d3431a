# ruff: noqa
# labels: sgd_momentum=right, rmsprop=right, adam=right, nesterov_momentum=right
import numpy as np

def sgd_momentum(w, dw, config=None):
    """Momentum, PyTorch's way: v = mu v + dw, w = w - lr v (same path while the rate stays the same)."""
    config = {} if config is None else config
    lr = config.setdefault("learning_rate", 1e-2)
    mu = config.setdefault("momentum", 0.9)
    v = mu * config.get("velocity", np.zeros_like(w)) + dw
    config["velocity"] = v
    return w - lr * v, config

def rmsprop(w, dw, config=None):
    """epsilon inside the root, as in Keras of old"""
    config = {} if config is None else config
    lr = config.setdefault("learning_rate", 1e-2)
    rho = config.setdefault("decay_rate", 0.99)
    eps = config.setdefault("epsilon", 1e-8)
    c = rho * config.get("cache", np.zeros_like(w)) + (1 - rho) * dw ** 2
    config["cache"] = c
    return w - lr * dw / np.sqrt(c + eps), config

def adam(w, dw, config=None):
    config = {} if config is None else config
    lr = config.setdefault("learning_rate", 1e-3)
    b1, b2 = config.setdefault("beta1", 0.9), config.setdefault("beta2", 0.999)
    eps = config.setdefault("epsilon", 1e-8)
    m = config.get("m", np.zeros_like(w))
    v = config.get("v", np.zeros_like(w))
    t = config.get("t", 0)
    m = b1 * m + (1 - b1) * dw
    v = b2 * v + (1 - b2) * dw ** 2
    t += 1
    config.update(m=m, v=v, t=t)
    return w - lr * (m / (1 - b1 ** t)) / (np.sqrt(v / (1 - b2 ** t)) + eps), config

def nesterov_momentum(w, dw, config=None):
    config = {} if config is None else config
    lr = config.setdefault("learning_rate", 1e-2)
    mu = config.setdefault("momentum", 0.9)
    old = config.get("velocity", np.zeros_like(w))
    new = mu * old - lr * dw
    config["velocity"] = new
    return w - mu * old + (1 + mu) * new, config
