"""A finished run that applied other rates than its task had planned is told, with the first step and the cause."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.core.outcome import Outcome
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.schedules.constant import constant
from lrlab.schedules.cosine import cosine
from lrlab.schedules.linear import linear
from lrlab.schedules.plan import RatePlan
from lrlab.schedules.protocol import Schedule
from lrlab.studies.planned_rate import cautions, deviates
from tests.schedules.made_up import exact

LR = 0.2
UNITS, UNIT = 20, 5  # 100 steps
PLAN = RatePlan(schedule=cosine(100), length=100)


def run_of(
    applied: Callable[[int], float], *, lr: float = LR, units: int = UNITS, arm: str = "default"
) -> Run:
    """A finished run that tells, at each unit's end, the rate of the step before."""
    records = tuple(
        Record(unit, {"lr": applied(unit * UNIT - 1), "val_loss": 1.0}, unit * UNIT)
        for unit in range(1, units + 1)
    )
    return Run(lr=lr, arm=arm, records=records, units=units, outcome=Outcome.FINISHED)


def planned(step: int) -> float:
    return LR * PLAN.schedule(step)


def test_a_sound_run_is_no_finding() -> None:
    assert deviates(run_of(planned), PLAN) is None


@given(exact, st.floats(1e-6, 10), st.integers(1, 40))
def test_no_sound_run_of_any_schedule_is_a_finding(schedule: Schedule, lr: float, units: int) -> None:
    run = run_of(lambda step: lr * schedule(step), lr=lr, units=units)
    assert deviates(run, RatePlan(schedule=schedule, length=units * UNIT)) is None
    assert deviates(run, RatePlan(schedule=schedule, length=None)) is None
    written = run_of(lambda step: float(f"{lr * schedule(step):.6g}"), lr=lr, units=units)
    assert deviates(written, RatePlan(schedule=schedule, length=units * UNIT)) is None


@pytest.mark.parametrize(
    ("applied", "kind", "step", "sentence"),
    [
        (lambda step: LR, "never_applied", 4, "the schedule is never applied"),
        (lambda step: planned(step) * 0.5, "scaled", 4, "0.5 times the planned one"),
        (lambda step: planned(max(step - 1, 0)), "offset", 4, "comes one step late"),
        (
            lambda step: planned(step) * (1 if step < 50 else 3),
            "scaled",
            54,
            "3 times the planned one from step 54 on",
        ),
        (lambda step: planned(step if step < 50 else step - 50), "resumed", 54, "50 steps back"),
        (lambda step: planned(min(step, 59)), "stopped", 64, "stays at"),
        (
            lambda step: planned(step) + (0.01 if step == 64 else 0),
            "differs",
            64,
            "no usual cause explains it",
        ),
    ],
)
def test_what_differs_is_told_with_the_first_step(
    applied: Callable[[int], float], kind: str, step: int, sentence: str
) -> None:
    found = deviates(run_of(applied), PLAN)
    assert found is not None
    assert (found.kind, found.step) == (kind, step)
    [caution] = cautions([run_of(applied)], {"default": SimpleNamespace(planned=PLAN)}, first=LR)
    assert caution.code == "RATE_DEVIATES"
    assert sentence in caution.text
    assert f"The run at 2e-1 did not apply its planned rates. From step {step} (planned" in caution.text
    assert caution.text.endswith("Steps are counted in optimizer steps, from 0.")


class Forgetful:
    """A training whose scheduler counts anew after it was stored."""

    def __init__(self) -> None:
        self.step = self.counted = 0

    def advance(self, until: int) -> Iterable[Record]:
        while self.step < until * UNIT:
            self.step, self.counted = self.step + 1, self.counted + 1
            if self.step % UNIT == 0:
                yield Record(self.step // UNIT, {"lr": planned(self.counted - 1)}, self.step)

    def restore(self, step: int) -> None:
        self.step = step


def test_a_jump_after_a_resume_is_told() -> None:
    before, after = Forgetful(), Forgetful()
    records = list(before.advance(8))
    after.restore(before.step)
    records += after.advance(UNITS)
    run = Run(lr=LR, records=tuple(records), units=UNITS, outcome=Outcome.FINISHED)
    found = deviates(run, PLAN)
    assert found is not None
    assert (found.kind, found.step, found.factor) == ("resumed", 44, 40)
    assert "its counter was not stored or not restored with the optimizer" in str(found)


def test_units_are_told_as_such_and_the_first_ones_may_be_left_out() -> None:
    plan = RatePlan(schedule=linear(UNITS), length=UNITS, counts="unit", since=3)

    def applied(unit: int) -> float:
        return 7.0 if unit < 3 else LR * linear(UNITS)(unit) * (1 if unit < 12 else 0.1)

    run = run_of(lambda step: applied((step + 1) // UNIT - 1))
    found = deviates(run, plan)
    assert found is not None
    assert found.step == 12
    [caution] = cautions([run], {"default": SimpleNamespace(planned=plan)}, first=LR)
    assert caution.text.endswith("Steps are counted in units, from 0.")
    sound = run_of(lambda step: applied(min((step + 1) // UNIT - 1, 11)), units=12)
    assert deviates(sound, plan) is None


def test_a_warm_up_of_unknown_length_is_no_finding() -> None:
    plan = RatePlan(schedule=linear(UNITS), length=UNITS, counts="unit", since=1, rises=True)

    def warmed(length: int) -> Run:
        return run_of(lambda step: planned_unit(step) * min((step + 1) / (length * UNIT), 1))

    def planned_unit(step: int) -> float:
        return LR * linear(UNITS)((step + 1) // UNIT - 1)

    assert deviates(warmed(3), plan) is None
    assert deviates(warmed(30), plan) is None  # it never ends
    assert deviates(warmed(3), replace(plan, rises=False)) is not None
    half = run_of(lambda step: planned_unit(step) / 2)
    found = deviates(half, plan)
    assert found is not None
    assert found.kind == "scaled"


def test_a_run_that_ended_early_is_told_elsewhere() -> None:
    assert deviates(run_of(planned, units=7), PLAN) is None


@pytest.mark.parametrize(
    "run",
    [
        Run(lr=LR, outcome=Outcome.FINISHED),
        run_of(lambda step: float("nan")),
        replace(
            run_of(planned),
            records=tuple(Record(r.at, {"val_loss": 1.0}, r.step) for r in run_of(planned).records),
        ),
        replace(run_of(planned), records=tuple(Record(r.at, r.metrics) for r in run_of(planned).records)),
    ],
)
def test_what_tells_no_rate_or_step_is_no_finding(run: Run) -> None:
    assert deviates(run, PLAN) is None


def wrong(lr: float, arm: str = "default") -> Run:
    return run_of(lambda step: 2 * lr, lr=lr, arm=arm)


def test_each_arm_is_told_once_and_the_answers_rate_first() -> None:
    tasks = {"default": SimpleNamespace(planned=PLAN), "b": SimpleNamespace(planned=PLAN)}
    told = cautions([wrong(0.1), wrong(0.3), wrong(LR), wrong(LR, "b")], tasks, first=LR)
    assert [caution.text.split(" did")[0] for caution in told] == [
        "The run at 2e-1 with b",
        "The run at 2e-1",
    ]


def test_only_finished_runs_of_tasks_with_a_plan_are_looked_at() -> None:
    tasks = {"default": SimpleNamespace(planned=PLAN)}
    assert cautions([replace(wrong(LR), outcome=Outcome.DROPPED)], tasks, first=LR) == ()
    assert cautions([wrong(LR)], {"default": SimpleNamespace(planned=None)}, first=LR) == ()
    assert cautions([wrong(LR)], {"default": object()}, first=LR) == ()
    assert cautions([wrong(LR)], {}, first=LR) == ()


def test_a_constant_rate_that_is_another_is_told() -> None:
    found = deviates(wrong(LR), RatePlan(schedule=constant(), length=100))
    assert found is not None
    assert found.step == 4
    assert np.isclose(found.applied, 2 * LR)


def test_it_costs_next_to_nothing() -> None:
    steps, told = 1_000_000, 2_000
    plan = RatePlan(schedule=cosine(steps), length=steps)
    ends = [steps // told * unit for unit in range(1, told + 1)]
    sound = [LR * float(rate) for rate in plan.schedule.values(np.array(ends) - 1)]  # type: ignore[attr-defined]
    records = tuple(Record(end, {"lr": rate}, end) for end, rate in zip(ends, sound, strict=True))
    began = time.process_time()
    assert deviates(Run(lr=LR, records=records, units=steps), plan) is None
    assert time.process_time() - began < 0.1
    began = time.process_time()
    assert deviates(Run(lr=2 * LR, records=records, units=steps), plan) is not None
    assert time.process_time() - began < 3


@pytest.mark.parametrize(("field", "value"), [("since", -1), ("since", 1.5), ("length", 0), ("length", "x")])
def test_a_plan_without_sense_is_refused(field: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"plan: {field}: must be"):
        replace(PLAN, **{field: value})  # type: ignore[arg-type]
