"""Naive twins, written from the papers' formulas and from what other libraries compute."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.schedules.cyclic import cyclic
from lrlab.schedules.exponential import exponential
from lrlab.schedules.inverse_sqrt import inverse_sqrt, noam
from lrlab.schedules.join import then, warmup
from lrlab.schedules.linear import budgeted, linear
from lrlab.schedules.one_cycle import momentum, one_cycle
from lrlab.schedules.piecewise import piecewise
from lrlab.schedules.plateau import plateau
from lrlab.schedules.polynomial import polynomial
from lrlab.schedules.restarts import restarts
from lrlab.schedules.rex import rex
from lrlab.schedules.step import multi_step, step
from lrlab.schedules.tanh import tanh
from lrlab.schedules.wsd import trapezoid, wsd

lengths = st.integers(2, 200)
floors = st.floats(0, 1)
CLOSE = 1e-12


@given(lengths, floors, st.floats(0.5, 4))
def test_polynomial_is_that_of_hugging_face(total: int, floor: float, power: float) -> None:
    peak, lr_end = 3e-4, 3e-4 * floor
    for t in range(total + 3):
        theirs = lr_end if t > total else (peak - lr_end) * (1 - t / total) ** power + lr_end
        assert peak * polynomial(total, power=power, floor=floor)(t) == pytest.approx(
            theirs, abs=CLOSE * peak
        )


@given(lengths, floors)
def test_rex_is_the_profile_of_the_paper(total: int, floor: float) -> None:
    for t in range(total + 1):
        progress = t / total
        profile = (1 - progress) / (0.5 + 0.5 * (1 - progress))
        assert rex(total, floor=floor)(t) == pytest.approx(floor + (1 - floor) * profile, abs=CLOSE)


@given(lengths, st.floats(-8, -1), st.floats(0, 6), floors)
def test_tanh_is_eta_of_the_paper(total: int, low: float, high: float, floor: float) -> None:
    for t in range(total + 3):
        e = math.exp(2 * (low + (high - low) * min(t, total) / total))
        eta = (1 - floor) / 2 * (1 - (e - 1) / (e + 1)) + floor
        assert tanh(total, low=low, high=high, floor=floor)(t) == pytest.approx(eta, abs=CLOSE)


@given(lengths)
def test_budgeted_is_linear_to_zero(total: int) -> None:
    assert [budgeted(total)(t) for t in range(total + 2)] == pytest.approx(
        [*(1 - t / total for t in range(total)), 0, 0], abs=CLOSE
    )


@given(st.floats(0.1, 1), st.integers(1, 20), floors)
def test_falls_by_a_factor_are_multiplied_one_by_one(by: float, every: int, floor: float) -> None:
    level = 1.0
    for t in range(100):
        if t and t % every == 0:
            level *= by
        assert step(every, by=by, floor=floor)(t) == pytest.approx(max(level, floor), rel=CLOSE)
        places = tuple(range(every, 101, every)) or (1,)
        assert multi_step(places, by=by, floor=floor)(t) == pytest.approx(max(level, floor), rel=CLOSE)
        if t % every == 0:
            assert exponential(by, every=every, floor=floor)(t) == pytest.approx(max(level, floor), rel=CLOSE)
        assert exponential(by, every=every, floor=floor)(t) >= step(every, by=by, floor=floor)(t) * by


@given(st.integers(1, 30), st.integers(1, 3), st.floats(0.2, 1), floors)
def test_restarts_cycle_by_cycle(every: int, times: int, peak: float, floor: float) -> None:
    since, length, top = 0, every, 1.0
    for t in range(200):
        if since == length:
            since, length, top = 0, length * times, top * peak
        high = max(top, floor)
        value = floor + 0.5 * (high - floor) * (1 + math.cos(since / length * math.pi))
        assert restarts(every, times=times, peak=peak, floor=floor)(t) == pytest.approx(value, abs=CLOSE)
        since += 1


@given(st.integers(1, 30), st.integers(1, 30), floors, st.floats(0.9, 1))
def test_cyclic_is_smiths_triangle(up: int, down: int, floor: float, decay: float) -> None:
    for t in range(150):
        cycle, place = divmod(t, up + down)
        height = place / up if place <= up else 1 - (place - up) / down
        for shape, share in (("triangular", 1.0), ("triangular2", 0.5**cycle), ("exp-range", decay**t)):
            mine = cyclic(up, down=down, floor=floor, shape=shape, decay=decay)
            assert mine(t) == pytest.approx(floor + (1 - floor) * height * share, abs=CLOSE)


@given(st.integers(1, 60), st.integers(1, 100))
def test_inverse_sqrt_is_that_of_hugging_face(rise: int, timescale: int) -> None:
    for t in range(200):
        shift = timescale - rise
        theirs = t / rise if t < rise else 1.0 / math.sqrt((t + shift) / timescale)
        assert inverse_sqrt(rise, timescale=timescale)(t) == pytest.approx(theirs, abs=CLOSE)
    assert inverse_sqrt(rise) == inverse_sqrt(rise, timescale=rise)
    assert inverse_sqrt() == inverse_sqrt(0, timescale=10_000)


@given(st.integers(1, 1024), st.integers(1, 100))
def test_noam_is_equation_3(width: int, rise: int) -> None:
    for number in range(1, 300):
        rate = width**-0.5 * min(number**-0.5, number * rise**-1.5)
        assert noam(width, rise)(number - 1) == pytest.approx(rate, rel=CLOSE)
    # The same curve as the normalized form, but for the step that the paper is ahead.
    assert noam(1, rise)(rise + 9) == pytest.approx(rise**-0.5 * inverse_sqrt(rise)(rise + 10), rel=CLOSE)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.floats(0.001, 1))
def test_wsd_part_by_part(rise: int, stable: int, decay: int, floor: float) -> None:
    total = rise + stable + decay
    shapes = {
        "linear": lambda x: floor + (1 - floor) * (1 - x),
        "cosine": lambda x: floor + (1 - floor) * (1 + math.cos(math.pi * x)) / 2,
        "sqrt": lambda x: floor + (1 - floor) * (1 - math.sqrt(x)),
        "square": lambda x: floor + (1 - floor) * (1 - x**2),
        "exponential": lambda x: floor**x,
    }
    for shape, fall in shapes.items():
        curve = [t / rise for t in range(rise)] + [1.0] * stable
        curve += [fall(k / decay) for k in range(decay + 1)] + [floor] * 3
        mine = wsd(total, warmup=rise, decay=decay, shape=shape, floor=floor)
        assert [mine(t) for t in range(total + 4)] == pytest.approx(curve, abs=CLOSE)
    ours = trapezoid(total, rise=rise, fall=decay, floor=floor)
    assert ours == wsd(total, warmup=rise, decay=decay, shape="linear", floor=floor)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.floats(0, 5)), min_size=1, max_size=5, unique_by=lambda p: p[0])
)
def test_piecewise_between_its_points(points: list[tuple[int, float]]) -> None:
    points = sorted(points)
    line, hold = piecewise(tuple(points)), piecewise(tuple(points), between="constant")
    for t in range(70):
        past = [value for at, value in points if at <= t] or [points[0][1]]
        assert hold(t) == past[-1]
        if t in dict(points):
            assert line(t) == dict(points)[t]
        elif points[0][0] < t < points[-1][0]:
            (a, va), (b, vb) = next((p, q) for p, q in pairwise(points) if p[0] < t < q[0])
            assert line(t) == pytest.approx((va * (b - t) + vb * (t - a)) / (b - a), abs=1e-12)
        else:
            assert line(t) == hold(t)


@pytest.mark.parametrize(
    ("shape", "rise"),
    [
        ("linear", lambda x: 0.2 + 0.8 * x),
        ("cosine", lambda x: 0.2 + 0.8 * (1 - math.cos(math.pi * x)) / 2),
        ("exponential", lambda x: 0.2 * 5**x),
    ],
)
def test_a_warm_up_of_every_shape(shape: str, rise) -> None:  # type: ignore[no-untyped-def]
    mine = warmup(linear(50), 20, start=0.2, shape=shape)
    assert [mine(t) for t in range(21)] == pytest.approx([rise(t / 20) for t in range(21)], abs=CLOSE)
    assert mine(0) == pytest.approx(0.2)
    assert mine(45) == linear(50)(25)


@given(st.integers(4, 300), st.floats(0.1, 0.5), st.booleans())
def test_the_momentum_mirrors_the_rate(total: int, rise: float, three_phase: bool) -> None:
    cycle = one_cycle(total, rise=rise, start=0.0, floor=0.0, three_phase=three_phase)
    mine = momentum(cycle, low=0.8, high=0.9)
    for t in range(total + 3):
        assert mine(t) == pytest.approx(0.9 - 0.1 * cycle(t), abs=CLOSE)
    assert mine.values(range(total)).tolist() == pytest.approx([mine(t) for t in range(total)], abs=1e-15)


@pytest.mark.parametrize("three_phase", [False, True])
def test_a_cycle_without_a_rise_begins_at_its_peak(three_phase: bool) -> None:
    mine = one_cycle(10, rise=0.0, three_phase=three_phase)
    assert [mine(0), mine(9), mine(99)] == ([0.04 if three_phase else 1.0, 4e-6, 4e-6])


def test_a_plateau_by_hand() -> None:
    rule = plateau(by=0.5, patience=1, cooldown=2, floor=0.2)
    state, told = rule.start(), []
    for metric in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5):
        state = rule.next(state, metric)
        told.append(rule.multiplier(state))
    assert told == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2]
    assert (state.best, state.seen) == (0.5, 14)


def test_steps_after_steps_are_counted_from_the_joint() -> None:
    late = then(linear(10), 5, multi_step((3,)))
    assert [late(t) for t in (4, 5, 7, 8)] == pytest.approx([0.6, 1.0, 1.0, 0.1])
