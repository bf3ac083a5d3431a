"""Check every hand-written pair of a file, each in a process of its own with a time limit."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .catalogue import lookup
from .discover import Target, discover
from .source import SourceError
from .trial import ALONE

__all__ = ["FileReport", "Verdict", "check_file"]

LABELS = {
    "unimplemented": "not implemented",
    "raises": "raises",
    "forward": "wrong forward",
    "backward": "wrong backward",
}
SKIPS = 3  # statements of a file that may be left out because they never end


@dataclass(frozen=True)
class Verdict:
    """What was found about one target.

    label: right, wrong backward, wrong forward, fragile, raises, not implemented, inconclusive.
    text: the reason, one line.   full: the gradient report of the first failing case.
    """

    name: str
    title: str
    line: int
    label: str
    text: str
    outcomes: list[dict] = field(default_factory=list, repr=False)
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """pass for right, inconclusive, or fail for everything else."""
        return {"right": "pass", "inconclusive": "inconclusive"}.get(self.label, "fail")

    @property
    def full(self) -> str:
        """The gradient report of the first failing case, as text; empty if there is none."""
        failing = [o for o in self.outcomes if o["kind"] not in ("ok", "started")]
        return next((o["full"] for o in failing if o.get("full")), "")


@dataclass(frozen=True)
class FileReport:
    """All verdicts on a file, and notes about the file itself."""

    path: str
    verdicts: list[Verdict]
    notes: list[str]

    @property
    def status(self) -> str:
        """fail if any function fails, else inconclusive if any is, else pass."""
        found = {v.status for v in self.verdicts}
        return next((s for s in ("fail", "inconclusive") if s in found), "pass")

    def to_dict(self) -> dict:
        """Plain Python types; an outcome carries the whole report of its case."""
        functions = [{**asdict(v), "status": v.status} for v in self.verdicts]
        return {
            "file": self.path, "status": self.status, "notes": self.notes, "functions": functions,
        }  # fmt: skip


def check_file(
    path, *, function=None, inputs=None, seed=0, budget=None, timeout=30.0, workers=None
) -> FileReport:
    """Find and check the hand-written gradients of a file.

    function: only the target that this function belongs to; a function of no pair is called
    without arguments and must return a Report.   inputs: a Python file that defines
    gradcheck_inputs(name).   budget: forward calls per check.   timeout: seconds per target.
    Raises SourceError if the file cannot be read, or has nothing to check.

    >>> file = Path(tempfile.mkdtemp(), "layers.py")
    >>> _ = file.write_text("import numpy as np\\n"
    ...     "def tanh_forward(x): return np.tanh(x), x\\n"
    ...     "def tanh_backward(dout, cache): return dout / np.cosh(cache)\\n")
    >>> report = check_file(file)
    >>> report.status, report.verdicts[0].label
    ('fail', 'wrong backward')
    """
    source = discover(path)
    targets = select(source, function, inputs)
    job = {
        "path": str(Path(path).resolve()), "seed": seed, "budget": budget,
        "inputs": str(Path(inputs).resolve()) if inputs else None,
    }  # fmt: skip
    with ThreadPoolExecutor(workers or min(4, os.cpu_count() or 1)) as pool:
        results = list(pool.map(lambda target: run_target(target, job, timeout), targets))
    notes = {*source.notes, *(note for _, found in results for note in found)}
    return FileReport(str(path), [v for v, _ in results], sorted(notes, key=line_number))


def line_number(note):
    """Where in the file a note belongs: its "line 12: ..."."""
    words = note.split(":")[0].split()
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else 0


def select(source, function, inputs):
    """The targets to run; a forward without backward only where its formula is known."""
    targets = [t for t in source.targets if t.kind != "forward" or lookup(t)]
    if function:
        targets = [t for t in targets if function in (t.forward, t.backward, t.name)]
        if not targets and function in source.functions:
            line = source.functions[function].lineno
            targets = [Target(function, function, "report", function, line=line)]
    if not targets:
        what = f"no function {function}" if function else "nothing to check"
        raise SourceError(
            f"{source.path}: {what}. gradcheck looks for NAME_forward with NAME_backward, "
            "NAME_loss, rules such as adam(w, dw, config), and classes of layers and nets."
            + "".join(f"\n  {note}" for note in source.notes)
        )
    return targets


def run_target(target, job, timeout):
    """(Verdict, notes) of one target; a statement of the file that never ends is left out."""
    start, skip = time.perf_counter(), []
    for _ in range(SKIPS + 1):
        events, ended = run_child(target, {**job, "skip": skip}, timeout)
        line = [e["line"] for e in events if "line" in e][-1:] or [0]
        if ended == "done" or line == [0]:
            break
        skip += line
    outcomes = [e["outcome"] for e in events if "outcome" in e]
    if not any("line" in e for e in events):
        outcomes = [unfinished([], f"gradcheck itself failed: {ended}") | {"kind": "inconclusive"}]
    elif ended != "done":
        outcomes = [*outcomes, unfinished(outcomes, ended)]
    outcomes = [o for o in outcomes if o["kind"] != "started"]
    label, text = verdict(target, outcomes)
    seconds = time.perf_counter() - start
    notes = [e["note"] for e in events if "note" in e]
    return Verdict(target.name, target.title, target.line, label, text, outcomes, seconds), notes


def run_child(target, job, timeout):
    """(events, how it ended) of one process: done, a time limit, or a crash."""
    with tempfile.TemporaryDirectory() as folder:
        events, file = Path(folder, "events"), Path(folder, "job")
        events.touch()
        file.write_text(json.dumps({**job, "events": str(events), "target": asdict(target)}))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gradcheck.files.child", str(file)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            cwd=Path(job["path"]).parent, env=environment(),
        )  # fmt: skip
        try:
            _, errors = process.communicate(timeout=timeout)
            ended = f"the process {exit_words(process.returncode)} {tail(errors)}".strip()
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            ended = f"no answer within {timeout:g} s (an endless loop?)"
        lines = events.read_text(errors="replace").splitlines()
    found = [json.loads(line) for line in lines if line.endswith("}")]
    return found, "done" if {"done": True} in found else ended


def exit_words(code):
    """How a process ended; a negative code is the signal that stopped it."""
    if code >= 0:
        return f"ended with code {code}"
    names = {s.value: s.name for s in signal.Signals}
    return f"was stopped by {names.get(-code, f'signal {-code}')}"


def environment():
    """One thread of linear algebra per process, no screen, and this very gradcheck."""
    home = str(Path(__file__).resolve().parents[2])
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    paths = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return {**os.environ, **threads, "MPLBACKEND": "Agg", "PYTHONPATH": paths}


def tail(errors):
    """The last line that the process wrote before it was silenced."""
    lines = errors.decode(errors="replace").strip().splitlines()
    return f"({lines[-1]})" if lines else ""


def unfinished(outcomes, ended):
    """The outcome of a case that never came to an end."""
    last = outcomes[-1] if outcomes and outcomes[-1]["kind"] == "started" else {}
    return {"case": last.get("case", ""), "main": last.get("main", True), "kind": "raises",
            "text": ended, "hint": ""}  # fmt: skip


def verdict(target, outcomes):
    """(label, reason) from the outcomes: main cases decide, then a probe that fails is fragile."""
    mains = [o for o in outcomes if o["main"]]
    for kind, label in LABELS.items():
        failing = [o for o in mains if o["kind"] == kind]
        if failing:
            return label, reason(failing[0], [o for o in mains if o["kind"] == "ok"])
    failing = [o for o in outcomes if o["kind"] not in ("ok", "inconclusive")]
    if failing:
        others = ", ".join(dict.fromkeys(o["case"] for o in failing[1:]))
        return "fragile", reason(failing[0]) + (f"; also: {others}" if others else "")
    undecided = [o for o in mains if o["kind"] == "inconclusive"]
    if undecided or not mains:
        return "inconclusive", undecided[0]["text"] if undecided else "nothing was checked"
    return "right", praise(target, outcomes)


def reason(outcome, right=()):
    """One line: the case, what was seen there, where it is right, and what that suggests."""
    parts = [f"{outcome['case']}: {outcome['text']}" if outcome["case"] else outcome["text"]]
    if right and outcome["case"]:
        parts.append("right with: " + ", ".join(o["case"] for o in right))
    explained = re.search(r"^AssertionError: |consistent with: ", outcome["text"])
    if outcome.get("hint") and outcome["kind"] != "unimplemented" and not explained:
        parts.append("perhaps " + outcome["hint"])
    return "; ".join(parts)


def praise(target, outcomes):
    """One line for a right function: how much was tried, and the convention that it follows."""
    errors = [o["error"] for o in outcomes if "error" in o]
    worst = f", worst relative error {max(errors):.1e}" if errors else ""
    conventions = {o["convention"]: None for o in outcomes if o.get("convention")}
    if len(conventions) > 1:
        conventions.pop(ALONE, None)  # true of some cases only
    return "; ".join([f"{len(outcomes)} cases{worst}", *conventions])
