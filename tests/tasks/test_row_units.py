"""Where rows stand in a training."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.record import Record
from lrlab.readers.protocol import Row
from lrlab.tasks.row_units import RowUnits

NAN = float("nan")


def row(epoch: float | None = None, step: int | None = None, **metrics: float) -> Row:
    return Row(metrics=metrics, epoch=epoch, step=step)


def records(rows: list[Row], *, unit: str = "epoch", epochs_from: int | None = None) -> list[Record]:
    units = RowUnits(metric="val_loss", unit=unit, epochs_from=epochs_from)
    return [record for each in rows for record in units.take(each)] + list(units.rest())


def places(rows: list[Row], **options: object) -> list[float]:
    return [round(record.at, 4) for record in records(rows, **options)]  # type: ignore[arg-type]


def test_epochs_from_one_and_from_zero() -> None:
    assert places([row(k, val_loss=1.0) for k in (1, 2, 3)]) == [1, 2, 3]
    assert places([row(k, val_loss=1.0) for k in (0, 1, 2)]) == [1, 2, 3]


def test_the_first_row_with_an_epoch_tells_where_they_begin() -> None:
    rows = [row(0, loss=1.0), row(4, val_loss=1.0), row(9, val_loss=1.0)]  # every fifth epoch is evaluated
    assert places(rows) == [2.5, 5, 10]


def test_epochs_from_can_be_told() -> None:
    rows = [row(0, val_loss=2.0), row(1, val_loss=1.0)]
    assert places(rows, epochs_from=1) == [0, 1]


def test_without_an_epoch_reports_are_counted() -> None:
    assert places([row(val_loss=1.0), row(loss=1.0), row(val_loss=1.0)]) == [1, 1.5, 2]


def test_steps() -> None:
    rows = [
        row(step=0, val_loss=2.0),
        row(step=50, loss=1.0),
        row(step=100, val_loss=1.0),
        row(step=200, val_loss=1.0),
    ]
    assert places(rows, unit="step") == [0, 49.5, 100, 200]
    assert [record.step for record in records(rows, unit="step")] == [0, 50, 100, 200]
    assert places([row(val_loss=1.0), row(val_loss=1.0)], unit="step") == [1, 2]
    assert places([row(step=50, loss=1.0), row(val_loss=1.0)], unit="step") == [49.5, 50]
    assert places([row(step=50, loss=1.0), row(step=20, val_loss=1.0)], unit="step") == [49.5, 50]


def test_the_trainers_epochs_are_progress() -> None:
    rows = [
        row(0.5, loss=1.0),
        row(1.0, loss=1.0),
        row(1.0, val_loss=1.0),
        row(1.5, loss=1.0),
        row(1.99, val_loss=1.0),
    ]
    assert places(rows, epochs_from=1) == [0.5, 0.75, 1, 1.5, 2]


def test_evaluations_between_the_ends_of_epochs() -> None:
    rows = [row(k * 0.3, val_loss=1.0) for k in range(1, 8)]
    assert places(rows, epochs_from=1) == [0.3, 0.6, 0.9, 1, 1.5, 1.8, 2]


def test_rows_inside_a_unit_stand_as_in_the_unit_before() -> None:
    units = RowUnits(metric="val_loss", unit="epoch")
    assert list(units.take(row(loss=1.0))) == []  # how long the first unit is, is not known yet
    assert [r.at for r in units.take(row(val_loss=1.0))] == [0.5, 1]
    assert [r.at for r in units.take(row(loss=NAN))] == [1.5]
    assert list(units.take(row(loss=1.0))) == []
    assert [r.at for r in units.take(row(val_loss=1.0))] == [1.75, 2]


def test_what_waits_is_told_in_the_end() -> None:
    last = records([row(loss=1.0), row(loss=NAN)])
    assert [record.at for record in last] == [1 / 3, 2 / 3]
    assert math.isnan(last[-1].metrics["loss"])


def test_a_unit_that_is_reported_again_counts_once() -> None:
    units = RowUnits(metric="val_loss", unit="epoch")
    rows = [row(1, val_loss=1.0), row(1, val_loss=2.0), row(2, val_loss=3.0)]
    taken = [record for each in rows for record in units.take(each)]
    assert [(record.at, record.metrics["val_loss"]) for record in taken] == [(1, 1.0), (2, 3.0)]
    assert units.again == 1


def test_a_log_that_begins_anew_tells_nothing_twice() -> None:
    for rows in (
        [
            row(loss=1.0),
            row(val_loss=1.0),
            row(loss=0.5),
            row(val_loss=0.5),
            row(loss=0.25),
            row(val_loss=0.25),
        ],
        [row(k // 2, **({"val_loss": 1.0} if k % 2 else {"loss": 1.0})) for k in range(6)],
    ):
        whole = records(rows)
        units = RowUnits(metric="val_loss", unit="epoch")
        taken = [record for each in rows[:4] for record in units.take(each)]
        units.begin_anew()
        taken += [record for each in rows for record in units.take(each)]
        assert [record.key() for record in taken] == [record.key() for record in whole]
        assert units.again == 0


def test_times_and_speeds_are_left_out() -> None:
    (record,) = records([row(val_loss=1.0, time=3.0, eval_runtime=1.0, train_samples_per_second=9.0)])
    assert dict(record.metrics) == {"val_loss": 1.0}


ROWS = st.lists(
    st.builds(
        row,
        st.one_of(st.none(), st.floats(0, 6).map(lambda value: round(value, 1)), st.integers(0, 6)),
        st.one_of(st.none(), st.integers(0, 400)),
        val_loss=st.just(1.0),
    )
    | st.builds(
        row,
        st.one_of(st.none(), st.integers(0, 6)),
        st.one_of(st.none(), st.integers(0, 400)),
        loss=st.just(1.0),
    ),
    max_size=30,
)


@given(rows=ROWS, unit=st.sampled_from(["epoch", "step"]), epochs_from=st.sampled_from([None, 0, 1]))
def test_records_are_in_order_and_only_reports_end_units(
    rows: list[Row], unit: str, epochs_from: int | None
) -> None:
    made = records(rows, unit=unit, epochs_from=epochs_from)
    ats = [record.at for record in made]
    assert ats == sorted(ats)
    ends = [record for record in made if record.ends_unit]
    assert all("val_loss" in record.metrics for record in ends)
    assert len({record.at for record in ends}) == len(ends)


@given(rows=ROWS, cuts=st.lists(st.integers(0, 30), max_size=3))
def test_it_does_not_matter_how_the_log_is_cut(rows: list[Row], cuts: list[int]) -> None:
    units = RowUnits(metric="val_loss", unit="epoch")
    parts = sorted({0, *cuts, len(rows)})
    taken = [r for a, b in itertools.pairwise(parts) for each in rows[a:b] for r in units.take(each)]
    taken += units.rest()
    assert [record.key() for record in taken] == [record.key() for record in records(rows)]
