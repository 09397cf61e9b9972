"""Signals: each against a naive twin over the whole series, and the same however the points come."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.diagnosis.signals import (
    COUNT,
    LEAST_BLOCKS,
    MEAN,
    Smooth,
    Stretch,
    Track,
    between,
    slope,
    spikes,
)

LOSS = st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 6))
SERIES = st.lists(LOSS, min_size=1, max_size=700)


def noisy(count: int, *, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.exp(-np.arange(count) / (count / 3)) + 0.1 * draw.normal(size=count)


def tracked(values: np.ndarray) -> Track:
    track = Track()
    track.extend(np.arange(len(values)), values)
    return track


@given(SERIES, st.integers(1, 97))
def test_chunks_do_not_matter(values: list[float], size: int) -> None:
    whole = tracked(np.array(values))
    parts, single = Track(), Track()
    for first in range(0, len(values), size):
        chunk = values[first : first + size]
        parts.extend(range(first, first + len(chunk)), chunk)
        parts.blocks()  # a look changes nothing
    for step, value in enumerate(values):
        single.add(step, value)
    for other in (parts, single):
        assert np.array_equal(whole.blocks(), other.blocks(), equal_nan=True)
        assert (whole.smooth.value, whole.smooth.lowest) == (other.smooth.value, other.smooth.lowest)


@given(SERIES)
def test_a_stretch_is_what_the_points_say(values: list[float]) -> None:
    x = np.array(values)
    told = Stretch.of(tracked(x).blocks())
    d = np.diff(x)
    scale = max(float(np.abs(x).max()), 1e-3)
    assert told.count == len(x)
    assert (told.low, told.high) == (x.min(), x.max())
    assert told.mean == pytest.approx(x.mean(), abs=1e-9 * scale)
    assert told.path == pytest.approx(np.abs(d).sum(), rel=1e-9)
    assert (told.first_step, told.last_step) == (0, len(x) - 1)
    if len(x) > 1:
        assert told.spread == pytest.approx(x.std(ddof=1), rel=1e-6, abs=1e-7 * scale)
        assert told.noise == pytest.approx(math.sqrt((d**2).sum() / (2 * (len(x) - 1))), rel=1e-9)
    if len(x) > 2 and (d**2).sum() > 1e-9:
        assert told.turns == pytest.approx((d[1:] * d[:-1] < 0).mean(), abs=1e-12)
        assert told.echo == pytest.approx((d[1:] * d[:-1]).sum() / (d**2).sum(), abs=1e-9)
        assert told.progress == pytest.approx((x[0] - x[-1]) / np.abs(d).sum(), abs=1e-9)


def test_memory_is_bounded_and_blocks_are_alike() -> None:
    track = Track()
    for first in range(0, 300_000, 30_000):
        track.extend(range(first, first + 30_000), noisy(300_000)[first : first + 30_000])
        blocks = track.blocks()
        assert LEAST_BLOCKS <= len(blocks) <= 2 * LEAST_BLOCKS
        assert len(set(blocks[:-1, COUNT])) == 1
    assert blocks[:, COUNT].sum() == track.count == 300_000


def test_a_zigzag_noise_and_a_fall_differ() -> None:
    zigzag = Stretch.of(tracked(np.tile([1.0, 2.0], 200)).blocks())
    noise = Stretch.of(tracked(np.random.default_rng(1).normal(size=4000)).blocks())
    fall = Stretch.of(tracked(np.linspace(1, 0, 400)).blocks())
    assert (round(zigzag.echo, 2), zigzag.turns) == (-1.0, 1.0)
    assert noise.echo == pytest.approx(-0.5, abs=0.05)
    assert noise.turns == pytest.approx(2 / 3, abs=0.03)
    assert (round(fall.progress, 9), fall.turns) == (1.0, 0.0)


@given(SERIES, st.integers(1, 60))
def test_smoothing_is_the_weighted_mean(values: list[float], span: int) -> None:
    smooth = Smooth(span=span)
    assert math.isnan(smooth.value)
    smooth.extend(range(len(values)), values)
    weights = (1 - 2 / (span + 1)) ** np.arange(len(values))[::-1]
    expected = (weights * values).sum() / weights.sum()
    assert smooth.value == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_smoothing_has_no_bias_towards_zero() -> None:
    smooth = Smooth(span=50)
    smooth.extend(range(3), [7.0] * 3)
    assert smooth.value == pytest.approx(7.0)


def test_the_lowest_smoothed_value_is_found() -> None:
    smooth = Smooth(span=1)
    smooth.extend(range(5), [5.0, 3.0, 1.0, 2.0, 4.0])
    assert (smooth.lowest, smooth.lowest_step) == (1.0, 2)


@pytest.mark.parametrize("count", [30, 200, 5000])
def test_a_slope_is_least_squares_and_knows_its_error(count: int) -> None:
    truth, errors = -2.0 / count, []
    for seed in range(40):
        draw = np.random.default_rng(seed)
        x = 3 + truth * np.arange(count) + 0.1 * draw.normal(size=count)
        line = slope(tracked(x).blocks())
        assert line.per_step == pytest.approx(np.polyfit(np.arange(count), x, 1)[0], rel=0.05)
        errors.append((line.per_step - truth) / line.error)
    assert 0.6 < float(np.std(errors)) < 1.5


def test_a_slope_of_two_points_is_unknown() -> None:
    line = slope(tracked(np.array([1.0, 0.0])).blocks())
    assert (line.per_step, line.error, line.sure) == (0.0, math.inf, 0.0)


def test_values_that_are_not_finite_are_counted_and_kept_out() -> None:
    track = Track()
    track.extend(range(6), [1.0, math.nan, 2.0, math.inf, 3.0, -math.inf])
    assert (track.count, track.bad_count, track.first_bad_step, track.last_bad_step) == (3, 3, 1, 5)
    assert track.blocks()[:, MEAN].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("count", [100, 20_000])
def test_spikes_stand_out(count: int) -> None:
    x = noisy(count)
    assert spikes(tracked(x).blocks())[0] == 0
    x[count // 2] += 5
    found, step = spikes(tracked(x).blocks())
    assert found == 1
    assert abs(step - count // 2) <= count // LEAST_BLOCKS


def test_between_takes_the_part_that_is_meant() -> None:
    blocks = tracked(np.arange(1000.0)).blocks()
    assert Stretch.of(between(blocks, 0.25, 0.75)).mean == pytest.approx(500, abs=8)
    assert len(between(blocks, 0.5, 0.5)) >= 1


def test_steps_and_values_must_fit() -> None:
    with pytest.raises(SpecError, match="as many steps as values"):
        Track().extend([0, 1], [1.0])
