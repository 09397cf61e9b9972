"""Texts, values and functions become schedules of the right length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.schedules.constant import constant
from lrlab.schedules.cosine import cosine
from lrlab.schedules.families import FAMILIES, NAMES
from lrlab.schedules.inverse_sqrt import inverse_sqrt
from lrlab.schedules.join import then, warmup
from lrlab.schedules.lengths import Frame, Length, LengthNeeded
from lrlab.schedules.linear import linear
from lrlab.schedules.one_cycle import one_cycle
from lrlab.schedules.plateau import plateau
from lrlab.schedules.spec import NamedSchedule, feedback, named, needs_length, resolve, warmup_steps
from lrlab.schedules.step import multi_step, step
from lrlab.schedules.text import parse
from lrlab.schedules.transform import clip, repeat
from lrlab.schedules.wsd import trapezoid, wsd


def test_a_name_fills_the_training() -> None:
    assert resolve("constant", total_steps=10) == constant()
    assert resolve("linear", total_steps=10) == linear(10)
    assert resolve("Cosine", total_steps=10, warmup=4) == warmup(cosine(6), 4)
    assert NAMES[:3] == ("constant", "linear", "cosine")
    assert len(NAMES) == 22


BOUND = {
    "cosine to 0.01": cosine(1000, floor=0.01),
    "warmup 5% then cosine to 0.01": warmup(cosine(950, floor=0.01), 50),
    "wsd decay 20% sqrt": wsd(1000, decay=200),
    "wsd 1-sqrt": wsd(1000, decay=200),
    "step 30,60,90 by 0.1": multi_step((30, 60, 90)),
    "step 30ep, 60ep by 0.5": multi_step((300, 600), by=0.5),
    "step every 1.5ep": step(15),
    "multi-step": multi_step((500, 750)),
    "one_cycle rise 30% over 2000st": one_cycle(2000, rise=0.3),
    "inverse-sqrt warmup 100": inverse_sqrt(100),
    "trapezoid": trapezoid(1000, rise=100, fall=200),
    "constant for 50% then linear": then(constant(), 500, linear(500)),
    "warmup 10% then constant for 50% then cosine": warmup(then(constant(), 500, cosine(400)), 100),
    "clip from 0.01 to 1 (warmup 10% then linear)": clip(warmup(linear(900), 100), 0.01, 1.0),
    "repeat 200 (warmup 10% then cosine)": repeat(warmup(cosine(180), 20), 200),
    "warmup 0 then linear": linear(1000),
    "(linear)": linear(1000),
}


@pytest.mark.parametrize("text", BOUND)
def test_a_text_is_bound_to_its_training(text: str) -> None:
    assert parse(text).bind(total_steps=1000, steps_per_epoch=10) == BOUND[text]
    assert resolve(text, total_steps=1000, steps_per_epoch=10) == BOUND[text]
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("COSINE  to 1%", "cosine to 0.01"),
        ("cosine to 0", "cosine"),
        ("wsd decay 20% sqrt", "wsd"),
        ("wsd 1-square to 1e-2 decay 100", "wsd decay 100st square to 0.01"),
        ("step 30,60 by 0.1", "multi-step 30st, 60st"),
        ("one_cycle THREE_PHASE linear", "one-cycle linear three-phase"),
        ("((warmup 5% (linear)", None),
        ("(warmup 5% then (linear))", "warmup 5% then linear"),
        ("piecewise 0:0,1e3:1", "piecewise 0st:0, 1000st:1"),
        ("tanh from -5.5 until 4", "tanh from -5.5 until 4"),
        ("plateau max patience 3", "plateau patience 3 max"),
    ],
)
def test_a_text_has_one_canonical_form(text: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(SpecError):
            parse(text)
    else:
        assert str(parse(text)) == canonical
        assert named(text) == canonical


def test_a_schedule_keeps_its_length() -> None:
    assert resolve(cosine(50), total_steps=10) == cosine(50)
    assert resolve(cosine(50), total_steps=10, warmup=3) == warmup(cosine(50), 3)


def test_a_function_is_given_the_steps_after_the_warm_up() -> None:
    assert resolve(lambda steps: cosine(steps, floor=0.1), total_steps=10, warmup=2) == warmup(
        cosine(8, floor=0.1), 2
    )
    assert resolve(linear, total_steps=7) == linear(7)


def test_a_spec_is_as_good_as_its_text() -> None:
    assert resolve(parse("cosine to 0.1"), total_steps=9) == cosine(9, floor=0.1)
    assert named(parse("cosine to 0.1")) == "cosine to 0.1"


def test_per_cent_are_of_the_whole_training_also_after_another_warm_up() -> None:
    assert resolve("wsd decay 20%", total_steps=100, warmup=0.1) == warmup(wsd(90, decay=20), 10)


def test_what_looks_at_a_metric_is_told_apart() -> None:
    assert feedback("plateau patience 3") == plateau(patience=3)
    assert feedback(plateau()) == feedback(NamedSchedule(name="plateau", given=plateau())) == plateau()
    assert feedback("cosine") is feedback(cosine(3)) is feedback(linear) is None
    assert str(named(plateau())) == "plateau"
    with pytest.raises(SpecError, match="plateau looks at a metric, so it is no function of the step"):
        resolve("plateau", total_steps=5)


def test_who_needs_the_length() -> None:
    assert needs_length("cosine")
    assert needs_length("step every 3ep")
    assert needs_length(linear)
    for given_ in (
        "constant",
        "cosine over 90",
        "step every 3",
        cosine(9),
        "plateau",
        "noam",
        "warmup 5 then constant",
    ):
        assert not needs_length(given_)


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
    assert [Length.parse(f"{n}%").steps(Frame(whole=100)) for n in range(101)] == list(range(101))
    assert Length.parse("0.1ep").steps(Frame(steps_per_epoch=30)) == 3


def test_a_length_that_is_relative_needs_what_it_is_relative_to() -> None:
    with pytest.raises(LengthNeeded, match=r"5% needs the length of the training.*Give total_steps"):
        parse("warmup 5% then constant").bind()
    with pytest.raises(
        LengthNeeded, match=r"3ep needs the number of optimizer steps in an epoch.*steps_per_epoch"
    ):
        parse("step every 3ep").bind(total_steps=100)
    with pytest.raises(LengthNeeded, match=r"cosine: fills what is left .* not known.*cosine over 900st"):
        parse("cosine").bind()
    with pytest.raises(SpecError, match=r"linear: fills what is left .* leaves no step"):
        parse("constant for 100% then linear").bind(total_steps=10)


@pytest.mark.parametrize(
    ("schedule", "options", "told"),
    [
        ("cosin", {}, "there is no 'cosin'; there are constant, linear, cosine"),
        (3, {}, "expected one of constant, linear, cosine.* or a schedule, got 3"),
        (lambda step: 0.5, {}, "must return a schedule for a number of steps, got 0.5"),
        ("linear", {"total_steps": 0}, "total_steps: must be at least 1, got 0"),
        ("linear", {"warmup": -1}, "got -1"),
        ("linear", {"warmup": 1.0}, "got 1.0"),
        ("linear", {"warmup": True}, "got True"),
        ("linear", {"warmup": 10}, "shorter than the training of 10 steps, got 10 steps"),
        ("linear", {"warmup": 0.95}, "shorter than the training of 10 steps, got 10 steps"),
        ("warmup 10 then constant", {}, "shorter than the training of 10 steps, got 10 steps"),
        ("warmup 3 then linear", {"warmup": 2}, "has a warm-up of its own, got 2 besides. Give one of them"),
        ("wsd warmup 50% decay 60%", {}, "warm-up and decay must fit into the 10 steps, got 5 and 6 steps"),
        ("step 50%, 30%", {}, "multi-step: at must ascend, got 5, 3"),
    ],
)
def test_wrong_arguments_are_refused(schedule: object, options: dict[str, object], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        resolve(schedule, **{"total_steps": 10, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["tanh from 3 until 2", "clip from 1 to 0.5 (linear)", "one-cycle rise 0.6 three-phase"]
)
def test_what_no_training_can_use_is_refused_before_the_training_is_known(text: str) -> None:
    parse(text)
    with pytest.raises(SpecError, match="must be"):
        named(text)


def test_lengths_that_cannot_be_compared_yet_are_left_for_later() -> None:
    assert named("step 50%, 90ep") == "multi-step 50%, 90ep"


def test_the_longest_warm_up_leaves_one_step() -> None:
    assert resolve("linear", total_steps=10, warmup=9) == warmup(linear(1), 9)
    assert resolve("warmup 9 then linear", total_steps=10) == warmup(linear(1), 9)


def test_every_family_is_in_the_table_once() -> None:
    assert len({family.of for family in FAMILIES.values() if family.of}) == sum(
        family.of is not None for family in FAMILIES.values()
    )
