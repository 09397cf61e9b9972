"""Laws of every schedule, tried with arguments of every size."""

import inspect
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.schedules.constant import constant
from lrlab.schedules.evaluate import before, bounds, end, jumps, values
from lrlab.schedules.families import FAMILIES, LEFT_OUT, REQUIRED, REST
from lrlab.schedules.join import then, warmup
from lrlab.schedules.lengths import Length
from lrlab.schedules.linear import linear
from lrlab.schedules.plateau import Plateau
from lrlab.schedules.protocol import ClosedForm
from lrlab.schedules.text import parse
from lrlab.schedules.transform import clip, repeat, scale
from lrlab.schedules.written import Spec, spec_of
from tests.schedules.made_up import anywhere, composed, exact, lengths, plateaus, schedules, simple

steps = st.lists(anywhere, min_size=1, max_size=20)


@given(schedules, steps)
def test_multipliers_are_finite_and_inside_the_bounds(schedule: ClosedForm, at: list[int]) -> None:
    low, high = schedule.bounds
    assert 0.0 <= low <= high < math.inf
    for step in at:
        assert type(schedule(step)) is float
        assert low * (1 - 1e-9) - 1e-300 <= schedule(step) <= high * (1 + 1e-9)


@given(composed(exact), steps)
def test_arithmetic_gives_the_same_bits_one_by_one_and_at_once(schedule: ClosedForm, at: list[int]) -> None:
    assert schedule.values(at).tolist() == [schedule(step) for step in at]


@given(schedules, steps)
def test_one_by_one_and_at_once_agree_to_the_last_bits(schedule: ClosedForm, at: list[int]) -> None:
    single = [schedule(step) for step in at]
    assert np.abs(schedule.values(at) - single).max() <= 1e-15 * max(schedule.bounds[1], 1e-300)


@given(schedules, anywhere)
def test_a_step_has_one_value_wherever_one_comes_from(schedule: ClosedForm, step: int) -> None:
    there = schedule(step)
    assert [schedule(s) for s in (step + 1, 0, step)][-1] == there
    copy = pickle.loads(pickle.dumps(schedule))
    assert (copy, hash(copy)) == (schedule, hash(schedule))
    assert copy(step) == there


@given(schedules, st.integers(0, 10**6))
def test_nothing_changes_after_the_end(schedule: ClosedForm, later: int) -> None:
    if schedule.end is not None:
        assert schedule(schedule.end + later) == schedule(schedule.end)


@given(schedules)
def test_it_is_continuous_except_where_it_says_that_it_jumps(schedule: ClosedForm) -> None:
    declared = set(schedule.jumps(3_000))
    scale_ = max(schedule.bounds[1], 1e-300)
    for step in {*range(1, 3_000, 97), *list(declared)[:20], *(s + 1 for s in list(declared)[:20])}:
        gap = abs(schedule(step) - before(schedule, step))
        assert (gap > 1e-9) == (step in declared) or gap <= 1e-5 * scale_
        if step not in declared:
            assert gap <= 1e-5 * scale_


@given(schedules, st.floats(1e-8, 10), anywhere)
def test_the_base_rate_scales(schedule: ClosedForm, rate: float, step: int) -> None:
    assert scale(schedule, rate)(step) == rate * schedule(step)
    assert scale(schedule, rate).bounds == (rate * schedule.bounds[0], rate * schedule.bounds[1])


@given(schedules)
def test_text_and_json_lead_back(schedule: ClosedForm) -> None:
    spec = spec_of(schedule)
    assert parse(str(spec)) == spec
    assert Spec.from_json(spec.to_json()) == spec
    assert spec.bind() == schedule
    assert spec.bind(total_steps=10**6, steps_per_epoch=2) == schedule  # every length is its own
    assert not spec.needs_length


def _value(argument: object) -> st.SearchStrategy:
    kind = argument.kind  # type: ignore[attr-defined]
    written_lengths = st.one_of(
        st.integers(1, 9).map(lambda n: Length(amount=n)),
        st.floats(0.01, 100).map(lambda n: Length(amount=n, unit="%")),
        st.floats(0.1, 90).map(lambda n: Length(amount=n, unit="ep")),
    )
    name = type(kind).__name__
    if name == "List":
        item = (
            written_lengths
            if type(kind.item).__name__ == "Span"
            else st.tuples(written_lengths, st.floats(0, 9))
        )
        return st.lists(item, min_size=1, max_size=4).map(tuple)
    if name == "Number":
        low = max(kind.least, kind.above, -30)
        numbers = st.floats(low, min(kind.most, 1e3), exclude_min=kind.above > -math.inf, exclude_max=False)
        return st.integers(int(low), 99) if kind.whole else numbers
    return {
        "Span": written_lengths,
        "Choice": st.sampled_from(getattr(kind, "words", ("none",))),
        "Flag": st.booleans(),
    }[name]


def _specs(name: str, parts: st.SearchStrategy) -> st.SearchStrategy:
    family = FAMILIES[name]
    needed = {a.field: _value(a) for a in family.arguments if a.default is REQUIRED}
    free = {a.field: _value(a) for a in family.arguments if a.default is not REQUIRED}
    return st.builds(
        lambda given_, of: Spec(name=name, arguments=tuple(given_.items()), parts=of),
        st.fixed_dictionaries(needed, optional=free),
        st.tuples(*[parts for _ in family.parts]),
    )


_leaves = st.one_of([_specs(n, st.nothing()) for n, f in FAMILIES.items() if not f.parts and not f.feedback])
_made_of = [name for name, family in FAMILIES.items() if family.parts]
specs = st.recursive(
    _leaves, lambda inner: st.one_of([_specs(name, inner) for name in _made_of]), max_leaves=4
)


@given(specs)
def test_what_is_written_is_read_back(spec: Spec) -> None:
    text = str(spec)
    assert parse(text) == spec
    assert (
        parse(f"  {text.upper().replace('-', '_').replace(' ', '   ')} ".replace("E_", "E-")) == spec
        or "_" in text
    )
    assert str(parse(text)) == text
    assert Spec.from_json(spec.to_json()) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec


@given(st.integers(10, 10**6))
def test_every_schedule_by_its_name_fills_the_training(total: int) -> None:
    for name, family in FAMILIES.items():
        if not family.parts and not family.feedback and name != "piecewise":
            made = Spec(name=name).bind(total_steps=total)
            assert made(0) <= 1.0  # type: ignore[operator]
            assert end(made) is None or end(made) <= total  # type: ignore[arg-type, operator]


@pytest.mark.parametrize("name", FAMILIES)
def test_defaults_of_the_table_are_those_of_the_functions(name: str) -> None:
    family = FAMILIES[name]
    known = inspect.signature(family.make).parameters
    for argument in family.arguments:
        length = argument.default in (REST, LEFT_OUT, REQUIRED) or "Length" in repr(argument.default)
        if (
            not length
            and argument.field in known
            and known[argument.field].default is not inspect.Parameter.empty
        ):
            assert known[argument.field].default == argument.default, argument.field


@given(simple, lengths)
def test_a_schedule_followed_by_its_own_rest_is_itself(schedule: ClosedForm, split: int) -> None:
    late = then(schedule, split, schedule)
    assert [late(t) for t in range(min(split, 5))] == [schedule(t) for t in range(min(split, 5))]
    assert [late(split + t) for t in range(5)] == [schedule(t) for t in range(5)]
    again = repeat(schedule, split)
    assert [again(7 * split + t) for t in range(min(split, 5))] == [schedule(t) for t in range(min(split, 5))]


class Own:
    """A schedule that somebody else wrote: a name and a call, whole steps only."""

    name = "own"

    def __call__(self, step: int, /) -> float:
        return (3.0, 1.0, 2.0)[step % 3]


def test_an_own_schedule_can_be_a_part() -> None:
    own = Own()
    assert values(own, [[0, 1], [2, 3]]).tolist() == [[3.0, 1.0], [2.0, 3.0]]
    assert (bounds(own), end(own), jumps(own, 9)) == ((0.0, math.inf), None, ())
    for made in (warmup(own, 4), then(own, 5, own), clip(own, 1.5, 2.5), repeat(own, 4), scale(own, 0.5)):
        assert isinstance(made, ClosedForm)
        assert made.values(range(12)).tolist() == [made(t) for t in range(12)]
        assert made.jumps(3) == ()
    assert clip(own, 1.5, 2.5).bounds == (1.5, 2.5)
    assert then(own, 5, constant()).end == 5


def test_where_the_parts_end_and_jump() -> None:
    late = then(linear(10, floor=0.5), 10, constant())
    assert (late.end, late.jumps(100), late.jumps(10)) == (10, (10,), ())  # type: ignore[attr-defined]
    assert then(linear(10, floor=0.5), 10, scale(constant(), 0.5)).jumps(100) == ()  # type: ignore[attr-defined]
    assert repeat(linear(10), 5).jumps(12) == (5, 10)  # type: ignore[attr-defined]


@given(
    plateaus,
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=30),
    st.integers(0, 30),
)
def test_a_plateau_goes_on_from_anywhere(rule: Plateau, metrics: list[float], split: int) -> None:
    whole = rule.start()
    for metric in metrics:
        whole = rule.next(whole, metric)
    part = rule.start()
    for metric in metrics[:split]:
        part = rule.next(part, metric)
    part = rule.load(rule.dump(part))
    for metric in metrics[split:]:
        part = rule.next(part, metric)
    assert part == whole
    assert min(rule.floor, 1.0) <= rule.multiplier(part) <= 1.0
    assert part.seen == len(metrics)
    spec = spec_of(rule)
    assert parse(str(spec)).bind() == rule == Spec.from_json(spec.to_json()).bind()


def test_schedules_deep_inside_each_other_cost_what_they_are() -> None:
    deep = parse("scale 1 (clip from 0 to 1 (" * 10 + "cosine" + "))" * 10).bind(total_steps=100)
    assert isinstance(deep, ClosedForm)
    assert deep.bounds == (0.0, 1.0)
    assert deep.values([0, 100]).tolist() == [1.0, 0.0]
    assert (deep.jumps(100), deep.end) == ((), 100)


def test_a_great_many_steps_are_computed_in_blocks() -> None:
    schedule = parse("clip from 0.01 to 1 (warmup 5% then cosine)").bind(total_steps=100_000)
    assert isinstance(schedule, ClosedForm)
    steps = np.arange(100_000).reshape(4, -1)
    assert np.array_equal(values(schedule, steps), schedule.values(steps))
