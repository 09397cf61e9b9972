"""One training at one learning rate and seed, as it stands."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from lrlab.core.history import columns
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State
from lrlab.core.record import Record

DEFAULT_ARM = "default"


class RunKey(NamedTuple):
    """What makes a run the run it is; unique in its study."""

    arm: str
    lr: float
    seed: int

    def __str__(self) -> str:
        arm = "" if self.arm == DEFAULT_ARM else f"{self.arm}, "
        return f"{arm}lr {self.lr:g}, seed {self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run and all it has recorded.

    Args:
        lr: Learning rate, absolute.
        seed: Seed of weights, data order and every other choice.
        arm: Which alternative of the study.
        target: Units that the searcher has asked for so far.
        units: Whole units done.
        records: What it reported, in order.
        outcome: How it ended, or None.
        state: Where it stands while it has not ended.
        detail: A sentence for a person: why it ended or waits, or the traceback of its failure.
        lost_units: Units that had to be trained again after a crash; shown apart, not part of the cost.
        repeated_units: Units trained again because a frozen run could not be kept; part of the cost.
        why: The searcher's reason for the last slice that it asked for.
        checkpoint: File name stem of its newest stored state, or "".
        seconds: Training time so far, in seconds.
        reopened: Whether it was dropped or stopped, and taken up again by an extended study; what of it has to be
            trained again is part of the cost.
    """

    lr: float
    seed: int = 0
    arm: str = DEFAULT_ARM
    target: int = 0
    units: int = 0
    records: tuple[Record, ...] = ()
    outcome: Outcome | None = None
    state: State = State.QUEUED
    detail: str = ""
    lost_units: int = 0
    repeated_units: int = 0
    why: str = ""
    checkpoint: str = ""
    seconds: float = 0.0
    reopened: bool = False

    @property
    def key(self) -> RunKey:
        """What identifies the run inside its study."""
        return RunKey(self.arm, self.lr, self.seed)

    @property
    def status(self) -> str:
        """The word that a person sees: the outcome, or the state while there is none."""
        return str(self.outcome or self.state)

    @property
    def paid_units(self) -> int:
        """Units that count as cost."""
        return self.units + self.repeated_units

    @property
    def ended(self) -> bool:
        """Whether it will never train again."""
        return self.outcome is not None

    def reached(self, until: int) -> bool:
        """Whether everything that can be known about ``until`` units is known."""
        return self.units >= until or self.ended

    def values(self, metric: Metric, until: float = math.inf) -> Iterator[tuple[float, float]]:
        """``(at, value)`` of the metric, in order, up to ``until`` units; non-finite values included."""
        if (told := columns(self.records)) is not None:
            at, values, _ = told.series(metric.name)
            inside = at <= until
            yield from zip(at[inside].tolist(), values[inside].tolist(), strict=True)
            return
        for record in self.records:
            if record.at <= until and metric.name in record.metrics:
                yield record.at, record.metrics[metric.name]

    def untrained(self, metric: Metric) -> float | None:
        """The metric before training, where the task reported it and it is finite."""
        for at, value in self.values(metric, 0):
            if at == 0 and math.isfinite(value):
                return value
        return None

    def score(self, metric: Metric, until: float = math.inf, *, reduce: str = "best") -> float:
        """The best (or, with ``reduce="last"``, the last) value up to ``until`` units; ``metric.worst`` if none.

        The value before training does not count: nobody keeps that checkpoint.
        """
        trained = self._trained(metric, until)
        if reduce == "last":
            return trained[-1] if trained and math.isfinite(trained[-1]) else metric.worst
        return metric.best(trained)

    def _trained(self, metric: Metric, until: float) -> list[float]:
        """The values that count for the score; of many the extreme finite ones and the last, which is as good."""
        if (told := columns(self.records)) is None:
            return [value for at, value in self.values(metric, until) if at > 0]
        at, values, _ = told.series(metric.name)
        counted = values[(at > 0) & (at <= until)]
        finite = counted[abs(counted) < math.inf]
        extremes = [float(finite.min()), float(finite.max())] if len(finite) else []
        return [*extremes, *counted[-1:].tolist()]

    @property
    def latest(self) -> float | None:
        """How far any of its records lies, in units; None without records."""
        if (told := columns(self.records)) is not None and len(told):
            return float(told.at.max())
        return max((record.at for record in self.records), default=None)

    def diverged_by(self, until: int) -> bool:
        """Whether it had diverged when ``until`` units would have been done."""
        return self.outcome is Outcome.DIVERGED and self.units < until

    def with_records(self, records: tuple[Record, ...]) -> "Run":
        """The run after ``records``; whole units done follow from them."""
        units = max((int(r.at) for r in records if r.ends_unit), default=0)
        return replace(self, records=self.records + records, units=max(self.units, units))
