"""A study to rows; ``store/reading.py`` is the way back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy.dialects.sqlite import insert

from lrlab.core import wire
from lrlab.core.answer import Answer
from lrlab.core.command import Reply
from lrlab.core.question import Advance, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Event, Study
from lrlab.store import schema
from lrlab.store.book import Book

T = TypeVar("T")


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
