import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.report.downsample import m4

values = st.floats(-1e9, 1e9)


@st.composite
def series(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    y = np.array(draw(st.lists(values, min_size=0, max_size=300)))
    steps = np.array(draw(st.lists(st.floats(0, 100), min_size=len(y), max_size=len(y))))
    return draw(values) + np.cumsum(steps), y, draw(st.integers(8, 64))


@given(series())
def test_it_keeps_ends_and_extremes_in_order_within_the_bound(drawn):
    x, y, points = drawn
    kept = m4(x, y, points=points)
    assert len(kept) <= points
    assert (np.diff(kept) > 0).all()
    if len(y):
        assert kept[0] == 0
        assert kept[-1] == len(y) - 1
        assert y[kept].min() == y.min()
        assert y[kept].max() == y.max()
    if len(y) <= points:
        assert len(kept) == len(y)


@given(series())
def test_it_is_deterministic(drawn):
    x, y, points = drawn
    assert m4(x, y, points=points).tolist() == m4(x.copy(), y.copy(), points=points).tolist()


@given(st.lists(values, min_size=40, max_size=200), st.integers(8, 24))
def test_every_column_keeps_its_first_last_lowest_and_highest(given_values, points):
    """The naive twin: the columns one by one, with the width that the function documents."""
    y, x = np.array(given_values), np.arange(len(given_values), dtype=float)
    finest = x[-1] / (points // 4 - 1)
    width = 2.0 ** int(np.ceil(np.log2(finest)))
    wanted = {}
    for k in range(len(y)):
        wanted.setdefault(x[k] // width, []).append(k)
    by_hand = set()
    for column in wanted.values():
        by_hand |= {column[0], column[-1]}
        by_hand.add(min(column, key=lambda k: y[k]))
        highest = max(y[k] for k in column)
        assert any(y[k] == highest for k in set(column) & set(m4(x, y, points=points).tolist()))
    assert by_hand <= set(m4(x, y, points=points).tolist())


def test_a_spike_of_one_step_in_a_million_survives():
    x = np.arange(1_000_000, dtype=float)
    y = np.sin(x / 1e5)
    y[777_777] = 50.0
    kept = m4(x, y, points=1_500)
    assert 777_777 in kept
    assert 2 * (1_500 // 8) < len(kept) <= 1_500


def test_points_added_at_the_end_leave_full_columns_as_they_were():
    x = np.arange(60_000, dtype=float)
    y = np.cos(x / 7) * np.sqrt(x)
    before, after = m4(x[:50_000], y[:50_000], points=1_000), m4(x, y, points=1_000)
    last_full = 50_000 // 256 * 256
    assert [k for k in before if k < last_full] == [k for k in after if k < last_full]


@pytest.mark.parametrize(
    ("x", "y", "points", "said"),
    [
        ([0.0, 1.0], [0.0], 8, "one length, got 2 and 1"),
        ([0.0], [0.0], 7, "at least 8, got 7"),
        ([1.0, 0.0], [0.0, 0.0], 8, "must ascend"),
        ([0.0, 1.0], [0.0, np.nan], 8, "must be finite"),
    ],
)
def test_it_refuses_what_has_no_columns(x, y, points, said):
    with pytest.raises(SpecError, match=said):
        m4(np.array(x), np.array(y), points=points)


def test_eight_points_are_enough():
    assert len(m4(np.arange(100.0), np.arange(100.0), points=8)) <= 8
