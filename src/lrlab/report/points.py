"""A study as a table: a row for every point that a run recorded, or for every run."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study

Cell = str | int | float | None
Records = Callable[[Run], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        name: Its header, unique.
        kind: What its cells are, where they are not empty (None).
        metric: The metric that it holds, by its own name; "" for what lrlab knows of the run.
    """

    name: str
    kind: Literal["text", "whole", "number"]
    metric: str = ""


_OF_RUN = (Column("arm", "text"), Column("lr", "number"), Column("seed", "whole"))
_OF_POINT = (*_OF_RUN, Column("at", "number"), Column("step", "whole"))
_OUTCOME = Column("outcome", "text")
RUN_COLUMNS = (
    *_OF_RUN,
    _OUTCOME,
    Column("score", "number"),
    Column("units", "whole"),
    Column("paid_units", "whole"),
    Column("lost_units", "whole"),
    Column("seconds", "number"),
    Column("why", "text"),
    Column("detail", "text"),
)


def point_columns(study: Study, records: Records) -> tuple[Column, ...]:
    """The columns of ``point_rows``: every metric that any run has recorded is one.

    A metric that is called as a column that is there already, such as the rate that a training has logged (``lr``), is
    called ``metric:lr``.
    """
    names: dict[str, None] = {}
    for run in study.runs:
        for record in records(run):
            if not record.metrics.keys() <= names.keys():
                names |= dict.fromkeys(record.metrics)
    taken = {column.name for column in (*_OF_POINT, _OUTCOME)}
    columns = []
    for name in names:
        header = name
        while header in taken or (header != name and header in names):
            header = f"metric:{header}"
        taken.add(header)
        columns.append(Column(header, "number", name))
    return (*_OF_POINT, *columns, _OUTCOME)


def point_rows(study: Study, records: Records, columns: Sequence[Column]) -> Iterator[list[Cell]]:
    """A row for every record, run after run; a metric that it does not tell is None, one that is not finite stays."""
    metrics = [column.metric for column in columns if column.metric]
    for run in study.runs:
        begin: list[Cell] = [run.arm, run.lr, run.seed]
        status = run.status
        for record in records(run):
            row = [*begin, record.at, record.step]
            row += [record.metrics.get(name) for name in metrics]
            row.append(status)
            yield row


def run_rows(study: Study, records: Records) -> Iterator[list[Cell]]:
    """A row for every run, as ``RUN_COLUMNS`` name it; a run without a score has None there."""
    question = study.question
    for run in study.runs:
        yield [
            run.arm, run.lr, run.seed, run.status, _score(question, records(run)), run.units, run.paid_units,
            run.lost_units, run.seconds, run.why, run.detail,
        ]  # fmt: skip


def _score(question: Question, records: Iterable[Record]) -> float | None:
    name = question.metric.name
    told = tuple(record for record in records if name in record.metrics)
    score = Run(lr=question.lr.low, records=told).score(question.metric, reduce=question.reduce)
    return score if math.isfinite(score) else None
