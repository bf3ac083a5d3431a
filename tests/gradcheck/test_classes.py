"""Layers and nets written as classes: built from their constructor's names, judged as functions."""

import textwrap

import pytest

from gradcheck.files.instances import Unbuildable, arrays, construct, loaded
from gradcheck.files.runner import check_file
from gradcheck.files.source import SourceError

LAYER = """
    import numpy as np
    class Linear:
        def __init__(self, n_in, n_out):
            self.W, self.b = np.zeros((n_in, n_out)), np.zeros(n_out)
        def forward(self, x):
            self.x = x
            return x @ self.W + self.b
        def backward(self, dout):
            self.dW, self.db = self.x.T @ dout, dout.sum(0)
            return dout @ self.W.T
"""
NET = """
    import numpy as np
    class Net:
        def __init__(self, input_dim=3 * 32 * 32, hidden_dims=(), num_classes=10, reg=0.0,
                     use_batchnorm=False, dtype=np.float32):
            self.reg, self.use_batchnorm, (H, _) = reg, use_batchnorm, hidden_dims
            self.params = {"W1": np.zeros((input_dim, H)), "b1": np.zeros(H),
                           "W2": np.zeros((H, num_classes)), "b2": np.zeros(num_classes)}
        def loss(self, X, y=None):
            P = self.params
            a = X @ P["W1"] + P["b1"]
            if self.use_batchnorm:
                s = np.sqrt(a.var(0) + 1e-5)
                a = (a - a.mean(0)) / s
            h = np.maximum(a, 0)
            scores = h @ P["W2"] + P["b2"]
            if y is None:
                return scores
            p = np.exp(scores - scores.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            rows = np.arange(len(y))
            loss = -np.log(p[rows, y]).mean()
            loss += self.reg * (np.sum(P["W1"] ** 2) + np.sum(P["W2"] ** 2))
            p[rows, y] -= 1
            p /= len(y)
            grads = {"W2": h.T @ p + 2 * self.reg * P["W2"], "b2": p.sum(0)}
            da = p @ P["W2"].T * (a > 0)
            if self.use_batchnorm:
                da = (da - da.mean(0) - a * (da * a).mean(0)) / s
            grads["W1"] = X.T @ da + 2 * self.reg * P["W1"]
            grads["b1"] = da.sum(0)
            return loss, grads
"""
LOSS_LAYER = """
    import numpy as np
    class SoftmaxLoss:
        def forward(self, scores, labels):
            p = np.exp(scores)
            self.p, self.y = p / p.sum(1, keepdims=True), labels
            return -np.log(self.p[np.arange(len(labels)), labels]).mean()
        def backward(self):
            d = self.p.copy()
            d[np.arange(len(d)), self.y] -= 1
            return d / len(d)
"""
DICTS = [
    ("self.W, self.b = ", 'self.params = P = {}; P["W"], P["b"] = '),
    ("self.dW, self.db = ", 'self.grads = G = {}; G["W"], G["b"] = '),
    ("self.W", 'self.params["W"]'), ("self.b", 'self.params["b"]'),
]  # fmt: skip


OBJECTS = [
    ("class Linear", "class P:\n        def __init__(self, data):\n            "
     "self.data, self.grad = data, None\n    class Linear"),
    ("np.zeros((n_in, n_out)), np.zeros(n_out)", "P(np.zeros((n_in, n_out))), P(np.zeros(n_out))"),
    ("self.W.T", "self.W.data.T"), ("@ self.W + self.b", "@ self.W.data + self.b.data"),
    ("self.dW, self.db =", "self.W.grad, self.b.grad ="),
]  # fmt: skip


ATTRIBUTES = [
    ("self.params = {", "vars(self).update({"),
    ("np.zeros(num_classes)}", "np.zeros(num_classes)})"),
    ("P = self.params", "P = vars(self)"),
]  # fmt: skip


@pytest.fixture
def judge(tmp_path):
    """(label, reason) of the only target in a text after some replacements."""

    def found(text, *changes):
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "classes.py"
        path.write_text(textwrap.dedent(text))
        (verdict,) = check_file(path).verdicts
        return verdict.label, verdict.text

    return found


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ([], "right", "cases"),
        (DICTS, "right", "cases"),
        ([("dW", "grad_W"), ("db", "grad_b")], "right", "cases"),
        ([("sum(0)", "mean(0)")], "wrong backward", "db wrong, dx, dW right"),
        ([*DICTS, ("sum(0)", "mean(0)")], "wrong backward", "db wrong, dx, dW right"),
        (OBJECTS, "right", "cases"),
        ([*OBJECTS, ("sum(0)", "mean(0)")], "wrong backward", "db wrong, dx, dW right"),
        ([("dW", "slope")], "inconclusive", "no gradient of W was found"),
        ([("dW", "slope"), ("sum(0)", "mean(0)")], "wrong backward", "db wrong, dx right"),
        ([("self.W.T", "self.W.T * 2")], "wrong backward", "dx wrong, dW, db right"),
        ([("@ self.W +", "@ self.W -")], "wrong forward", "the formula"),
        ([("self.x = x", "self.x = x.copy()"), ("return x @ self.W + self.b",
          "y = x @ self.W + self.b; x[:] = 0; return y")], "fragile", "forward writes into x"),
        ([("return x @ self.W + self.b", "pass")], "not implemented", "returns None"),
        ([("dout.sum(0)", "dout.sum(0) / nothing")], "raises", "nothing"),
        ([("self, n_in", "self, config, n_in")], "inconclusive", "no value is known for config"),
        ([("forward(self, x)", "forward(self, q, k)")], "inconclusive", "forward takes q, k"),
        ([("class Linear", "class Attention"), ("x @ self.W", "x[..., 0, 0] @ self.W")],
         "inconclusive", "does not take an x of shape (3, 6)"),
    ],
)  # fmt: skip
def test_layers(judge, changes, label, words):
    """GRADCHECK section 6 for classes: planted faults are named, what cannot run is not judged."""
    got, text = judge(LAYER, *changes)
    assert got == label and words in text


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ([], "right", "cases"),
        ([("return d / len(d)", "return d")], "wrong backward", "factor"),
        ([(".mean()", ".sum()")], "wrong forward", "the formula"),
    ],
)
def test_loss_layers(judge, changes, label, words):
    """A loss layer is forward(x, y) and backward() without an upstream."""
    got, text = judge(LOSS_LAYER, *changes)
    assert got == label and words in text


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ([], "right", "softmax loss, regulariser reg sum W^2"),
        ([("self.reg *", "0.5 * self.reg *"), ("2 * 0.5 * self.reg", "self.reg")], "right",
         "regulariser reg/2 sum W^2"),
        ([("* (a > 0)", "")], "wrong backward", "reg 0: dW1, db1 wrong, dW2, db2 right"),
        ([(' + 2 * self.reg * P["W1"]', "")], "wrong backward", "reg 0.1: dW1 wrong"),
        ([(' + np.sum(P["W2"] ** 2)', ""), (' + 2 * self.reg * P["W2"]', "")], "wrong forward",
         "the regulariser sums over W1, needs W1, W2"),
        ([(" - da.mean(0)", "")], "wrong backward", "use_batchnorm True: dW1"),
        ([('"b2": p.sum(0)', '"c2": p.sum(0)')], "wrong backward", "returns None for db2"),
        ([("if y is None", "if False")], "right", "the gradient alone"),
        ([("input_dim=3 * 32 * 32", "pixels=6"), ("input_dim", "pixels")], "inconclusive",
         "no argument of Net(...) tells the size of X"),
        ([("(H, _) = reg", "(H,) = reg")], "inconclusive", "cannot be made"),
        ([("self.params =", "self.weights ="), ("self.params", "self.weights")], "inconclusive",
         "no arrays in params"),
        (ATTRIBUTES, "right", "softmax loss, regulariser reg sum W^2"),
        ([*ATTRIBUTES, ("* (a > 0)", "")], "wrong backward", "reg 0: dW1, db1 wrong"),
    ],
)  # fmt: skip
def test_nets(judge, changes, label, words):
    """GRADCHECK section 6, regulariser and wiring: judged on the loss of a net's own scores."""
    got, text = judge(NET, *changes)
    assert got == label and words in text


def test_a_base_class_that_computes_is_judged(tmp_path):
    path = tmp_path / "classes.py"
    path.write_text(textwrap.dedent(LAYER) + "class Wide(Linear):\n    pass\n")
    assert [v.name for v in check_file(path).verdicts] == ["Linear"]


def test_a_base_class_is_not_judged_beside_its_layers(judge):
    base = """
    class Base:
        def forward(self, x):
            raise NotImplementedError
        def backward(self, dout):
            raise NotImplementedError
    """
    label, _ = judge(base + LAYER.replace("class Linear", "class Linear(Base)"))
    assert label == "right"


def test_a_file_of_other_classes_has_nothing_to_check(tmp_path):
    path = tmp_path / "classes.py"
    path.write_text("class Solver:\n    def loss(self, features, captions): pass\n")
    with pytest.raises(SourceError, match="nothing to check"):
        check_file(path)


def test_instances_are_built_by_names_and_copied():
    class Thing:
        def __init__(self, input_dim, scale=3.0, **more):
            import numpy as np

            self.W, self.scale, self.n = np.ones((input_dim, 2)), scale, np.arange(3)

    thing, arguments = construct(Thing)
    assert arguments == {"input_dim": 6, "scale": 3.0} and list(arrays(thing)) == ["W"]
    assert loaded(thing, {"W": 0}).W == 0 and thing.W.shape == (6, 2)
    with pytest.raises(Unbuildable, match="no value is known for words"):
        construct(lambda words: words)
    with pytest.raises(Unbuildable, match="cannot be made .*ZeroDivisionError"):
        construct(lambda n_in: n_in / 0)
    with pytest.raises(Unbuildable, match="no value is known for layers"):
        construct(lambda *layers: layers)  # a container of nothing would be right for nothing
