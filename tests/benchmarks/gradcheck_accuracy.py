"""Accuracy of gradcheck's references, as measured by this script.

Prints the error of every scheme on tanh nets of depth 1 and 10, the coverage of the stated
uncertainty, subtract-before-reduce, scale freedom, and the single wrong entry.  Times are in
gradcheck_speed.
"""

import numpy as np

import gradcheck as gc
from gradcheck.adapters import loss_problem
from gradcheck.derivative import refined
from gradcheck.numeric import Probe, complex_step, forward_difference, ridders, stencil

SCHEMES = {
    "forward 1.5e-8": lambda p, k: forward_difference(p, k, 1.5e-8),
    "centred 1e-3": lambda p, k: stencil(p, k, "central", 1e-3),
    "centred 1e-4": lambda p, k: stencil(p, k, "central", 1e-4),
    "centred 1e-5": lambda p, k: stencil(p, k, "central", 1e-5),
    "centred 1e-6": lambda p, k: stencil(p, k, "central", 1e-6),
    "centred 1e-7": lambda p, k: stencil(p, k, "central", 1e-7),
    "4th order 1e-3": lambda p, k: stencil(p, k, "central4", 1e-3),
    "6th order 5e-3": lambda p, k: stencil(p, k, "central6", 5e-3),
    "Ridders from 0.05": lambda p, k: ridders(p, k, 0.05),
    "complex 1e-20": lambda p, k: complex_step(p, k, 1e-20),
}


def tanh_net(depth, width=20, examples=8, seed=0):
    """(loss, params): softmax loss of a tanh stack, with its gradients by hand."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(examples, width)), rng.integers(0, width, examples)
    params = {"X": X} | {
        f"W{i}": rng.normal(size=(width, width)) / width**0.5 for i in range(depth + 1)
    }
    rows = np.arange(examples)

    def loss(p):
        layers, h = list(p)[1:], p["X"]
        hs = [h]
        for name in layers[:-1]:
            hs.append(np.tanh(hs[-1] @ p[name]))
        e = np.exp(hs[-1] @ p[layers[-1]])
        q = e / e.sum(1, keepdims=True)
        d, grads = (q - np.eye(width)[y]) / examples, {}
        for name, h in zip(reversed(layers), reversed(hs), strict=True):
            grads[name], d = h.T @ d, d @ p[name].T * (1 if h is p["X"] else 1 - h * h)
        return -np.mean(np.log(q[rows, y])), grads | {"X": d}

    return loss, params


def errors(depth, scheme, seeds=5, entries=20):
    """(error per entry, error relative to the norm, share covered): first-layer weights, inputs."""
    per_entry, per_norm, covered = [], [], []
    for seed in range(seeds):
        loss, params = tanh_net(depth, seed=seed)
        problem = loss_problem(loss, params)
        exact = problem.gradients(np.float64(1.0))
        lines = np.random.default_rng(seed).choice(160, entries, replace=False)
        for name in ("W0", "X"):
            s = scheme(Probe(problem, problem.inputs, name, [np.ones(())]), lines)
            a = exact[name].ravel()[lines]
            miss = abs(s.value[:, 0] - a)
            per_entry += list(miss / abs(a))
            per_norm += list(miss / np.linalg.norm(exact[name]))
            covered += list(miss <= s.u[:, 0])
    return np.array(per_entry), np.array(per_norm), np.mean(covered)


def table_of_schemes():
    print(
        f"{'scheme':<20}"
        + "".join(
            f"{f'depth {d}: median':>18}{'95 %':>10}{'max':>10}{'max/norm':>10}{'covered':>9}"
            for d in (1, 10)
        )
    )
    for name, scheme in SCHEMES.items():
        row = f"{name:<20}"
        for depth in (1, 10):
            e, n, covered = errors(depth, scheme)
            row += f"{np.median(e):>18.1e}{np.quantile(e, 0.95):>10.1e}{e.max():>10.1e}"
            row += f"{n.max():>10.1e}{covered:>9.1%}"
        print(row)


def goals():
    """The error as the goals ask for it: per entry, and relative to the parameter's norm."""
    print("\nlargest error of 1000 entries (5 nets of each depth 1, 2, 5, 10)")
    rows = {"centred 1e-5": SCHEMES["centred 1e-5"], "automatic": lambda p, k: refined(p, k, None)}
    for name, scheme in rows.items():
        found = [errors(depth, scheme, entries=25)[:2] for depth in (1, 2, 5, 10)]
        e, n = map(np.concatenate, zip(*found, strict=True))
        print(
            f"  {name:<13} of the norm {n.max():.1e}; per entry: median {np.median(e):.1e}, "
            f"95 % {np.quantile(e, 0.95):.1e}, max {e.max():.1e} (an entry of "
            f"{(n / e)[e.argmax()]:.0e} of the norm)"
        )


def table_of_coverage():
    print("\nstated uncertainty of numerical_grad (auto): 300 entries each")
    for depth in (1, 2, 5, 10):
        e, n, covered = errors(depth, lambda p, k: ridders(p, k), seeds=5, entries=30)
        print(f"  depth {depth:>2}: covers {covered:.1%}, median error {np.median(e):.1e}")


def subtract_first():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(1000, 20)), rng.normal(size=20)
    exact = w[0] / (1 + np.exp(-X[0] @ w)) / 1000
    moved = lambda x: np.concatenate([[np.r_[x, X[0, 1:]]], X[1:]])
    each = lambda x: np.logaddexp(0, moved(x) @ w)
    print("\nsubtract before reduce, mean loss over 1000, one input entry (relative error)")
    for h in (1e-5, 1e-6):
        kwargs = {"method": "central", "step": h}
        a = gc.numerical_grad(lambda x: each(x).mean(), X[0, :1], **kwargs).value[0]
        b = gc.numerical_grad(each, X[0, :1], upstream=np.full(1000, 1e-3), **kwargs).value[0]
        print(
            f"  h {h:g}: difference of means {abs(a / exact - 1):.1e}, "
            f"mean of differences {abs(b / exact - 1):.1e}"
        )


def scaled(loss, c, k):
    """c times a loss, its gradients wrong by the factor k."""

    def times(p):
        value, grads = loss(p)
        return c * value, {name: k * c * g for name, g in grads.items()}

    return times


def scale_freedom():
    right = wrong = 0
    scales = 10.0 ** np.arange(-12, 13, 3)
    for seed in range(5):
        loss, params = tanh_net(2, seed=seed)
        for c in scales:
            right += gc.check(scaled(loss, c, 1), params, rng=seed).status == "pass"
            broken = gc.check(scaled(loss, c, 1.0001), params, rng=seed, diagnose=False)
            wrong += broken.status == "fail"
    n = 5 * len(scales)
    print(f"\nloss scaled by 1e-12 ... 1e12: {right}/{n} right pass, {wrong}/{n} off by 1e-4 fail")


def one_in_a_million():
    w, found, calls = gc.randn(1000, 1000), 0, 0
    for seed in range(20):
        g = np.cos(w)
        g.flat[seed * 49_999] += 1.0
        report = gc.check(
            lambda w: np.sum(np.sin(w)),
            w,
            g,
            mode="directions",
            rng=seed,
            contract=False,
            diagnose=False,
            budget=14,
        )
        found, calls = found + (report.status == "fail"), max(calls, report.nfev)
    print(f"\none wrong entry among 10^6 (error ~ a typical entry): {found}/20 found by directions")


if __name__ == "__main__":
    table_of_schemes()
    goals()
    table_of_coverage()
    subtract_first()
    scale_freedom()
    one_in_a_million()
