"""When the SQLite store commits."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.store.engine import raw_connection
from lrlab.store.ledger import SqliteLedger
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import EXAMPLE_RUN, example_points, example_study, same_records

KEY = EXAMPLE_RUN.key


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> SqliteStore:
    return SqliteStore(tmp_path, now=lambda: 1.5e9, clock=clock)


@pytest.fixture
def ledger(store: SqliteStore) -> SqliteLedger:
    ledger = store.create(example_study())
    ledger.write_run(EXAMPLE_RUN)
    ledger.flush()
    return ledger


def stored(store: SqliteStore) -> int:
    (run,) = store.load("x").runs
    return len(run.records)


def test_a_group_is_committed_by_the_first_tick_after_50_ms(
    store: SqliteStore, ledger: SqliteLedger, clock: Clock
) -> None:
    ledger.append(KEY, 0, example_points(3))
    clock.seconds += 0.049
    ledger.append(KEY, 3, example_points(1, start=3))
    ledger.tick()
    assert (stored(store), ledger.acknowledged[KEY]) == (0, 0)
    clock.seconds += 0.0011
    assert stored(store) == 0
    ledger.tick()
    assert (stored(store), ledger.acknowledged[KEY]) == (4, 4)
    ledger.close()


def test_the_age_counts_from_the_first_change_after_a_commit(
    store: SqliteStore, ledger: SqliteLedger, clock: Clock
) -> None:
    clock.seconds += 1000
    ledger.append(KEY, 0, example_points(1))
    ledger.tick()
    assert stored(store) == 0
    ledger.close()


@pytest.mark.parametrize(("count", "committed"), [(999, 0), (1000, 1000)])
def test_a_group_is_committed_by_the_first_tick_after_1000_points(
    store: SqliteStore, ledger: SqliteLedger, count: int, committed: int
) -> None:
    ledger.append(KEY, 0, example_points(count))
    ledger.append(KEY, 0, example_points(count))  # known ones do not count
    ledger.tick()
    assert stored(store) == committed
    ledger.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: ledger.write_run(replace(EXAMPLE_RUN, target=3)),
        lambda ledger: ledger.note("kind", "text"),
        lambda ledger: ledger.decide([]),
    ],
    ids=["write_run", "note", "decide"],
)
def test_other_changes_wait_for_their_group_too(
    store: SqliteStore, ledger: SqliteLedger, clock: Clock, change: Callable[[SqliteLedger], None]
) -> None:
    before = store.load("x")
    change(ledger)
    ledger.tick()
    assert store.load("x") == before
    clock.seconds += 0.06
    ledger.tick()
    assert store.load("x") == ledger.study
    ledger.close()


def test_one_group_is_one_transaction_whatever_it_holds(store: SqliteStore, ledger: SqliteLedger) -> None:
    statements: list[str] = []
    raw_connection(ledger._connection).set_trace_callback(statements.append)
    ledger.write_run(Run(lr=1.0))
    ledger.append(KEY, 0, example_points(3))
    ledger.note("kind", "text")
    ledger.flush()
    ledger.flush()
    assert statements[0] == "BEGIN IMMEDIATE"
    assert [word for word in statements if word in ("BEGIN IMMEDIATE", "COMMIT")] == [
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]
    assert len(statements) == 2 + 1 + 3 + 1
    ledger.close()


def test_an_interrupt_right_after_the_commit_does_no_harm(
    store: SqliteStore, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append(KEY, 0, example_points(3))
    ledger.decide([Advance(lr=0.1, until=1)])
    ledger.note("kind", "text")
    with monkeypatch.context() as patch:
        patch.setattr("lrlab.store.ledger.Saved", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            ledger.flush()
    assert stored(store) == 3
    ledger.append(KEY, 3, example_points(1, start=3))
    ledger.close()
    assert store.load("x") == replace(ledger.study, state=StudyState.INTERRUPTED)
    assert stored(store) == 4


class Interrupted:
    """Stands in for ``Saved`` at the moment of Ctrl-C."""

    @staticmethod
    def all_of(_: object) -> None:
        raise KeyboardInterrupt


def test_events_carry_the_time_they_are_given(ledger: SqliteLedger) -> None:
    ledger.note("kind", "text")
    assert ledger.study.events[0].at == 1.5e9
    ledger.close()


def test_the_connection_is_durable_and_distrusts_the_file(store: SqliteStore, ledger: SqliteLedger) -> None:
    raw = raw_connection(ledger._connection)
    names = [
        "journal_mode",
        "synchronous",
        "busy_timeout",
        "foreign_keys",
        "trusted_schema",
        "cell_size_check",
    ]
    values = [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert values == ["wal", 2, 10000, 1, 0, 1]
    assert raw.execute("PRAGMA mmap_size").fetchone() in ((0,), None)
    ledger.close()


numbers = st.one_of(st.floats(), st.sampled_from([math.nan, math.inf, -0.0, 5e-324]))
texts = st.text(st.characters(exclude_categories=()), min_size=1, max_size=8)  # surrogates included
records = st.lists(
    st.builds(
        Record,
        at=st.floats(0, 1e300),
        metrics=st.dictionaries(texts, numbers, max_size=4),
        step=st.none() | st.integers(0, 2**100),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(groups=st.lists(records, max_size=4))
def test_whatever_a_record_can_hold_comes_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[Record]]
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("any"))
    ledger = store.create(example_study())
    ledger.write_run(EXAMPLE_RUN)
    done = 0
    for group in groups:
        done += ledger.append(KEY, done, group)
        ledger.flush()
    (expected,) = ledger.study.runs
    ledger.close()
    assert done == sum(map(len, groups))
    assert same_records(store.load("x").runs[0].records, expected.records)
