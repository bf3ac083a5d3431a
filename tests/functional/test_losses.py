"""Losses beyond the table: chance values, stability, denominators, bad targets, PyTorch."""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet.errors import DTypeError, ShapeError, ValueRangeError
from minnet.functional.class_loss import weston_watkins
from minnet.functional.loss import huber_of

CLASS_LOSSES = [F.cross_entropy, F.nll, F.multiclass_hinge]
ELEMENT_LOSSES = [F.mse, F.l1, F.huber, F.binary_cross_entropy_with_logits]
name = lambda f: f.__name__


def gradient(loss, x, *args, **settings):
    x = mn.tensor(x, requires_grad=True)
    return mn.grad(loss(x, *args, **settings), x).numpy()


# -------------------------------------------------------------------------------------------------
# Values known in closed form


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_chance_losses_are_exact(classes, rng):
    """B01, B02: log C for softmax, margin (C - 1) for the hinge, at equal scores."""
    y = rng.integers(0, classes, 32)
    x = np.full((32, classes), 0.7)
    assert F.cross_entropy(x, y) == pytest.approx(np.log(classes), rel=1e-15)
    assert F.multiclass_hinge(x, y) == pytest.approx(classes - 1, rel=1e-14)
    assert F.multiclass_hinge(x, y, margin=0.5) == pytest.approx((classes - 1) / 2, rel=1e-14)


def test_chance_losses_of_other_kinds(rng):
    """B04: log 2 for the logistic loss, mean(y^2) for squared error at zero output."""
    t = rng.standard_normal((7, 3))
    assert F.binary_cross_entropy_with_logits(np.zeros((7, 3)), t > 0) == pytest.approx(np.log(2))
    assert F.mse(np.zeros((7, 3)), t) == pytest.approx((t**2).mean())


def test_chance_loss_of_small_random_logits(rng):
    """B01, B04: log C + (s^2 / 2)(1 - 1/C) for logits of deviation s."""
    y = rng.integers(0, 10, 20000)
    for s, rest in ((1e-2, 1e-4), (0.5, 2e-2)):
        expected = np.log(10) + s * s / 2 * 0.9
        found = F.cross_entropy(s * rng.standard_normal((20000, 10)), y)
        assert abs(found - expected) < rest


def test_l1_huber_and_relu_kinks_have_gradient_zero():
    """PF-D14: the subgradient at a kink is 0."""
    zeros = np.zeros(3)
    assert gradient(F.l1, zeros, zeros).tolist() == [0, 0, 0]
    assert gradient(F.huber, zeros, zeros).tolist() == [0, 0, 0]
    scores = np.array([[0.0, 1.0, 0.5]])  # s_0 - s_1 + 1 = 0: on the kink
    assert gradient(F.multiclass_hinge, scores, [1]).tolist() == [[0, -1, 1]]


def test_winners_name_the_side_of_each_kink():
    """A12: the pattern changes where a step crosses a kink, and only there."""
    settings = {"t": np.array([1]), "margin": 1.0, "over": 1}
    inside = weston_watkins.winners(np.array([[0.1, 1.0, 0.5]]), **settings)
    assert inside.tolist() == [[True, False, True]]
    assert not weston_watkins.winners(np.array([[-0.1, 1.0, -0.5]]), **settings).any()
    sides = huber_of.winners(np.array([-2.0, -0.5, 0.5, 2.0]), delta=1.0)
    assert len(set(sides.tolist())) == 3 and sides[1] == sides[2]


# -------------------------------------------------------------------------------------------------
# Stability


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "x", [[[1000.0, 0.0], [0.0, 1.0]], [[1e4, -1e4], [-1e4, 1e4]], [[-1e4, -1e4], [1e4, 1e4]]]
)
def test_extreme_logits_are_finite(x, dtype):
    """PF-D6: the maximum of each row is subtracted, not the global one."""
    x = np.array(x, dtype)
    for y in (np.array([0, 1]), np.array([1, 0])):
        losses = F.cross_entropy(x, y, reduction="none")
        best = x.max(axis=1)
        exact = best - x[[0, 1], y] + np.log(np.exp(x - best[:, None]).sum(axis=1))
        assert np.array_equal(losses, exact) and np.isfinite(losses).all()
        assert np.isfinite(gradient(F.cross_entropy, x, y)).all()


def test_masked_classes_do_not_spoil_the_loss():
    x = np.array([[0.0, 0.0, -np.inf]])
    assert F.cross_entropy(x, [1]) == pytest.approx(np.log(2))
    assert gradient(F.cross_entropy, x, [1]).tolist() == [[0.5, -0.5, 0.0]]


@pytest.mark.parametrize(("x", "t", "d"), [(100.0, 0.0, 1.0), (-100.0, 1.0, -1.0)])
def test_logistic_gradient_is_one_where_confidently_wrong(x, t, d):
    """PF-D8: nothing is clipped; a right answer keeps its tiny loss too."""
    loss = F.binary_cross_entropy_with_logits
    assert gradient(loss, np.array([x]), [t]).item() == pytest.approx(d, rel=1e-15)
    assert loss(np.array([x]), [t]) == pytest.approx(100, rel=1e-15)
    right = np.array([-x / 2], "float32")
    assert loss(right, [t]) == pytest.approx(np.exp(-50.0), rel=1e-5, abs=0)


def test_kl_div_of_certain_targets(rng):
    """0 log 0 = 0, and the divergence of a distribution from itself is 0."""
    log_q = F.log_softmax(rng.standard_normal((4, 3)), axis=1)
    one_hot = np.eye(3)[[0, 2, 1, 1]]
    assert F.kl_div(log_q, one_hot) == pytest.approx(F.nll(log_q, [0, 2, 1, 1]))
    assert abs(F.kl_div(log_q, np.exp(log_q))) < 1e-15
    rare = np.array([[1e-6, 1 - 1e-6]])
    expected = 1e-6 * np.log(2e-6) + (1 - 1e-6) * np.log(2 - 2e-6)
    assert F.kl_div(np.log([[0.5, 0.5]]), rare) == pytest.approx(expected, rel=1e-14)


# -------------------------------------------------------------------------------------------------
# Denominators and forms


@pytest.mark.parametrize("loss", CLASS_LOSSES, ids=name)
def test_class_losses_average_over_examples(loss, rng):
    """PF-D7: mean = sum / N, and neither N C nor C enters."""
    x, y = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    each = loss(x, y, reduction="none")
    assert each.shape == (6,)
    assert loss(x, y, reduction="sum") == pytest.approx(each.sum(), rel=1e-14)
    assert loss(x, y) == pytest.approx(each.sum() / 6, rel=1e-14)


@pytest.mark.parametrize("loss", ELEMENT_LOSSES, ids=name)
def test_other_losses_average_over_elements(loss, rng):
    x, t = rng.standard_normal((6, 5)), rng.uniform(size=(6, 5))
    each = loss(x, t, reduction="none")
    assert each.shape == (6, 5)
    assert loss(x, t, reduction="sum") == pytest.approx(each.sum(), rel=1e-14)
    assert loss(x, t) == pytest.approx(each.sum() / 30, rel=1e-14)


def test_labels_and_one_hot_rows_agree(rng):
    """PF-D7: index and one-hot targets give one loss and one gradient, smoothed or not."""
    x, y = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    for eps in (0.0, 0.1, 1.0):
        a, b = (gradient(F.cross_entropy, x, t, label_smoothing=eps) for t in (y, np.eye(5)[y]))
        assert abs(a - b).max() < 1e-16
        assert F.cross_entropy(x, y, label_smoothing=eps) == pytest.approx(
            F.cross_entropy(x, np.eye(5)[y], label_smoothing=eps), rel=1e-15
        )


@pytest.mark.parametrize("weight", [None, np.array([0.5, 2.0, 0.0, 1.0])])
@pytest.mark.parametrize("shape", [(6, 4), (2, 4, 3)])
def test_fused_cross_entropy_is_nll_of_log_softmax(shape, weight, rng):
    """The fused forward and backward agree with their composition, also when recorded again."""
    x, y = rng.standard_normal(shape), rng.integers(0, 4, (shape[0], *shape[2:]))
    y.flat[0] = -100
    fused = lambda x: F.cross_entropy(x, y, weight=weight)
    composed = lambda x: F.nll(F.log_softmax(x, axis=1), y, weight=weight)
    assert fused(x) == pytest.approx(composed(x), rel=1e-14)
    assert abs(gradient(fused, x) - gradient(composed, x)).max() < 1e-16
    v = mn.tensor(x, requires_grad=True)
    again = mn.grad(fused(v), v, create_graph=True)
    assert abs(again.numpy() - gradient(fused, x)).max() < 1e-16


def test_backward_twice_on_a_kept_graph_gives_the_same(rng):
    """The softmax that the forward pass left behind is not used up."""
    x = mn.tensor(rng.standard_normal((4, 3)), requires_grad=True)
    for target in (rng.integers(0, 3, 4), F.softmax(rng.standard_normal((4, 3)), axis=1)):
        loss = F.cross_entropy(x, target)
        first = mn.grad(loss, x, retain_graph=True).numpy().copy()
        assert np.array_equal(mn.grad(loss, x).numpy(), first)


def test_ignored_labels_count_nothing(rng):
    x, y = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    kept = [0, 2, 3]
    y_ignored = np.where(np.isin(np.arange(6), kept), y, -100)
    for loss in (F.cross_entropy, F.nll):
        assert loss(x, y_ignored) == pytest.approx(loss(x[kept], y[kept]), rel=1e-14)
        d = gradient(loss, x, y_ignored)
        assert (d[[1, 4, 5]] == 0).all() and (d[kept] != 0).any(axis=1).all()
        padded = np.where(y_ignored < 0, 0, y_ignored)  # an index that is a class, too
        assert loss(x, padded, ignore_index=0) == pytest.approx(
            loss(x[padded > 0], padded[padded > 0]), rel=1e-14
        )


@pytest.mark.parametrize("loss", CLASS_LOSSES, ids=name)
@pytest.mark.parametrize("form", ["uint8", "int8", "int32", list, mn.tensor])
def test_labels_come_in_many_forms(loss, form, rng):
    x, y = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    other = y.astype(form) if isinstance(form, str) else form(y)
    assert loss(x, other) == loss(x, y)


@pytest.mark.parametrize("loss", [*CLASS_LOSSES, *ELEMENT_LOSSES], ids=name)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_dtype_of_predictions_wins(loss, reduction, rng):
    """PF-C16: targets of another dtype do not promote the loss."""
    x = mn.tensor(rng.standard_normal((6, 5)).astype("float32"), requires_grad=True)
    t = rng.integers(0, 5, 6) if loss in CLASS_LOSSES else rng.integers(0, 2, (6, 5))
    y = loss(x, t, reduction=reduction)
    assert y.dtype == "float32"
    assert mn.grad(y, x, np.ones(y.shape)).dtype == "float32"


def test_empty_batches():
    """PF-C17: a sum over nothing is 0, a mean over nothing raises and says so."""
    x = np.zeros((0, 3))
    for loss in [*CLASS_LOSSES, *ELEMENT_LOSSES, F.kl_div]:
        t = np.zeros(0, int) if loss in CLASS_LOSSES else x
        assert loss(x, t, reduction="sum") == 0
        with pytest.raises(ShapeError, match=f"{loss.__name__} cannot average over an empty batch"):
            loss(x, t)


# -------------------------------------------------------------------------------------------------
# Bad input: who complains, what it needs, what it got, what to do

X = np.zeros((4, 3))
Y = np.array([0, 1, 2, 0])
BAD = [
    (F.cross_entropy, (X, Y[:, None]), {}, ShapeError, r"\(4,\).*got \(4, 1\): use y.ravel\(\)"),
    (F.cross_entropy, (X, Y[:3]), {}, ShapeError, r"\(4,\).*got \(3,\): count"),
    (F.cross_entropy, (X, np.eye(3, dtype=int)[Y]), {}, ShapeError, r"one-hot.*argmax"),
    (F.cross_entropy, (X, Y * 1.0), {}, DTypeError, r"integer labels, got float64.*astype"),
    (F.cross_entropy, (X, Y > 0), {}, DTypeError, "integer labels, got bool"),
    (F.cross_entropy, (X, Y + 1), {}, ValueRangeError, r"labels 0 \.\. 2 for its 3.*got 3"),
    (F.cross_entropy, (X, Y - 1), {}, ValueRangeError, "got -1"),
    (F.cross_entropy, (X[0], 1), {}, ShapeError, r"\(N, C\).*got \(3,\).*x\[None\]"),
    (F.cross_entropy, (Y, X), {}, DTypeError, "predictions, got int64.*outputs first"),
    (F.cross_entropy, (X, X + 0.5), {}, ValueRangeError, "sum to 1.*1.5 to 1.5.*softmax"),
    (F.cross_entropy, (X, X - [1, -1, -1]), {}, ValueRangeError, "at least 0.*minimum of -1"),
    (F.cross_entropy, (X, np.full((4, 3), np.nan)), {}, ValueRangeError, "got a minimum of nan"),
    (F.cross_entropy, (X, Y), {"weight": [1, 2]}, ShapeError, r"weight of shape \(3,\).*\(2,\)"),
    (F.cross_entropy, (X, Y), {"weight": [1, 2, -1]}, ValueRangeError, "at least 0, got -1"),
    (F.cross_entropy, (X, Y), {"label_smoothing": 2}, ValueRangeError, "between 0 and 1, got 2"),
    (F.cross_entropy, (X, Y), {"reduction": "avg"}, ValueRangeError, "'mean'.*got 'avg'"),
    (F.cross_entropy, (X, Y * 0 - 100), {}, ValueRangeError, "every label is ignored"),
    (F.cross_entropy, (X, Y * 0), {"weight": [0, 1, 1]}, ValueRangeError, "class weight of 0"),
    (F.cross_entropy, (np.zeros((2, 3, 2)), Y), {}, ShapeError, r"\(2, 2\).*use y.reshape\(2, 2\)"),
    (F.nll, (X, Y + 1), {}, ValueRangeError, "needs labels"),
    (F.nll, (X, X), {}, ShapeError, "needs one label"),
    (F.multiclass_hinge, (X, Y - 1), {}, ValueRangeError, "needs labels"),
    (F.multiclass_hinge, (X, Y - 100), {}, ValueRangeError, "got -100"),
    (F.multiclass_hinge, (X, Y), {"margin": 0}, ValueRangeError, "margin above 0, got 0"),
    (F.mse, (X[:, :1], X[:, 0]), {}, ShapeError, r"\(4, 1\) and \(4,\): use target.reshape"),
    (F.mse, (X, X[:1]), {}, ShapeError, "needs.*not broadcast"),
    (F.mse, (Y, Y), {}, DTypeError, "needs floating-point predictions, got int64"),
    (F.l1, (X, X[0]), {}, ShapeError, "needs"),
    (F.huber, (X, X), {"delta": -1}, ValueRangeError, "delta above 0, got -1"),
    (F.huber, (X, X[0]), {}, ShapeError, "needs"),
    (F.binary_cross_entropy_with_logits, (X, X + 2), {}, ValueRangeError, "0 and 1, got 2 to 2"),
    (F.binary_cross_entropy_with_logits, (X, X[0]), {}, ShapeError, "one shape"),
    (
        F.binary_cross_entropy_with_logits,
        (X, X),
        {"pos_weight": [1, 2]},
        ShapeError,
        r"broadcasts to \(4, 3\), got \(2,\)",
    ),
    (F.kl_div, (X, X - 1), {}, ValueRangeError, "0 and 1, got -1 to -1: pass log_target=True"),
    (F.kl_div, (X, X[0]), {}, ShapeError, "needs"),
    (F.kl_div, (X, X), {"reduction": "avg"}, ValueRangeError, "'batchmean'.*got 'avg'"),
]


@pytest.mark.parametrize(("loss", "args", "settings", "error", "text"), BAD)
def test_bad_targets_are_explained(loss, args, settings, error, text):
    with pytest.raises(error, match=f"{loss.__name__}.*{text}"):
        loss(*args, **settings)


# -------------------------------------------------------------------------------------------------
# PyTorch


@pytest.mark.oracle
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("eps", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["labels", "ignored", "probabilities"])
@pytest.mark.parametrize("extra", [(), (2,), (2, 3)])
def test_cross_entropy_is_torchs(reduction, weighted, eps, kind, extra, rng):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((4, 5, *extra))
    y = rng.integers(0, 5, (4, *extra))
    if kind == "ignored":
        y.flat[1] = -100
    if kind == "probabilities":
        y = F.softmax(rng.standard_normal(x.shape), axis=1)
    w = rng.uniform(0.5, 2, 5) if weighted else None
    v = torch.tensor(x, requires_grad=True)
    settings = {"label_smoothing": eps, "reduction": reduction}
    theirs = torch.nn.functional.cross_entropy(
        v, torch.tensor(y), weight=None if w is None else torch.tensor(w), **settings
    )
    g = rng.standard_normal(tuple(theirs.shape))
    theirs.backward(torch.tensor(g))
    x = mn.tensor(x, requires_grad=True)
    ours = F.cross_entropy(x, y, weight=w, **settings)
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(mn.grad(ours, x, g).numpy(), v.grad.numpy(), atol=1e-14)


@pytest.mark.oracle
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("ours", "theirs", "settings"),
    [
        ("mse", "mse_loss", {}),
        ("l1", "l1_loss", {}),
        ("huber", "huber_loss", {"delta": 0.7}),
        ("binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits", {}),
        ("kl_div", "kl_div", {}),
        ("kl_div", "kl_div", {"log_target": True}),
    ],
)
def test_elementwise_losses_are_torchs(ours, theirs, settings, reduction, rng):
    torch = pytest.importorskip("torch")
    x, t = rng.standard_normal((4, 5)), rng.uniform(0.1, 1, (4, 5))
    for r in [reduction] if ours != "kl_div" else {reduction, "batchmean"}:
        a = getattr(F, ours)(x, t, reduction=r, **settings)
        b = torch.tensor(x), torch.tensor(t)
        if r == "mean" and ours == "kl_div":
            with pytest.warns(UserWarning, match="batchmean"):
                b = getattr(torch.nn.functional, theirs)(*b, reduction=r, **settings)
        else:
            b = getattr(torch.nn.functional, theirs)(*b, reduction=r, **settings)
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-12)


@pytest.mark.oracle
def test_hinge_is_torchs_times_the_number_of_classes(rng):
    torch = pytest.importorskip("torch")
    x, y = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    theirs = torch.nn.functional.multi_margin_loss(torch.tensor(x), torch.tensor(y)).item()
    assert F.multiclass_hinge(x, y) == pytest.approx(5 * theirs, rel=1e-12)
    w = torch.tensor([3.0] * 5, dtype=torch.float64)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(x), torch.tensor(x > 0).double(), pos_weight=w
    ).item()
    ours = F.binary_cross_entropy_with_logits(x, x > 0, pos_weight=3.0)
    assert ours == pytest.approx(theirs, rel=1e-12)
