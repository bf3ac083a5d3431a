"""Optimizer rules `rule(w, dw, config) -> (next_w, config)`, held against the published update.

Each formula is a generator of steps: it takes the gradient, changes its state s, and returns the
change of w.  t counts from 1.
"""

import copy

import numpy as np

from .compare import difference, matches

__all__ = ["RULES", "check_rule"]


def sgd(c, s, t, g):
    """-lr g"""
    return -c["learning_rate"] * g


def sgd_momentum(c, s, t, g):
    """v = mu v - lr g; Polyak 1964 as CS231n writes it"""
    s["velocity"] = c["momentum"] * s["velocity"] - c["learning_rate"] * g
    return s["velocity"]


def rmsprop(c, s, t, g):
    """cache = rho cache + (1 - rho) g^2; Tieleman & Hinton 2012"""
    s["cache"] = c["decay_rate"] * s["cache"] + (1 - c["decay_rate"]) * g**2
    return -c["learning_rate"] * g / (np.sqrt(s["cache"]) + c["epsilon"])


def adagrad(c, s, t, g):
    """cache += g^2; Duchi, Hazan & Singer 2011"""
    s["cache"] = s["cache"] + g**2
    return -c["learning_rate"] * g / (np.sqrt(s["cache"]) + c["epsilon"])


def adam(c, s, t, g):
    """Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1"""
    m_hat, v_hat = moments(c, s, t, g)
    return -c["learning_rate"] * m_hat / (np.sqrt(v_hat) + c["epsilon"])


def moments(c, s, t, g):
    """The two averages of Adam after bias correction"""
    s["m"] = c["beta1"] * s["m"] + (1 - c["beta1"]) * g
    s["v"] = c["beta2"] * s["v"] + (1 - c["beta2"]) * g**2
    return s["m"] / (1 - c["beta1"] ** t), s["v"] / (1 - c["beta2"] ** t)


# mistakes with a name: what the update is consistent with, if it is not the published one


def adam_late(c, s, t, g):
    """t is used before it is incremented"""
    return adam(c, s, t - 1, g)


def adam_stuck(c, s, t, g):
    """t is never stored in config, so every step corrects as the first"""
    return adam(c, s, s.setdefault("t0", t), g)


def adam_early(c, s, t, g):
    """t is one step ahead (incremented twice, or started from 1)"""
    return adam(c, s, t + 1, g)


def adam_raw(c, s, t, g):
    """the bias correction is missing"""
    moments(c, s, t, g)
    return -c["learning_rate"] * s["m"] / (np.sqrt(s["v"]) + c["epsilon"])


def adam_inside(c, s, t, g):
    """epsilon stands inside the square root"""
    m_hat, v_hat = moments(c, s, t, g)
    return -c["learning_rate"] * m_hat / np.sqrt(v_hat + c["epsilon"])


def adam_corrected_state(c, s, t, g):
    """the bias-corrected averages are stored in place of the averages"""
    m_hat, v_hat = moments(c, s, t, g)
    s["m"], s["v"] = m_hat, v_hat
    return -c["learning_rate"] * m_hat / (np.sqrt(v_hat) + c["epsilon"])


def adam_unsquared(c, s, t, g):
    """the second average takes g, not g^2"""
    s["m"] = c["beta1"] * s["m"] + (1 - c["beta1"]) * g
    s["v"] = c["beta2"] * s["v"] + (1 - c["beta2"]) * g
    m_hat, v_hat = s["m"] / (1 - c["beta1"] ** t), s["v"] / (1 - c["beta2"] ** t)
    return -c["learning_rate"] * m_hat / (np.sqrt(np.abs(v_hat)) + c["epsilon"])


def rmsprop_inside(c, s, t, g):
    """epsilon stands inside the square root"""
    rmsprop(c, s, t, g)
    return -c["learning_rate"] * g / np.sqrt(s["cache"] + c["epsilon"])


def rmsprop_swapped(c, s, t, g):
    """decay_rate and 1 - decay_rate are swapped"""
    s["cache"] = (1 - c["decay_rate"]) * s["cache"] + c["decay_rate"] * g**2
    return -c["learning_rate"] * g / (np.sqrt(s["cache"]) + c["epsilon"])


def momentum_ema(c, s, t, g):
    """the velocity is an average: v = mu v + (1 - mu) g"""
    s["velocity"] = c["momentum"] * s["velocity"] + (1 - c["momentum"]) * g
    return -c["learning_rate"] * s["velocity"]


def momentum_sign(c, s, t, g):
    """the sign of the velocity: v = mu v + lr g, then w + v"""
    s["velocity"] = c["momentum"] * s["velocity"] + c["learning_rate"] * g
    return s["velocity"]


def nesterov(c, s, t, g):
    """Nesterov's update, not plain momentum"""
    old = s["velocity"]
    s["velocity"] = c["momentum"] * old - c["learning_rate"] * g
    return -c["momentum"] * old + (1 + c["momentum"]) * s["velocity"]


def forgetful(rule):
    """The rule with its averages started again at each step."""

    def update(c, s, t, g):
        return rule(c, {key: np.zeros_like(g) for key in s}, t, g)

    update.__doc__ = "the state is not stored in config: every step starts from zero"
    return update


MOMENTUM = {"learning_rate": 1e-2, "momentum": 0.7}
ADAM = {"learning_rate": 1e-2, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-8}
RMSPROP = {"learning_rate": 1e-2, "decay_rate": 0.9, "epsilon": 1e-8}
ADAGRAD = {"learning_rate": 1e-2, "epsilon": 1e-8}
# key: (formula, settings, names of the averages, named mistakes)
RULES = {
    "sgd": (sgd, {"learning_rate": 1e-2}, (), ()),
    "sgdmomentum": (
        sgd_momentum, MOMENTUM, ("velocity",),
        (forgetful(sgd_momentum), momentum_ema, momentum_sign, nesterov),
    ),
    "rmsprop": (
        rmsprop, RMSPROP, ("cache",), (forgetful(rmsprop), rmsprop_inside, rmsprop_swapped),
    ),
    "adagrad": (adagrad, ADAGRAD, ("cache",), (forgetful(adagrad),)),
    "adam": (
        adam, ADAM, ("m", "v"),
        (
            adam_late, adam_stuck, adam_early, adam_raw, adam_inside, adam_corrected_state,
            adam_unsquared, forgetful(adam),
        ),
    ),
}  # fmt: skip
RULES["momentum"] = RULES["sgdmomentum"]


def trajectory(formula, settings, averages, w, gradients, state=None, t=0):
    """w after each step of a formula."""
    s = dict(state) if state else {name: np.zeros_like(w) for name in averages}
    path = []
    with np.errstate(all="ignore"):
        for i, g in enumerate(gradients):
            w = w + formula(settings, s, t + i + 1, g)
            path.append(w)
    return path


def follow(rule, w, gradients, config):
    """w after each step of someone's rule, each given the config that the last one returned."""
    path, config = [], copy.deepcopy(config)
    for g in gradients:
        result = rule(w.copy(), g.copy(), config)
        if not (isinstance(result, tuple | list) and len(result) == 2):
            return None
        w, config = result
        if w is None:
            return None
        w = np.array(w, dtype=float)
        path.append(w)
    return path


def check_rule(rule, key: str, rng, steps: int = 5):
    """Outcomes of the cases of one rule: dicts of case, main, kind and text.

    rule(w, dw, config) may change w in place; the gradient it must leave alone.

    >>> rule = lambda w, dw, config: (w - (config or {}).get("learning_rate", 0.1) * dw, config)
    >>> {outcome["kind"] for outcome in check_rule(rule, "sgd", np.random.default_rng(0))}
    {'ok'}
    """
    _, settings, averages, _ = RULES[key]
    rule = np.errstate(all="ignore")(rule)
    w, gradients = rng.normal(size=(4, 3)), rng.normal(size=(steps, 4, 3))
    yield compare_paths(rule, key, "from the start", w, gradients, settings)
    state = {name: rng.uniform(0.5, 1.5, size=w.shape) for name in averages}
    if averages and set(averages) <= set(stored(rule, w, gradients[0], settings)):
        yield compare_paths(rule, key, "from a state in config", w, gradients, settings, state, t=5)
    if "epsilon" in settings:
        large = compare_paths(rule, key, "epsilon 0.01", w, gradients, settings | {"epsilon": 1e-2})
        yield large | {"main": "consistent with" in large["text"], "hint": "epsilon is hard-coded"}
    yield defaults(rule, w, gradients[0])
    yield upstream_kept(rule, w, gradients[0], settings)


def stored(rule, w, g, settings):
    """The config after one step; it may have been replaced by None."""
    return rule(w.copy(), g.copy(), dict(settings))[1] or {}


def compare_paths(rule, key, case, w, gradients, settings, state=None, t=0):
    """One outcome: the published trajectory, a named mistake, or the first step that differs."""
    formula, _, averages, mistakes = RULES[key]
    config = {**settings, **(state or {}), **({"t": t} if state and key == "adam" else {})}
    outcome = {"case": case, "main": True, "kind": "ok", "text": ""}
    got = follow(rule, w, gradients, config)
    if got is None:
        return outcome | {"kind": "unimplemented", "text": "next_w is None"}
    plan = (settings, averages, w, gradients, state, t)
    expected = trajectory(formula, *plan)
    wrong = [i for i, pair in enumerate(zip(got, expected, strict=True)) if not matches(*pair)]
    if not wrong:
        return outcome
    first = wrong[0]
    text = f"step {first + 1} of {len(got)}: {difference(got[first], expected[first])}"
    for mistake in mistakes:
        if all(map(matches, *map(np.nan_to_num, (got, trajectory(mistake, *plan))))):
            text += f"; consistent with: {mistake.__doc__}"
            break
    return outcome | {"kind": "forward", "text": text}


def defaults(rule, w, g):
    """config=None must work: every setting has a default."""
    outcome = {"case": "config None", "main": False, "kind": "ok", "text": ""}
    result = np.asarray(rule(w.copy(), g.copy(), None)[0], dtype=float)
    if result.shape == w.shape and np.isfinite(result).all():
        return outcome
    return outcome | {"kind": "forward", "text": "next_w is not finite, or has another shape"}


def upstream_kept(rule, w, g, settings):
    """The caller's gradient must be as before."""
    outcome = {"case": "gradient left alone", "main": False, "kind": "ok", "text": ""}
    mine = g.copy()
    rule(w.copy(), mine, dict(settings))
    if np.array_equal(mine, g):
        return outcome
    return outcome | {"kind": "unsafe", "text": "the gradient dw is overwritten"}
