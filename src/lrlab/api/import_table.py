"""A table of trainings that somebody has paid for already becomes a study with an answer."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from lrlab.core.answer import Caution
from lrlab.core.divergence import divergence
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.lr_range import LRRange, format_lr, positive_rate
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.question import Done, Question, whole_number
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Event, Study
from lrlab.readers.choose import open_reader
from lrlab.readers.names import Names, plain
from lrlab.readers.parquet_file import parquet_rows
from lrlab.readers.protocol import Row
from lrlab.searchers.answer import conclude
from lrlab.tasks.row_units import RowUnits

KIND = "import"  # of the target of such a study
_SEEDS = ("seed", "random_seed", "rng_seed")
_LARGEST_SEED = 10**9
_FORMS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the file is, and how it is to be read.

    Args:
        path: The file: ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``.
        metric: What is compared.
        budget: Length of a full training in units; None: the longest one in the table.
        unit: ``"epoch"``, ``"step"``, or None: what the table counts.
        epochs_from: 0 or 1: where its epochs begin; None: 0 where a row says 0.
        columns: lrlab's names (``lr``, ``seed``, ``epoch``, ``step``, a metric) to the table's own.
        reduce: ``"best"`` or ``"last"``: which value of a curve is its score.

    Raises:
        SpecError: If a value breaks its rule.
    """

    path: Path
    metric: Metric
    budget: int | None = None
    unit: str | None = None
    epochs_from: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    reduce: str = "best"

    def __post_init__(self) -> None:
        if self.unit not in (None, "epoch", "step"):
            raise SpecError(f'unit: must be "epoch" or "step", got {self.unit!r}.')
        if self.epochs_from not in (None, 0, 1):
            raise SpecError(f"epochs_from: must be 0 or 1, got {self.epochs_from!r}.")
        if self.reduce not in ("best", "last"):
            raise SpecError(f'reduce: must be "best" or "last", got {self.reduce!r}.')
        if self.budget is not None:
            whole_number("budget", self.budget, 1, hint="It is the length of a full training, in units.")


def study_of_table(table: Table, *, name: str, now: float | None = None) -> Study:
    """The finished study that a table amounts to.

    A row holds one point of a run's curve, where the table has a column of epochs or steps; else one run's final score.

    Args:
        table: What is read.
        name: Name of the study.
        now: Seconds since 1970; by default the clock's.

    Raises:
        NotFoundError: If the file is not there.
        SpecError: If something in it is missing or makes no sense; the sentence names the place.
    """
    rows, numeric = _rows(table)
    where = str(table.path)
    _check_columns(table, rows, numeric)
    grouped = _by_run(rows, where)
    runs, budget, unit = _Trainings(table=table, grouped=grouped).runs()
    rates = sorted({run.lr for run in runs})
    if len(rates) < 2:
        raise SpecError(
            f"{where}: every row has the rate {format_lr(rates[0])}, and one rate tells nothing about others.",
            hint="If the column lr is something else, name the rate's own: --column lr=NAME.",
        )
    seeds = sorted({run.seed for run in runs})
    question = Question(
        lr=LRRange(rates[0], rates[-1]),
        budget=budget,
        unit=unit,
        metric=table.metric,
        reduce=table.reduce,  # type: ignore[arg-type]
        seed=seeds[0],
        seeds=len(seeds),
        resumes="restart",
    )
    text = f"{_counted(len(runs), 'run')} at {_counted(len(rates), 'rate')} imported from {table.path.name}."
    answer = conclude(
        question,
        runs,
        done=Done(why=text),
        study=name,
        extra_warnings=_cautions(table, runs, budget),
    )
    at = time.time() if now is None else now
    return Study(
        name=name,
        question=question,
        task=table.path.stem,
        searcher="import",
        fingerprint=sha256(table.path.read_bytes()).hexdigest()[:16],
        target={"kind": KIND, "ref": table.path.name},
        created=at,
        state=StudyState.FINISHED,
        runs=runs,
        events=(Event(at=at, kind="imported", text=text),),
        answer=replace(answer, cost=0.0, runs=()),
    )


def _rows(table: Table) -> tuple[Sequence[Row], Sequence[str]]:
    """Every row, and the names of the columns that hold numbers."""
    path, names = table.path, Names(table.columns)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise NotFoundError(f"import: {path} {what}.", hint="Name a file.")
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        rows, numeric = parquet_rows(path, names=names)
    elif suffix in _FORMS:
        reader = open_reader(f"{_FORMS[suffix]}:{path.absolute()}", columns=table.columns)
        try:
            rows, numeric = list(reader.read(final=True).rows), tuple(reader.columns)
        except UnicodeDecodeError as error:
            raise SpecError(f"{path}: is no text: {error}.", hint="Save it as UTF-8.") from None
    else:
        raise SpecError(
            f"import: {path.name} is no file that can be imported.",
            hint="A table ends in .csv, .tsv, .jsonl or .parquet; a study that lrlab has exported in .json.",
        )
    if not rows:
        raise SpecError(
            f"{path}: holds no row with a number.", hint="Give a header and a row for every point or run."
        )
    return rows, numeric


def _check_columns(table: Table, rows: Sequence[Row], numeric: Sequence[str]) -> None:
    """Refuse a table without rates or without the metric."""
    where, has = str(table.path), f"Its columns of numbers: {', '.join(numeric[:20])}."
    for name, column in table.columns.items():
        if column not in numeric:
            raise SpecError(f"{where}: there is no column of numbers {column!r} for {name}.", why=has)
    if not any("lr" in row.metrics for row in rows):
        raise SpecError(
            f"{where}: there is no column with the learning rate.", why=has, hint="Name it: --column lr=NAME."
        )
    metric = table.metric.name
    if not any(metric in row.metrics for row in rows):
        raise SpecError(f"{where}: there is no column {metric}.", why=has, hint="Choose one: --metric NAME.")


def _by_run(rows: Sequence[Row], where: str) -> dict[tuple[float, int], list[Row]]:
    """The rows of each rate and seed, in the table's order."""
    grouped: dict[tuple[float, int], list[Row]] = {}
    for row in rows:
        place = f"{where}, {row.place}"
        if "lr" not in row.metrics:
            raise SpecError(f"{place}: there is no learning rate.", hint="Every row must name its run's.")
        lr = positive_rate(row.metrics["lr"], f"{place}, lr")
        seed = next((row.metrics[name] for name in row.metrics if plain(name) in _SEEDS), 0.0)
        if not (math.isfinite(seed) and seed == int(seed) and 0 <= seed <= _LARGEST_SEED):
            raise SpecError(
                f"{place}: a seed must be a whole number from 0 to {_LARGEST_SEED}, got {seed:g}.",
                hint="Number the repetitions: 0, 1, 2.",
            )
        grouped.setdefault((lr, int(seed)), []).append(row)
    return grouped


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trainings:
    """Rows to runs."""

    table: Table
    grouped: Mapping[tuple[float, int], Sequence[Row]]

    def runs(self) -> tuple[tuple[Run, ...], int, str]:
        """The runs in ascending order, the budget, and the unit."""
        table = self.table
        unit = self._unit()
        if unit is None:
            budget = 1 if table.budget is None else table.budget
            records = {key: self._lone(rows, budget) for key, rows in self.grouped.items()}
            unit = table.unit or "epoch"
        else:
            begins = self._epochs_from()
            records = {key: list(self._curve(rows, unit, begins)) for key, rows in self.grouped.items()}
            longest = max((int(points[-1].at) for points in records.values() if points), default=0)
            budget = table.budget if table.budget is not None else max(longest, 1)
            if longest > budget:
                raise SpecError(
                    f"{table.path}: a run goes on to {unit} {longest}, and the budget is {budget}.",
                    hint="Leave --budget out: it is the longest run's length then.",
                )
        runs = [self._run(key, points, budget) for key, points in records.items()]
        return tuple(sorted(runs, key=lambda run: run.key)), whole_number("budget", budget, 1), unit

    def _unit(self) -> str | None:
        """What the table counts; None where a row is a whole run."""
        rows = [row for own in self.grouped.values() for row in own]
        counts = {
            "epoch": any(row.epoch is not None for row in rows),
            "step": any(row.step is not None for row in rows),
        }
        unit = self.table.unit
        if unit is not None and any(counts.values()) and not counts[unit]:
            raise SpecError(
                f"{self.table.path}: there is no column {unit}.", hint=f"Name it: --column {unit}=NAME."
            )
        return (
            unit if unit and counts[unit] else next((name for name, there in counts.items() if there), None)
        )

    def _epochs_from(self) -> int:
        if self.table.epochs_from is not None:
            return self.table.epochs_from
        return 0 if any(row.epoch == 0 for own in self.grouped.values() for row in own) else 1

    def _lone(self, rows: Sequence[Row], budget: int) -> list[Record]:
        """The one row of a run."""
        if len(rows) > 1:
            raise SpecError(
                f"{self.table.path}, {rows[0].place} and {rows[1].place}: two rows have the rate "
                f"{rows[0].metrics['lr']:g} and the same seed, and nothing tells what sets them apart.",
                hint="Name the column that does: --column seed=NAME, --column epoch=NAME or --column step=NAME.",
            )
        metrics = self._metrics(rows[0])
        return [Record(float(budget), metrics)] if metrics else []

    def _curve(self, rows: Sequence[Row], unit: str, begins: int) -> Iterator[Record]:
        """The rows of a run, in the order of their places."""
        units = RowUnits(metric=self.table.metric.name, unit=unit, epochs_from=begins)
        here, placed = -math.inf, []
        for row in rows:
            told = units.position(row)
            here = here if told is None else told
            placed.append((here, row))
        before: Row | None = None
        for _, row in sorted(placed, key=lambda pair: pair[0]):
            yield from units.take(replace(row, metrics=self._metrics(row)))
            if units.again:
                assert before is not None
                count = row.step if unit == "step" else row.epoch
                raise SpecError(
                    f"{self.table.path}, {before.place} and {row.place}: the run at {row.metrics['lr']:g} reports "
                    f"{unit} {count:g} twice.",
                    hint="Name the column that sets two runs apart: --column seed=NAME.",
                )
            before = row if self.table.metric.name in row.metrics else before
        yield from units.rest()

    def _metrics(self, row: Row) -> dict[str, float]:
        """What a row measured: without what only says which run it belongs to."""
        own = {"lr", *(self.table.columns.get(name, name) for name in ("lr", "seed"))}
        return {
            name: value
            for name, value in row.metrics.items()
            if name not in own and plain(name) not in _SEEDS
        }

    def _run(self, key: tuple[float, int], records: list[Record], budget: int) -> Run:
        """A run as it ended."""
        lr, seed = key
        run = Run(lr=lr, seed=seed, target=budget, why=f"It is in {self.table.path.name}.").with_records(
            tuple(records)
        )
        metric = self.table.metric
        if not any(True for _ in run.values(metric)):
            detail = f"{self.table.path.name} holds no {metric.name} of it."
            return replace(run, outcome=Outcome.FAILED, detail=detail)
        untrained = run.untrained(metric)
        bad = [divergence(record, metric, untrained=untrained) for record in records]
        if not bad[-1]:
            return replace(run, outcome=Outcome.FINISHED)
        first = len(bad)
        while first > 0 and (bad[first - 1] or metric.name not in records[first - 1].metrics):
            first -= 1
        kept = records[: first + 1]
        if kept[-1].at >= budget and not any(math.isfinite(value) for _, value in run.values(metric)):
            # Its last unit is all that is known of it; somewhere before the end it diverged.
            kept[-1] = replace(kept[-1], at=budget - 0.5)
            run = replace(run, units=budget - 1)
        else:
            run = replace(run, units=0)
        run = replace(run, records=()).with_records(tuple(kept))
        return replace(run, outcome=Outcome.DIVERGED, detail=next(text for text in bad[first:] if text))


def _cautions(table: Table, runs: Sequence[Run], budget: int) -> tuple[Caution, ...]:
    spent = sum(run.units for run in runs) / budget
    texts = [
        f"The runs come from {table.path.name}: lrlab has trained none of them, and paid for none of the "
        f"{spent:.3g} full runs that they amount to."
    ]
    empty = sum(run.outcome is Outcome.FAILED for run in runs)
    if empty:
        texts.append(
            f"{_counted(empty, 'run')} without any {table.metric.name} counts as failed; "
            "where it diverged, write nan into the table."
        )
    return tuple(Caution(code="IMPORTED", text=text) for text in texts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def refuse(target: Mapping[str, Any], verb: str) -> None:
    """Refuse to train a study that came from a table.

    Raises:
        SpecError: If it did.
    """
    if target.get("kind") == KIND:
        raise SpecError(
            f"{verb}: this study was imported from {target.get('ref')}, and a table cannot be trained on.",
            hint="Search anew around its answer: lrlab sweep ... --lr LOW:HIGH.",
        )
