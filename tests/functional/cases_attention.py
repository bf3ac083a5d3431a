"""Cases of attention, with naive loops over queries and keys."""

import numpy as np

KEYS = np.array([True, False, True, True])
SOME = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1]], bool)
DROP = np.array([[2.0, 0.0, 2.0, 2.0], [0.0, 2.0, 0.0, 2.0], [2.0, 2.0, 2.0, 0.0]])
QKV = [(3, 2), (4, 2), (4, 5)]
CASES = {
    "attention_weights": [
        ({}, [(3, 2), (4, 2)]),
        ({"is_causal": True}, [(4, 3), (4, 3)]),
        ({"mask": KEYS}, [(2, 3, 2), (2, 4, 2)]),
    ],
    "masked_softmax": [
        ({}, [(3, 4)]),
        ({"mask": KEYS}, [(3, 4)]),
        ({"mask": SOME}, [(3, 4)]),
        ({"mask": SOME[:, None]}, [(2, 3, 2, 4)]),
        ({"mask": np.ones((1, 3), bool)}, [(0, 3)]),
    ],
    "scaled_dot_product_attention": [
        ({}, QKV),
        ({"mask": SOME}, QKV),
        ({"mask": KEYS, "is_causal": True, "scale": 1.7}, QKV),
        ({"drop": DROP}, QKV),
        ({}, [(2, 2, 3, 2), (2, 2, 4, 2), (2, 2, 4, 3)]),
        ({"mask": SOME}, [(2, 1, 3, 2), (2, 1, 4, 2), (2, 1, 4, 3)]),
        ({}, [(1, 1), (1, 1), (1, 1)]),
        ({}, [(0, 3, 2), (0, 4, 2), (0, 4, 2)]),
    ],
}


def _softmax_row(row, allowed):
    e = [np.exp(v) if ok else 0.0 for v, ok in zip(row, allowed, strict=True)]
    return [v / (sum(e) or 1.0) for v in e]


def _masked_softmax(x, mask=None):
    allowed = np.broadcast_to(True if mask is None else mask, x.shape)
    y = np.zeros_like(x)
    for i in np.ndindex(x.shape[:-1]):
        y[i] = _softmax_row(x[i], allowed[i])
    return y


def _weights(q, k, mask=None, is_causal=False, scale=None):
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    L, S = q.shape[-2], k.shape[-2]
    scores = np.zeros((*q.shape[:-2], L, S))
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape).copy()
    for *i, m, n in np.ndindex(scores.shape):
        scores[(*i, m, n)] = scale * sum(q[(*i, m)] * k[(*i, n)])
        allowed[(*i, m, n)] &= not is_causal or n <= m
    return _masked_softmax(scores, allowed)


def _attention(q, k, v, drop=1.0, **settings):
    return np.einsum("...ls,...sv->...lv", _weights(q, k, **settings) * drop, v)


REFERENCES = {
    "attention_weights": _weights,
    "masked_softmax": _masked_softmax,
    "scaled_dot_product_attention": _attention,
}
