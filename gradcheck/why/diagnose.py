"""Why a gradient is wrong: pattern rules GC-P1 to P16 on analytic and numeric gradients, ranked.

Codes, and the mistake each stands for (a label for a planted bug is any code that names its cause):

    zero               never computed, returned under a wrong key                          P2
    swapped            two parameters' gradients exchanged                                 P3
    scale              a global factor: mean/sum, 1/2, N, T^2, 1/keep, sqrt(d), lr          P1
    sign               one minus too many or too few                                       P1
    transposed         the right numbers, axes exchanged                                   P4
    flipped shifted reordered    reversed axis; offset or crop; reshape, permutation        P4
    forward-map        J d for J^T d: W for W.T, cumsum not reversed, wrong permutation     P11
    wrong-axis         a reduction (sum, mean, softmax, statistics) over the wrong axis     P8
    one-sample         only some samples, positions or steps are summed                    P12
    repeated-index     += with repeated indices keeps the last only                        P12
    overlap-assign     = for += where windows, steps or uses overlap                       P12
    carry-lost         the gradient from the next time step missing or wrong               P12
    coupling-missing   entries treated as independent (statistics as constants, diagonal only)
    label-term         the term at the label: -1, the count, its division                  P10
    argmax-term        gradient sent (or not) through the maximum                          P10
    zeroed             cut to zero where it should flow: mask too wide, branch without gradient
    leak               let through where it should be zero: mask missing or too narrow     P7
    mask-inverted      flows exactly where it should not                                   P7
    one-cell           all of a window's gradient to one cell                              P7
    branch             one branch's slope or condition: wrong only where x < 0, |x| > c    P7
    axis-factor        a factor per channel or row: gamma, 1/sigma, weights, counts        P5
    local-derivative   elementwise factor wrong: derivative of the wrong argument or function   P6
    extra-term         a regulariser, skip connection or path missing, extra, or scaled    P10
    mean-term          the term through a mean or normalising sum missing or wrong         P9 P10
    variance-term      the projection (variance, norm) term missing or wrong               P9 P10
    normalisation-terms    both of these                                                   P10
    border             wrong only at the border of images                                  P12
    partial-slice      whole slices right, others wrong                                    P12
    wrong-place        the right amount in the wrong place: stride, kernel, scatter        P8
    batch-reduction    right at batch 1 only                                               P13
    ones-upstream      right for an upstream of ones only                                  P14
    small-plateau      another approximation, eps placement, n - 1 for n, stale values     P15
    wrong-operand      only this parameter is wrong: what its local formula multiplies     P16
    shared-step        all wrong together: a hidden activation, a wrong matrix on the way  P16
    localisation       (note) which parameters are right, and what follows                 P16

Codes of faults that need no comparison are in `contract`.

Findings rank by tier (a hit in one of the first two ends the search); in a tier, what accounts for
every number of the gradient comes before what says only where it is wrong (evidence "place"), and a
rule that had few candidates to choose from before one that had many.  Two are shown for a
parameter; each names the others that fit in its evidence, under "fits as well".
"""

import numpy as np

from ..report import Evidence, Finding
from . import contributions, hidden, jacobian, moved, paths, patterns, places, probe, steps, terms
from .facts import Facts, norm

__all__ = ["RULES", "diagnose", "rank"]

RULES = (  # a tier ends the search by what it finds; in a tier, few candidates before many
    (patterns.zero, patterns.swapped),
    (
        patterns.scale,
        places.label_term,
        moved.rearranged,
        jacobian.forward_map,
        moved.shifted,
        moved.elsewhere,
        moved.wrong_slice,
        moved.reordered,
        moved.built_from_upstream,
        paths.use_forgotten,
        places.repeated_index,
        paths.target_term,
        paths.extra_term,
    ),
    (
        places.stops_early,
        patterns.zero_pattern,
        contributions.masked_outputs,
        patterns.axis_factor,
        places.argmax_term,
        places.branch,
        steps.first_step,
        places.last_step,
        steps.coupling,
        contributions.lost_contributions,
        contributions.leaking,
        contributions.output_factor,
        patterns.local_derivative,
        terms.mean_term,
        terms.normalisation_terms,
        terms.term_through_sum,
        terms.row_term,
        jacobian.misplaced,
        places.border,
        paths.other_terms,
        paths.path_missing,
        hidden.product_path,
        paths.direct_path,
        hidden.hidden_factor,
    ),
    (
        terms.small_plateau,
        terms.shift_invariance,
        terms.scale_invariance,
        places.partial_slice,
        places.wrong_place,
        jacobian.ones_upstream,
        probe.batch_one,
    ),
)

ALONE = "a fault in its own line only: what it multiplies, or over what it sums"
TOGETHER = "a fault in a step of backward that the wrong ones share, before they split"
LINE = "look at the line that computes {}: the arrays in it, their steps, the axes of its sums"
NEXT = "start at the output: what is right there stays right up to the first step that is not"
EXACT, ENOUGH = 2, 2  # a hit in a tier before EXACT ends the search, as do ENOUGH later ones


def diagnose(evidence: Evidence) -> list[Finding]:
    """Findings for one failing parameter, best explanation first, the localisation last."""
    if evidence.A.shape != evidence.M.shape or not (usable(evidence.A) and usable(evidence.M)):
        return []  # the contract battery has said why
    facts, found = Facts(evidence), []
    if not facts.wrong.any():
        return []
    for tier, rules in enumerate(RULES):
        hits = [(i, rule(facts)) for i, rule in enumerate(rules)]
        found += [placed(hit, tier, i) for i, hit in hits if hit]
        if found and tier < EXACT or len(found) >= ENOUGH:
            break
    found = told_once(rank(found))
    shown = ambiguous(found)[:ENOUGH]
    where = localise(facts, explained(shown))
    return shown + [placed(f, EXACT, len(RULES[EXACT]), place=True) for f in where]


def told_once(found) -> list[Finding]:
    """Each code once, and not that contributions are lost where it is known which ones."""
    codes = {f.code for f in found}
    less = {"overlap-assign"} if codes & {"carry-lost", "coupling-missing"} else set()
    first = {f.code: f for f in reversed(found)}
    return [f for f in found if f is first[f.code] and f.code not in less]


def explained(found) -> bool:
    """True if the numbers are accounted for exactly, or in as many ways as are shown."""
    ranks = [f.evidence["rank"] for f in found]
    return any(tier < EXACT for tier, *_ in ranks) or [p for _, p, _ in ranks] == [False] * ENOUGH


def usable(a) -> bool:
    """True for finite numbers."""
    return bool(np.all(np.isfinite(a)))


def placed(finding, tier, order, place=False) -> Finding:
    """The finding with its rank kept as evidence: what accounts for the numbers of a gradient comes
    before what says only where it is wrong, and a rule of few candidates before one of many."""
    finding.evidence["rank"] = (tier, finding.evidence.pop("place", place), order)
    return finding


def rank(findings) -> list[Finding]:
    """Findings of several parameters in one order: the most specific explanation first.

    >>> late = Finding("b", "fail", "", "", {"rank": (2, False, 0)})
    >>> rank([late, Finding("a", "fail", "", "")])[0].code
    'a'
    """
    return sorted(findings, key=lambda f: f.evidence.get("rank", (-1, False, 0)))


def ambiguous(found) -> list[Finding]:
    """Says where another rule of the same rank fits as well."""
    codes = [f.code for f in found]
    for f in found:
        others = [c for c in dict.fromkeys(codes) if c != f.code]
        if others:
            f.evidence["fits as well"] = others
    return found


def localise(f, clear) -> list[Finding]:
    """GC-P16: which parameters are right, and what follows."""
    table = {k: v for k, v in f.e.all_params.items() if v[0].shape == v[1].shape}
    wrong = [k for k, (A, M, U) in table.items() if norm(A - M) > 1e-5 * norm(M) + 10 * norm(U)]
    right = [k for k in table if k not in wrong]
    if f.name not in wrong[:1] or len(table) < 2:
        return []
    words = f"wrong: {', '.join(wrong)}; right: {', '.join(right) or 'none'}"
    alone = "wrong-operand", ALONE, LINE.format(f.name)
    code, why, hint = alone if len(wrong) == 1 else ("shared-step", TOGETHER, NEXT)
    found = {"wrong": wrong, "right": right}
    note = Finding("localisation", "note", "", words, found, NEXT if clear else "")
    return [note] if clear else [f.finding("GC-P16", code, why + f" ({words})", hint), note]
