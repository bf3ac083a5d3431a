"""From judged lines to the verdict on a parameter."""

import numpy as np

from .report import ParamResult, worst_status
from .tolerance import band, norm

__all__ = ["conclude", "failed", "merge"]


def conclude(name, a, length, slopes, entries, where) -> ParamResult:
    """The verdict on a parameter from the Entries of its directions and elements; length: of a."""
    lines = [many for many in (slopes, entries) if len(many)]
    compared = entries if len(entries) else slopes
    status, shown = param_status(slopes, lines), compared.shown()
    judged = shown
    unresolved = count(lines, "inconclusive")
    if unresolved and status == "pass":
        settled = ~compared.judged("inconclusive")
        judged = shown[settled] if settled.any() else shown
    size = max(norm(compared.analytic), norm(compared.numeric))
    max_rel = float(judged.max())  # NaN wins
    kinked = sum(int(np.count_nonzero(many.flagged("kink"))) for many in lines)
    errors = np.full(a.shape, np.nan)
    if len(entries):
        errors.ravel()[where] = shown
    return ParamResult(
        name=name,
        shape=a.shape,
        status=status,
        max_rel=max_rel,
        norm_rel=norm(compared.miss()) / size if size else 0.0,
        n_checked=len(entries),
        n_total=a.size,
        entries=compared,
        kinked=kinked,
        uncertainty=max(float(many.uncertainty.max()) for many in lines),
        band=str(band(max_rel, kinks=kinked > 0)),
        unresolved=unresolved,
        directions=slopes,
        norm=length,
        errors=errors,
    )


def count(lines, status) -> int:
    """How many records have that status."""
    return sum(int(np.count_nonzero(many.judged(status))) for many in lines)


def param_status(slopes, lines) -> str:
    """fail if any line failed; pass if most lines were settled; else inconclusive."""
    if count(lines, "pass") == sum(map(len, lines)):
        return "pass"
    if count(lines, "fail"):
        return "fail"
    weak = slopes.judged("inconclusive") & ~slopes.flagged("on-kink") if len(slopes) else ()
    settled = 2 * count(lines, "pass") > sum(map(len, lines))
    return "pass" if settled and sum(weak) <= len(slopes) // 2 else "inconclusive"


def failed(name, x) -> ParamResult:
    """A parameter that could not be compared at all."""
    return ParamResult(
        name, x.shape, "fail", float("nan"), float("nan"), 0, x.size, band="probably wrong"
    )


def merge(one, two) -> ParamResult:
    """The worse of the results at two points, with both points' lines counted."""
    if one is None or one.status == two.status == "pass" and one.max_rel <= two.max_rel:
        return two
    return max(
        one,
        two,
        key=lambda p: (worst_status([p.status]) == "fail", p.status == "inconclusive", p.max_rel),
    )
