"""Studies as the page last saw them: read again only when something has changed."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from lrlab.core.answer import Answer
from lrlab.core.errors import LrlabError, NotFoundError
from lrlab.core.history import as_records, metric_names
from lrlab.core.outcome import StudyState
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Study
from lrlab.report.charts import UCurve, u_curve
from lrlab.report.curves import LearningCurves, Series, learning_curves, whole_series
from lrlab.report.view import View
from lrlab.store.protocol import StudySummary
from lrlab.studies.lab import Lab
from lrlab.web.changes import Drawn
from lrlab.web.standing import Standing, price_of, standing

_MOST_KEPT = 8
_MOST_VIEWS, _MOST_WHOLE = 32, 6
_MOST_SUMMARIES = 2_000
_AS_USUAL = View()
LIVE = (StudyState.RUNNING, StudyState.PAUSED)


class Line(NamedTuple):
    """A study in the list.

    Args:
        summary: The study.
        answer: Its stored answer without runs, where it has one.
        last: When something was last written to it, in seconds since 1970; None where that is unknown. A process that
            only lives writes nothing.
    """

    summary: StudySummary
    answer: Answer | None
    last: float | None

    @property
    def score(self) -> float | None:
        """The winner's score; None where there is none."""
        found = self.answer is not None and self.answer.found and math.isfinite(self.answer.score)
        return self.answer.score if self.answer is not None and found else None


@dataclass(frozen=True)
class Seen:
    """One moment of a study, with what is drawn of it.

    Args:
        mark: Differs whenever the study does.
        study: The study, records included.
        answer: Its answer, or the one so far.
        series: What was asked for of single runs: their metrics, whole and thinned.
        examined: Checkups of runs, by what they rest on; they outlive the moment.
        drawn: Learning curves that browsers have; they outlive it too.
    """

    mark: str
    study: Study
    answer: Answer
    series: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    examined: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    drawn: Drawn = field(default_factory=Drawn)
    _curves: dict[View, LearningCurves] = field(default_factory=dict)
    _whole: dict[tuple[object, ...], Mapping[RunKey, Series]] = field(default_factory=dict)

    @cached_property
    def u_curve(self) -> UCurve:
        """The U-curve."""
        return u_curve(self.answer)

    def curves(self, view: View = _AS_USUAL) -> LearningCurves:
        """The learning curves.

        Raises:
            SpecError: As ``learning_curves``.
        """
        if view not in self._curves:
            # To gather a million points takes a second; to look at a part of them then takes nothing.
            kind = (view.metric, view.x, view.smooth)
            if kind not in self._whole:
                while len(self._whole) >= _MOST_WHOLE:
                    self._whole.pop(next(iter(self._whole)), None)
                self._whole[kind] = whole_series(self.answer, view)
            whole = self._whole[kind]
            while len(self._curves) >= _MOST_VIEWS:
                self._curves.pop(next(iter(self._curves)), None)
            self._curves[view] = learning_curves(self.answer, view, series=whole)
        return self._curves[view]

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that any run has recorded, the study's own first."""
        names = {self.study.question.metric.name: None}
        for run in self.study.runs:
            names |= dict.fromkeys(metric_names(run.records))
        return tuple(names)

    @cached_property
    def price(self) -> float | None:
        """Full runs that the study is expected to cost in all; None where its searcher cannot be had here."""
        return price_of(self.study.question, self.study.searcher)

    @property
    def live(self) -> bool:
        """Whether a process holds the study."""
        return self.study.state in LIVE

    def run(self, number: int) -> Run:
        """The run of a number, from 1, in the order in which runs were asked for.

        Raises:
            NotFoundError: If there is none.
        """
        if not 1 <= number <= len(self.study.runs):
            raise NotFoundError(
                f'study "{self.study.name}": there is no run {number}.',
                hint=f"It has {len(self.study.runs)} runs.",
            )
        return self.study.runs[number - 1]


class Shelf:
    """The studies of a lab, read again only when they have changed.

    Args:
        lab: The studies.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._folder: Path | None = getattr(lab.store, "folder", None)
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._answers: dict[str, tuple[str, Answer | None]] = {}
        self._lock = threading.Lock()
        self._reading: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def mark(self, name: str) -> str:
        """A text that differs whenever the study does, from the times of its files; nothing is opened.

        Raises:
            NotFoundError: If there is no such study.
        """
        held = self.lab.store.heard(name) is not None
        if self._folder is None:
            study = self.lab.study(name)
            return f"{study.state}:{sum(len(run.records) + 1 for run in study.runs)}"
        signs = [str(int(held))]
        for suffix in ("", "-wal"):
            try:
                status = (self._folder / f"{name}.sqlite{suffix}").stat()
            except OSError:
                signs.append("0")
            else:
                signs.append(f"{status.st_mtime_ns:x}.{status.st_size:x}")
        return "-".join(signs)

    def seen(self, name: str) -> Seen:
        """A study as it stands.

        Raises:
            NotFoundError, ConflictError, StoreError: As ``Store.load``.
        """
        with self._lock:
            reading = self._reading.setdefault(name, threading.Lock())
        with reading:  # one that is large, or that another program has locked, keeps nobody from the others
            mark = self.mark(name)
            with self._lock:
                known = self._seen.get(name)
            if known is None or known.mark != mark:
                study = self._read(name) if known is None else self._grown(known.study)
                same = known is not None and known.study.created == study.created
                old = known if same else None
                known = Seen(
                    mark, study, self.lab.answer(study),
                    examined=old.examined if old else {}, drawn=old.drawn if old else Drawn(),
                )  # fmt: skip
            with self._lock:
                self._seen[name] = known
                self._seen.move_to_end(name)
                while len(self._seen) > _MOST_KEPT:
                    self._seen.popitem(last=False)
            return known

    def _read(self, name: str) -> Study:
        """A study with its records: as columns where they are many and no answer has to be made of them."""
        with self.lab.store.snapshot(name) as snapshot:
            if self.lab.has_answer(snapshot.study):
                runs = snapshot.study.runs
                whole = tuple(replace(run, records=as_records(snapshot.history(run.key))) for run in runs)
                return replace(snapshot.study, runs=whole)
        return self.lab.study(name)

    def _grown(self, old: Study) -> Study:
        """What has become of a study: only the records that have come are read, because no record ever changes."""
        with self.lab.store.snapshot(old.name) as snapshot:
            study = snapshot.study
            if study.created != old.created:  # another one of that name
                return self._read(old.name)
            had = {run.key: run.records for run in old.runs}
            return replace(study, runs=tuple(
                replace(run, records=records + as_records(snapshot.history(run.key, first=len(records))))
                for run in study.runs
                for records in [had.get(run.key, ())]
            ))  # fmt: skip

    def lines(self) -> list[Line]:
        """Every study in a line, newest first."""
        found = []
        for summary in self.lab.studies():
            mark = repr(summary)
            known = self._answers.get(summary.name)
            if known is None or known[0] != mark:
                known = (mark, self._stored_answer(summary))
                if len(self._answers) >= _MOST_SUMMARIES:
                    self._answers.clear()
                self._answers[summary.name] = known
            found.append(Line(summary, known[1], self.last(summary.name)))
        return found

    def last(self, name: str) -> float | None:
        """When a study's file was last written, in seconds since 1970; None where there is no file."""
        if self._folder is None:
            return None
        times = []
        for suffix in ("", "-wal"):
            with suppress(OSError):
                times.append((self._folder / f"{name}.sqlite{suffix}").stat().st_mtime)
        return max(times, default=None)

    def so_far(self, name: str) -> Answer | None:
        """The answer so far of a study that was looked at lately; nothing is read."""
        with self._lock:
            known = self._seen.get(name)
        return None if known is None else known.answer

    def standing(self, name: str) -> Standing | None:
        """How far a study has come; no record is read. None where it cannot be told."""
        try:
            with self.lab.store.snapshot(name) as snapshot:
                return standing(snapshot.study, now=time.time())
        except LrlabError:
            return None

    def _stored_answer(self, summary: StudySummary) -> Answer | None:
        if summary.problem:
            return None
        try:
            with self.lab.store.snapshot(summary.name) as snapshot:
                return snapshot.study.answer
        except LrlabError:
            return None

    def marks(self) -> dict[str, str]:
        """The mark of every study."""
        return self._each(self.mark)

    def _each(self, tell: Callable[[str], str]) -> dict[str, str]:
        found = {}
        for name in self._names():
            try:
                found[name] = tell(name)
            except LrlabError:
                continue  # it has been deleted in between
        return found

    def _names(self) -> list[str]:
        if self._folder is None:
            return list(self.lab.store.names())
        try:
            return sorted(
                path.name.removesuffix(".sqlite")
                for path in self._folder.iterdir()
                if path.suffix == ".sqlite"
            )
        except OSError:
            return []
