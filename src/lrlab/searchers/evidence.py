"""What a decision may know: every run's score, cut off at the units that the decision is about."""

import bisect
import fnmatch
import itertools
import math
from collections.abc import Generator, Iterable, Iterator, Sequence

from lrlab.core.outcome import Outcome
from lrlab.core.question import Advance, Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey

# A searcher written as a plan: it yields stages (advances that do not depend on one another) and is resumed when a
# stage is complete. It is replayed from its beginning on every call, so it keeps no state between calls, and the
# searchers' law holds by construction.
Plan = Generator[Sequence[Advance], None, Done]

# What the whole of the guide weighs, in units of the metric: so much that the first traces of the metric, which are luck,
# do not outweigh it, and so little that a real difference does.
_GUIDE = 0.02
_MOST_GUIDE = 2.0
_HOPELESS = frozenset({Outcome.DIVERGED, Outcome.FAILED, Outcome.LOST, Outcome.STOPPED})


class Evidence:
    """Runs as a searcher sees them; scores are turned so that smaller is better.

    Args:
        question: What is asked.
        runs: Every run so far.
    """

    def __init__(self, question: Question, runs: Iterable[Run]) -> None:
        self._question = question
        self._runs = {run.key: run for run in runs}
        self._curves: dict[RunKey, tuple[list[float], list[float]]] = {}
        self._units: dict[RunKey, list[float]] = {}

    def reached(self, advance: Advance) -> bool:
        """Whether everything is known that this advance can bring."""
        run = self._runs.get(advance.key)
        return run is not None and run.reached(advance.until)

    def units(self, key: RunKey, until: int) -> int:
        """Units that the run has been trained for, of the first ``until``."""
        run = self._runs.get(key)
        return 0 if run is None else min(run.units, until)

    def ended_badly(self, key: RunKey, until: int) -> bool:
        """Whether it diverged, failed or was stopped before ``until`` units were done."""
        run = self._runs.get(key)
        return run is not None and run.outcome in _HOPELESS and run.units < until

    def diverged(self, key: RunKey, until: int) -> bool:
        """Whether it diverged before ``until`` units were done."""
        run = self._runs.get(key)
        return run is not None and run.diverged_by(until)

    def score(self, key: RunKey, until: int) -> float:
        """The run's score at ``until`` units; infinite where it ended badly before, or has none.

        A task may only be able to stop every so many units. So it is the score at the first whole unit that was recorded
        at or after ``until``: as far as a run was trained that was asked for ``until`` units, and no further.
        """
        if key not in self._runs or self.ended_badly(key, until):
            return math.inf
        return self._score_from(key, until)

    def score_at(self, key: RunKey, at: float) -> float:
        """The score of the records up to ``at`` units, whatever became of the run; infinite where there is none."""
        times, scores = self._curve(key)
        index = bisect.bisect_right(times, at)
        return scores[index - 1] if index else math.inf

    def untrained(self, keys: Iterable[RunKey]) -> float | None:
        """The middle one of the runs' scores before training; None where none has reported it."""
        values = [self._untrained(self._runs[key]) for key in keys if key in self._runs]
        known = sorted(value for value in values if value is not None)
        return known[len(known) // 2] if known else None

    def _untrained(self, run: Run) -> float | None:
        firsts = (self._value(record, 1.0) for record in run.records if record.at == 0)
        return next((value for value in firsts if value is not None and math.isfinite(value)), None)

    def _value(self, record: Record, left: float) -> float | None:
        """What a record is compared by, smaller is better: the metric, and a share of the guide; None without metric.

        Args:
            record: Of a run.
            left: What is left of the guide, see ``_guided``.
        """
        metric = self._question.metric
        if metric.name not in record.metrics:
            return None
        value = metric.loss(record.metrics[metric.name])
        return value + _GUIDE * left if self._question.guide else value

    def _guided(self, key: RunKey) -> Iterator[tuple[Record, float]]:
        """The run's records, each with the guide as a share of its first value.

        A guide that has exploded once is not trusted again: what it tells then may be of nothing.
        """
        start, exploded = math.nan, False
        for record in self._runs[key].records:
            if not self._question.guide:
                yield record, 0.0
                continue
            guide = self._guide(record)
            start = guide if math.isnan(start) else start
            left = guide / start if math.isfinite(start) else math.inf
            exploded |= not left < _MOST_GUIDE
            yield record, _MOST_GUIDE if exploded else left

    def _guide(self, record: Record) -> float:
        """The sum of the guide's columns; infinite where one is not finite, or 0: nothing was left to count."""
        values = [abs(record.metrics[name]) for name in fnmatch.filter(record.metrics, self._question.guide)]
        sound = bool(values) and all(math.isfinite(value) and value > 0 for value in values)
        return sum(values) if sound else math.inf

    def stand_in(self, keys: Iterable[RunKey]) -> float | None:
        """What stands in for the score before training where no run tells it; None where nothing does.

        It is the worst score at the first evaluation. Rates in the upper half that are above the best one do not count:
        they may have exploded, and next to 1e18 every other rate looks alike. Low rates have hardly moved in one unit.
        """
        firsts = {key: self._score_from(key, 1) for key in keys}
        scores = {key: score for key, score in firsts.items() if math.isfinite(score)}
        if not scores:
            return None
        rates = sorted({key.lr for key in scores})
        highest = max(min(scores, key=lambda key: (scores[key], key)).lr, rates[(len(rates) - 1) // 2])
        return max(score for key, score in scores.items() if key.lr <= highest)

    def _score_from(self, key: RunKey, until: int) -> float:
        """The score so far at the first whole unit recorded at or after ``until``, or else at the last."""
        ends = self._ends(key)
        place = bisect.bisect_left(ends, until)
        return self.score_at(key, ends[place]) if place < len(ends) else self.score_at(key, math.inf)

    def _ends(self, key: RunKey) -> list[float]:
        """Where the run's recorded units end."""
        if key not in self._units:
            self._units[key] = [record.at for record in self._runs[key].records if record.ends_unit]
        return self._units[key]

    def _curve(self, key: RunKey) -> tuple[list[float], list[float]]:
        """Times and scores so far: the best, or with ``reduce="last"`` the last value."""
        if key not in self._curves:
            told = [
                (record.at, self._value(record, left)) for record, left in self._guided(key) if record.at > 0
            ]
            points = [(at, value) for at, value in told if value is not None]
            values = [value if math.isfinite(value) else math.inf for _, value in points]
            if self._question.reduce == "best":
                values = list(itertools.accumulate(values, min))
            self._curves[key] = ([at for at, _ in points], values)
        return self._curves[key]


def replay(plan: Plan, evidence: Evidence) -> Sequence[Advance] | Done:
    """Carry a plan on to its first stage that is not complete.

    Returns:
        The stage's advances that are still missing, or the plan's last word.
    """
    try:
        while True:
            missing = [advance for advance in next(plan) if not evidence.reached(advance)]
            if missing:
                return missing
    except StopIteration as end:
        done: Done = end.value
        return done
