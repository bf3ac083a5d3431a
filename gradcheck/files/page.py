"""The report on a file as text and as one HTML page."""

from collections import Counter
from html import escape

__all__ = ["render_html", "render_text"]

ORDER = ("right", "wrong backward", "wrong forward", "fragile", "raises", "not implemented",
         "inconclusive")  # fmt: skip


def counts(report) -> str:
    """How many functions got which label, in words.

    >>> from .runner import FileReport, Verdict
    >>> counts(FileReport("f.py", [Verdict("relu", "relu_forward", 1, "right", "")], []))
    '1 function: 1 right'
    """
    found = Counter(v.label for v in report.verdicts)
    parts = [f"{found[label]} {label}" for label in ORDER if found[label]]
    total = len(report.verdicts)
    return f"{total} function{'s' if total > 1 else ''}: {', '.join(parts)}"


MEANING = {
    "wrong forward": "computes something else than its name promises, whatever its gradient",
    "fragile": "right in the plain case, wrong or unsafe in the cases that are named",
}


def legend(reports) -> list[str]:
    """What a label means, for those that occur and do not say it themselves."""
    found = {v.label for report in reports for v in report.verdicts}
    return [f"{label}: {words}" for label, words in MEANING.items() if label in found]


def render_text(report) -> str:
    """One line per function, the notes on the file, then the diagnosis of each failure.

    >>> from .runner import FileReport, Verdict
    >>> report = FileReport("f.py", [Verdict("relu", "relu_forward", 1, "right", "7 cases")], [])
    >>> print(render_text(report))
    gradcheck  f.py  1 function: 1 right
      right            relu_forward  7 cases
    """
    wide = max(len(v.title) for v in report.verdicts)
    lines = [f"gradcheck  {report.path}  {counts(report)}"]
    lines += [f"  {v.label:<15}  {v.title:<{wide}}  {v.text}" for v in report.verdicts]
    lines += [f"  note             {note}" for note in [*report.notes, *legend([report])]]
    for v in report.verdicts:
        if v.status != "pass" and v.full:
            lines += ["", f"{v.label}: {v.title}, line {v.line}"]
            lines += ["  " + line for line in v.full.splitlines()]
    return "\n".join(lines)


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top;
        padding: .3rem .6rem; border-bottom: 1px solid #ddd }
pre { overflow-x: auto; background: #f6f6f4; padding: .8rem } code { white-space: nowrap }
h2 { overflow-wrap: anywhere }
@media (max-width: 45rem) {        /* a phone: one block per function instead of a row */
  table, tbody, tr, td { display: block } th { display: none } code { white-space: normal }
  td:nth-child(3)::before { content: 'line ' } td { border: 0; padding: .1rem 0 }
  tr { border-bottom: 1px solid #ddd; padding: .6rem 0 } }
.pass { color: #17652f } .fail { color: #a11212 } .inconclusive { color: #7a5600 }
"""


def render_html(reports) -> str:
    """A page without scripts or outside files: a table per file, diagnoses to unfold."""
    body = "\n".join(file_section(report) for report in reports)
    body += "".join(f"\n<p>{escape(words)}</p>" for words in legend(reports))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>gradcheck</title>'
        f"<style>{STYLE}</style></head><body><h1>gradcheck</h1>\n{body}\n</body></html>\n"
    )


def file_section(report):
    """One file as HTML: a table of its functions, then the notes."""
    rows = "\n".join(row(v) for v in report.verdicts)
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return (
        f"<h2>{escape(report.path)}</h2>\n<p>{escape(counts(report))}</p>\n"
        f"<table><tr><th>verdict<th>functions<th>line<th>why</tr>\n{rows}\n</table>\n"
        + (f"<p>Notes</p><ul>{notes}</ul>" if notes else "")
    )


def row(v):
    """One table row; the whole gradient report unfolds below the reason."""
    detail = f"<details><summary>report</summary><pre>{escape(v.full)}</pre></details>"
    shown = detail if v.full and v.status != "pass" else ""
    return (
        f'<tr><td class="{v.status}">{v.label}<td><code>{escape(v.title)}</code><td>{v.line}'
        f"<td>{escape(v.text)}{shown}</tr>"
    )
