"""A study to rows and back."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from lrlab.core import wire
from lrlab.core.answer import Answer
from lrlab.core.command import Reply
from lrlab.core.errors import StoreError
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Event, Study
from lrlab.store import schema
from lrlab.store.book import Book
from lrlab.store.database import damaged, explained
from lrlab.store.protocol import StudySummary

T = TypeVar("T")

_READ_AT_ONCE = 1000  # records; enough to be quick, little enough to be nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """How much of a book its file holds; empty for a new file.

    Args:
        head: The head as it was written.
        rows: Every run's row as it was written.
        records: How many records of each run.
        advances: How many advances.
        events: How many events.
        replies: Every reply as it was written.
    """

    head: Study | None = None
    rows: dict[RunKey, Run] = field(default_factory=dict)
    records: dict[RunKey, int] = field(default_factory=dict)
    advances: int = 0
    events: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)

    @classmethod
    def all_of(cls, book: Book) -> "Saved":
        """Everything that ``book`` holds."""
        return cls(
            head=book.head,
            rows=dict(book.rows),
            records={key: len(records) for key, records in book.records.items()},
            advances=len(book.advances),
            events=len(book.events),
            replies=dict(book.replies),
        )


def write_changes(
    connection: sqlalchemy.Connection, book: Book, saved: Saved, touched: Iterable[RunKey]
) -> None:
    """Write what ``saved`` does not hold, inside the caller's transaction.

    Args:
        connection: To a file that holds what ``saved`` says.
        book: What it shall hold.
        saved: What it holds.
        touched: The runs that may have changed.
    """
    if book.head is not saved.head:
        _upsert(connection, schema.study, [_head_row(book.head)])
    numbers = {key: number for number, key in enumerate(book.rows, start=1)}
    keys = sorted(touched, key=numbers.__getitem__)
    changed = [(numbers[key], book.rows[key]) for key in keys if book.rows[key] is not saved.rows.get(key)]
    _upsert(connection, schema.runs, [_run_row(number, run) for number, run in changed])
    _insert(
        connection,
        schema.records,
        [
            {"run": numbers[key], "seq": seq, "value": wire.dumps(Record, record)}
            for key in keys
            for seq, record in _from(book.records[key], saved.records.get(key, 0))
        ],
    )
    for table, kind, values, first in (
        (schema.advances, Advance, book.advances, saved.advances),
        (schema.events, Event, book.events, saved.events),
    ):
        _insert(
            connection,
            table,
            [{"id": at + 1, "value": wire.dumps(kind, value)} for at, value in _from(values, first)],
        )
    told = [(name, reply) for name, reply in book.replies.items() if reply is not saved.replies.get(name)]
    _upsert(
        connection, schema.replies, [{"id": name, "value": wire.dumps(Reply, reply)} for name, reply in told]
    )


def read_study(path: Path, connection: sqlalchemy.Connection, *, records: bool = True) -> Study:
    """The whole study, as one moment saw it.

    Args:
        path: Its file.
        connection: To the file; inside the caller's transaction, if there is one.
        records: Whether its runs hold their records; see ``read_records``.

    Raises:
        StoreError: If a row is missing or cannot be read.
    """
    with explained(path), nullcontext() if connection.in_transaction() else connection.begin():
        head = connection.execute(select(schema.study)).mappings().one_or_none()
        runs = connection.execute(
            select(schema.runs.c.id, schema.runs.c.value).order_by(schema.runs.c.id)
        ).all()
        grouped: dict[int, list[Any]] = {}
        if records:
            columns = schema.records.c
            points = connection.execute(
                select(columns.run, columns.seq, columns.value).order_by(columns.run, columns.seq)
            )
            grouped = {number: list(rows) for number, rows in groupby(points, key=itemgetter(0))}
        advances = _values(connection, schema.advances)
        events = _values(connection, schema.events)
    try:
        if head is None:
            raise ValueError("it holds no study")
        study = Study(
            name=path.stem,  # a file that was copied or renamed is the study that its name says
            task=head["task"],
            searcher=head["searcher"],
            fingerprint=head["fingerprint"],
            created=float(head["created"]),
            state=StudyState(head["state"]),
            question=wire.loads(Question, head["question"]),
            target=wire.loads(dict[str, object], head["target"]),
            environment=wire.loads(dict[str, str], head["environment"]),
            answer=None if head["answer"] is None else wire.loads(Answer, head["answer"]),
            runs=tuple(
                _read_run(number, value, grouped.pop(row, []))
                for number, (row, value) in enumerate(runs, start=1)
            ),
            advances=_many(Advance, advances),
            events=_many(Event, events),
        )
        if grouped:
            raise ValueError("it holds records of no run")
        return study
    except (StoreError, ValueError, TypeError) as error:
        raise damaged(path, error) from error


def read_records(path: Path, connection: sqlalchemy.Connection, number: int) -> Iterator[Record]:
    """The records of run ``number``, counted from 1, one after the other, inside the caller's transaction.

    Raises:
        StoreError: If a row is missing or cannot be read.
    """
    columns = schema.records.c
    asked = select(columns.seq, columns.value).where(columns.run == number).order_by(columns.seq)
    with explained(path):
        rows = connection.execute(asked.execution_options(yield_per=_READ_AT_ONCE))
        for first, part in enumerate(rows.partitions()):
            numbers = range(first * _READ_AT_ONCE, first * _READ_AT_ONCE + len(part))
            try:
                if [seq for seq, _ in part] != list(numbers):
                    raise ValueError(f"run {number} lacks records")
                read = _many(Record, [text for _, text in part])
            except (StoreError, ValueError) as error:
                raise damaged(path, error) from error
            yield from read


def read_replies(path: Path, connection: sqlalchemy.Connection, *ids: str) -> dict[str, Reply]:
    """What became of commands, by id: of all of them, or of those that ``ids`` names.

    Raises:
        StoreError: If one cannot be read.
    """
    table = schema.replies
    which = select(table.c.id, table.c.value)
    with explained(path), connection.begin():
        rows = connection.execute(which.where(table.c.id.in_(ids)) if ids else which).all()
    try:
        return {name: wire.loads(Reply, value) for name, value in rows}
    except StoreError as error:
        raise damaged(path, error) from error


def read_summary(path: Path, connection: sqlalchemy.Connection) -> StudySummary:
    """What a list shows of the study, its state as it is stored.

    Raises:
        StoreError: If it cannot be read.
    """
    with explained(path), connection.begin():
        head = connection.exec_driver_sql(_SUMMARY).mappings().one_or_none()
    try:
        if head is None:
            raise ValueError("it holds no study")
        answer = None if head["answer"] is None else wire.loads(Answer, head["answer"])
        return StudySummary(
            name=path.stem,
            task=head["task"],
            state=StudyState(head["state"]),
            created=float(head["created"]),
            runs=head["runs"],
            cost=head["units"] / wire.loads(Question, head["question"]).budget,
            lr=answer.lr if answer is not None and answer.found else None,
        )
    except (StoreError, ValueError, TypeError) as error:
        raise damaged(path, error) from error


# Compiled once: a list of studies asks it of hundreds of files, each with an engine of its own.
_SUMMARY = str(
    select(
        schema.study,
        select(func.count()).select_from(schema.runs).scalar_subquery().label("runs"),
        select(func.coalesce(func.sum(schema.runs.c.paid_units), 0)).scalar_subquery().label("units"),
    ).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
)


def _head_row(head: Study) -> dict[str, object]:
    return {
        "id": 1,
        "name": head.name,
        "task": head.task,
        "searcher": head.searcher,
        "fingerprint": head.fingerprint,
        "created": float(head.created),
        "state": str(head.state),
        "question": wire.dumps(Question, head.question),
        "target": wire.dumps(dict[str, object], dict(head.target)),
        "environment": wire.dumps(dict[str, str], dict(head.environment)),
        "answer": None if head.answer is None else wire.dumps(Answer, head.answer),
    }


def _run_row(number: int, run: Run) -> dict[str, object]:
    return {
        "id": number,
        "key": wire.dumps(RunKey, run.key),
        "paid_units": min(
            int(run.paid_units), 2**53
        ),  # nobody trains longer, and SQLite's numbers end somewhere
        "value": wire.dumps(Run, run),
    }


def _read_run(number: int, value: str, points: Sequence[Any]) -> Run:
    run = wire.loads(Run, value)
    if [seq for _, seq, _ in points] != list(range(len(points))):
        raise ValueError(f"run {number} lacks records")
    records = _many(Record, [text for _, _, text in points])
    if len(records) != len(points):
        raise ValueError(f"run {number} holds a record that is none")
    return replace(run, records=records)


def _many(kind: type[T], values: Sequence[str]) -> tuple[T, ...]:
    many: Any = tuple[kind, ...]  # type: ignore[valid-type]
    return wire.loads(many, f"[{','.join(values)}]")


def _values(connection: sqlalchemy.Connection, table: sqlalchemy.Table) -> list[str]:
    return list(connection.execute(select(table.c.value).order_by(table.c.id)).scalars())


def _from(values: Sequence[T], first: int) -> Iterable[tuple[int, T]]:
    return enumerate(values[first:], start=first)


def _insert(connection: sqlalchemy.Connection, table: sqlalchemy.Table, rows: list[dict[str, Any]]) -> None:
    # A row can be there already where an interrupt came between the commit and the note that it went through.
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _upsert(connection: sqlalchemy.Connection, table: sqlalchemy.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        order = insert(table)
        new = {column.name: column for column in order.excluded if column.name != "id"}
        connection.execute(order.on_conflict_do_update(index_elements=["id"], set_=new), rows)
