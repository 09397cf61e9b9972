"""Records as columns read like the tuple that they stand for, to the bit."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.history import History, as_records, columns, metric_names, told
from lrlab.core.metric import Metric
from lrlab.core.record import Record
from lrlab.core.run import Run

VALUES = st.floats(width=64)
RECORDS = st.lists(
    st.builds(
        Record,
        at=st.floats(0, 1e9),
        metrics=st.dictionaries(st.sampled_from(["loss", "val_loss", "lr"]), VALUES),
        step=st.none() | st.integers(0, 2**62),
    ),
    max_size=30,
)


def same(one: Sequence[Record], other: Sequence[Record]) -> bool:
    return len(one) == len(other) and all(a.same(b) for a, b in zip(one, other, strict=True))


@given(RECORDS, st.integers(-31, 31), st.integers(-31, 31), st.integers(1, 4))
def test_it_reads_like_a_tuple(records: list[Record], first: int, end: int, stride: int) -> None:
    history, plain = History.of(records), tuple(records)
    assert same(history, plain)
    assert same(tuple(history), plain)
    assert same(tuple(reversed(history)), plain[::-1])
    for part in (slice(first, end), slice(first, end, stride), slice(end, None, -stride)):
        assert same(history[part], plain[part])
    for place in range(-len(plain), len(plain)):
        assert history[place].same(plain[place])
    for place in (len(plain), -len(plain) - 1):
        with pytest.raises(IndexError, match="no such record"):
            history[place]
    assert bool(history) == bool(plain)


@given(RECORDS, RECORDS, st.integers(0, 30))
def test_it_grows_and_ends_like_a_tuple(before: list[Record], after: list[Record], first: int) -> None:
    history = History.of(before)
    for more in (tuple(after), History.of(after)):
        assert same(history + more, (*before, *after))
    assert same(history.rest(min(first, len(before))), before[first:])
    assert metric_names(history) == metric_names(before)


@given(RECORDS, st.sampled_from(["loss", "val_loss", "none"]), st.integers(0, 31))
def test_a_series_is_the_same_however_it_is_held(records: list[Record], name: str, first: int) -> None:
    for one, other in zip(told(History.of(records), name, first), told(records, name, first), strict=True):
        assert one.tobytes() == other.tobytes()


@given(RECORDS, st.sampled_from(["best", "last"]), st.floats(0, 1e9) | st.just(math.inf))
def test_a_run_scores_the_same_however_it_is_held(records: list[Record], reduce: str, until: float) -> None:
    for direction in ("min", "max"):
        metric = Metric("loss", direction)  # type: ignore[arg-type]
        one, other = (Run(lr=1.0, records=held) for held in (as_records(History.of(records)), tuple(records)))
        assert one.score(metric, until, reduce=reduce) == other.score(metric, until, reduce=reduce)
        assert repr(list(one.values(metric, until))) == repr(list(other.values(metric, until)))
        assert one.untrained(metric) == other.untrained(metric)
        assert one.latest == other.latest


def test_equality_is_that_of_records() -> None:
    records = (Record(1, {"loss": 1.0}), Record(2, {"loss": 0.5}, 7))
    assert History.of(records) == records == History.of(records)
    assert History.of(records) != records[:1]
    assert History.of(records) != (*records[:1], Record(2, {"loss": 0.5}, 8))
    assert History.of(records) != "records"
    assert columns(records) is None


def test_what_no_column_holds_is_refused() -> None:
    with pytest.raises(OverflowError):
        History.of([Record(1, {}, 2**63)])
    with pytest.raises(TypeError, match="no number"):
        History.told([1.0], [None], [{"loss": None}])
    with pytest.raises(ValueError, match="could not convert"):
        History.told([1.0], [None], [{"loss": "much"}])
    assert math.isnan(History.told([1.0], [None], [{"loss": "NaN"}])[0].metrics["loss"])


def test_no_record_is_made_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 10_000
    history = History(np.arange(count, dtype=float), np.arange(count), {"loss": (None, np.ones(count))})
    monkeypatch.setattr(Record, "__post_init__", lambda self: pytest.fail("a record was made"))
    run = Run(lr=1.0, records=as_records(history))
    assert (run.score(Metric("loss")), run.latest, len(run.records)) == (1.0, count - 1, count)
    assert len((history + history.rest(9_000)).series("loss", 10_500)[0]) == 500
