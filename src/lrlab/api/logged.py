"""What a run has logged, from wherever it is: files of every reader, columns, rows, records."""

import json
import math
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from lrlab.api.log_places import alike, are_places, lasting, ordered, shared
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.record import Record, as_number
from lrlab.diagnosis.live import COLUMNS
from lrlab.readers.choose import open_reader
from lrlab.readers.jsonl import numbers_in
from lrlab.readers.names import Names
from lrlab.readers.parquet_file import parquet_rows
from lrlab.readers.protocol import Row
from lrlab.readers.table import Table, long_table

if TYPE_CHECKING:
    from typing import Self

_LOGS = (".csv", ".tsv", ".jsonl", ".ndjson")
_BELOW = ("*/", "*/*/")  # Lightning has version_0 there, a Trainer its checkpoints, Ultralytics detect/train
_EVALUATED = ("val_loss", "val_acc")
Floats = npt.NDArray[np.float64]


class Frame(Protocol):
    """A data frame of any package: names of columns, and each by its name."""

    @property
    def columns(self) -> Iterable[object]: ...

    def __getitem__(self, name: object, /) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Columns of one log.

    Args:
        columns: lrlab's name to steps and values.
        counts: What places are: ``step``, ``epoch`` or ``row``.
        named: Every name that the log has, for messages.
        total: Optimizer steps of the whole training, where the log tells them.
    """

    columns: Mapping[str, tuple[Floats, Floats]]
    counts: str
    named: tuple[str, ...]
    total: int | None = None


def of_path(path: Path, columns: Mapping[str, str]) -> Logged:
    """A file that a reader knows, or a folder with one.

    Raises:
        NotFoundError: If a folder has no log.
        SpecError: If the log is malformed, or a folder has several.
    """
    place, names = log_in(path) if path.is_dir() else path, Names(columns)
    whole = of_json(place, columns) if place.suffix.lower() == ".json" else None
    if whole is not None:
        return whole
    table = long_table(place, names)
    if table is not None:
        check_columns(columns, table.named, str(place))
        long = Rows.of(table, names)
        if long is not None:
            return long.logged(table.named)
    total = None
    if place.suffix.lower() in (".parquet", ".pq"):
        rows, named = parquet_rows(place, names=names)
    else:
        reader = open_reader(str(place.absolute()), columns=columns)
        reading = reader.read(final=True)
        rows, named, total = list(reading.rows), tuple(reader.columns), reading.total_steps
    if not rows:
        raise SpecError(
            f"{place}: holds no row with a number.",
            hint="A header and rows are needed, such as step,loss, parted by commas, semicolons, tabs or blanks.",
        )
    return replace(of_rows(rows, source=str(place), columns=columns, named=named), total=total)


def of_json(path: Path, columns: Mapping[str, str]) -> Logged | None:
    """A whole file of JSON: a list of rows, or an object of columns; None where it is something else.

    Raises:
        SpecError: If a row is none, or columns differ in length.
    """
    try:
        thing = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None  # another reader says what is wrong
    if isinstance(thing, dict) and "log_history" not in thing:
        lists = {str(name): column for name, column in thing.items() if isinstance(column, list) and column}
        return of_columns(lists, columns) if lists else None
    if not isinstance(thing, list) or not thing:
        return None
    return of_things([_flat(row) for row in thing], columns)


def _flat(row: object) -> object:
    """A row of JSON with what it holds of numbers."""
    return dict(numbers_in(row)) if isinstance(row, Mapping) else row


def log_in(folder: Path) -> Path:
    """The one log of a folder, or of the folders in it: TensorBoard's files count as one, checkpoints of a Trainer too.

    Raises:
        NotFoundError: If there is none.
        SpecError: If there are several.
    """
    events = [path.parent for path in folder.rglob("*tfevents*")]
    if events:
        return Path(os.path.commonpath(events))  # tags are named from there on
    found: list[Path] = []
    for below in ("", *_BELOW):
        found = found or sorted(path for path in folder.glob(f"{below}*") if _is_log(path))
    if not found:
        raise NotFoundError(
            f"diagnose: {folder} holds no log.",
            hint=f"Looked for TensorBoard's files, trainer_state.json and *{', *'.join(_LOGS)}; or name a file.",
        )
    if all(path.name == "trainer_state.json" for path in found):
        return max(found, key=lambda path: path.stat().st_mtime)  # the last checkpoint's has every row
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found[:8])
        raise SpecError(
            f"diagnose: {folder} holds {len(found)} logs: {names}{', ...' if len(found) > 8 else ''}.",
            hint="Name one of them.",
        )
    return found[0]


def _is_log(path: Path) -> bool:
    return path.suffix.lower() in _LOGS or path.name == "trainer_state.json"


class Rows:
    """Rows as a reader gives them, kept as columns: a log that grows is read once and costs a few numbers a row."""

    def __init__(self) -> None:
        self._steps = array("d")
        self._epochs = array("d")  # NaN where a row has none
        self._columns = {name: (array("q"), array("d")) for name in COLUMNS}

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that hold something, by lrlab's names."""
        return tuple(name for name, (rows, _) in self._columns.items() if rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Take in the next rows."""
        for row in rows:
            index = len(self._steps)
            self._steps.append(math.nan if row.step is None else row.step)
            self._epochs.append(math.nan if row.epoch is None else row.epoch)
            for name, (at, values) in self._columns.items():
                if name in row.metrics:
                    at.append(index)
                    values.append(row.metrics[name])

    @classmethod
    def of(cls, table: Table, names: Names) -> "Self | None":
        """The rows of a table; None where one has no step or epoch that can be, which the reader of rows tells."""
        count = len(next(iter(table.values.values())))
        places = {name: np.full(count, math.nan) for name in ("step", "epoch")}
        found: dict[str, Floats] = {}
        there: dict[str, npt.NDArray[np.bool_]] = {}
        for has, rows in table.sets():
            for name, parts in names.known(has).items():
                numbers = np.sum([table.values[part][rows] for part in parts], axis=0)
                if name in places:
                    places[name][rows] = numbers
                elif name in COLUMNS:
                    found.setdefault(name, np.zeros(count))[rows] = numbers
                    there.setdefault(name, np.zeros(count, dtype=bool))[rows] = True
                if name in places and not are_places(name, numbers):
                    return None
        kept = cls()
        kept._steps, kept._epochs = (
            array("d", places["step"].tobytes()),
            array("d", places["epoch"].tobytes()),
        )
        for name, flags in there.items():
            at = np.flatnonzero(flags)
            kept._columns[name] = (array("q", at.tobytes()), array("d", found[name][at].tobytes()))
        return kept

    def logged(self, named: Sequence[str]) -> Logged:
        """What was taken in; a row without a step stands where the one before stood."""
        at = {name: np.array(rows, dtype=int) for name, (rows, _) in self._columns.items() if rows}
        counts, places = self._placed(at.get("loss"))
        found = {
            name: ordered(places[rows], np.array(self._columns[name][1], dtype=float))
            for name, rows in at.items()
        }
        return Logged(columns=alike(found) if counts == "step" else found, counts=counts, named=tuple(named))

    def _placed(self, losses: "npt.NDArray[np.int64] | None") -> tuple[str, Floats]:
        """What places are, and each row's."""
        for counts, given in (("step", self._steps), ("epoch", self._epochs)):
            numbers = np.array(given, dtype=float)
            known = ~np.isnan(numbers)
            if not known.any():
                continue
            last = np.maximum.accumulate(np.where(known, np.arange(len(numbers)), -1))
            places = np.where(last >= 0, numbers[last], 0.0)
            # Many rows with a training loss share an epoch: then a row is a step or a few.
            if counts == "epoch" and losses is not None and shared(places[losses]):
                return "row", lasting(places)
            return counts, places
        return "row", np.arange(len(self._steps), dtype=float)


def of_rows(rows: Iterable[Row], *, source: str, columns: Mapping[str, str], named: Sequence[str]) -> Logged:
    """Rows as a reader gives them."""
    check_columns(columns, named, source)
    kept = Rows()
    kept.add(rows)
    return kept.logged(named)


def of_columns(source: "Mapping[Any, object] | Frame", columns: Mapping[str, str]) -> Logged:
    """A mapping of columns or a data frame: one value a row, None or NaN where there is none.

    A NaN in ``loss`` counts as a value that is not finite, unless the row holds a validation instead.

    Raises:
        SpecError: If columns differ in length or hold something else than numbers.
    """
    names = list(source) if isinstance(source, Mapping) else list(source.columns)
    values: dict[str, Floats] = {}
    for name in names:
        numbers = _numbers(str(name), source[name])
        if numbers is not None:
            values[str(name)] = numbers
    if not values:
        raise SpecError("diagnose: the source has no column of numbers.", hint="Such as step and loss.")
    lengths = {len(column) for column in values.values()}
    if len(lengths) != 1:
        told = ", ".join(f"{name} {len(column)}" for name, column in list(values.items())[:8])
        raise SpecError(f"diagnose: columns must have one length, got {told}.")
    check_columns(columns, tuple(values), "diagnose")
    called = Names(columns).known(values)
    known = {
        name: np.sum([values[one] for one in called[name]], axis=0) for name in COLUMNS if name in called
    }
    if "step" in called:
        counts, places = "step", _places("step", values[called["step"][0]])
    elif "epoch" in called:
        counts, places = "epoch", _places("epoch", values[called["epoch"][0]])
        if shared(places):
            counts, places = "row", lasting(places)
    else:
        counts, places = "row", np.arange(lengths.pop(), dtype=float)
    evaluated = np.zeros(len(places), dtype=bool)
    for name in _EVALUATED:
        if name in known:
            evaluated |= np.isfinite(known[name])
    found = {}
    for name, column in known.items():
        there = ~np.isnan(column) if name != "loss" else ~(np.isnan(column) & evaluated)
        if there.any():
            found[name] = ordered(places[there], column[there])
    return Logged(columns=found, counts=counts, named=tuple(values))


def _numbers(name: str, column: object) -> Floats | None:
    """A column as floats; None where it holds words."""
    try:
        values = np.asarray(column, dtype=object if isinstance(column, list | tuple) else None)
        if values.ndim == 0:
            values = np.asarray(list(cast("Iterable[object]", column)), dtype=object)
    except (TypeError, ValueError):
        raise SpecError(f"diagnose: column {name} must hold a number a row, got {column!r:.60}.") from None
    if values.ndim != 1:
        raise SpecError(f"diagnose: column {name} must hold a number a row, got the shape {values.shape}.")
    try:
        return values.astype(float)
    except (TypeError, ValueError):
        first = next((value for value in values if value is not None), None)
        if isinstance(first, str):
            return None
        bad = next(value for value in values if not isinstance(value, int | float | None))
        raise SpecError(f"diagnose: column {name} must hold numbers, got {bad!r:.60}.") from None


def _places(name: str, column: Floats) -> Floats:
    if not np.isfinite(column).all() or (column < 0).any():
        row = int(np.flatnonzero(~np.isfinite(column) | (column < 0))[0])
        raise SpecError(
            f"diagnose: column {name} must hold numbers of at least 0, got {column[row]:g} in row {row}."
        )
    return column


def of_things(things: Iterable[object], columns: Mapping[str, str]) -> Logged:
    """Records, or rows as mappings.

    Raises:
        SpecError: If one is neither, or holds something else than numbers.
    """
    names, rows, named = Names(columns), [], dict[str, None]()
    for index, thing in enumerate(things):
        where = f"diagnose: row {index}"
        if isinstance(thing, Record):
            cells: Mapping[str, float] = thing.metrics
        elif isinstance(thing, Mapping):
            cells = {
                str(name): as_number(str(name), value)
                for name, value in thing.items()
                if value is not None and not isinstance(value, str)
            }
        else:
            raise SpecError(
                f"{where}: expected a record or a mapping, got {type(thing).__name__}.",
                hint='Such as {"step": 1, "loss": 0.5}.',
            )
        named |= dict.fromkeys(cells)
        row = names.row(cells, place=str(index), where=where)
        if isinstance(thing, Record):
            row = Row(metrics=row.metrics, epoch=thing.at, step=thing.step, place=row.place)
        rows.append(row)
    if not rows:
        raise SpecError("diagnose: there is no row.", hint="Give records, rows, columns or a file.")
    return of_rows(rows, source="diagnose", columns=columns, named=tuple(named))


def check_columns(columns: Mapping[str, str], named: Sequence[str], source: str) -> None:
    """Refuse a mapping to a column that is not there."""
    for name, column in columns.items():
        if column not in named:
            raise SpecError(
                f"{source}: there is no column of numbers {column!r} for {name}.",
                hint=f"Its columns: {', '.join(map(str, named[:20]))}.",
            )
