"""The laws that every schedule keeps, as tests to inherit."""

import copy
import math
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from lrlab.schedules.evaluate import values
from lrlab.schedules.facts import facts
from lrlab.schedules.protocol import AnyFeedback, ClosedForm, Feedback, Schedule
from lrlab.schedules.text import parse
from lrlab.schedules.written import Spec, spec_of

SCALAR_BOUND = 1e-15  # between the scalar and the vectorised form, of the peak; see ``ClosedForm.values``
_STEPS = 400
_LATE = (10**4, 10**6 + 1, 10**9)
_CONTINUOUS = 1e-3  # how far a curve may go in _INSTANT; a square root starts steeply
_INSTANT = 1e-7  # of a step


class ScheduleKit:
    """Inherit it in a test class and say which schedule; it is looked at over 400 steps and far behind its end."""

    def schedule(self) -> ClosedForm:
        """The schedule under test."""
        raise NotImplementedError

    def test_is_a_frozen_value(self) -> None:
        mine = self.schedule()
        assert isinstance(mine, ClosedForm)
        assert isinstance(mine, Schedule)
        assert mine.name
        for other in (self.schedule(), copy.copy(mine), copy.deepcopy(mine)):
            assert other == mine
            assert hash(other) == hash(mine)
        for field in fields(mine):  # type: ignore[arg-type]
            with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
                setattr(mine, field.name, 1)

    def test_multipliers_are_finite_and_inside_the_bounds(self) -> None:
        mine = self.schedule()
        low, high = mine.bounds
        assert 0.0 <= low <= high < math.inf
        for step in (*range(_STEPS), *_LATE):
            multiplier = mine(step)
            assert type(multiplier) is float
            assert low * (1 - 1e-12) <= multiplier <= high * (1 + 1e-12), step

    def test_a_step_has_one_value_in_whatever_order_it_is_asked(self) -> None:
        mine, again = self.schedule(), self.schedule()
        forwards = [mine(step) for step in range(_STEPS)]
        assert [again(step) for step in reversed(range(_STEPS))] == forwards[::-1]
        assert [mine(step) for step in range(_STEPS // 2, _STEPS)] == forwards[_STEPS // 2 :]

    def test_many_steps_at_once_have_the_values_of_each(self) -> None:
        mine = self.schedule()
        steps = np.array([*range(_STEPS), *_LATE])
        single = np.array([mine(int(step)) for step in steps])
        assert np.abs(mine.values(steps) - single).max() <= SCALAR_BOUND * max(mine.bounds[1], 1e-300)
        assert mine.values(steps).dtype == np.float64
        square = steps[:400].reshape(20, 20)
        assert np.array_equal(mine.values(square), mine.values(square.ravel()).reshape(20, 20))
        assert mine.values(7) == pytest.approx(mine(7), abs=SCALAR_BOUND)
        assert mine.values([]).shape == (0,)

    def test_is_continuous_where_it_says_so(self) -> None:
        mine = self.schedule()
        jumps = set(mine.jumps(_STEPS))
        for step in range(1, _STEPS):
            gap = abs(mine(step) - mine(step - _INSTANT))
            assert (gap > 1e-9) if step in jumps else (gap <= _CONTINUOUS * mine.bounds[1]), (step, gap)
        assert all(1 <= step < 50 for step in mine.jumps(50))
        assert mine.jumps(50) == tuple(sorted(step for step in jumps if step < 50))

    def test_nothing_changes_after_its_end(self) -> None:
        mine = self.schedule()
        if mine.end is not None:
            last = mine(mine.end)
            assert {mine(mine.end + later) for later in (1, 2, 10, 1000, 10**6)} == {last}

    def test_text_and_json_lead_back(self) -> None:
        mine = self.schedule()
        spec = spec_of(mine)
        assert spec.bind() == mine
        assert parse(str(spec)) == spec
        assert str(parse(str(spec))) == str(spec)
        assert Spec.from_json(spec.to_json()) == spec

    def test_facts_follow_from_the_values(self) -> None:
        mine = self.schedule()
        curve = values(mine, np.arange(_STEPS))
        found = facts(mine, _STEPS)
        assert found.peak == curve.max() == mine.values(found.peak_step)
        assert found.area == pytest.approx(sum(curve.tolist()), rel=1e-9)
        assert found.mean == pytest.approx(found.area / _STEPS)
        assert found.last == curve[-1]


class FeedbackKit:
    """Inherit it in a test class and say which schedule with feedback."""

    metrics = (
        1.0,
        0.8,
        0.81,
        math.nan,
        0.8,
        0.79,
        0.9,
        0.9,
        0.9,
        math.inf,
        0.9,
        0.9,
        0.5,
        0.5,
        0.5,
        0.5,
        0.5,
        0.5,
    )

    def schedule(self) -> AnyFeedback:
        """The schedule under test."""
        raise NotImplementedError

    def test_a_state_can_be_kept_and_gone_on_from_anywhere(self) -> None:
        mine = self.schedule()
        assert isinstance(mine, Feedback)
        states = [mine.start()]
        for metric in self.metrics:
            states.append(mine.next(states[-1], metric))
        for split in range(len(states)):
            state = self.schedule().load(mine.dump(states[split]))
            assert state == states[split]
            for metric in self.metrics[split:]:
                state = self.schedule().next(state, metric)
            assert state == states[-1]

    def test_a_state_stays_as_it_is(self) -> None:
        mine = self.schedule()
        state = mine.start()
        before = mine.dump(state)
        mine.next(state, 1.0)
        assert mine.dump(state) == before
        assert mine.start() == state
        assert hash(mine.start()) == hash(state)

    def test_multipliers_are_finite_and_never_rise(self) -> None:
        mine = self.schedule()
        state, last = mine.start(), math.inf
        for metric in self.metrics * 3:
            state = mine.next(state, metric)
            assert 0.0 <= mine.multiplier(state) <= min(last, 1.0)
            last = mine.multiplier(state)

    def test_text_and_json_lead_back(self) -> None:
        mine = self.schedule()
        spec = spec_of(mine)
        assert spec.bind() == mine
        assert parse(str(spec)) == spec
        assert Spec.from_json(spec.to_json()) == spec
