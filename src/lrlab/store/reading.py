"""Rows of a study's file to values; plain SQL, because a list of studies should not wait for SQLAlchemy."""

import gc
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from lrlab.core import wire
from lrlab.core.answer import Answer
from lrlab.core.command import Reply
from lrlab.core.errors import StoreError
from lrlab.core.history import History
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Event, Study
from lrlab.store.columns import BLOCK, checksum, read_blocks
from lrlab.store.database import damaged, explained, one_moment
from lrlab.store.protocol import StudySummary

T = TypeVar("T")

_READ_AT_ONCE = 1000  # records; enough to be quick, little enough to be nothing
_DECODED_AT_ONCE = 20_000
_MANY = 1024  # records of a run; fewer are as quick one by one
_HEAD = "SELECT * FROM study"
_SUMMARY = """
    SELECT study.*, (SELECT count(*) FROM runs) AS runs, (SELECT coalesce(sum(paid_units), 0) FROM runs) AS units
    FROM study
"""


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """For what makes a million values and no cycle: looking through all of them again and again takes longer than making
    them."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@_without_garbage_collection()
def read_study(path: Path, raw: sqlite3.Connection, *, records: bool = True) -> Study:
    """The whole study, as one moment saw it.

    Args:
        path: Its file.
        raw: A connection to the file; inside the caller's transaction, if there is one.
        records: Whether its runs hold their records; see ``read_records``.

    Raises:
        StoreError: If a row is missing or cannot be read.
    """
    with explained(path), one_moment(raw):
        head = _named(raw, _HEAD)
        runs = raw.execute("SELECT id, value FROM runs ORDER BY id").fetchall()
        asked = "SELECT run, seq, value FROM records ORDER BY run, seq"
        points = raw.execute(asked).fetchall() if records else []
        advances = raw.execute("SELECT value FROM advances ORDER BY id").fetchall()
        events = raw.execute("SELECT value FROM events ORDER BY id").fetchall()
    try:
        if head is None:
            raise ValueError("it holds no study")
        return Study(
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
            runs=_runs(runs, points),
            advances=_many(Advance, [value for (value,) in advances]),
            events=_many(Event, [value for (value,) in events]),
        )
    except (StoreError, ValueError, TypeError) as error:
        raise damaged(path, error) from error


def read_records(path: Path, raw: sqlite3.Connection, number: int, *, first: int = 0) -> Iterator[Record]:
    """The records of run ``number``, counted from 1, from index ``first`` on, one after the other, inside the caller's
    transaction.

    Raises:
        StoreError: If a row is missing or cannot be read.
    """
    asked = "SELECT seq, value FROM records WHERE run = ? AND seq >= ? ORDER BY seq"
    with explained(path):
        rows = raw.execute(asked, (number, first))
        while part := rows.fetchmany(_READ_AT_ONCE):
            numbers = range(first, first + len(part))
            first += len(part)
            try:
                if [seq for seq, _ in part] != list(numbers):
                    raise ValueError(f"run {number} lacks records")
                read = _many(Record, [text for _, text in part])
            except (StoreError, ValueError, TypeError) as error:
                raise damaged(path, error) from error
            yield from read


@_without_garbage_collection()
def read_history(
    path: Path, raw: sqlite3.Connection, number: int, *, first: int, blocks: Path
) -> Sequence[Record]:
    """The same, all at once; where they are many, as columns.

    Args:
        path: The study's file.
        raw: A connection to it, inside the caller's transaction.
        number: Of the run, from 1.
        first: Index of the first one that is wanted.
        blocks: Where the run's columns may be.

    Raises:
        StoreError: If a row is missing or cannot be read.
    """
    with explained(path):
        (count,) = raw.execute(
            "SELECT coalesce(max(seq) + 1, 0) FROM records WHERE run = ?", (number,)
        ).fetchone()
    if count - first < _MANY:
        return tuple(read_records(path, raw, number, first=first))
    known = _known_columns(path, raw, number, count=count, blocks=blocks) if count - first >= BLOCK else None
    if known is not None and len(known) <= first:
        known = None
    begin = first if known is None else len(known)
    try:
        new = list(_decoded(path, raw, number, begin))
    except OverflowError:  # a step that no column holds
        return tuple(read_records(path, raw, number, first=first))
    return History.joined([*([] if known is None else [known.rest(first)]), *new])


def _known_columns(
    path: Path, raw: sqlite3.Connection, number: int, *, count: int, blocks: Path
) -> History | None:
    """What of a run of ``count`` records stands as columns, and is the database's."""
    right = [block for block in read_blocks(blocks) if block.until <= count]
    if not right:
        return None
    with explained(path):
        row = raw.execute(
            "SELECT value FROM records WHERE run = ? AND seq = ?", (number, right[-1].until - 1)
        ).fetchone()
    if row is None or checksum(row[0]) != right[-1].last:
        return None
    return History.joined([block.history for block in right])


def _decoded(path: Path, raw: sqlite3.Connection, number: int, first: int) -> Iterator[History]:
    """The records from index ``first`` on, from their texts.

    Raises:
        StoreError: If a row is missing or cannot be read.
        OverflowError: If a step has no place in 64 bits.
    """
    asked = "SELECT seq, value FROM records WHERE run = ? AND seq >= ? ORDER BY seq"
    with explained(path):
        rows = raw.execute(asked, (number, first))
        while part := rows.fetchmany(_DECODED_AT_ONCE):
            try:
                if [seq for seq, _ in part] != list(range(first, first + len(part))):
                    raise ValueError(f"run {number} lacks records")
                told = wire.tree(f"[{','.join([text for _, text in part])}]")
                if len(told) != len(part):
                    raise ValueError("a row holds more than one value")
                yield History.told(
                    [each["at"] for each in told],
                    [each.get("step") for each in told],
                    [each["metrics"] for each in told],
                )
            except (StoreError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise damaged(path, error) from error
            first += len(part)


def read_replies(path: Path, raw: sqlite3.Connection, *ids: str) -> dict[str, Reply]:
    """What became of commands, by id: of all of them, or of those that ``ids`` names.

    Raises:
        StoreError: If one cannot be read.
    """
    with explained(path):
        every = raw.execute("SELECT id, value FROM replies").fetchall()
    rows = [(name, value) for name, value in every if not ids or name in ids]
    try:
        return {name: wire.loads(Reply, value) for name, value in rows}
    except StoreError as error:
        raise damaged(path, error) from error


def read_summary(path: Path, raw: sqlite3.Connection) -> StudySummary:
    """What a list shows of the study, its state as it is stored.

    Raises:
        StoreError: If it cannot be read.
    """
    with explained(path):
        head = _named(raw, _SUMMARY)
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


def _named(raw: sqlite3.Connection, asked: str) -> "sqlite3.Row | None":
    """The one row that a question gives, its columns by name."""
    cursor = raw.cursor()
    cursor.row_factory = sqlite3.Row
    rows: list[sqlite3.Row] = cursor.execute(asked).fetchmany(2)
    return rows[0] if len(rows) == 1 else None


def _runs(rows: Sequence[tuple[int, str]], points: Sequence[tuple[int, int, str]]) -> tuple[Run, ...]:
    """The runs with their records.

    Raises:
        StoreError, ValueError, TypeError: If one cannot be read, or a row is missing.
    """
    read = _many(Run, [value for _, value in rows])
    records = _many(Record, [text for _, _, text in points])
    place, parts = 0, {}
    for run, group in groupby(points, key=lambda point: point[0]):
        seqs = [seq for _, seq, _ in group]
        if seqs != list(range(len(seqs))):
            raise ValueError(f"run {run} lacks records")
        parts[run] = records[place : place + len(seqs)]
        place += len(seqs)
    whole = tuple(
        replace(run, records=parts.pop(number)) if number in parts else run
        for (number, _), run in zip(rows, read, strict=True)
    )
    if parts:
        raise ValueError("it holds records of no run")
    return whole


def _many(kind: type[T], values: Sequence[str]) -> tuple[T, ...]:
    """The values that texts hold, read together: one by one they take three times as long."""
    many: Any = tuple[kind, ...]  # type: ignore[valid-type]
    found: list[T] = []
    for at in range(0, len(values), _READ_AT_ONCE):
        part = values[at : at + _READ_AT_ONCE]
        read = wire.loads(many, f"[{','.join(part)}]")
        if len(read) != len(part):  # no text is empty, so each holds one
            raise ValueError("a row holds more than one value")
        found.extend(read)
    return tuple(found)
