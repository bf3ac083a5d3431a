"""A report as text and as HTML, for people."""

from html import escape

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
    head = f"gradcheck  {word(report.status)}  {report.name}  {len(report.params)} parameters"
    worst = report.worst(1)
    if worst:
        name, e = worst[0]
        error = report.params[name].max_rel
        head += (
            f", worst relative error {error:.1e} ({name}{position(e)}: {e.analytic:.4e} vs "
            f"{e.numeric:.4e})"
        )
    return f"{head}, tolerance {tol:g}, {report.nfev} forward calls"


def render(report) -> str:
    """One line for a clean pass, the whole story otherwise."""
    if report.status == "pass" and not report.findings:
        return summary(report)
    lines = [
        f"gradcheck  {word(report.status)}   {report.name}   {len(report.params)} parameters, "
        f"{report.nfev} forward / {report.nbev} backward calls, {report.seconds:.2f} s, "
        f"seed {report.seed}"
    ]
    lines += columns([HEAD, *(row(p) for p in report.params.values())])
    lines += [f"  {reference(report)}"] if report.params else []
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
        f"{p.max_rel:.1e}",
        f"{p.norm_rel:.1e}",
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
    steps = sorted(e.step for p in params for e in (*p.worst, *p.directions) if e.step == e.step)
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
    return f"reference   {method}{span}; {kinks}{constant}{left}; in words: {bands}"


def stories(report) -> list[str]:
    """Findings, the gravest first, each with what to look at next."""
    order = {"fail": 0, "inconclusive": 1, "warn": 2, "note": 3}
    lines = []
    for f in sorted(report.findings, key=lambda f: order[f.severity]):
        where = f"{f.param}: " if f.param else ""
        lines.append(f"  {f.severity:<12}{where}{f.message} [{f.code}]")
        lines += [f"    next: {f.hint}"] if f.hint else []
    return lines


def render_html(report) -> str:
    """The same as a table for notebooks; everything from outside is escaped."""
    cells = lambda tag, r: "".join(f"<{tag}>{escape(c)}</{tag}>" for c in r)
    body = "".join(f"<tr>{cells('td', row(p))}</tr>" for p in report.params.values())
    items = "".join(f"<li>{escape(line.strip())}</li>" for line in stories(report))
    colour = {"pass": "#2a7f3f", "warn": "#9a6b00", "inconclusive": "#555"}.get(
        report.status, "#b00020"
    )
    return (
        f'<div class="gradcheck"><p><b style="color:{colour}">{escape(word(report.status))}</b> '
        f"{escape(summary(report))}</p><table><tr>{cells('th', HEAD)}</tr>{body}</table>"
        f"<ul>{items}</ul></div>"
    )


def word(status) -> str:
    """FAIL stands out, the rest is quiet."""
    return "FAIL" if status == "fail" else status


def position(e) -> str:
    """An entry's index: [3, 7], or [direction 0]."""
    if e.index and e.index[0] == "direction":
        return f"[direction {e.index[1]}]"
    return f"[{', '.join(map(str, e.index))}]" if e.index else ""
