"""Newton, L-BFGS, line searches, Hessian products: published sequences, exact ends, guards."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet import dynamics, nn, optim
from minnet import functional as F
from minnet.errors import (
    DTypeError,
    GraphError,
    MinnetError,
    ShapeError,
    StateError,
    ValueRangeError,
)
from minnet.optim.curvature import Objective
from minnet.optim.second_order import two_loop

from .test_published import leaf


def loss_of(f, x):
    return lambda: f(*(x[i] for i in range(len(x))))


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def bowl(A, x, b=0.0):
    """1/2 x'Ax - b'x as a function without arguments."""
    return lambda: (x * F.matmul(A, x)).sum() / 2 - (x * b).sum()


def conditioned(n, kappa, rng):
    """A random symmetric matrix with eigenvalues from 1 to kappa, and them."""
    Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    h = np.geomspace(1, kappa, n)
    return Q @ np.diag(h) @ Q.T, h, Q


def run(optimizer, x, loss, steps):
    path = [x.numpy().copy()]
    for _ in range(steps):
        optimizer.step(loss)
        path.append(x.numpy().copy())
    return np.array(path)


# -- Newton (F01-F04) ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["plain", "absolute", "damped"])
def test_newton_needs_one_step_on_a_quadratic(form, rng):
    """F01, P13: |x - x*| <= 1e-10, whatever the conditioning."""
    A, _, _ = conditioned(6, 100, rng)
    x, b = leaf(rng.standard_normal(6)), rng.standard_normal(6)
    run(optim.Newton([x], form=form), x, bowl(A, x, b), 1)
    assert np.linalg.norm(x.numpy() - np.linalg.solve(A, b)) <= 1e-10


def test_newton_has_no_learning_rate():
    """F01."""
    with pytest.raises(TypeError, match="lr"):
        optim.Newton([leaf([1.0])], lr=0.1)


def test_newton_on_rosenbrock():
    """F01, P13: the published sequence of values from (-1.2, 1)."""
    x = leaf([-1.2, 1.0])
    optimizer, f = optim.Newton([x]), loss_of(rosenbrock, x)
    got = [optimizer.step(f) for _ in range(7)]
    expected = [24.2, 4.7319, 1411.85, 0.055966, 0.313189, 1.85e-11, 3.4e-20]
    np.testing.assert_allclose(got[:6], expected[:6], rtol=3e-3)
    assert got[6] < 1e-18
    assert got[1:5] == pytest.approx(expected[1:5], rel=1e-5)


def test_newton_is_affine_invariant(rng):
    """F01: in z with x = A z it walks the mapped path."""
    A = rng.standard_normal((2, 2)) + 2 * np.eye(2)
    x = leaf([-1.2, 1.0])
    z = leaf(np.linalg.solve(A, x.numpy()))

    def mapped():
        y = F.matmul(A, z)
        return rosenbrock(y[0], y[1])

    path = run(optim.Newton([x]), x, loss_of(rosenbrock, x), 6)
    other = run(optim.Newton([z]), z, mapped, 6) @ A.T
    np.testing.assert_allclose(other, path, rtol=1e-8, atol=1e-8)


def test_newton_step_in_the_eigenbasis(rng):
    """F02: -g_i / h_i: long where it is flat, short where it is steep."""
    A, h, Q = conditioned(5, 1000, rng)
    start = rng.standard_normal(5)
    x = leaf(start)
    run(optim.Newton([x]), x, bowl(A, x), 1)
    step, g = Q.T @ (x.numpy() - start), Q.T @ (A @ start)
    np.testing.assert_allclose(step, -g / h, rtol=1e-9)


def test_newton_jumps_to_the_saddle_and_its_variants_do_not():
    """F03, P13: x^2 - y^2 from (1, 0.1)."""

    def end(form, steps):
        x = leaf([1.0, 0.1])
        optimizer = optim.Newton([x], form=form, damping=0.5)
        return run(optimizer, x, loss_of(lambda x, y: x**2 - y**2, x), steps)[-1]

    assert np.abs(end("plain", 1)).max() <= 1e-15
    np.testing.assert_allclose(end("absolute", 1), [0, 0.2], atol=1e-15)
    np.testing.assert_allclose(end("damped", 1), [1 - 2 / 4.5, 0.1 + 0.2 / 0.5], rtol=1e-14)
    assert end("absolute", 10)[1] > 10 and end("damped", 10)[1] > 10


def test_newton_on_x_cos_cx():
    """F03: uphill where f'' < 0; |H| finds a minimum, and so does damping with a line search."""
    c = 0.15 * np.pi
    wave = lambda x: x * F.cos(c * x)
    plain, absolute, damped = leaf([10.0]), leaf([10.0]), leaf([10.0])
    run(optim.Newton([plain]), plain, loss_of(wave, plain), 5)
    run(optim.Newton([absolute], form="absolute"), absolute, loss_of(wave, absolute), 8)
    searching = optim.Newton([damped], form="damped", line_search=optim.backtracking)
    run(searching, damped, loss_of(wave, damped), 30)
    slope = lambda x: math.cos(c * x) - c * x * math.sin(c * x)
    bend = lambda x: -2 * c * math.sin(c * x) - c * c * x * math.cos(c * x)
    start = 10 * math.cos(c * 10)
    assert plain.item() * math.cos(c * plain.item()) > start or bend(plain.item()) < 0
    for x in (absolute, damped):
        assert abs(slope(x.item())) < 1e-8 and bend(x.item()) > 0
        assert x.item() * math.cos(c * x.item()) < start


def test_newton_says_what_its_hessian_costs():
    """F04: a million parameters, 3725.29 GiB; refused at once, with the numbers."""
    assert optim.hessian_bytes(10**6) == 4 * 10**12
    assert optim.hessian_bytes(10**6) / 2**30 == pytest.approx(3725.29, abs=0.005)
    assert optim.hessian_bytes(10, "float64") == 800
    x = mn.tensor(np.zeros(10**6, "float32"), requires_grad=True)
    with pytest.raises(ValueRangeError, match=r"3,725.29 GiB .* 1,000,000 .* limit is 1.00 GiB"):
        optim.Newton([x])
    small = leaf(np.zeros(10))
    with pytest.raises(ValueRangeError, match="use LBFGS"):
        optim.Newton([small], memory=799)
    optim.Newton([small], memory=800)


def test_newton_with_a_singular_hessian():
    x = leaf([1.0, 2.0])
    with pytest.raises(ValueRangeError, match="singular"):
        optim.Newton([x]).step(lambda: x[0] ** 2)
    assert x.numpy().tolist() == [1.0, 2.0]
    optim.Newton([x], form="absolute").step(lambda: x[0] ** 2)
    assert x.numpy().tolist() == [0.0, 2.0]


# -- L-BFGS (F05, F06) -----------------------------------------------------------------------------


def conjugate_gradients(A, b, x, steps):
    """What CG would do without rounding: the best points of the growing Krylov spaces."""
    r, Q, path = b - A @ x, np.empty((len(b), 0)), [x]
    q = r
    for _ in range(steps):
        for _ in range(2):  # twice is enough
            q = q - Q @ (Q.T @ q)
        Q = np.column_stack([Q, q / np.linalg.norm(q)])
        path.append(x + Q @ np.linalg.solve(Q.T @ A @ Q, Q.T @ r))
        q = A @ Q[:, -1]
    return np.array(path)


@pytest.mark.parametrize(("m", "alike"), [(10, 11), (1, 6)])
def test_lbfgs_is_conjugate_gradients_on_a_quadratic(m, alike, rng):
    """F05, P14: n = 10, kappa = 1000, exact line search: CG's path, ends within n steps.

    Rounding takes conjugacy away from m = 1 (as from CG itself), so only its first steps count.
    """
    n = 10
    A, _, _ = conditioned(n, 1e3, rng)
    b, start = rng.standard_normal(n), rng.standard_normal(n)
    x = leaf(start)
    path = run(optim.LBFGS([x], m=m, line_search=optim.parabola), x, bowl(A, x, b), n)
    expected = conjugate_gradients(A, b, start, n)
    np.testing.assert_allclose(path[:alike], expected[:alike], rtol=0, atol=1e-8)
    if m == n:
        assert np.linalg.norm(path[-1] - np.linalg.solve(A, b)) <= 1e-8


def test_lbfgs_on_rosenbrock():
    """F05: below 1e-10 within 60 iterations."""
    x = leaf([-1.2, 1.0])
    optimizer, f = optim.LBFGS([x]), loss_of(rosenbrock, x)
    values = [optimizer.step(f) for _ in range(60)]
    reached = next(i for i, value in enumerate(values) if value < 1e-10)
    assert reached <= 45 and optimizer.skipped == 0
    np.testing.assert_allclose(x.numpy(), [1, 1], atol=1e-5)
    assert all(b <= a for a, b in zip(values, values[1:], strict=False))


@pytest.mark.oracle
def test_lbfgs_finds_scipys_minimum(rng):
    """F05: the minimum of a regularised logistic regression, to 1e-6."""
    optimize = pytest.importorskip("scipy.optimize")
    X, y = rng.standard_normal((50, 5)), rng.integers(0, 2, 50)
    sign = 2.0 * y - 1

    def numpy_loss(w):
        return np.logaddexp(0, -sign * (X @ w)).mean() + 0.01 * w @ w

    w = leaf(np.zeros(5))
    optimizer = optim.LBFGS([w])
    for _ in range(40):
        optimizer.step(lambda: F.softplus(-sign * F.matmul(X, w)).mean() + 0.01 * (w * w).sum())
    expected = optimize.minimize(
        numpy_loss, np.zeros(5), method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10}
    ).x
    np.testing.assert_allclose(w.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("m", [1, 5])
def test_lbfgs_keeps_two_m_vectors(m):
    """F05: memory 2 m P, and the matrix is never formed."""
    P = 3000
    x = leaf(np.linspace(1, 2, P))
    h = np.linspace(1, 5, P)
    optimizer = optim.LBFGS([x], m=m)
    for _ in range(8):
        optimizer.step(lambda: (h * x**2 + x**4).sum())
    assert len(optimizer.pairs) == m
    record = optimizer.state_dict()
    assert record["S"].size + record["Y"].size == 2 * m * P


def test_two_loop_is_the_bfgs_matrix(rng):
    """F05: the same as multiplying out H <- V'HV + rho s s'."""
    n = 6
    A, _, _ = conditioned(n, 50, rng)
    S = rng.standard_normal((4, n))
    pairs = [(s, A @ s) for s in S]
    s, y = pairs[-1]
    H = (s @ y) / (y @ y) * np.eye(n)
    for s, y in pairs:
        V = np.eye(n) - np.outer(y, s) / (y @ s)
        H = V.T @ H @ V + np.outer(s, s) / (y @ s)
    g = rng.standard_normal(n)
    np.testing.assert_allclose(two_loop(g, pairs), H @ g, rtol=1e-10)


def mini_batches(rng):
    X = rng.standard_normal((200, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 * rng.standard_normal(200)
    w = leaf(np.zeros(3))
    batches = [slice(i, i + 5) for i in range(0, 200, 5)]
    return w, [lambda b=b: F.mse(F.matmul(X[b], w), y[b]) for b in batches]


def test_lbfgs_refuses_mini_batches(rng):
    """F06: the second batch is noticed, and nothing has moved then."""
    w, losses = mini_batches(rng)
    optimizer = optim.LBFGS([w])
    optimizer.step(losses[0])
    before, record = w.numpy().copy(), optimizer.state_dict()
    with pytest.raises(StateError, match=r"the same loss at every step.*allow_stochastic=True"):
        optimizer.step(losses[1])
    np.testing.assert_array_equal(w.numpy(), before)
    assert str(optimizer.state_dict()) == str(record)
    optimizer.step(losses[0])  # the same batch goes on


def test_lbfgs_counts_pairs_of_noise(rng):
    """F06: with mini-batches allowed, some s'y <= 0: left out and counted."""
    w, losses = mini_batches(rng)
    optimizer = optim.LBFGS([w], allow_stochastic=True)
    for loss in losses:
        optimizer.step(loss)
        assert all(s @ y > 0 for s, y in optimizer.pairs)
    assert 0 < optimizer.skipped < len(losses)


def test_training_loop_with_lbfgs_explains():
    """F06: fit hands out mini-batches and no function; the error says what is needed."""
    model = nn.Linear(2, 2, rng=0)
    data = mn.data.blobs(10, classes=2, rng=0)
    with pytest.raises(GraphError, match="LBFGS.step needs the loss as a function"):
        mn.train.fit(
            model, F.cross_entropy, optim.LBFGS(model.parameters()),
            mn.data.Loader(data, rng=0), epochs=1, progress=False,
        )  # fmt: skip


def test_lbfgs_resumes():
    """Stopped and continued: the same path as in one go."""
    x, y = leaf([-1.2, 1.0]), leaf([-1.2, 1.0])
    whole = run(optim.LBFGS([x]), x, loss_of(rosenbrock, x), 20)
    first, second = optim.LBFGS([y]), optim.LBFGS([y])
    run(first, y, loss_of(rosenbrock, y), 9)
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(run(second, y, loss_of(rosenbrock, y), 11)[-1], whole[-1])
    assert second.t == 20


def test_states_that_do_not_fit():
    x = leaf([1.0, 2.0])
    optimizer = optim.LBFGS([x])
    optimizer.step(loss_of(rosenbrock, x))
    record = optimizer.state_dict()
    wrong = [
        {**record, "more": 1},
        {k: v for k, v in record.items() if k != "S"},
        {**record, "optimizer": "Newton"},
        {**record, "g": np.zeros(3)},
    ]
    for entry in wrong:
        with pytest.raises(StateError):
            optimizer.load_state_dict(entry)
    assert str(optimizer.state_dict()) == str(record)


@pytest.mark.parametrize("kind", [optim.Newton, optim.LBFGS])
def test_nothing_moves_when_the_loss_fails(kind):
    x = leaf([-1.2, 1.0])
    calls = []

    def fails():
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError
        return rosenbrock(x[0], x[1])

    optimizer = kind([x], line_search=optim.strong_wolfe)
    with pytest.raises(ZeroDivisionError):
        optimizer.step(fails)
    assert x.numpy().tolist() == [-1.2, 1.0] and optimizer.t == 0


def test_bad_input():
    x = leaf([1.0, 2.0])
    wrong = [
        (lambda: optim.Newton([x], form="quasi"), ValueRangeError, "form of plain, absolute"),
        (lambda: optim.Newton([x], damping=0), ValueRangeError, "damping above 0"),
        (lambda: optim.LBFGS([x], m=0), ValueRangeError, "m=0"),
        (lambda: optim.LBFGS([]), ValueRangeError, "at least one parameter"),
        (lambda: optim.LBFGS([x]).step(3.0), DTypeError, "function without arguments"),
        (lambda: optim.LBFGS([x]).step(lambda: x * 2), ShapeError, "loss of one number"),
        (lambda: optim.LBFGS([x]).step(lambda: 1.0), MinnetError, "loss of one number"),
    ]
    for make, kind, match in wrong:
        with pytest.raises(kind, match=match):
            make()


def test_several_parameters_in_float32(rng):
    """A network's parameters of different shapes; dtypes stay."""
    model = nn.Sequential(nn.Linear(4, 5, rng=0), nn.Tanh(), nn.Linear(5, 1, rng=1))
    X = rng.standard_normal((30, 4)).astype("float32")
    y = np.sin(X.sum(axis=1, keepdims=True))
    loss = lambda: F.mse(model(X), y)
    start = loss().item()
    optimizer = optim.LBFGS(model.parameters())
    for _ in range(40):
        optimizer.step(loss)
    assert loss().item() < 0.05 * start
    newton = optim.Newton(model.parameters(), form="damped", line_search=optim.backtracking)
    before = newton.step(loss)
    assert loss().item() <= before
    assert {p.dtype for p in model.parameters()} == {np.dtype("float32")}
    assert all(p.grad is None for p in model.parameters())


# -- Line searches ---------------------------------------------------------------------------------

LINES = {
    "parabola": (lambda a: (a - 3) ** 2, lambda a: 2 * (a - 3)),
    "far": (lambda a: (a - 300) ** 2, lambda a: 2 * (a - 300)),
    "near": (lambda a: 1e6 * (a - 1e-4) ** 2, lambda a: 2e6 * (a - 1e-4)),
    "more_thuente_1": (
        lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2,
    ),
    "wall": (
        lambda a: -a if a < 1 else math.nan, lambda a: -1.0 if a < 1 else math.nan,
    ),
    "waves": (
        lambda a: -a + 2 * math.sin(1.5 * a) ** 2, lambda a: -1 + 3 * math.sin(3 * a),
    ),
}  # fmt: skip


@pytest.mark.parametrize("first", [1.0, 1e-3, 1e3])
@pytest.mark.parametrize("name", [name for name in LINES if name != "wall"])
@pytest.mark.parametrize("c2", [0.9, 0.1])
def test_strong_wolfe_conditions(name, first, c2):
    value, slope = LINES[name]
    a = optim.strong_wolfe(
        lambda a: (value(a), slope(a)), value(0), slope(0), first=first, c2=c2, evaluations=60
    )
    assert a > 0
    assert value(a) <= value(0) + 1e-4 * a * slope(0)
    assert abs(slope(a)) <= c2 * abs(slope(0))


def test_strong_wolfe_backs_away_from_nan():
    value, slope = LINES["wall"]
    a = optim.strong_wolfe(lambda a: (value(a), slope(a)), 0.0, -1.0, first=8.0)
    assert 0 < a < 1


def test_strong_wolfe_gives_up_where_nothing_falls():
    assert optim.strong_wolfe(lambda a: (1.0 + a, 1.0), 1.0, -1.0) == 0.0


def test_backtracking():
    value, slope = LINES["near"]
    a = optim.backtracking(lambda a: (value(a), slope(a)), value(0), slope(0))
    assert 0 < a <= 2e-4 and value(a) < value(0)
    assert optim.backtracking(lambda a: (2.0, 0.0), 1.0, -1.0) == 0.0


# -- Hessian products (F07) ------------------------------------------------------------------------


def tanh_net(rng):
    model = nn.Sequential(
        nn.Linear(3, 4, rng=0, dtype="float64"), nn.Tanh(), nn.Linear(4, 2, rng=1, dtype="float64")
    )
    X, y = rng.standard_normal((12, 3)), rng.integers(0, 2, 12)
    return model, lambda: F.cross_entropy(model(X), y)


def test_products_equal_finite_differences(rng):
    """F07: double backward against a central difference of gradients, to 1e-6."""
    model, loss = tanh_net(rng)
    f = Objective(model.parameters(), loss)
    theta, h = f.theta, 1e-5
    for v in rng.standard_normal((3, len(theta))):
        got = f.product()(v)
        gradients = []
        for sign in (1, -1):
            f.theta = theta + sign * h * v
            gradients.append(f.value_and_gradient()[1])
        f.theta = theta
        expected = (gradients[0] - gradients[1]) / (2 * h)
        assert np.linalg.norm(got - expected) <= 1e-6 * np.linalg.norm(expected)


def test_hessian_is_symmetric_and_made_of_products(rng):
    """F07."""
    model, loss = tanh_net(rng)
    f = Objective(model.parameters(), loss)
    H, product = f.hessian(), f.product()
    np.testing.assert_allclose(H, H.T, atol=1e-12)
    v = rng.standard_normal(len(H))
    np.testing.assert_allclose(H @ v, product(v), rtol=1e-9, atol=1e-12)


def test_top_eigenvalue(rng):
    """F07: power iteration against all eigenvalues, and 2/h is the edge of descent."""
    model, loss = tanh_net(rng)
    H = Objective(model.parameters(), loss).hessian()
    every = np.linalg.eigvalsh(H)
    top = every[abs(every).argmax()]
    h, v = optim.top_eigenvalue(loss, model.parameters(), tolerance=1e-8, rng=0)
    assert h == pytest.approx(top, rel=1e-8)
    np.testing.assert_allclose(H @ v, h * v, atol=1e-6)
    landscape = dynamics.quadratic([1.0, 7.0, 40.0])
    x = leaf([1.0, 1.0, 1.0])
    edge = 2 / optim.top_eigenvalue(lambda: landscape.loss(x), [x], rng=1)[0]
    assert edge == pytest.approx(dynamics.theory.stability_edge(40.0), rel=1e-6)
    for factor, falls in ((0.99, True), (1.01, False)):
        rule = lambda p, lr=edge * factor: optim.SGD(p, lr)
        losses = dynamics.trace(rule, landscape, steps=2000).losses
        assert bool(losses[-1] < losses[0]) == falls


def test_power_iteration_keeps_the_sign():
    A = np.diag([1.0, -5.0, 2.0])
    h, v = optim.power_iteration(lambda v: A @ v, np.ones(3), tolerance=1e-10)
    assert h == pytest.approx(-5, rel=1e-9) and abs(v[1]) == pytest.approx(1, rel=1e-6)
