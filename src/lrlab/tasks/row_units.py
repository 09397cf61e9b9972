"""Where the rows of a log stand in a training: rows to records."""

import math
from collections.abc import Iterator, Mapping

from lrlab.core.record import Record
from lrlab.readers.names import is_clock
from lrlab.readers.protocol import Row

_NEAR = 0.02  # an epoch this close to a whole one is that one: trainers drop incomplete batches


class RowUnits:
    """Turns the rows of a log into records, each at its place.

    A row that holds the metric ends a unit. Which one tells its epoch (or step, where that is the unit); without such a
    column rows are counted. The column may count from 0 or from 1, which the first row that has it tells. The other
    rows stand inside units, evenly, by the number of rows in the unit before, so that the same log gives the same
    records however it is read.

    Args:
        metric: Name of the metric.
        unit: ``"epoch"`` or ``"step"``.
        epochs_from: Whether the epoch column counts from 0 or from 1, where that is known.
    """

    def __init__(self, *, metric: str, unit: str, epochs_from: int | None = None) -> None:
        self._metric = metric
        self._unit = unit
        self.epochs_from = epochs_from
        self.done = 0  # whole units
        self.again = 0  # reports of units that were done already
        self._reports = 0
        self._step: float | None = None  # the last one that a row told
        self._at = 0.0  # of the last record
        self._waiting: list[
            tuple[Mapping[str, float], int | None]
        ] = []  # rows whose places are not known yet
        self._rows = 0  # so far in this unit
        self._rows_per_unit = 0  # and in the unit before
        self._span = 1.0  # of the unit before: more than 1 where every fifth epoch is evaluated
        self._skips = False

    def begin_anew(self) -> None:
        """The log begins from its start again: what is known of it is passed over."""
        self._skips = self.done > 0
        self._reports = 0
        self._waiting.clear()

    def take(self, row: Row) -> Iterator[Record]:
        """The records that are certain with this row."""
        if self.epochs_from is None and row.epoch is not None:
            self.epochs_from = 0 if row.epoch == 0 else 1
        self._step = self._step if row.step is None else float(row.step)
        metrics = {name: value for name, value in row.metrics.items() if not is_clock(name)}
        if self._metric not in metrics:
            if not self._skips and metrics:
                yield from self._inside(metrics, row)
            return
        at = self._end(row)
        if at > self.done:
            self._skips = False
            yield from self._report(at, metrics, row.step)
        elif at == 0 and self._at == 0 and not self._skips:
            yield Record(0, metrics, row.step)
        elif self._skips:
            self._skips = at < self.done
        else:
            self.again += 1

    def position(self, row: Row) -> float | None:
        """How far the training is, in units, where the row tells it."""
        if self._unit == "step":
            return None if row.step is None else float(row.step)
        return None if row.epoch is None else row.epoch + 1 - (self.epochs_from or 0)

    def _end(self, row: Row) -> float:
        """Which moment a row with the metric reports, in units."""
        self._reports += 1
        at = self.position(row)
        if at is None and self._unit == "step":
            at = self._step
        if at is None:
            return float(self._reports)
        near = round(at)
        if abs(at - near) < _NEAR:
            return float(near)
        # An evaluation every 0.3 epochs: the first after the end of a unit is taken for it.
        return float(math.floor(at)) if math.floor(at) > self.done else at

    def _report(self, at: float, metrics: Mapping[str, float], step: int | None) -> Iterator[Record]:
        if at != int(at):  # an evaluation inside a unit
            yield self._place(at, metrics, step)
            return
        at = float(math.ceil(max(at, self._at)))  # where steps jump back
        count = len(self._waiting)
        begin = self._at
        for index, (waiting, its_step) in enumerate(self._waiting, start=1):
            yield self._place(begin + (at - begin) * index / (count + 1), waiting, its_step)
        self._waiting.clear()
        self._rows_per_unit, self._rows = self._rows, 0
        self._span, self.done, self._at = at - self.done, int(at), at
        yield Record(at, metrics, step)

    def _inside(self, metrics: Mapping[str, float], row: Row) -> Iterator[Record]:
        self._rows += 1
        told = self.position(row)
        if told is not None and self._unit == "step" and told > self.done:
            yield self._place(told - 0.5, metrics, row.step)  # only a reported step ends a unit
        elif told is not None and self._unit == "epoch" and self.done < told < self.done + 1:
            yield self._place(told, metrics, row.step)
        elif self._rows <= self._rows_per_unit:
            share = self._rows / (self._rows_per_unit + 1)
            yield self._place(self.done + self._span * share, metrics, row.step)
        else:
            self._waiting.append((metrics, row.step))

    def rest(self) -> Iterator[Record]:
        """The rows that still wait for their unit's end, which will not come."""
        begin, end = self._at, self.done + self._span
        count = len(self._waiting)
        for index, (metrics, step) in enumerate(self._waiting, start=1):
            yield self._place(begin + (end - begin) * index / (count + 1), metrics, step)
        self._waiting.clear()

    def _place(self, at: float, metrics: Mapping[str, float], step: int | None) -> Record:
        """A record inside a unit: never before the last one, and never where a unit ends."""
        at = max(at, self._at)
        if at == int(at):
            at = max(at - 0.5, self._at) if self._at < at else at + 1e-3
        self._at = at
        return Record(at, metrics, step)
