"""No false alarm on correct random nets and ops: contract, verdict and probes (5.4, goal 2)."""

import warnings

import numpy as np
import pytest

import gradcheck
from tests.gradcheck.bank.ops import CATALOGUE, affine_shape, soft

QUICK, ALL = 200, 1200


def relu_net(rng):
    """Two hidden ReLU layers; many units sit near their kinks."""
    sizes = rng.integers(2, 8, 4)
    W = [rng.standard_normal((a, b)) for a, b in zip(sizes, sizes[1:], strict=False)]

    def forward(x, W1, W2, W3):
        a = x @ W1
        b = (a * (a > 0)) @ W2
        return (b * (b > 0)) @ W3, (x, W1, W2, W3, a, b)

    def backward(d, c):
        x, W1, W2, W3, a, b = c
        db = d @ W3.T * (b > 0)
        da = db @ W2.T * (a > 0)
        return {
            "x": da @ W1.T,
            "W1": x.T @ da,
            "W2": (a * (a > 0)).T @ db,
            "W3": (b * (b > 0)).T @ d,
        }

    x = rng.standard_normal((rng.integers(1, 6), sizes[0]))
    return forward, backward, dict(zip(("x", "W1", "W2", "W3"), (x, *W), strict=True)), {}


def from_catalogue(rng, name=None):
    op = CATALOGUE[name or rng.choice(list(CATALOGUE))]
    return op.forward, op.backward, op.inputs(rng, bool(rng.integers(2))), {"wrt": op.wrt}


def catalogue_case(*names):
    return lambda rng: from_catalogue(rng, rng.choice(names))


def dropout(rng):
    """A mask from the global generator, the same at every call thanks to reseed=."""

    def forward(x, W):
        mask = (np.random.random(x.shape) < 0.5) / 0.5
        return (x * mask) @ W, (x, W, mask)

    def backward(d, c):
        x, W, mask = c
        return {"x": d @ W.T * mask, "W": (x * mask).T @ d}

    shapes = rng.integers(2, 7, 3)
    inputs = {"x": rng.standard_normal(shapes[:2]), "W": rng.standard_normal(shapes[1:])}
    return forward, backward, inputs, {"reseed": int(rng.integers(1000))}


def batch_norm_on_offset(rng):
    op = CATALOGUE["batch_norm"]
    inputs = affine_shape(rng, rng.integers(3, 9), rng.integers(2, 6), 0)
    inputs["x"] = inputs["x"] + 10.0 ** rng.integers(0, 4)
    return op.forward, op.backward, inputs, {}


def scaled(rng):
    """Gradients of 1e-12 to 1e12."""
    forward, backward, inputs, options = from_catalogue(rng)
    s = 10.0 ** rng.integers(-12, 13)
    smaller = lambda **v: (forward(**v)[0] * s, forward(**v)[1])
    return smaller, lambda d, c: backward(d * s, c), inputs, options


def offset(rng):
    """A large constant on top of the output."""
    forward, backward, inputs, options = from_catalogue(
        rng, rng.choice(["affine", "tanh", "layer_norm"])
    )
    s = 10.0 ** rng.integers(0, 4)
    return (lambda **v: (forward(**v)[0] + s, forward(**v)[1])), backward, inputs, options


def classifier(rng):
    """ReLU net with softmax loss: a scalar output."""
    N, D, H, C = rng.integers(2, 7, 4)
    t = rng.integers(0, C, N)

    def forward(x, W, V):
        h = np.maximum(x @ W, 0)
        p = soft(h @ V)
        return -np.log(p[np.arange(N), t]).mean(), (x, W, V, h, p)

    def backward(d, c):
        x, W, V, h, p = c
        g = d * (p - (t[:, None] == np.arange(C))) / N
        dh = g @ V.T * (h > 0)
        return {"x": dh @ W.T, "W": x.T @ dh, "V": h.T @ g}

    inputs = {
        "x": rng.standard_normal((N, D)),
        "W": rng.standard_normal((D, H)),
        "V": rng.standard_normal((H, C)),
    }
    return forward, backward, inputs, {"probe": False}  # labels are not an input: cannot be sliced


KINDS = {
    "relu net": relu_net,
    "catalogue": from_catalogue,
    "scaled": scaled,
    "offset": offset,
    "max-pool and hinge": catalogue_case("max_pool", "hinge", "maximum", "relu", "huber", "clip"),
    "dropout": dropout,
    "batch norm": batch_norm_on_offset,
    "classifier": classifier,
}


def alarms(kind, count):
    wrong = []
    for seed in range(count):
        forward, backward, inputs, options = KINDS[kind](np.random.default_rng([seed, 11]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = gradcheck.check_vjp(forward, backward, inputs, rng=seed, **options)
        complaints = [f.code for f in report.findings if f.severity != "note"]
        if report.status != "pass" or complaints:
            wrong.append((seed, report.status, complaints))
    return wrong


@pytest.mark.parametrize("kind", KINDS)
def test_no_false_alarm(kind):
    assert alarms(kind, QUICK // len(KINDS)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_false_alarm_in_many_cases(kind):
    assert alarms(kind, ALL // len(KINDS)) == []


def test_an_alarm_would_be_seen():
    """The same net with one mask left out is not passed."""
    forward, _, inputs, _ = relu_net(np.random.default_rng(0))

    def backward(d, c):
        x, W1, W2, W3, a, b = c
        db = d @ W3.T
        da = db @ W2.T * (a > 0)
        return {
            "x": da @ W1.T,
            "W1": x.T @ da,
            "W2": (a * (a > 0)).T @ db,
            "W3": (b * (b > 0)).T @ d,
        }

    assert gradcheck.check_vjp(forward, backward, inputs).status == "fail"
