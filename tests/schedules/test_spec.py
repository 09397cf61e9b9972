"""Names, values and functions become schedules of the right length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.schedules.constant import constant
from lrlab.schedules.cosine import cosine
from lrlab.schedules.join import warmup
from lrlab.schedules.linear import linear
from lrlab.schedules.spec import NAMES, resolve, warmup_steps


def test_a_name_fills_the_training() -> None:
    assert resolve("constant", total_steps=10) == constant()
    assert resolve("linear", total_steps=10) == linear(10)
    assert resolve("Cosine", total_steps=10, warmup=4) == warmup(cosine(6), 4)
    assert NAMES == ("constant", "linear", "cosine")


def test_a_schedule_keeps_its_length() -> None:
    assert resolve(cosine(50), total_steps=10) == cosine(50)
    assert resolve(cosine(50), total_steps=10, warmup=3) == warmup(cosine(50), 3)


def test_a_function_is_given_the_steps_after_the_warm_up() -> None:
    assert resolve(lambda steps: cosine(steps, floor=0.1), total_steps=10, warmup=2) == warmup(
        cosine(8, floor=0.1), 2
    )
    assert resolve(linear, total_steps=7) == linear(7)


@given(st.floats(0, 1, exclude_max=True), st.integers(2, 10_000))
def test_a_share_is_rounded_up_to_steps(share: float, total: int) -> None:
    try:
        steps = warmup_steps(share, total)
    except SpecError:
        assert share * total > total - 1
    else:
        assert steps - 1 < share * total <= steps + 1e-9


def test_a_round_share_is_not_rounded_up_for_want_of_bits() -> None:
    assert warmup_steps(0.1, 30) == 3
    assert warmup_steps(0.07, 100) == 7


@pytest.mark.parametrize(
    ("schedule", "options", "told"),
    [
        ("cosin", {}, "there is no 'cosin'; there are constant, linear, cosine"),
        (3, {}, "expected one of constant, linear, cosine or a schedule, got 3"),
        (lambda step: 0.5, {}, "must return a schedule for a number of steps, got 0.5"),
        ("linear", {"total_steps": 0}, "total_steps: must be at least 1, got 0"),
        ("linear", {"warmup": -1}, "got -1"),
        ("linear", {"warmup": 1.0}, "got 1.0"),
        ("linear", {"warmup": True}, "got True"),
        ("linear", {"warmup": 10}, "shorter than the training of 10 steps, got 10 steps"),
        ("linear", {"warmup": 0.95}, "shorter than the training of 10 steps, got 10 steps"),
    ],
)
def test_wrong_arguments_are_refused(schedule: object, options: dict[str, object], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        resolve(schedule, **{"total_steps": 10, **options})  # type: ignore[arg-type]


def test_the_longest_warm_up_leaves_one_step() -> None:
    assert resolve("linear", total_steps=10, warmup=9) == warmup(linear(1), 9)
