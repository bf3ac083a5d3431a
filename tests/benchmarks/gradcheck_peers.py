"""gradcheck beside torch.autograd.gradcheck and jax.test_util.check_grads on the same bank.

Every planted bug of tests/gradcheck/bank, and every right twin, at two sizes and three scales of
the output; each checker at its own default tolerances.  A bug counts where the bank's oracle
(differences in extended precision) shows that it changes the gradient; an exception counts as a
rejection.  PyTorch gets the pair as an autograd.Function, JAX as a custom_vjp around host
callbacks, both over NumPy.  Checkers that are not installed are left out.

python -m tests.benchmarks.gradcheck_peers [--seeds N] [--json]
"""

import argparse
import importlib.util
import json
import warnings
from collections import Counter

import numpy as np

import gradcheck
from tests.gradcheck.bank.bugs import BUGS
from tests.gradcheck.bank.ops import CATALOGUE
from tests.gradcheck.bank.score import effects, scaled

from .timing import RECORDS, installed_version

SCALES = (1, 1e-4, 1e-6)


def ours(forward, backward, inputs, wrt, seed):
    """gradcheck.check_vjp; only "pass" and "warn" accept."""
    return gradcheck.check_vjp(forward, backward, inputs, wrt=wrt, rng=seed).ok


def torch_checker(fast):
    """torch.autograd.gradcheck in slow or fast mode."""
    import torch

    def accepts(forward, backward, inputs, wrt, seed):
        class Pair(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *xs):
                arrays = {k: x.detach().numpy() for k, x in zip(wrt, xs, strict=True)}
                y, ctx.cache = forward(**inputs | arrays)
                return torch.tensor(np.array(y, order="C"))

            @staticmethod
            def backward(ctx, d):
                g = backward(d.numpy(), ctx.cache)
                return tuple(torch.tensor(np.array(g[k], order="C")) for k in wrt)

        torch.manual_seed(seed)
        leaves = [torch.tensor(inputs[k], requires_grad=True) for k in wrt]
        return torch.autograd.gradcheck(Pair.apply, leaves, fast_mode=fast)

    return accepts


def jax_checker():
    """jax.test_util.check_grads, reverse mode, first order."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    shape_of = lambda a: jax.ShapeDtypeStruct(np.shape(a), np.float64)

    def accepts(forward, backward, inputs, wrt, seed):
        run = lambda xs: forward(
            **inputs | {k: np.array(x) for k, x in zip(wrt, xs, strict=True)}
        )
        y = shape_of(run([inputs[k] for k in wrt])[0])

        def pull(d, *xs):
            g = backward(np.array(d), run(xs)[1])
            return tuple(np.asarray(g[k], dtype=float) for k in wrt)

        f = jax.custom_vjp(
            lambda *xs: jax.pure_callback(lambda *v: np.asarray(run(v)[0]), y, *xs)
        )
        f.defvjp(
            lambda *xs: (f(*xs), xs),
            lambda xs, d: jax.pure_callback(pull, tuple(map(shape_of, xs)), d, *xs),
        )
        try:
            check_grads(f, tuple(inputs[k] for k in wrt), order=1, modes=["rev"])
        finally:
            jax.clear_caches()  # each pair compiles its own callbacks
        return True  # it raises otherwise

    return accepts


def checkers():
    """{name: accepts(forward, backward, inputs, wrt, seed) -> bool} of what is installed."""
    found = {"gradcheck": ours}
    if importlib.util.find_spec("torch"):
        found |= {"torch slow": torch_checker(False), "torch fast": torch_checker(True)}
    if importlib.util.find_spec("jax"):
        found["jax"] = jax_checker()
    return found


def accepted(check, pair, op, inputs, scale, seed):
    """A checker's verdict on fresh copies."""
    own = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in inputs.items()}
    try:
        return bool(check(*scaled(*pair, scale), own, op.wrt, seed))
    except Exception:
        return False


def points(seeds):
    """(square, seed, rng) of every point at which an op is tried."""
    for square in (False, True):
        for seed in range(seeds):
            yield square, seed, np.random.default_rng([seed, 7])


def measure(seeds):
    """{(checker, scale): Counter of "detected" and "alarms"}, (bugs, rights) judged per scale."""
    found = checkers()
    table = {(name, s): Counter() for name in found for s in SCALES}
    judged = {s: Counter() for s in SCALES}
    for bug in BUGS:
        for square, seed, rng in points(seeds):
            inputs = bug.op.inputs(rng, square)
            for scale, real in effects(bug, inputs, seed, SCALES).items():
                judged[scale]["wrong"] += real
                for name, check in found.items() if real else ():
                    caught = not accepted(check, bug.make(), bug.op, inputs, scale, seed)
                    table[name, scale]["detected"] += caught
                    table[name, scale]["by contract"] += caught and bug.contract
    for op in CATALOGUE.values():
        for square, seed, rng in points(seeds):
            inputs = op.inputs(rng, square)
            for scale in SCALES:
                judged[scale]["right"] += 1
                for name, check in found.items():
                    pair = op.forward, op.backward
                    alarm = not accepted(check, pair, op, inputs, scale, seed)
                    table[name, scale]["alarms"] += alarm
    return table, judged


def lines(table, judged):
    """The table as text."""
    names = list(dict.fromkeys(name for name, _ in table))
    heads = (f"{f'scale {s:g}: detected':>24}{'false alarms':>16}" for s in SCALES)
    yield " " * 14 + "".join(heads)
    for name in names:
        row = f"{name:14}"
        for s in SCALES:
            found, alarms = (table[name, s][k] for k in ("detected", "alarms"))
            share = found / judged[s]["wrong"]
            row += f"{str(found) + '/' + str(judged[s]['wrong']):>16}{share:8.1%}"
            row += f"{str(alarms) + '/' + str(judged[s]['right']):>16}"
        yield row


def record(table, judged, seeds):
    """Write records/gradcheck_peers.json."""
    content = {
        "bugs": len(BUGS),
        "ops": len(CATALOGUE),
        "seeds": seeds,
        "versions": {n: installed_version(n) for n in ("numpy", "torch", "jax")},
        "judged": {f"{s:g}": dict(c) for s, c in judged.items()},
        "found": [{"checker": n, "scale": s, **c} for (n, s), c in table.items()],
    }
    RECORDS.mkdir(parents=True, exist_ok=True)
    path = RECORDS / "gradcheck_peers.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description="Compare checkers on the bank of planted bugs.")
    parser.add_argument("--seeds", type=int, default=2, help="random points per size (default 2)")
    parser.add_argument("--json", action="store_true", help="write a file in records/")
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table, judged = measure(options.seeds)
    print("\n".join(lines(table, judged)))
    if options.json:
        record(table, judged, options.seeds)


if __name__ == "__main__":
    main()
