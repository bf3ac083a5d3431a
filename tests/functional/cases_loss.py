"""Cases of the losses, of the affine map and of batch norm, with naive references."""

from math import exp, log

import numpy as np

import minnet.functional as F

from .oracle import distinct, positive

LABELS = np.array([2, 0, 2, 1])
SOME = np.array([2, -100, 2, 1])
GRID = np.array([[2, 0, 1], [1, 1, 2]])  # labels of scores (2, C, 3)
WEIGHT = np.array([0.5, 2.0, 1.0])
REDUCTIONS = ["mean", "sum", "none"]
BIASED = {  # activation: of x + b
    "relu": lambda u: np.where(u > 0, u, 0.0),
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "tanh": np.tanh,
}
HALF = np.linspace(0.1, 0.9, 12).reshape(3, 4)


def simplex(shape):
    """Probabilities along axis 1, none near 0."""

    def draw(rng):
        q = rng.uniform(0.5, 2.0, shape)
        return q / q.sum(axis=1, keepdims=True)

    return draw


def both(*settings):
    return [dict(s, reduction=r) for s in settings for r in REDUCTIONS]


PAIR = [(4, 3), LABELS]
CASES = {
    "batch_norm": [
        ({}, [(5, 3), positive((3,)), (3,)]),
        ({}, [(2, 3, 4), positive((3,)), (3,)]),
        ({"eps": 0.1}, [(4, 2), None, None]),
        ({}, [(2, 1), positive((1,)), None]),
        ({"training": False, "mean": WEIGHT, "var": WEIGHT}, [(4, 3), positive((3,)), (3,)]),
        ({"training": False, "mean": WEIGHT, "var": WEIGHT}, [(1, 3, 2), None, (3,)]),
        ({"training": False, "mean": WEIGHT, "var": WEIGHT}, [(0, 3), (3,), (3,)]),
    ],
    "batch_statistics": [({}, [(5, 3)]), ({}, [(2, 3, 2)])],
    "binary_cross_entropy_with_logits": [
        *((s, [(3, 4), simplex((3, 4))]) for s in both({}, {"pos_weight": 3.0})),
        ({"pos_weight": np.array([1.0, 2.0, 0.5, 1.5])}, [(3, 4), HALF]),
        ({}, [(), np.array(1.0)]),
        ({"reduction": "sum"}, [(0, 2), np.zeros((0, 2))]),
    ],
    "cross_entropy": [
        *((s, PAIR) for s in both({}, {"weight": WEIGHT}, {"label_smoothing": 0.3})),
        *((s, [(4, 3), SOME]) for s in both({}, {"weight": WEIGHT, "label_smoothing": 0.1})),
        *((s, [(4, 3), simplex((4, 3))]) for s in both({}, {"weight": WEIGHT})),
        *((s, [(2, 3, 3), GRID]) for s in both({}, {"weight": WEIGHT}, {"ignore_index": 1})),
        ({"label_smoothing": 0.2}, [(2, 3, 2, 2), simplex((2, 3, 2, 2))]),
        ({}, [(1, 3), np.array([1])]),
        ({"reduction": "sum"}, [(0, 3), np.zeros(0, int)]),
    ],
    "huber": [
        *((s, [distinct((3, 4)), distinct((3, 4), 0.4)]) for s in both({}, {"delta": 0.3})),
        ({"reduction": "sum"}, [(0, 2), (0, 2)]),
    ],
    "kl_div": [
        *((s, [(3, 4), simplex((3, 4))]) for s in both({}, {"log_target": True})),
        ({}, [(3, 4), simplex((3, 4))]),
        ({"log_target": True}, [(2, 3, 2), (2, 3, 2)]),
    ],
    "l1": [(s, [distinct((3, 4)), distinct((3, 4), 0.4)]) for s in both({})],
    "bias_activation": [
        ({"activation": "relu"}, [distinct((5, 3)), distinct((3,), 0.1)]),
        ({"activation": "relu", "axis": 1}, [distinct((2, 3, 2, 2)), distinct((3,), 0.1)]),
        ({"activation": "tanh"}, [(2, 4, 3), (3,)]),
        ({"activation": "tanh", "axis": 1}, [(2, 3, 4), (3,)]),
        ({"activation": "sigmoid"}, [(3,), (3,)]),
        ({"activation": "sigmoid", "axis": 0}, [(3, 2), (3,)]),
    ],
    "linear": [
        ({}, [(4, 3), (3, 2), (2,)]),
        ({}, [(4, 3), (3, 2), None]),
        ({}, [(4, 3), (3, 2)]),
        ({}, [(3,), (3, 2), (2,)]),
        ({}, [(2, 4, 3), (3, 5), (5,)]),
        ({}, [(1, 3), (3, 1), (1,)]),
        ({}, [(0, 3), (3, 2), (2,)]),
        ({}, [(2, 0, 3), (3, 2), (2,)]),
    ],
    "mse": [
        *((s, [(3, 4), (3, 4)]) for s in both({})),
        ({}, [(), ()]),
        ({"reduction": "sum"}, [(0, 2), (0, 2)]),
    ],
    "multiclass_hinge": [
        *((s, PAIR) for s in both({}, {"margin": 0.45})),
        ({}, [(2, 3, 3), GRID]),
        ({"reduction": "sum"}, [(0, 3), np.zeros(0, int)]),
    ],
    "nll": [
        *((s, PAIR) for s in both({}, {"weight": WEIGHT})),
        *((s, [(4, 3), SOME]) for s in both({}, {"weight": WEIGHT})),
        *((s, [(2, 3, 3), GRID]) for s in both({}, {"ignore_index": 1})),
    ],
}

# -------------------------------------------------------------------------------------------------
# The definitions again, example by example in plain Python


def _reduced(losses, reduction, count):
    losses = np.asarray(losses, float)
    return losses if reduction == "none" else losses.sum() / (count if reduction == "mean" else 1)


def _each(x, t):
    """(index of the label, scores of its C classes) for scores (N, C, d1, ...)."""
    return [(i, x[(i[0], slice(None), *i[1:])]) for i in np.ndindex(t.shape)]


def _nll(log_p, t, weight=None, ignore_index=-100, reduction="mean"):
    losses, count = np.zeros(t.shape), 0.0
    for i, row in _each(log_p, t):
        if t[i] != ignore_index:
            w = 1.0 if weight is None else weight[t[i]]
            losses[i], count = -w * row[t[i]], count + w
    return _reduced(losses, reduction, count)


def _log_softmax(row):
    total = sum(exp(v) for v in row)
    return [log(exp(v) / total) for v in row]


def _cross_entropy(
    x, t, weight=None, label_smoothing=0.0, ignore_index=-100, reduction="mean"
):
    classes, soft = x.shape[1], t.ndim == x.ndim
    shape = t.shape[:1] + t.shape[2:] if soft else t.shape
    losses, count = np.zeros(shape), 0.0
    w = np.ones(classes) if weight is None else weight
    for i, row in _each(x, losses):
        log_p = _log_softmax(row)
        if soft:
            q, counted = t[(i[0], slice(None), *i[1:])], 1.0
        elif t[i] == ignore_index:
            continue
        else:
            q, counted = [float(c == t[i]) for c in range(classes)], w[t[i]]
        for c in range(classes):
            q_c = (1 - label_smoothing) * q[c] + label_smoothing / classes
            losses[i] -= w[c] * q_c * log_p[c]
        count += counted
    return _reduced(losses, reduction, count)


def _hinge(x, t, margin=1.0, reduction="mean"):
    losses = np.zeros(t.shape)
    for i, row in _each(x, t):
        terms = [max(0.0, v - row[t[i]] + margin) for j, v in enumerate(row) if j != t[i]]
        losses[i] = sum(terms)
    return _reduced(losses, reduction, t.size)


def _elementwise(f):
    def loss(x, t, reduction="mean", **settings):
        values = [f(a, b, **settings) for a, b in zip(x.ravel(), t.ravel(), strict=True)]
        return _reduced(np.reshape(values, x.shape), reduction, x.size)

    return loss


def _huber(a, b, delta=1.0):
    d = abs(a - b)
    return d * d / 2 if d <= delta else delta * (d - delta / 2)


def _binary(x, t, pos_weight=1.0, reduction="mean"):
    p = 1 / (1 + np.exp(-x))
    losses = -(pos_weight * t * np.log(p) + (1 - t) * np.log(1 - p))
    return _reduced(losses, reduction, x.size)


def _kl(log_q, p, log_target=False, reduction="batchmean"):
    p = np.exp(p) if log_target else p
    losses = p * (np.log(p) - log_q)
    if reduction == "batchmean":
        return losses.sum() / len(p)
    return _reduced(losses, reduction, p.size)


def _batch_norm(x, gamma=None, beta=None, mean=None, var=None, training=True, eps=1e-5):
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        v = x[:, c]
        m, s2 = (v.mean(), v.var()) if training else (mean[c], var[c])
        scale, shift = 1 if gamma is None else gamma[c], 0 if beta is None else beta[c]
        y[:, c] = scale * (v - m) / np.sqrt(s2 + eps) + shift
    return y


def _statistics(x):
    channels = [x[:, c] for c in range(x.shape[1])]
    return np.array([v.mean() for v in channels]), np.array([v.var() for v in channels])


REFERENCES = {
    "batch_norm": _batch_norm,
    "batch_statistics": _statistics,
    "binary_cross_entropy_with_logits": _binary,
    "cross_entropy": _cross_entropy,
    "huber": _elementwise(_huber),
    "kl_div": _kl,
    "l1": _elementwise(lambda a, b: abs(a - b)),
    "bias_activation": lambda x, b, activation, axis=-1: BIASED[activation](
        np.moveaxis(np.moveaxis(x, axis, -1) + b, -1, axis)
    ),
    "linear": lambda x, W, b=None: np.einsum("...i,ij->...j", x, W) + (0 if b is None else b),
    "mse": _elementwise(lambda a, b: (a - b) ** 2),
    "multiclass_hinge": _hinge,
    "nll": _nll,
}
CALLS = {"batch_statistics": lambda f, x: F.stack(f(x))}
