"""Cases of recurrent cells and sequences, with plain loops; hidden sizes differ from input sizes.

A sequence returns several arrays: they are joined into one vector.
"""

import numpy as np

import minnet.functional as F

I, H, N, T = 1, 2, 2, 2
MASK = {"lengths": np.array([2, 1])}
BACKWARDS = {"reverse": True}
BOTH = MASK | BACKWARDS


def weights(gates):
    return [(I, gates * H), (H, gates * H), (gates * H,), (gates * H,)]


def cell(gates, states):
    start = [(N, I), *[(N, H)] * states]
    return [({}, [*start, *weights(gates)]), ({}, [*start, *weights(gates)[:2]])]


def sequence(gates, states, *settings):
    state = [(N, H)] * states
    return [
        *((s, [(T, N, I), *state, *weights(gates)]) for s in settings),
        ({}, [(T, N, I), *[None] * states, *weights(gates)[:2]]),
        ({}, [(1, 1, I), *[(1, H)] * states, *weights(gates)[:3], None]),
        ({}, [(2, 0, I), *[(0, H)] * states, *weights(gates)]),
    ]


RELU = {"nonlinearity": "relu"}
CASES = {
    "rnn_cell": [*cell(1, 1), (RELU, cell(1, 1)[0][1])],
    "lstm_cell": cell(4, 2),
    "gru_cell": cell(3, 1),
    "rnn": sequence(1, 1, {}, RELU, MASK, BACKWARDS),
    "lstm": sequence(4, 2, BOTH),
    "gru": sequence(3, 1, BOTH),
}

# -------------------------------------------------------------------------------------------------
# One number at a time


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _pre(x, W, b):
    return x @ W + (0 if b is None else b)


def _rnn_cell(x, h, W_ih, W_hh, b_ih=None, b_hh=None, nonlinearity="tanh"):
    a = _pre(x, W_ih, b_ih) + _pre(h, W_hh, b_hh)
    return np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)


def _lstm_cell(x, h, c, W_ih, W_hh, b_ih=None, b_hh=None):
    a = (_pre(x, W_ih, b_ih) + _pre(h, W_hh, b_hh)).reshape(len(x), 4, -1)
    i, f, g, o = (a[:, k] for k in range(4))
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru_cell(x, h, W_ih, W_hh, b_ih=None, b_hh=None):
    a, b = (_pre(*each).reshape(len(x), 3, -1) for each in ((x, W_ih, b_ih), (h, W_hh, b_hh)))
    r, z = _sigmoid(a[:, 0] + b[:, 0]), _sigmoid(a[:, 1] + b[:, 1])
    n = np.tanh(a[:, 2] + r * b[:, 2])
    return (1 - z) * n + z * h


def _looped(step, states):
    """Each sequence of the batch alone, step by step, for as long as it is."""

    def run(x, *args, lengths=None, reverse=False, **settings):
        (T, N, _), H = x.shape, args[states + 1].shape[0]
        s0 = [np.zeros((N, H)) if s is None else s for s in args[:states]]
        y, last = np.zeros((T, N, H)), [s.copy() for s in s0]
        for n in range(N):
            steps = range(T if lengths is None else lengths[n])
            s = [each[n : n + 1] for each in s0]
            for t in reversed(steps) if reverse else steps:
                new = step(x[t, n : n + 1], *s, *args[states:], **settings)
                s = list(new) if states > 1 else [new]
                y[t, n] = s[0][0]
            for each, value in zip(last, s, strict=True):
                each[n] = value[0]
        return y, tuple(last) if states > 1 else last[0]

    return run


REFERENCES = {
    "rnn_cell": _rnn_cell,
    "lstm_cell": _lstm_cell,
    "gru_cell": _gru_cell,
    "rnn": _looped(_rnn_cell, 1),
    "lstm": _looped(_lstm_cell, 2),
    "gru": _looped(_gru_cell, 1),
}


def _joined(arrays):
    parts = [F.ravel(a) for a in arrays]
    return F.concatenate(parts)


def _lstm(f, x, h0, c0, *weights, **settings):
    state = None if h0 is None else (h0, c0)
    if f is REFERENCES["lstm"]:
        y, (h, c) = f(x, h0, c0, *weights, **settings)
    else:
        y, (h, c) = f(x, state, *weights, **settings)
    return _joined([y, h, c])


CALLS = {
    "lstm_cell": lambda f, *inputs: _joined(f(*inputs)),
    "lstm": _lstm,
    "rnn": lambda f, *inputs, **settings: _joined(f(*inputs, **settings)),
    "gru": lambda f, *inputs, **settings: _joined(f(*inputs, **settings)),
}
