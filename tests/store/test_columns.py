"""A long run stands beside the study's file as columns too: quicker to read, never believed against the database."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lrlab.core.errors import StoreError
from lrlab.core.history import columns
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.store import reading
from lrlab.store.columns import BLOCK, read_blocks
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import example_study, same_records

RUN = Run(lr=0.1)


def points(count: int, first: int = 0) -> list[Record]:
    """Records with what is hard to keep: two metrics, one of them now and then, NaN, infinity, minus zero, no step."""
    odd = {5: math.nan, 6: math.inf, 7: -math.inf, 8: -0.0, 9: 5e-324}
    return [
        Record(k / 7, {"loss": odd.get(k % 100, 1 / (k + 1)), **({"val loss é": k * 0.1} if k % 3 == 0 else {})}, k or None)
        for k in range(first, first + count)
    ]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path)


def write(store: SqliteStore, count: int, *, groups: int = 1) -> Path:
    """A study with one run; returns the file of its columns."""
    ledger = store.create(example_study())
    key = ledger.study.runs[0].key if ledger.study.runs else None
    if key is None:
        ledger.write_run(RUN)
        key = RUN.key
    first = len(ledger.study.runs[0].records)
    for group in range(groups):
        ledger.append(
            key, first + group * (count // groups), points(count // groups, group * (count // groups))
        )
        ledger.flush()
    ledger.close()
    return store.folder / "x.files" / "columns" / "1.columns"


def history(store: SqliteStore, first: int = 0) -> Sequence[Record]:
    with store.snapshot("x") as snapshot:
        return snapshot.history(snapshot.study.runs[0].key, first=first)


def records(store: SqliteStore) -> tuple[Record, ...]:
    return store.load("x").runs[0].records


@pytest.mark.parametrize("groups", [1, 3, 20])
def test_columns_are_the_records_to_the_bit(store: SqliteStore, groups: int) -> None:
    file = write(store, 6 * BLOCK // groups * groups, groups=groups)
    whole = records(store)
    assert len(whole) > 5 * BLOCK
    blocks = read_blocks(file)
    assert blocks[-1].until > len(whole) - BLOCK
    assert columns(history(store)) is not None
    for first in (0, 1, BLOCK - 1, BLOCK, len(whole) - 5, len(whole), len(whole) - 3000):
        assert same_records(tuple(history(store, first)), whole[first:])
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (file, file.parent)}
    assert modes == {"1.columns": "0o600", "columns": "0o700"}


def test_what_the_columns_hold_is_not_decoded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store, 4 * BLOCK)
    decoded = []
    inside = reading._decoded

    def watched(*arguments: object) -> object:
        decoded.append(arguments[-1])
        return inside(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "_decoded", watched)
    assert same_records(tuple(history(store)), records(store))
    assert min(decoded) > 3 * BLOCK


def test_a_short_run_has_no_columns(store: SqliteStore) -> None:
    file = write(store, BLOCK // 2)
    assert not file.exists()
    assert same_records(tuple(history(store)), records(store))


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    place = len(data) * 2 // 3
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _zeros(data: bytes) -> bytes:
    return data[: len(data) // 3] + bytes(len(data) - len(data) // 3)


DAMAGES: list[Callable[[bytes], bytes]] = [
    _cut, _flipped, _zeros, lambda data: b"", lambda data: data + b"lrc1", lambda data: data + data,
    lambda data: b"\xff" * 40, lambda data: data[1:],
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_a_damaged_file_costs_time_and_nothing_else(
    store: SqliteStore, damage: Callable[[bytes], bytes]
) -> None:
    file = write(store, 4 * BLOCK, groups=2)
    right = file.read_bytes()
    file.write_bytes(damage(right))
    assert same_records(tuple(history(store)), records(store))
    store.open("x").close()  # who writes mends it
    assert same_records(tuple(history(store)), records(store))
    assert read_blocks(file)[-1].until > len(records(store)) - BLOCK


def test_columns_of_another_study_are_not_believed(store: SqliteStore, tmp_path: Path) -> None:
    file = write(store, 2 * BLOCK)
    other = SqliteStore(tmp_path / "other")
    ledger = other.create(example_study())
    ledger.write_run(RUN)
    key = ledger.study.runs[0].key
    ledger.append(
        key, len(ledger.study.runs[0].records), [Record(k, {"loss": 2.0}) for k in range(3 * BLOCK)]
    )
    ledger.close()
    (other.folder / "x.files" / "columns" / "1.columns").write_bytes(file.read_bytes())
    assert same_records(tuple(history(other)), records(other))


def test_a_file_that_was_put_back_is_believed_against_its_columns(store: SqliteStore) -> None:
    write(store, 2 * BLOCK)
    older = (store.folder / "x.sqlite").read_bytes()
    ledger = store.open("x")
    count = len(ledger.study.runs[0].records)
    ledger.append(ledger.study.runs[0].key, count, points(2 * BLOCK, count))
    ledger.close()
    (store.folder / "x.sqlite").write_bytes(older)
    assert same_records(tuple(history(store)), records(store))
    ledger = store.open("x")
    ledger.append(
        ledger.study.runs[0].key, count, [Record(count + k, {"loss": 7.0}) for k in range(2 * BLOCK)]
    )
    ledger.close()
    assert len(records(store)) == count + 2 * BLOCK
    assert same_records(tuple(history(store)), records(store))


def test_a_writer_goes_on_where_no_columns_can_be_written(store: SqliteStore) -> None:
    ledger = store.create(example_study())
    (store.folder / "x.files" / "columns").write_text("in the way")
    ledger.write_run(RUN)
    key = ledger.study.runs[0].key
    ledger.append(key, len(ledger.study.runs[0].records), points(2 * BLOCK))
    ledger.close()
    assert same_records(tuple(history(store)), records(store))


def test_a_step_that_no_column_holds(store: SqliteStore) -> None:
    ledger = store.create(example_study())
    ledger.write_run(RUN)
    key, first = ledger.study.runs[0].key, len(ledger.study.runs[0].records)
    ledger.append(key, first, [*points(BLOCK), Record(1e6, {"loss": 1.0}, 2**70), *points(BLOCK)])
    ledger.close()
    assert same_records(tuple(history(store)), records(store))


@pytest.mark.parametrize(
    "text",
    ['{"at":1}', '{"at":"x","metrics":{}}', '{"at":1,"metrics":{"loss":null}}', "[]", "1", "{", '{"at":1,"metrics":[]}'],
)  # fmt: skip
def test_a_row_that_is_no_record_is_damage(store: SqliteStore, text: str) -> None:
    import sqlite3

    write(store, 2000)
    with sqlite3.connect(store.folder / "x.sqlite") as database:
        database.execute("UPDATE records SET value = ? WHERE run = 1 AND seq = 1500", (text,))
    database.close()
    with pytest.raises(StoreError, match="damaged"):
        history(store)


def test_a_row_that_is_missing_is_damage(store: SqliteStore) -> None:
    import sqlite3

    write(store, 2000)
    with sqlite3.connect(store.folder / "x.sqlite") as database:
        database.execute("DELETE FROM records WHERE run = 1 AND seq = 1500")
    database.close()
    with pytest.raises(StoreError, match="lacks records"):
        history(store)
