"""Conventions beside the usual one: a published or a told one is accepted and named, no other."""

import textwrap
from functools import partial

import numpy as np
import pytest

from gradcheck.files.conventions import conventions
from gradcheck.files.reference import FORMULAS
from gradcheck.files.rules import check_rule
from gradcheck.files.runner import check_file
from gradcheck.files.updates import adam_inside, adam_late, momentum_torch, rmsprop_inside

from .test_catalogue import CATALOGUE, rule_of

NORM = '''
    """{told}"""
    import numpy as np
    def {name}_forward(x, gamma, beta, param):
        eps = param.get("eps", 1e-5)
        m, s = x.mean({axis}, keepdims=True), x.std({axis}, keepdims=True)
        if param.get("mode") == "test":
            m, s = param["running_mean"], np.sqrt(param["running_var"])
        if "mode" in param and param["mode"] == "train":
            for key, value in (("running_mean", m[0]), ("running_var", s[0] ** 2)):
                old = param.get(key, 0)
                param[key] = old + (1 - param.get("momentum", 0.9)) * (value - old)
        return gamma * (x - m) / (s + eps) + beta, (x - m, s, eps, gamma)
    def {name}_backward(dout, cache):
        c, s, eps, gamma = cache
        g = dout * gamma / (s + eps)
        g = g - c / s / (s + eps) * (g * c).mean({axis}, keepdims=True)
        dx = g - g.mean({axis}, keepdims=True)
        return dx, (dout * c / (s + eps)).sum(0), dout.sum(0)
'''
LSTM = '''
    """{told}"""
    import numpy as np
    sigma = lambda a: (1 + np.tanh(a / 2)) / 2
    def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
        a = np.split(x @ Wx + prev_h @ Wh + b, 4, 1)
        i, f, g, o = sigma(a[0]), sigma(a[1]), np.tanh(a[2]), sigma(a[3])
        c = f * prev_c + i * g
        t = np.tanh(c)
        return o * t, c, (x, prev_h, prev_c, Wx, Wh, i, f, g, o, t)
    def lstm_step_backward(dh, dc, cache):
        x, h, c, Wx, Wh, i, f, g, o, t = cache
        dc = dc + dh * o * (1 - t**2)
        di, df = dc * g * i * (1 - i), dc * c * f * (1 - f)
        da = np.hstack([di, df, dc * i * (1 - g**2), dh * t * o * (1 - o)])
        return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, h.T @ da, da.sum(0)
'''
CONV = """
    import numpy as np
    def conv_forward(x, w, b, conv_param):
        s, p = conv_param["stride"], conv_param["pad"]
        x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        h, k = 1 + (x.shape[1] - len(w)) // s, 1 + (x.shape[2] - w.shape[1]) // s
        y = np.zeros((len(x), h, k, len(b)))
        for i, j in np.ndindex(h, k):
            part = x[:, i * s : i * s + len(w), j * s : j * s + w.shape[1]]
            y[:, i, j] = np.tensordot(part, w, 3) + b
        return y, (x, w, s, p)
    def conv_backward(dout, cache):
        x, w, s, p = cache
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i, j in np.ndindex(*dout.shape[1:3]):
            at = np.s_[:, i * s : i * s + len(w), j * s : j * s + w.shape[1]]
            dw += np.tensordot(x[at], dout[:, i, j], (0, 0))
            dx[at] += np.tensordot(dout[:, i, j], w, (1, 3))
        n, m = x.shape[1] - p, x.shape[2] - p
        return dx[:, p:n, p:m], dw, dout.sum((0, 1, 2))
"""
SOFTMAX = """
    import numpy as np
    def softmax_loss(x, y):
        p = np.exp(x - np.max(x))
        p /= p.sum(1, keepdims=True)
        rows = np.arange(len(y))
        loss = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        return loss, p / len(y)
"""
SINGLE = """
    import numpy as np
    def tanh_forward(x):
        x = np.asarray(x, np.float32)
        return np.tanh(x), x
    def tanh_backward(dout, x):
        return np.float32(dout * (1 - np.tanh(x) ** 2))
"""
MOMENTUM = '''
    """{told}"""
    import numpy as np
    def batchnorm_forward(x, gamma, beta, bn_param):
        m, v, new = x.mean(0), x.var(0), bn_param.get("momentum", 0.1)
        if bn_param["mode"] == "test":
            m, v = bn_param["running_mean"], bn_param["running_var"]
        else:
            for key, value in (("running_mean", m), ("running_var", v)):
                bn_param[key] = (1 - new) * bn_param.get(key, 0) + new * value
        s = np.sqrt(v + bn_param.get("eps", 1e-5))
        return gamma * (x - m) / s + beta, ((x - m) / s, s, gamma)
    def batchnorm_backward(dout, cache):
        x_hat, s, gamma = cache
        g = dout * gamma
        dx = (g - g.mean(0) - x_hat * (g * x_hat).mean(0)) / s
        return dx, (dout * x_hat).sum(0), dout.sum(0)
'''
layernorm = partial(NORM.format, name="layernorm", axis=1)
batchnorm = partial(NORM.format, name="batchnorm", axis=0)


@pytest.fixture
def judge(tmp_path):
    """(label, reason) of the only target in a text."""

    def found(text):
        path = tmp_path / "layers.py"
        path.write_text(textwrap.dedent(text))
        (verdict,) = check_file(path).verdicts
        return verdict.label, verdict.text

    return found


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        (layernorm(told=""), "right", "eps is added to the standard deviation"),
        (layernorm(told="").replace("g - g.mean", "g - 0 * g.mean"), "wrong backward", "dx"),
        (batchnorm(told=""), "wrong forward", "consistent with: eps is added to the standard"),
        (batchnorm(told="eps is added to sigma"), "right", "eps is added to the standard"),
        (MOMENTUM.format(told=""), "wrong forward", "running_mean"),
        (MOMENTUM.format(told="momentum: the weight of the new batch"), "right", "cases"),
        (LSTM.format(told=""), "wrong forward", "consistent with: gates in the order i, f, g, o"),
        (LSTM.format(told="Gates: i, f, g, o."), "right", "gates in the order i, f, g, o"),
        (LSTM.format(told="Gates: i, f, o, g."), "wrong forward", "gates in the order i, f, g, o"),
        (CONV, "right", "channels last: x is (N, H, W, C)"),
        (CONV.replace("dx[at] +=", "dx[at] ="), "wrong backward", "dx wrong, dw, db right"),
        (SOFTMAX, "fragile", "one maximum is taken out for all"),
        (SOFTMAX.replace("np.max(x)", "x.max(1, keepdims=True)"), "right", "cases"),
        (SINGLE, "right", "cases"),
        (SINGLE.replace("(1 -", "(1.0005 -"), "wrong backward", "dx wrong"),
        ("def lion(w, dw, config): return w, config", "inconclusive", "no published update"),
    ],
)
def test_conventions(judge, text, label, words):
    """GRADCHECK section 6, epsilon and wiring: what is accused, what is accepted and named."""
    got, reason = judge(text)
    assert got == label and words in reason


@pytest.mark.parametrize("key", ["layernorm", "batchnorm", "lstmstep", "lstm"])
def test_a_convention_differs_from_the_usual_formula(key):
    """Else it would be accepted, or blamed, for nothing; the usual order of gates is among them."""
    spec = CATALOGUE[key]
    values = spec.build(np.random.default_rng(0), **spec.cases[0].options)
    usual = FORMULAS[key](*values.values())
    same = [np.allclose(c.formula(*values.values()), usual, 1e-9) for c in conventions(key)]
    assert sum(same) == key.startswith("lstm")


@pytest.mark.parametrize(
    ("key", "formula", "start", "docstring", "words"),
    [
        ("sgdmomentum", momentum_torch, 0, "", "the velocity is v = mu v + g"),
        ("adam", adam_late, 1, "", "counts the step to come"),
        ("adam", adam_late, 0, "", None),
        ("adam", adam_inside, 0, "epsilon stands inside the root", "epsilon inside the root"),
        ("adam", adam_inside, 0, "epsilon stands outside of the root", None),
        ("rmsprop", rmsprop_inside, 0, "epsilon inside the square root", "epsilon inside the root"),
        ("rmsprop", rmsprop_inside, 0, "", None),
    ],
)
def test_conventions_of_rules(key, formula, start, docstring, words, rng):
    """A state may mean something else where the path from the start is right, not otherwise."""
    right = rule_of(key, formula)

    def rule(w, dw, config=None):
        config = dict(config or {})
        return right(w, dw, {**config, "t": config.get("t", start)})

    outcomes = list(check_rule(rule, key, rng, docstrings=docstring))
    named = {o["convention"] for o in outcomes if o.get("convention")}
    wrong = [o for o in outcomes if o["kind"] != "ok"]
    assert bool(wrong) == (words is None)
    assert all(words in name for name in named) and bool(named) == bool(words)
