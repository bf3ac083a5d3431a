"""The contract battery, rules GC-K1 to GC-K13: faults that show without a numeric gradient.

    K1  missing-gradient extra-gradient shape dtype nan     what was returned at all
    K2  not-summed mean-not-sum transposed                  a gradient of another shape, repaired
    K3  forward-not-repeatable                              f(x) twice
    K4  backward-not-repeatable accumulates                 backward of two fresh forwards
    K5  cache-modified cache-consumed                       backward twice on the same cache
    K6  mutates-input mutates-parameter mutates-upstream    bytes before and after
    K7  shared-cache                                        backward after another forward
    K8  aliases                                             memory shared with the caller's arrays
    K9  overwrites                                          buffers that should be added to
    K10 not-multiplied-by-upstream                          backward(0) is 0
    K11 nonlinear-in-upstream ignores-upstream clipped      backward(d1 + d2) = backward(d1) + ...
    K12 function-differs                                    value alone against value with gradient
    K13 overlapping-inputs                                  inputs that share memory

Comparisons are exact, or to rounding where sums are reordered; at most 15 calls.
"""

from itertools import combinations

import numpy as np

from ..arrays import as_numpy
from ..errors import GradcheckError
from ..report import Finding
from .known import arrays_in, snapshot
from .linear import judge
from .same import ROUNDING, close, differing, distance, fresh, overlap, same
from .shapes import returned, well_formed

__all__ = ["run"]


def run(problem, rng) -> list[Finding]:
    """Findings on a Problem, failures first; an empty list is a clean bill.

    Raises what the user's functions raise at the first call; later exceptions become findings.
    """
    bench = Bench(problem, rng)
    bench.overlapping_inputs()
    cache = bench.forward_twice()
    grads = bench.first_backward(cache)
    if grads and not bench.found("forward-not-repeatable"):
        bench.same_cache(grads, cache)
        bench.fresh_cache(grads)
        bench.linearity(grads)
        bench.shared_cache(grads)
        bench.hooks(grads)
    return sorted(bench.findings, key=lambda f: f.severity != "fail")


class Bench:
    """A problem, one upstream d for it, and what has been found so far."""

    def __init__(self, problem, rng):
        self.problem, self.rng, self.findings = problem, rng, []

    def add(self, code, severity, param, message, hint="", **evidence):
        if all((f.code, f.param) != (code, param) for f in self.findings):
            self.findings.append(Finding(code, severity, param, message, evidence, hint))

    def found(self, *codes):
        return any(f.code in codes for f in self.findings)

    def cache(self):
        """The cache of a fresh forward."""
        return self.problem.forward(fresh(self.problem.inputs))[1]

    def gradients(self, d, cache):
        """Well-formed gradients of d, as copies."""
        raw = self.problem.backward(d.copy(), cache)
        return {k: g.copy() for k, g in well_formed(self.problem, raw).items()}

    def overlapping_inputs(self):
        """GC-K13."""
        arrays = {k: v for k, v in self.problem.inputs.items() if isinstance(v, np.ndarray)}
        for (p, a), (q, b) in combinations(arrays.items(), 2):
            if overlap(a, b):
                self.add(
                    "overlapping-inputs",
                    "warn",
                    p,
                    f"{p} and {q} share memory: a step in one moves the other",
                    "pass copies",
                )

    def forward_twice(self):
        """GC-K3, and GC-K6 for the forward.   The cache of the second call comes back."""
        values = fresh(self.problem.inputs)
        y, _ = self.problem.forward(values)
        self.written(values, snapshot(self.problem.inputs), "forward")
        self.values = fresh(self.problem.inputs)
        again, cache = self.problem.forward(self.values)
        self.y, self.d = y, self.problem.upstream(y.shape, self.rng)
        if not same(y, again):
            self.add(
                "forward-not-repeatable",
                "inconclusive",
                "",
                "the forward gives another value when called again with the same inputs",
                "noise or a mask is drawn anew at each call: give reseed=, or fix the mask",
                difference=distance(y, again),
            )
        return cache

    def first_backward(self, cache):
        """GC-K1, K2, K6, K8 on one call; the well-formed gradients come back as copies."""
        held, kept, d = snapshot(self.values), arrays_in(cache), self.d.copy()
        before = snapshot(kept)
        raw = self.problem.backward(d, cache)
        if not np.array_equal(d, self.d):
            self.add(
                "mutates-upstream",
                "fail",
                "",
                "backward writes into the upstream gradient that it was given",
                "the caller's array is changed: work on a copy, avoid *=, += and out= on it",
            )
        self.written(self.values, held, "backward")
        changed = [k for k, v in snapshot(kept).items() if v != before[k]]
        self.aliases(raw, d, kept)
        self.findings += returned(self.problem, raw, self.d, self.rng)
        self.changed = changed
        return {k: g.copy() for k, g in well_formed(self.problem, raw).items()}

    def written(self, values, before, who):
        """GC-K6: which of the caller's arrays changed."""
        names = list(self.problem.inputs)
        for k, now in snapshot(values).items():
            if now != before[k]:
                code = (
                    "mutates-parameter"
                    if names.index(k) and k in self.problem.wrt
                    else "mutates-input"
                )
                self.add(
                    code,
                    "fail",
                    k,
                    f"{who} writes into {k}, which belongs to the caller",
                    "avoid in-place operators and item assignment on arguments and their views",
                )

    def aliases(self, raw, d, kept):
        """GC-K8."""
        owners = {"the upstream gradient": d} | self.values | kept
        for p, g in raw.items():
            for owner, array in owners.items():
                if overlap(g, array) and g.size:
                    self.add(
                        "aliases",
                        "note",
                        p,
                        f"the gradient of {p} shares memory with {owner}",
                        "fine while nobody writes into either; a copy is safer",
                    )

    def same_cache(self, grads, cache):
        """GC-K5."""
        try:
            again = self.gradients(self.d, cache)
        except GradcheckError as error:
            return self.add(
                "cache-consumed",
                "fail",
                "",
                f"a second backward on the same cache fails ({error})",
                "do not pop, delete or overwrite what the cache holds",
            )
        wrong = differing(grads, again)
        if wrong and not self.grows(grads, again):
            names = ", ".join(self.changed)
            self.add(
                "cache-modified",
                "fail",
                wrong[0],
                "a second backward on the same cache gives "
                "another gradient" + (f": {names} was written to" if names else ""),
                "copy a cached array before changing it in place",
                written=self.changed,
            )
        return None

    def fresh_cache(self, grads):
        """GC-K4."""
        self.reusable = self.cache()
        again = self.gradients(self.d, self.reusable)
        wrong = differing(grads, again)
        if wrong and self.grows(grads, again):
            self.findings = [f for f in self.findings if f.code != "cache-modified"]
            self.add(
                "accumulates",
                "fail",
                wrong[0],
                f"each call adds to the gradient of {wrong[0]} left by the call before",
                "set the buffer to zero at the start of backward",
            )
        elif wrong and not (self.found("cache-modified") and self.changed):
            self.findings = [f for f in self.findings if f.code != "cache-modified"]
            self.add(
                "backward-not-repeatable",
                "fail",
                wrong[0],
                "two backward calls, each after its own forward, give different gradients",
                "a mask drawn again in backward, or state kept from the call before",
                difference=distance(grads[wrong[0]], again[wrong[0]]),
            )

    def grows(self, grads, again):
        """True if `again` is an integer multiple of `grads`: the gradient of a call added again."""
        return any(
            close(again[k], n * grads[k], 1e-9) for k in differing(grads, again) for n in (2, 3)
        )

    def linearity(self, grads):
        """GC-K10 and K11."""
        explained = "backward-not-repeatable", "accumulates", "mutates-input", "mutates-parameter"
        if self.problem.scalar or self.found(*explained):
            return
        consumed = self.found("cache-modified", "cache-consumed")
        d2 = self.problem.upstream(self.y.shape, self.rng)
        others = [
            self.gradients(d, self.cache() if consumed else self.reusable)
            for d in (0 * self.d, 2 * self.d, d2, self.d + d2)
        ]
        least = ROUNDING * max(np.abs(g).max(initial=0) for g in grads.values())
        cut = [f.param for f in self.findings if f.code == "dtype" and f.severity == "fail"]
        for k, g in grads.items():
            # what is zero but for rounding, as of a bias before batch norm, has no shape to judge
            if all(k in o for o in others) and k not in cut and np.abs(g).max(initial=0) > least:
                self.findings += judge(k, g, *(o[k] for o in others))

    def shared_cache(self, grads):
        """GC-K7: another forward between forward and backward must not matter."""
        if self.found(
            "backward-not-repeatable", "accumulates", "mutates-input", "mutates-parameter"
        ):
            return
        cache = self.cache()
        far = {
            k: v * (0.5 + self.rng.random(v.shape)) if k in self.problem.wrt else v
            for k, v in fresh(self.problem.inputs).items()
        }
        try:
            with np.errstate(all="ignore"):
                self.problem.forward(far)
        except GradcheckError:
            return
        wrong = differing(grads, self.gradients(self.d, cache))
        if wrong:
            self.add(
                "shared-cache",
                "fail",
                wrong[0],
                "after a forward on other values, backward on "
                "the first cache gives another gradient",
                "what backward needs must be in the cache it is given, not on the object, in a "
                "global or in a buffer that the next forward overwrites",
            )

    def hooks(self, grads):
        """GC-K9 and K12, where the problem can add into buffers or give its value alone."""
        self.buffers(grads)
        self.value_alone()

    def buffers(self, grads):
        """GC-K9: what backward makes of buffers that are not empty."""
        if self.problem.prefilled is None or self.found("accumulates"):
            return
        top = {k: np.abs(g).max(initial=0) or 1.0 for k, g in grads.items()}
        noise = {k: top[k] * self.rng.standard_normal(g.shape) for k, g in grads.items()}
        total = self.problem.prefilled(self.d.copy(), noise)
        lost = [k for k, g in total.items() if not close(as_numpy(g), noise[k] + grads[k], 1e-9)]
        if not self.problem.adds and len(lost) == len(total):
            return  # overwriting is this one's convention
        for k in lost:
            self.add(
                "overwrites",
                "fail",
                k,
                f"backward overwrites the gradient buffer of {k} instead of adding to it",
                "use +=: another use of the parameter may have filled it already",
            )

    def value_alone(self):
        """GC-K12: the function with and without its gradient."""
        if self.problem.alone is None:
            return
        self.problem.start_randomness()
        value = self.problem.alone(fresh(self.problem.inputs))
        if value is not None and not same(self.y, value):
            self.add(
                "function-differs",
                "fail",
                "",
                "the value returned along with the gradient is not the value returned alone",
                "a term is in only one of the two",
                difference=distance(self.y, value),
            )
