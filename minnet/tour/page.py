"""The report: one HTML page that asks for nothing outside itself, and the same numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from ..data.files import replacing
from . import texts
from .figures import Shown, draw
from .job import Results

__all__ = ["render", "write"]


def write(results: Results, folder: str | Path) -> Path:
    """Write report.html and tour.json into the folder, whole or not at all; return the page."""
    page, record = Path(folder, "report.html"), Path(folder, "tour.json")
    contents = {page: render(results), record: json.dumps(results.to_dict(), indent=1)}
    for path, text in contents.items():
        with replacing(path) as file:
            file.write(text.encode())
    return page


def render(results: Results) -> str:
    """The page as text."""
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    pictures = draw(results)
    network = f"<pre>{escape(repr(results.model))}</pre>"
    sections = [
        _section("The network", network, texts.network(results)),
        _section("Gradient check", _gradient_table(results), texts.gradients(results)),
        _section("Sanity checks", _sanity_table(results), texts.sanity(results)),
        *(
            _section(title, _figures(pictures[name]), text(results))
            for name, (title, text) in texts.PICTURES.items()
        ),
    ]
    return Template(template).substitute(
        title=escape(results.settings.recipe.title),
        lead=escape(texts.lead(results)),
        facts="\n".join(_fact(*fact) for fact in texts.facts(results)),
        sections="\n".join(sections),
        footer=escape(texts.footer(results)),
    )


def _fact(value: str, name: str) -> str:
    return f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>"


def _section(title: str, body: str, how: str) -> str:
    head, foot = f"<h2>{escape(title)}</h2>", f'<p class="how">{escape(how)}</p>'
    return f'<section>\n{head}\n<div class="body">\n{body}\n{foot}\n</div>\n</section>'


def _figures(shown: Sequence[Shown]) -> str:
    return f'<div class="figures">{"".join(one.html() for one in shown)}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    """Rows of text; the columns in ``numbers`` are set flush right; a verdict gets its colour."""

    def cells(row: Sequence[Any]) -> str:
        columns = zip(head, row, strict=True)
        return "".join(_cell(str(x), name, k in numbers) for k, (name, x) in enumerate(columns))

    top = "".join(
        f'<th class="number">{escape(name)}</th>' if k in numbers else f"<th>{escape(name)}</th>"
        for k, name in enumerate(head)
    )
    body = "\n".join(f"<tr>{cells(row)}</tr>" for row in rows)
    return f'<div class="scroll"><table>\n<tr>{top}</tr>\n{body}\n</table></div>'


def _cell(value: str, name: str, number: bool) -> str:
    kind = "number" if number else value if value in ("pass", "fail") else "text"
    return f'<td class="{kind}" data-name="{escape(name)}">{escape(value)}</td>'


def _gradient_table(results: Results) -> str:
    rows = []
    for p in results.gradients.params.values():
        worst = p.worst[0]
        checked = f"{p.n_checked:,} of {p.n_total:,}"
        pair = (f"{worst.analytic:.8e}", f"{worst.numeric:.8e}")
        rows.append((p.status, p.name, p.shape, checked, f"{p.max_rel:.1e}", *pair))
    head = ("", "parameter", "shape", "entries", "worst error", "by backward", "by differences")
    return _table(head, rows, numbers=(3, 4, 5, 6))


def _sanity_table(results: Results) -> str:
    rows = [(c.verdict, c.name, c.expected, c.measured, c.why) for c in results.sanity.checks]
    table = _table(("", "check", "expected", "measured", "why"), rows)
    return f'<div class="stacking">{table}</div>'
