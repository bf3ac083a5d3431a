"""Run a zoo of training programs and write its scores: the first zoo, or the blind one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import blind, third, training
from .score import Result, diagnose, summary, table

ZOOS = {"training": training, "blind": blind, "third": third}
SCORES = Path(__file__).with_name("scores.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print (and write) the scores; exit status 1 if they miss their goals."""
    parser = argparse.ArgumentParser(prog="python -m lessons.zoo", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--zoo", choices=ZOOS, default="training", help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: training's scores.md")
    options = parser.parse_args(arguments)
    zoo = ZOOS[options.zoo]
    output = options.output or (SCORES if zoo is training else None)
    programs = [p for p in (*zoo.BROKEN, *zoo.HEALTHY) if options.only in p.name]
    results = []
    for program in programs:
        results.append(diagnose(program, seed=options.seed))
        print(_line(results[-1]), flush=True)
    text = page(results)
    print("\n" + text)
    if output and not options.only:
        output.write_text(text, encoding="utf-8")
    return 0 if goals_met(summary(results)) else 1


def goals_met(scores: dict[str, float]) -> bool:
    """Recall 90 %, the right fault in the top two for 75 %, at most 5 % false alarms."""
    right = scores["recall"] >= 0.9 and scores["top two"] >= 0.75
    return right and scores["false alarms"] <= 0.05


def page(results: Sequence[Result]) -> str:
    """The scores as Markdown."""
    s = summary(results)
    lines = [
        "# Scores of the doctor over the zoo of training programs",
        "",
        f"{s['broken']} broken programs: {s['recall']:.1%} raised an alarm, {s['named']:.1%} got "
        f"the right name, {s['top two']:.1%} among the first two findings.",
        f"{s['healthy']} healthy programs: {s['false alarms']:.1%} raised an alarm.",
        "",
        "| detector | programs | true alarms | alarms in healthy | precision | recall |",
        "|---|---|---|---|---|---|",
    ]
    for kind, programs, found, false, precision, recall in table(results):
        numbers = f"{programs} | {found} | {false} | {_percent(precision)} | {_percent(recall)}"
        lines.append(f"| {kind.replace('_', ' ')} | {numbers} |")
    return "\n".join([*lines, ""])


def _percent(share: float) -> str:
    return f"{share:.0%}" if share == share else "-"


def _line(result: Result) -> str:
    mark = "ok " if (result.named(2) if result.program.faults else not result.kinds) else "   "
    kinds = ", ".join(result.kinds) or "no alarm"
    return f"{mark}{result.seconds:4.1f} s  {result.program.name:40s} {kinds}"


if __name__ == "__main__":
    raise SystemExit(main())
