"""What beginners do wrong, and the sentence they read: who needs what, what came, what to do."""

import operator

import numpy as np
import pytest

import minnet as mn
from minnet import data, nn, optim, train
from minnet import functional as F
from minnet.errors import (
    DataError,
    DTypeError,
    GraphError,
    ShapeError,
    StateError,
    ValueRangeError,
)

X = np.random.default_rng(0).standard_normal((8, 4)).astype("float32")
Y = np.arange(8) % 3
MASKED = np.ma.masked_array([1.0, 2.0], mask=[False, True])


def weights():
    return mn.tensor([1.0, 2.0], requires_grad=True)


def model():
    return nn.Sequential(nn.Linear(4, 3, rng=0))


def fit(**changes):
    """train.fit with some arguments replaced."""
    net = model()
    parts = {
        "model": net, "loss_fn": F.cross_entropy, "optimizer": optim.SGD(net.parameters(), lr=0.1),
        "loader": data.Loader((X, Y), batch_size=4, rng=0), "epochs": 1, "progress": False,
    }  # fmt: skip
    return train.fit(**parts | changes)


def set_item():
    weights()[0] = 5.0


def assigned(target, name, value):
    setattr(target, name, value)


def edited_between():
    w = weights()
    loss = (w * w).sum()
    w.data -= 1.0
    loss.backward()


class Forgetful(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(4, 3, rng=0)

    def forward(self, x):
        self.layer(x)


SGD, ADAM = (lambda: optim.SGD(model().parameters(), lr=0.1)), optim.Adam
VALUES = lambda s, y: F.cross_entropy(s, y, reduction="none")
MISTAKES = {
    # tensors and gradients
    "w += x": (lambda: operator.iadd(weights(), 1), GraphError, r"write p\.data \+= x\.data"),
    "w -= lr g": (lambda: operator.isub(weights(), 1), GraphError, "leave the one that is trained"),
    "w *= x": (lambda: operator.imul(weights(), 1), GraphError, r"p\.data \*="),
    "w /= x": (lambda: operator.itruediv(weights(), 1), GraphError, r"p\.data /="),
    "w[0] = x": (set_item, DTypeError, r"functional\.where"),
    "edit": (edited_between, GraphError, r"multiply needs the values .* saw \(a, b\), but"),
    "grad of an array": (lambda: mn.grad(X, X), DTypeError, "tensor y and .* got ndarray and nd"),
    "grad for a number": (lambda: mn.grad(weights().sum(), 3.0), DTypeError, "Tensor and float"),
    "integer Parameter": (lambda: mn.Parameter([1, 2]), DTypeError, "floating-point tensor"),
    "axis list": (lambda: weights().sum([0]), DTypeError, r"a tuple of axes or None.*\[0\]"),
    "axis name": (lambda: weights().max("rows"), DTypeError, "axis='rows'"),
    "ragged": (lambda: mn.tensor([[1, 2], [3]]), ShapeError, "rows of equal length, got a list"),
    "ragged data": (lambda: data.Dataset([[1, 2], [3]], Y[:2]), ShapeError, "pad the short"),
    "masked": (lambda: mn.tensor(MASKED), DTypeError, r"hides .* pass x\.filled\(value\)"),
    "masked argument": (lambda: weights() * MASKED, DTypeError, "masked array hides"),
    "masked targets": (lambda: F.mse(weights(), MASKED), DTypeError, "masked array hides"),
    "masked data": (lambda: data.Dataset(MASKED, MASKED), DTypeError, "masked array hides"),
    "jacobian": (lambda: mn.jacobian(lambda x: 1.0, [1.0]), DTypeError, "tensor, got float"),
    # models
    "mean of a tensor": (
        lambda: assigned(nn.BatchNorm1d(4), "running_mean", weights() * 2), DTypeError,
        r"BatchNorm1d\(4\)\.running_mean is a buffer, got Tensor: assign an array, .* \.data",
    ),
    "hidden tensor": (lambda: assigned(model(), "w", weights()), DTypeError, r"Parameter\(array\)"),
    "a class": (lambda: nn.Sequential(nn.ReLU), DTypeError, r"the class ReLU: call it, ReLU"),
    "a list": (lambda: nn.Sequential([nn.ReLU()]), DTypeError, "unpack it with a star"),
    "p as text": (lambda: nn.Dropout("0.5"), ValueRangeError, "between 0 and 1, got '0.5'"),
    # losses
    "names as labels": (lambda: F.cross_entropy(X, X.astype(str)[:, 0]), DTypeError, "from 0"),
    "no return": (lambda: F.cross_entropy(Forgetful()(X), Y), DTypeError, "forward return"),
    "classes last": (
        lambda: F.cross_entropy(X.reshape(2, 4, 4)[..., :3], np.zeros((2, 4), int)), ShapeError,
        r"classes are axis 1: use x\.reshape\(-1, 3\) and y\.ravel\(\)",
    ),
    "text as target": (lambda: F.mse(X[0], [*"abcd"]), DTypeError, "real numbers as its target"),
    "complex target": (lambda: F.l1(X[0], X[0] * 1j), DTypeError, "target, got complex"),
    "negative weight": (
        lambda: F.binary_cross_entropy_with_logits(X, X > 0, pos_weight=-1.0), ValueRangeError,
        "pos_weight of at least 0, got -1",
    ),
    # optimizers
    "the model": (lambda: optim.SGD(nn.Linear(2, 1), lr=0.1), DTypeError, "Pass model"),
    "a list of it": (lambda: optim.SGD([model()], lr=0.1), DTypeError, r"pass model\.parameters"),
    "not called": (lambda: optim.SGD(model().parameters, lr=0.1), DTypeError, "Pass model"),
    "opt.lrr": (lambda: assigned(SGD(), "lrr", 1), DTypeError, "'lrr': did you mean lr"),
    "opt.beta": (lambda: assigned(ADAM(model().parameters()), "beta", 1), DTypeError, "betas"),
    # training
    "order": (lambda: fit(loss_fn=SGD(), optimizer=F.cross_entropy), DTypeError, "order is fit"),
    "class of model": (lambda: fit(model=nn.Linear), DTypeError, "the class Linear"),
    "class of opt": (lambda: fit(optimizer=optim.SGD), DTypeError, "the class SGD"),
    "loader": (lambda: fit(loader=(X, Y)), DTypeError, r"got tuple: use data\.Loader\(\(x, y\)"),
    "other model": (lambda: fit(optimizer=SGD()), ValueRangeError, "this model's parameters"),
    "schedule": (lambda: fit(schedule={"lr": 0.1}), DTypeError, "schedule as a dict"),
    "bare schedule": (lambda: fit(schedule=lambda t: 0.1), DTypeError, "schedule as a dict"),
    "metrics": (lambda: fit(metrics=[train.accuracy]), DTypeError, "metrics as a dict"),
    "one monitor": (lambda: fit(monitors=train.UpdateRatios()), DTypeError, "list of monitors"),
    "class of monitor": (lambda: fit(monitors=[train.Monitor]), DTypeError, "each one made"),
    "val loader": (
        lambda: fit(val_data=data.Loader((X, Y), rng=0)), DTypeError, "pass loader.dataset",
    ),
    "val x": (lambda: fit(val_data=X), DTypeError, r"val_data as .* ndarray: pass \(x, y\)"),
    "values": (lambda: fit(loss_fn=VALUES), GraphError, r"one of shape \(4,\).*\.mean\(\)"),
    "None": (lambda: fit(loss_fn=lambda s, y: None), GraphError, "got NoneType"),
    "array": (lambda: fit(loss_fn=lambda s, y: s.numpy().sum()), GraphError, "as a Tensor, got fl"),
    "evaluate": (
        lambda: train.evaluate(model(), F.cross_entropy, (X,)), DTypeError, "evaluate needs data",
    ),
    "more targets": (
        lambda: train.evaluate(model(), F.cross_entropy, (X, np.zeros(300, int))), ShapeError,
        "one target per example, got 300 for 8",
    ),
    "two outputs": (lambda: train.predict(nn.GRU(4, 3), X[None]), DTypeError, "array, got tuple"),
    "a function": (lambda: train.predict(F.relu, X), DTypeError, "predict needs a Module"),
    "real labels": (lambda: train.confusion_matrix(X, Y * 1.0), DTypeError, r"use y\.astype\(int"),
    "labels to rank": (lambda: train.top_k_accuracy(X, Y * 1.0, k=2), DTypeError, "got float64"),
    "other features": (
        lambda: data.Standardizer.fit(X)(X[:, :3]), ShapeError, r"\(1, 4\), got x of .* \(8, 3\)",
    ),
    "one example": (lambda: data.Standardizer.fit(X).inverse(X[0]), ShapeError, "like the one"),
    "save to a folder": (lambda: train.save(".", model=model()), DataError, "cannot be written"),
    "save nothing": (lambda: train.save("none.npz"), StateError, r"save\(path, model=model"),
    "load nothing": (lambda: train.load("none.npz"), StateError, r"load\(path, model=model"),
    "saved": (lambda: train.save("none.npz", n=3), StateError, "state_dict.*got int"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_explained(mistake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, error, text = MISTAKES[mistake]
    with pytest.raises(error, match=text):
        make()
    assert not list(tmp_path.iterdir())


def test_a_refused_fit_changes_nothing():
    net = model()
    optimizer, loader = optim.SGD(net.parameters(), lr=0.1), data.Loader((X, Y), rng=0)
    before = net.state_dict()
    for wrong in ({"schedule": {"lr": 1.0}}, {"val_data": X}, {"monitors": train.UpdateRatios()}):
        with pytest.raises(DTypeError):
            fit(model=net, optimizer=optimizer, loader=loader, **wrong)
    assert loader.position == 0
    assert all(np.array_equal(before[name], array) for name, array in net.state_dict().items())


def test_metrics_and_evaluate_take_lists():
    assert train.accuracy([[2.0, 1.0], [0.0, 1.0]], [0, 0]) == 0.5
    net = model()
    listed = train.evaluate(net, F.cross_entropy, (X.tolist(), Y.tolist()))
    assert listed == pytest.approx(train.evaluate(net, F.cross_entropy, (X, Y)), rel=1e-6)


def test_in_place_arithmetic_is_allowed_where_nothing_is_left_behind():
    w = weights()
    y = w * 2.0
    y += w
    y.backward([1.0, 1.0])
    assert w.grad.numpy().tolist() == [3.0, 3.0]
    x = mn.tensor([1.0])
    x *= w[0]
    assert x.requires_grad


def test_grad_takes_any_iterable_of_tensors():
    x, w = weights(), weights()
    grads = mn.grad((x * w).sum(), {"x": x, "w": w}.values())
    assert [g.numpy().tolist() for g in grads] == [[1.0, 2.0], [1.0, 2.0]]


def test_a_text_file_is_no_checkpoint_and_pickle_is_not_advised(tmp_path):
    path = tmp_path / "run.npz"
    path.write_text("hello")
    with pytest.raises(DataError, match="no .npz file") as caught:
        train.load(path, model=model())
    assert "pickle" not in str(caught.value)


def test_a_loss_can_be_formatted_like_a_number():
    loss = (weights() * 2).sum()
    assert f"{loss:.3f} {loss:8.1e}" == "6.000  6.0e+00"
    assert f"{loss}" == str(loss) == "tensor(6., from sum)"


def test_a_parameter_is_made_of_a_list_or_an_array_it_shares():
    a = np.ones(3)
    assert mn.Parameter([1.0, 2.0]).requires_grad and mn.Parameter(a).data is a


def test_an_optimizer_of_ones_own_may_have_attributes():
    class Mine(optim.SGD):
        def __init__(self, params, lr):
            self.note = "before"
            super().__init__(params, lr)
            self._seen = 0

    opt = Mine(model().parameters(), 0.1)
    opt.note, opt.lr = "after", 0.2
    assert (opt.note, opt.lr) == ("after", 0.2)


@pytest.mark.parametrize(("epochs", "lines"), [(1, 1), (20, 20), (21, 20), (100, 20)])
def test_a_log_file_gets_at_most_twenty_lines(epochs, lines, capsys):
    fit(epochs=epochs, progress=True)
    told = [int(row.split("/")[0].split()[1]) for row in capsys.readouterr().err.splitlines()]
    assert len(told) == lines and told[0] == 1 and told[-1] == epochs
    gaps = np.diff(told)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


def test_a_misspelt_module_name_gets_pythons_hint():
    with pytest.raises(AttributeError) as caught:
        mn.optims  # noqa: B018
    assert caught.value.name == "optims" and caught.value.obj is mn
