"""Laws of every schedule, and the closed forms of the field."""

import math
from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.schedules.constant import constant
from lrlab.schedules.cosine import cosine
from lrlab.schedules.join import warmup
from lrlab.schedules.linear import linear
from lrlab.schedules.protocol import Schedule

lengths = st.integers(1, 10_000)
floors = st.floats(0, 1)
decays = st.one_of(
    st.builds(linear, lengths, floor=floors),
    st.builds(cosine, lengths, floor=floors),
)
simple = st.one_of(st.builds(constant), decays)
schedules = st.one_of(simple, st.builds(warmup, simple, st.integers(0, 1_000)))


@given(schedules, st.integers(0, 10**9))
def test_multipliers_are_finite_and_between_0_and_1(schedule: Schedule, step: int) -> None:
    assert 0.0 <= schedule(step) <= 1.0
    assert type(schedule(step)) is float


@given(decays, st.integers(0, 20_000))
def test_a_decay_falls_from_1_to_its_floor_and_stays(schedule: Schedule, step: int) -> None:
    steps, floor = schedule.steps, schedule.floor  # type: ignore[attr-defined]
    assert schedule(0) == 1.0
    assert schedule(steps) == schedule(steps + step) == floor
    assert floor <= schedule(step + 1) <= schedule(step)


@given(simple, st.integers(1, 5_000))
def test_the_warm_up_rises_evenly_and_meets_what_follows(schedule: Schedule, steps: int) -> None:
    whole = warmup(schedule, steps)
    assert whole(0) == 0.0
    assert whole(steps) == schedule(0) == 1.0
    assert whole(steps) - whole(steps - 1) == pytest.approx(1 / steps)
    assert [whole(steps + k) for k in range(5)] == [schedule(k) for k in range(5)]


@given(schedules)
def test_schedules_are_frozen_hashable_values(schedule: Schedule) -> None:
    assert isinstance(schedule, Schedule)
    assert is_dataclass(schedule)
    assert isinstance(schedule, type(schedule))
    copy = type(schedule)(**{field.name: getattr(schedule, field.name) for field in fields(schedule)})
    assert copy == schedule
    assert hash(copy) == hash(schedule)
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        schedule.steps = 3  # type: ignore[attr-defined]


def test_names() -> None:
    assert [s.name for s in (constant(), linear(5), cosine(5), warmup(cosine(5), 2))] == [
        "constant",
        "linear",
        "cosine",
        "warmup+cosine",
    ]


def test_a_warm_up_of_no_steps_changes_nothing() -> None:
    assert warmup(cosine(5), 0) == cosine(5)


@given(st.integers(1, 300), st.integers(1, 100))
def test_warm_up_and_decay_are_those_of_hugging_face(decay_steps: int, rise: int) -> None:
    total = decay_steps + rise
    fall, wave = warmup(linear(decay_steps), rise), warmup(cosine(decay_steps), rise)
    for t in range(total + 3):
        rising = t / max(1, rise)
        done = (t - rise) / max(1, total - rise)
        line = rising if t < rise else max(0.0, (total - t) / max(1, total - rise))
        half_cosine = rising if t < rise else max(0.0, 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0))))
        assert fall(t) == pytest.approx(line, abs=1e-12)
        assert wave(t) == pytest.approx(half_cosine, abs=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("floor", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("family", ["linear", "cosine", "lambda"])
def test_a_torch_scheduler_of_the_same_shape_gives_the_same_rates(family: str, floor: float) -> None:
    torch = pytest.importorskip("torch")
    lr, steps = 0.3, 37
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = linear(steps, floor=floor) if family == "linear" else cosine(steps, floor=floor)
    rates = torch.optim.lr_scheduler
    if family == "linear":
        scheduler = rates.LinearLR(optimizer, start_factor=1.0, end_factor=floor, total_iters=steps)
    elif family == "cosine":
        scheduler = rates.CosineAnnealingLR(optimizer, T_max=steps, eta_min=floor * lr)
    else:
        scheduler = rates.LambdaLR(optimizer, warmup(schedule, 5))
        schedule = warmup(schedule, 5)
    for step in range(steps + 1):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(lr * schedule(step), rel=1e-9, abs=1e-12)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("make", [linear, cosine])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"steps": 0}, r"steps: must be at least 1, got 0"),
        ({"steps": 2.5}, r"steps: must be a whole number, got 2.5"),
        ({"steps": True}, r"steps: must be a whole number, got True"),
        ({"steps": 5, "floor": -0.1}, r"floor must lie in \[0, 1\], got -0.1"),
        ({"steps": 5, "floor": 1.1}, r"floor must lie in \[0, 1\], got 1.1"),
        ({"steps": 5, "floor": math.nan}, r"floor must lie in \[0, 1\], got nan"),
        ({"steps": 5, "floor": "half"}, r"floor must lie in \[0, 1\], got 'half'"),
    ],
)
def test_wrong_arguments_are_refused(make: object, arguments: dict[str, object], told: str) -> None:
    with pytest.raises(SpecError, match=f"{make.__name__}: {told}"):  # type: ignore[attr-defined]
        make(**arguments)  # type: ignore[operator]


@pytest.mark.parametrize("floor", [0, 1, 0.0, 1.0])
def test_both_bounds_of_the_floor_are_allowed(floor: float) -> None:
    assert cosine(1, floor=floor)(1) == floor
    assert linear(1, floor=floor)(1) == floor


def test_a_warm_up_needs_a_schedule_and_steps() -> None:
    with pytest.raises(SpecError, match=r"warmup: expected a schedule, got 0\.5"):
        warmup(0.5, 3)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="warmup: steps: must be at least 0, got -1"):
        warmup(constant(), -1)
