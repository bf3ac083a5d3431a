"""A network's doctor: watches a training run and says what is wrong with it, worst first."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from typing import Any

from ..modes import Mode, attach, detach, mode, observe
from ..train import Monitor
from .detectors import detect
from .examine import examine
from .finding import Finding, rank
from .record import Record
from .recorder import Recorder

__all__ = ["Diagnosis", "Doctor"]

WELL = 0.5  # a try that gains half of chance shows that data and model are sound


class Diagnosis(list[Finding]):
    """Findings, the most serious first; prints as text.   ``alarms``: those above "note"."""

    @property
    def alarms(self) -> list[Finding]:
        """The findings above "note"."""
        return [finding for finding in self if finding.alarm]

    def to_dict(self) -> list[dict[str, str]]:
        """The findings as plain dicts."""
        return [vars(finding) | {"lesson": finding.lesson} for finding in self]

    def __str__(self) -> str:
        if not self:
            return "No findings: the run looks healthy."
        return "\n\n".join(str(finding) for finding in self)

    __repr__ = __str__


class Doctor(Monitor):
    """Watch training through the observer seam; ``report()`` ranks what the detectors find.

    every: steps between two full looks.   tell: called with one line per new alarm at the end of
    each epoch of `fit`; default: silent; ``Doctor.speak`` prints to stderr.

    With `fit`: ``fit(..., monitors=[doctor])``.  With a loop of your own:
    ``with doctor.watching(): ...``.

    >>> import numpy as np
    >>> from minnet import data, functional as F, nn, optim
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Softmax())
    >>> opt, doctor = optim.SGD(model.parameters(), lr=0.1), Doctor()
    >>> with doctor.watching():
    ...     for _ in range(3):
    ...         for x, y in data.Loader(data.blobs(40, rng=0).map(np.tanh), rng=0):
    ...             loss = F.cross_entropy(model(x), y)
    ...             opt.zero_grad()
    ...             loss.backward()
    ...             opt.step()
    >>> doctor.report()[0].kind
    'softmax_twice'
    """

    def __init__(self, every: int = 10, *, tell: Callable[[str], Any] | None = None):
        self.recorder, self.tell = Recorder(every), tell
        self._told: set[str] = set()
        self._watch = False
        self._known = 0  # steps in the history whose loss the recorder has
        self._due = 0  # the step after which there is something to do

    @staticmethod
    def speak(line: str) -> None:
        """Print one line to stderr."""
        print(line, file=sys.stderr)

    def watching(self) -> Any:
        """A block whose training is watched."""
        return observe(self.recorder)

    def start(self, run: Any) -> None:
        """Begin to watch."""
        self._known, self._due = len(run.history.since("loss", 0)), 0
        self._attach(True)

    def after_step(self, run: Any) -> None:
        """Between the samples nobody observes; after an epoch its evaluation is seen."""
        t = run.history.steps
        if t < self._due:
            return
        if self._watch:
            self._known += 1  # the recorder has seen this step itself
        else:
            self._catch_up(run)
        steps = len(run.loader)
        left = steps - t % steps  # to the end of the epoch that is under way, or of the next
        self._attach(self.recorder.full or left == steps)
        self._due = t if self._watch else t + min(self.recorder.unsampled, left)

    def _catch_up(self, run: Any) -> None:
        """Hand over the losses of the steps that nobody observed."""
        losses = run.history.since("loss", self._known)
        self._known += len(losses)
        if not self._watch:
            self.recorder.skip(losses)

    def epoch_end(self, run: Any) -> None:
        """Tell the alarms that are new."""
        if self.tell is None:
            return
        for finding in detect(self._snapshot()):
            if finding.alarm and finding.kind not in self._told:
                self._told.add(finding.kind)
                self.tell(finding.line())

    def end(self, run: Any) -> None:
        """Stop watching."""
        unseen = not self._watch and run.loss is not None
        self._catch_up(run)
        if unseen and not isfinite(run.loss.item()):
            with _unobserved():
                self.recorder.broke(run.model, (run.batch[0],))
        self._attach(False)

    def _attach(self, on: bool) -> None:
        if on and not self._watch:
            attach(self.recorder)
            self._watch = True
        elif not on and self._watch:
            detach(self.recorder)
            self._watch = False

    def report(self, *, exams: bool = True) -> Diagnosis:
        """All findings, the most serious first; of several models each kind once.

        exams: also examine a copy of the model as it was before training: can it learn a few
        examples by heart, does it mix examples, do the inputs say anything about the targets.
        """
        self.recorder.finish()
        last = (self.recorder.record, self.recorder.model, self.recorder.examples)
        runs = [*self.recorder.past, last]
        found: dict[str, Finding] = {}
        for record, model, examples in runs:
            if exams:
                with _unobserved():
                    examine(model, examples, record)
            for finding in detect(record):
                better = _tried(record, [r for r, _, _ in runs])
                if better and finding.alarm and finding.evidence != "fact":
                    finding = replace(finding, level="note")
                if finding.kind not in found or finding.alarm > found[finding.kind].alarm:
                    found[finding.kind] = finding
        return Diagnosis(rank([*found.values()]))

    @property
    def steps(self) -> int:
        """Optimizer steps seen, of all models."""
        return self.recorder.record.steps + sum(r.steps for r, _, _ in self.recorder.past)

    def _snapshot(self) -> Any:
        self.recorder.waiting.measure()
        return copy.copy(self.recorder.record)


def _tried(record: Record, runs: list[Record]) -> bool:
    """Whether a run was one try of a search: another one with equal parameters went well."""
    shape = _shape(record)
    return any(_shape(r) == shape and r.skill > max(record.skill, WELL) for r in runs)


def _shape(record: Record) -> list[tuple[str, tuple[int, ...]]]:
    return [(w.name, w.shape) for s in record.samples[:1] for w in s.weights]


@contextmanager
def _unobserved() -> Iterator[None]:
    """What happens inside is no training."""
    token = mode.set(Mode())
    try:
        yield
    finally:
        mode.reset(token)
