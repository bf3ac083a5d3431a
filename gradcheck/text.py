"""A report as text and as HTML, for people."""

from html import escape
from itertools import islice
from textwrap import wrap

__all__ = ["render", "render_html", "summary"]

HEAD = (
    "parameter",
    "shape",
    "checked",
    "status",
    "max rel",
    "norm rel",
    "worst index",
    "analytic",
    "numeric",
    "+-",
)


def summary(report) -> str:
    """One line: the verdict, and the worst entry with its raw pair."""
    tol = report.settings.get("tol", 0)
    head = f"gradcheck  {word(report.status)}  {report.name}  {parameters(report)}"
    worst = report.worst(1) if not report.ok else worst_judged(report)
    if worst:
        name, e = worst[0]
        error = report.params[name].max_rel
        kink = ", on a kink" if "on-kink" in e.flags else ""
        head += (
            f", worst relative error {error:.1e} ({name}{position(e)}: {e.analytic:.4e} vs "
            f"{e.numeric:.4e}{kink})"
        )
    return f"{head}, tolerance {tol:g}, {report.nfev} forward calls"


def parameters(report) -> str:
    """ "1 parameter", "3 parameters"."""
    n = len(report.params)
    return f"{n} parameter{'' if n == 1 else 's'}"


def worst_judged(report) -> list:
    """[(name, entry)] of the largest error among what was judged: of a pass, not what was not."""
    params = sorted(report.params.values(), key=lambda p: p.max_rel, reverse=True)
    judged = ((p.name, e) for p in params for e in p.worst if e.status != "inconclusive")
    return list(islice(judged, 1))


def render(report) -> str:
    """One line for a clean pass, the whole story otherwise."""
    if report.status == "pass" and not report.findings:
        return summary(report)
    lines = [
        f"gradcheck  {word(report.status)}   {report.name}   {parameters(report)}, "
        f"{report.nfev} forward / {report.nbev} backward calls, {report.seconds:.2f} s, "
        f"seed {report.seed}"
    ]
    if report.params:
        lines += columns([HEAD, *(row(p) for p in report.params.values())])
        lines += folded("  reference     ", reference(report))
    return "\n".join(lines + stories(report))


def row(p) -> tuple[str, ...]:
    """One parameter's line of the table."""
    e = p.worst[0] if len(p.worst) else None
    raw = (
        (position(e), f"{e.analytic: .4e}", f"{e.numeric: .4e}", f"{e.uncertainty:.0e}")
        if e
        else ("", "", "", "")
    )
    return (
        p.name,
        str(p.shape),
        f"{p.n_checked}/{p.n_total}",
        word(p.status),
        f"{p.max_rel:.1e}" if p.max_rel == p.max_rel else "-",
        f"{p.norm_rel:.1e}" if p.norm_rel == p.norm_rel else "-",
        *raw,
    )


def columns(rows) -> list[str]:
    """Rows as aligned text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows
    ]


def reference(report) -> str:
    """How the numeric side was made, and the words of the notes for the worst error."""
    params = report.params.values()
    steps = sorted(e.step for p in params for e in (*p.entries, *p.directions) if e.step == e.step)
    span = f", h {steps[0]:.0e}..{steps[-1]:.0e}" if steps else ""
    kinked, open_ = sum(p.kinked for p in params), sum(p.unresolved for p in params)
    kinks = f"{kinked} of the lines crossed a kink" if kinked else "no kinks seen"
    bands = ", ".join(f"{p.name} {p.band}" for p in params)
    flat = [name for name, s in report.sweeps.items() if s.plateau is not None]
    constant = (
        f"; the mismatch of {', '.join(flat)} is the same at every h, so not rounding"
        if flat
        else ""
    )
    left = f"; {open_} could not be judged" if open_ else ""
    method = report.settings.get("method", "")
    return f"{method}{span}; {kinks}{constant}{left}; in words: {bands}"


def by_gravity(report) -> list:
    """The findings, the gravest first."""
    order = {"fail": 0, "inconclusive": 1, "warn": 2, "note": 3}
    return sorted(report.findings, key=lambda f: order[f.severity])


def message(f) -> str:
    """A finding's parameter and sentence."""
    words = f.message.removesuffix(".")
    return f"{f.param}: {words}" if f.param else words


def hint(f) -> str:
    """What to look at next, as the rest of a sentence."""
    words = f.hint.removesuffix(".")
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def stories(report) -> list[str]:
    """Findings, each with what to look at next."""
    lines = []
    for f in by_gravity(report):
        lines += folded(f"  {word(f.severity):<13} ", f"{message(f)} [{f.code}]")
        lines += folded(f"  {'':8}next: ", hint(f)) if f.hint else []
    return lines


def folded(head, words) -> list[str]:
    """head and words in lines of 100, the further ones set in as far as the head reaches."""
    return wrap(
        words,
        100,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


COLOURS = {"pass": "#17652f", "warn": "#7a5600", "fail": "#a11212"}  # dark enough on white
BOX = "max-width:60em;font:14px/1.5 system-ui,sans-serif;color:#222;background:#fff;padding:.5em"
CELL = "text-align:left;padding:.1em .8em .1em 0;white-space:nowrap;border-bottom:1px solid #ddd"


def render_html(report) -> str:
    """The same for notebooks: a table that scrolls on its own, findings as a list; escaped."""
    cells = lambda tag, r: "".join(f'<{tag} style="{CELL}">{escape(c)}</{tag}>' for c in r)
    body = "".join(f"<tr>{cells('td', row(p))}</tr>" for p in report.params.values())
    items = "".join(f"<li>{item(f)}</li>" for f in by_gravity(report))
    words = " · ".join(escape(part) for part in summary(report).split("  "))
    words = words.replace(word(report.status), coloured(report.status), 1)
    table = f'<table style="border-collapse:collapse"><tr>{cells("th", HEAD)}</tr>{body}</table>'
    table = f'<div style="overflow-x:auto">{table}</div>' if report.params else ""
    return (
        f'<div class="gradcheck" style="{BOX}"><p>{words}</p>{table}'
        + (f"<p>reference: {escape(reference(report))}</p>" if report.params else "")
        + (f'<ul style="padding-left:1.2em">{items}</ul></div>' if items else "</div>")
    )


def item(f) -> str:
    """A finding as HTML: severity, sentence, code, and what to look at next on its own line."""
    next_ = f'<br><span style="color:#555">next: {escape(hint(f))}</span>' if f.hint else ""
    return f"{coloured(f.severity)} {escape(message(f))} <code>{escape(f.code)}</code>{next_}"


def coloured(status) -> str:
    """The status in bold; its word says the same as its colour."""
    return f'<b style="color:{COLOURS.get(status, "#555")}">{word(status)}</b>'


def word(status) -> str:
    """FAIL stands out, the rest is quiet."""
    return "FAIL" if status == "fail" else status


def position(e) -> str:
    """An entry's index: [3, 7], or [direction 0]."""
    if e.index and e.index[0] == "direction":
        return f"[direction {e.index[1]}]"
    return f"[{', '.join(map(str, e.index))}]" if e.index else ""
