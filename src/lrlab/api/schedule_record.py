"""The rate that a training has recorded, from its log, and the schedule that is in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from lrlab.core.errors import NotFoundError, SpecError
from lrlab.readers.choose import open_reader, place_of
from lrlab.readers.protocol import Row
from lrlab.report.schedules import ScheduleChart, schedule_chart
from lrlab.schedules.fit import Match
from lrlab.schedules.lengths import Unit
from lrlab.schedules.protocol import Values

_RATE = "lr"
_UNITS = {"st": "step", "ep": "epoch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRecord:
    """A recorded rate.

    Args:
        source: Where it was read.
        column: The column of the rate.
        steps: Where each was recorded, ascending; shape ``[n]``.
        rates: The rates; shape ``[n]``.
        unit: ``"st"`` where ``steps`` are steps or rows, ``"ep"`` where they are epochs.
        notes: What was left out, a sentence each.
    """

    source: str
    column: str
    steps: Values
    rates: Values
    unit: Unit
    notes: tuple[str, ...] = ()


def read_rates(text: str, *, column: str | None = None) -> RateRecord:
    """The recorded rate of a log: CSV, JSON lines, the Trainer's state, TensorBoard.

    Args:
        text: The file; ``FORMAT:FILE`` where its name does not tell the format.
        column: The column of the rate, by the log's own name, where it is not known.

    Raises:
        NotFoundError: If there is no such file.
        SpecError: If it cannot be read, or holds no rate.
    """
    columns = {_RATE: column} if column else {}
    reader = open_reader(text, columns=columns)
    if not Path(place_of(text)).expanduser().exists() and not any(sign in text for sign in "*?["):
        raise NotFoundError(f"recognise: there is no file {place_of(text)}.")
    rows = reader.read(final=True).rows
    told = [row for row in rows if _RATE in row.metrics]
    if not told:
        raise _no_rate(reader.source, list(reader.columns), column)
    places, unit = _places(told)
    found: dict[float, float] = {}
    for place, row in zip(places, told, strict=True):
        found[place] = row.metrics[_RATE]  # a training that went on from a checkpoint tells a step twice
    notes = []
    if len(found) < len(told):
        notes.append(
            f"{len(told) - len(found)} rows stand at a {_UNITS[unit]} that is told again; the last counts."
        )
    steps = np.array(sorted(found))
    rates = np.array([found[step] for step in steps.tolist()])
    if not np.isfinite(rates).all():
        notes.append(f"{int((~np.isfinite(rates)).sum())} rates are not finite; left out.")
        steps, rates = steps[np.isfinite(rates)], rates[np.isfinite(rates)]
    return RateRecord(
        source=reader.source,
        column=column or _RATE,
        steps=steps,
        rates=rates,
        unit=unit,
        notes=tuple(notes),
    )


def match_chart(record: RateRecord, match: Match) -> ScheduleChart:
    """The record as points, and the schedule as a line."""
    series = (
        ("recorded", record.steps, record.rates),
        (str(match.spec), record.steps, match.rates(record.steps)),
    )
    unit = "epoch" if record.unit == "ep" else "step"
    return schedule_chart(series, quantity="learning rate", unit=unit, marked=(0,))


def _places(rows: Sequence[Row]) -> tuple[list[float], Unit]:
    """Where the rows stand: by step, else by whole epoch, else by number."""
    steps = [row.step for row in rows]
    if all(step is not None for step in steps):
        return [float(step) for step in steps if step is not None], "st"
    epochs = [row.epoch for row in rows if row.epoch is not None and row.epoch == int(row.epoch)]
    if len(epochs) == len(rows) and len(set(epochs)) > 0.5 * len(rows):
        return epochs, "ep"
    return [float(number) for number in range(len(rows))], "st"


def _no_rate(source: str, columns: Sequence[str], column: str | None) -> SpecError:
    listed = ", ".join(columns[:20]) or "no column of numbers"
    if column is None:
        return SpecError(
            f"recognise: {source} has no column of the learning rate that is known; it has {listed}.",
            hint="Name it: --column NAME.",
        )
    near = get_close_matches(column, columns, n=1)
    hint = f"Perhaps {near[0]} is meant." if near else ""
    return SpecError(f"recognise: {source} has no column {column!r:.60}; it has {listed}.", hint=hint)
