"""Optimizer rules `rule(w, dw, config) -> (next_w, config)`, held against the published update."""

import copy
from functools import partial

import numpy as np

from .compare import difference, matches
from .updates import RULES, STATES, TOLD

__all__ = ["check_rule", "trajectory"]


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


def check_rule(rule, key: str, rng, steps: int = 5, docstrings: str = ""):
    """Outcomes of the cases of one rule: dicts of case, main, kind and text.

    rule(w, dw, config) may change w in place; the gradient it must leave alone.

    >>> rule = lambda w, dw, config: (w - (config or {}).get("learning_rate", 0.1) * dw, config)
    >>> {outcome["kind"] for outcome in check_rule(rule, "sgd", np.random.default_rng(0))}
    {'ok'}
    """
    _, settings, averages, _ = RULES[key]
    rule = np.errstate(all="ignore")(rule)
    w, gradients = rng.normal(size=(4, 3)), rng.normal(size=(steps, 4, 3))
    told = [TOLD[key]] if key in TOLD and TOLD[key].accepted(docstrings) else []
    compare = partial(compare_paths, rule, key, w=w, gradients=gradients)
    yield (start := compare("from the start", settings=settings, accepted=told))
    state = {name: rng.uniform(0.5, 1.5, size=w.shape) for name in averages}
    if averages and set(averages) <= set(stored(rule, w, gradients[0], settings)):
        meanings = [STATES[key]] if key in STATES and start["kind"] == "ok" else []
        case = partial(compare, "from a state in config", settings=settings)
        yield case(state=state, t=5, accepted=[*told, *meanings])
    yield compare("learning rate 0.03", settings=settings | {"learning_rate": 0.03}, accepted=told)
    if "epsilon" in settings:
        large = compare("epsilon 0.01", settings=settings | {"epsilon": 1e-2}, accepted=told)
        yield large | {"main": "consistent with" in large["text"], "hint": "epsilon is hard-coded"}
    yield defaults(rule, w, gradients[0])
    yield upstream_kept(rule, w, gradients[0], settings)


def stored(rule, w, g, settings):
    """The config after one step; it may have been replaced by None."""
    return rule(w.copy(), g.copy(), dict(settings))[1] or {}


def compare_paths(rule, key, case, w, gradients, settings, state=None, t=0, accepted=()):
    """One outcome: the published trajectory, that of an accepted convention, a named mistake, or
    the first step that differs."""
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
    for convention in accepted:
        if follows(got, trajectory(convention.formula, *plan)):
            return outcome | {"convention": convention.name}
    first = wrong[0]
    text = f"step {first + 1} of {len(got)}: {difference(got[first], expected[first])}"
    for mistake in mistakes:
        if follows(got, trajectory(mistake, *plan)):
            text += f"; consistent with: {mistake.__doc__}"
            break
    return outcome | {"kind": "forward", "text": text}


def follows(got, path):
    """True if two trajectories are the same; where both are not finite, they are."""
    return all(map(matches, *map(np.nan_to_num, (got, path))))


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
