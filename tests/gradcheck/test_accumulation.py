"""GC-K9 and GC-K12 through the entry points: what backward makes of a gradient that is there
already, and whether the function is the same with and without its gradient."""

import numpy as np
import pytest

import gradcheck

X = gradcheck.randn(3, 4, rng=0)


def codes(report, code=("overwrites", "function-differs")):
    return {(f.code, f.param) for f in report.findings if f.code in code}


# ------------------------------------------------------------------ layers with buffers


class Affine:
    """A layer whose backward adds to its buffers, by `write`."""

    def __init__(self, write):
        self.W, self.b = gradcheck.randn(4, 5, rng=1), gradcheck.randn(5, rng=2)
        self.dW, self.db, self.write = np.zeros((4, 5)), np.zeros(5), write

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        for name, g in (("dW", self.x.T @ d), ("db", d.sum(0))):
            self.write(self, name, g)
        return d @ self.W.T

    def parameters(self):
        return {"W": self.W, "b": self.b}

    def gradients(self):
        return {"W": self.dW, "b": self.db}


class Zeroing(Affine):
    """The same with zero_grad: it promises to add."""

    def zero_grad(self):
        self.dW[...] = self.db[...] = 0


def adds(layer, name, g):
    setattr(layer, name, getattr(layer, name) + g)


def adds_in_place(layer, name, g):
    getattr(layer, name)[...] += g


def replaces(layer, name, g):
    setattr(layer, name, g)


def fills(layer, name, g):
    getattr(layer, name)[...] = g


def replaces_bias(layer, name, g):
    (replaces if name == "db" else adds)(layer, name, g)


BOTH = {("overwrites", "W"), ("overwrites", "b")}
LAYERS = {  # layer, how it writes, what is found
    "adds": (Zeroing, adds, set()),
    "adds in place": (Zeroing, adds_in_place, set()),
    "promises and replaces": (Zeroing, replaces, BOTH),
    "promises and fills": (Zeroing, fills, BOTH),
    "promises, replaces one": (Zeroing, replaces_bias, {("overwrites", "b")}),
    "no promise, replaces": (Affine, replaces, set()),
    "no promise, fills": (Affine, fills, set()),
    "no promise, replaces one": (Affine, replaces_bias, {("overwrites", "b")}),
}


@pytest.mark.parametrize("row", LAYERS.values(), ids=LAYERS)
def test_k9_check_module(row):
    """A layer with zero_grad must add; one without may overwrite, if it does so throughout."""
    layer, write, found = row
    report = gradcheck.check_module(layer(write), X)
    assert codes(report) == found
    assert report.status == ("fail" if found else "pass")


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_k9_does_not_depend_on_the_scale(scale):
    scaled = lambda write: lambda layer, name, g: write(layer, name, scale * g)

    class Scaled(Zeroing):
        def forward(self, x):
            return scale * super().forward(x)

        def backward(self, d):
            return scale * super().backward(d)

    assert codes(gradcheck.check_module(Scaled(scaled(adds)), X)) == set()
    assert codes(gradcheck.check_module(Scaled(scaled(replaces)), X)) == BOTH


class Held:
    """A parameter object: data and grad."""

    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


class Holding:
    """A layer of such parameters, with zero_grad."""

    def __init__(self, factor=1.0, keep=1.0):
        self.W, self.factor, self.keep = Held(gradcheck.randn(4, 5, rng=1)), factor, keep

    def forward(self, x):
        self.x = x
        return x @ self.W.data

    def backward(self, d):
        self.W.grad = self.keep * self.W.grad + self.factor * self.x.T @ d
        return d @ self.W.data.T

    def parameters(self):
        return [self.W]

    def zero_grad(self):
        self.W.grad = np.zeros_like(self.W.data)


@pytest.mark.parametrize(
    ("options", "status", "found"),
    [
        ({}, "pass", set()),
        ({"factor": 2.0}, "fail", set()),
        ({"keep": 0.0}, "fail", {("overwrites", "params[0]")}),
    ],
)
def test_k9_parameter_objects_that_hold_their_gradient(options, status, found):
    layer = Holding(**options)
    before = layer.W.data.copy()
    report = gradcheck.check_module(layer, X)
    assert (report.status, codes(report)) == (status, found)
    assert np.array_equal(layer.W.data, before) and not layer.W.grad.any()


# ------------------------------------------------------------------ pairs that fill a dict

POINT = {"x": X, "w": gradcheck.randn(4, 2, rng=1)}


def product(x, w):
    return x @ w, (x, w)


def fills_both(d, cache, grads):
    grads["x"] += d @ cache[1].T
    grads["w"] += cache[0].T @ d


def fills_one(d, cache, grads):
    grads["w"] += cache[0].T @ d
    return {"x": d @ cache[1].T}


def replaces_w(d, cache, grads):
    grads["x"] += d @ cache[1].T
    grads["w"] = cache[0].T @ d


def wrong(d, cache, grads):
    fills_both(d, cache, grads)
    grads["w"] *= 2


@pytest.mark.parametrize(
    ("backward", "status", "found"),
    [
        (fills_both, "pass", set()),
        (fills_one, "pass", set()),
        (replaces_w, "fail", {("overwrites", "w")}),
        (wrong, "fail", {("overwrites", "w")}),
    ],
)
def test_k9_check_vjp_with_a_dict_of_gradients(backward, status, found):
    report = gradcheck.check_vjp(product, backward, POINT)
    assert (report.status, codes(report)) == (status, found)


def test_a_dict_of_gradients_with_several_outputs():
    forward = lambda x, w: (x @ w, x.sum(1), (x, w))

    def backward(d1, d2, cache, grads):
        grads["x"] += d1 @ cache[1].T + d2[:, None]
        grads["w"] += cache[0].T @ d1

    assert gradcheck.check_vjp(forward, backward, POINT).status == "pass"


# ------------------------------------------------------------------ value with and without


def right(d, cache):
    return {"x": d @ cache[1].T, "w": cache[0].T @ d}


@pytest.mark.parametrize(("shift", "status"), [(0.0, "pass"), (1e-3, "fail")])
def test_k12_check_vjp(shift, status):
    report = gradcheck.check_vjp(product, right, POINT, value=lambda x, w: x @ w + shift)
    assert report.status == status
    assert codes(report) == ({("function-differs", "")} if shift else set())


@pytest.mark.parametrize(("shift", "status"), [(0.0, "pass"), (1e-3, "fail")])
@pytest.mark.parametrize("form", ["array", "list", "dict", "pair of scalars"])
def test_k12_check_with_a_function_of_value_and_gradients(form, shift, status):
    w = gradcheck.randn(5, rng=0)
    params, grads = {
        "array": (w, lambda p: 2 * p),
        "list": ([w, w + 1], lambda p: [2 * v for v in p]),
        "dict": ({"a": w}, lambda p: {k: 2 * v for k, v in p.items()}),
        "pair of scalars": ([w[0], w[1]], lambda p: [2 * v for v in p]),
    }[form]
    values = lambda p: p.values() if isinstance(p, dict) else p if isinstance(p, list) else [p]
    f = lambda p: float(sum(np.sum(v**2) for v in values(p)))
    given = params if isinstance(params, list) else params
    report = gradcheck.check(f, given, lambda p: (f(p) + shift, grads(p)))
    assert report.status == status
    assert codes(report) == ({("function-differs", "")} if shift else set())
    assert gradcheck.check(f, given, grads).status == "pass"


def test_k12_a_seeded_dropout_is_the_same_function():
    rng = np.random.default_rng(0)

    def f(w):
        return float(np.sum(w**2 * (rng.random(w.shape) < 0.5)))

    def both(w):
        mask = rng.random(w.shape) < 0.5
        return float(np.sum(w**2 * mask)), 2 * w * mask

    state = rng.bit_generator.state
    reseed = lambda: setattr(rng.bit_generator, "state", state)
    report = gradcheck.check(f, gradcheck.randn(6, rng=1), both, reseed=reseed)
    assert report.status == "pass"


# ------------------------------------------------------------------ engines


class Value:
    """An engine of twenty lines.   add: how a gradient that is there already is treated."""

    adds = True

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, np.zeros_like(data), parents

    def __mul__(self, other):
        pulls = (self, lambda g: g * other.data), (other, lambda g: g * self.data)
        return Value(self.data * other.data, pulls)

    def __add__(self, other):
        return Value(self.data + other.data, ((self, lambda g: g), (other, lambda g: g)))

    def sum(self):
        return Value(self.data.sum(), ((self, lambda g: g * np.ones_like(self.data)),))

    def receive(self, g):
        self.grad = self.grad + g if self.adds else g
        for parent, pull in self.parents:
            parent.receive(pull(g))

    def backward(self):
        self.receive(np.ones_like(self.data))


class Overwriting(Value):
    adds = False


@pytest.mark.parametrize("closed", [False, True])
def test_tensors_of_a_home_made_engine(closed):
    a, b = Value(gradcheck.randn(4, rng=0)), Value(gradcheck.randn(4, rng=1))
    a.grad = kept = np.ones(4)
    before = a.data.copy(), b.data.copy()
    loss = (lambda: (a * b + a).sum()) if closed else (lambda a, b: (a * b + a).sum())
    report = gradcheck.check(loss, {"a": a, "b": b})
    assert report.status == "pass", report
    assert np.array_equal(a.data, before[0]) and np.array_equal(b.data, before[1])
    assert a.grad is kept and np.all(kept == 1)


def test_k9_an_engine_that_overwrites_is_found_where_each_leaf_is_used_once():
    """The gradient itself is right: only a second use would show the fault."""
    a, b = Overwriting(gradcheck.randn(4, rng=0)), Overwriting(gradcheck.randn(4, rng=1))
    report = gradcheck.check(lambda p: (p[0] * p[1]).sum(), [a, b], names=["a", "b"])
    assert all(p.status == "pass" for p in report.params.values())
    assert codes(report) == {("overwrites", "a"), ("overwrites", "b")}
    one = gradcheck.check(lambda a: a.sum(), Value(gradcheck.randn(3, rng=0)))
    assert one.status == "pass" and list(one.params) == ["params"]


def test_a_loss_of_tensors_that_is_no_number_is_refused():
    a = Value(gradcheck.randn(4, rng=0))
    with pytest.raises(gradcheck.CallError, match="one number with backward"):
        gradcheck.check(lambda p: p[0] * p[0], [a])
    with pytest.raises(gradcheck.CallError, match="one number with backward"):
        gradcheck.check(lambda p: 3.0, [a])


@pytest.mark.parametrize("wrong", [False, True])
def test_k12_minnet_tensors(wrong):
    mn = pytest.importorskip("minnet")
    w = mn.tensor(gradcheck.randn(4, rng=0), requires_grad=True)
    before = w.data.copy()

    def loss(p):
        extra = 1.0 if wrong and p[0].requires_grad else 0.0
        return (p[0] * p[0]).sum() + extra

    report = gradcheck.check(loss, [w])
    assert codes(report) == ({("function-differs", "")} if wrong else set())
    assert np.array_equal(w.data, before) and w.grad is None and w.requires_grad


@pytest.mark.oracle
@pytest.mark.parametrize("wrong", [False, True])
def test_k12_torch_tensors(wrong):
    torch = pytest.importorskip("torch")
    w = torch.randn(4, 3, requires_grad=True)  # float32: checked in float64, given back in float32
    before = w.detach().clone()
    loss = lambda p: (p[0].tanh() ** 2).sum() + (1.0 if wrong and p[0].requires_grad else 0.0)
    report = gradcheck.check(loss, [w])
    assert codes(report) == ({("function-differs", "")} if wrong else set())
    assert report.params["params[0]"].status == "pass"
    assert w.dtype == torch.float32 and torch.equal(w, before) and w.grad is None


def test_plain_arrays_of_a_framework_still_go_the_plain_way():
    """A tensor that asks for no gradient is an array; so is one with gradients given."""
    mn = pytest.importorskip("minnet")
    w = mn.tensor(gradcheck.randn(4, rng=0))
    assert gradcheck.check(lambda p: float(np.sum(p**2)), w, lambda p: 2 * p).status == "pass"
    loss = lambda p: (float(np.sum(p[0] ** 2)), [2 * p[0]])
    assert gradcheck.check(loss, [w]).status == "pass"
