"""A sound run has no finding, and every usual fault is told with its number."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.schedules.audit import Finding, audit
from lrlab.schedules.protocol import ClosedForm
from lrlab.schedules.text import parse
from tests.schedules.made_up import schedules

N = 600
TEXTS = (
    "warmup 5% then cosine to 0.01",
    "warmup 10% then linear",
    "cosine",
    "linear to 0.1",
    "wsd warmup 10% decay 30%",
    "one-cycle",
    "polynomial power 2",
    "rex",
)
LR = 3e-3


def plan(text: str, n: int = N) -> np.ndarray:
    return parse(text).bind(total_steps=n, steps_per_epoch=20).values(range(n))  # type: ignore[union-attr]


def only(found: tuple[Finding, ...]) -> Finding:
    assert len(found) == 1, [str(one) for one in found]
    assert found[0].cause.endswith(".")
    assert found[0].cure.endswith(".")
    assert str(found[0]).startswith(("From step", "Group"))
    return found[0]


@given(schedules, st.floats(1e-7, 10), st.integers(1, 300), st.sampled_from(["float64", "float32", "text"]))
def test_a_sound_run_has_no_finding(schedule: ClosedForm, lr: float, steps: int, kept: str) -> None:
    multipliers = schedule.values(range(steps))
    assume(multipliers.max() > 1e-30)
    applied = lr * multipliers
    if kept == "float32":
        assume(applied[applied > 0].min(initial=1.0) > 1e-36)  # below, float32 has few digits left
        applied = applied.astype(np.float32)
    elif kept == "text":
        applied = np.array([float(f"{rate:.6g}") for rate in applied])
    assert audit(multipliers, applied, lr=lr) == ()
    assert audit(lr * multipliers, np.stack([applied, applied], axis=1)) == ()


@pytest.mark.parametrize("text", TEXTS)
class TestFaults:
    def test_never_applied(self, text: str) -> None:
        for rate in (LR, 0.4 * LR):
            found = only(audit(plan(text), np.full(N, rate), lr=LR))
            assert (found.kind, found.applied) == ("never_applied", rate)
            assert "never applied" in found.cause

    @pytest.mark.parametrize("by", [0.1, 0.5, 1.01, 8.0])
    def test_scaled(self, text: str, by: float) -> None:
        found = only(audit(plan(text), by * LR * plan(text), lr=LR))
        assert found.kind == "scaled"
        assert found.factor == pytest.approx(by)

    def test_stepped_once_an_epoch(self, text: str) -> None:
        applied = LR * plan(text)[np.arange(N) // 100]
        for known in (100, None):
            found = only(audit(plan(text), applied, lr=LR, steps_per_epoch=known))
            assert (found.kind, found.factor) == ("wrong_unit", 100)
            assert "an epoch" in found.cause

    def test_stepped_once_in_an_accumulation(self, text: str) -> None:
        found = only(audit(plan(text), LR * plan(text)[np.arange(N) // 4], lr=LR, steps_per_epoch=100))
        assert (found.kind, found.factor) == ("wrong_unit", 4)
        assert "micro-batches" in found.cause

    def test_held_for_an_epoch(self, text: str) -> None:
        found = only(audit(plan(text), LR * plan(text)[np.arange(N) // 20 * 20], lr=LR, steps_per_epoch=20))
        assert (found.kind, found.factor) == ("held", 20)

    @pytest.mark.parametrize("times", [2, 3, 8])
    def test_too_early(self, text: str, times: int) -> None:
        applied = LR * plan(text)[np.minimum(np.arange(N) * times, N - 1)]
        found = only(audit(plan(text), applied, lr=LR))
        assert (found.kind, found.factor) == ("too_early", times)

    def test_too_early_with_a_floor_that_the_plan_only_approaches(self, text: str) -> None:
        whole = parse(text).bind(total_steps=N, steps_per_epoch=20)
        applied = LR * whole.values(5 * np.arange(N))  # type: ignore[union-attr]
        found = only(audit(plan(text), applied, lr=LR))
        assert (found.kind, found.factor) == ("too_early", 5)

    @pytest.mark.parametrize("times", [2, 3, 8])
    def test_too_late(self, text: str, times: int) -> None:
        applied = LR * plan(text, N * times)[:N]
        found = only(audit(plan(text), applied, lr=LR))
        assert (found.kind, found.factor) == ("too_late", times)

    @pytest.mark.parametrize("by", [1, -1])
    def test_off_by_one(self, text: str, by: int) -> None:
        applied = LR * plan(text)[np.clip(np.arange(N) - by, 0, N - 1)]
        found = only(audit(plan(text), applied, lr=LR))
        assert (found.kind, found.factor) == ("offset", by)
        assert ("late" if by == 1 else "early") in found.cause

    @pytest.mark.parametrize("at", [100, 333])
    def test_started_again_at_a_resume(self, text: str, at: int) -> None:
        applied = LR * np.concatenate([plan(text)[:at], plan(text)[: N - at]])
        found = only(audit(plan(text), applied, lr=LR, resumed_at=[at]))
        assert found.kind == "resumed"
        assert abs(found.step - at) <= 60  # a plateau may hide the first steps of the jump
        assert found.factor == pytest.approx(at, abs=60)

    def test_jumped_ahead_at_a_resume(self, text: str) -> None:
        at = 420  # in every fall
        applied = LR * np.concatenate([plan(text)[:at], plan(text)[at + 50 :], plan(text)[-1:].repeat(50)])
        found = only(audit(plan(text), applied, lr=LR, resumed_at=[at]))
        assert (found.kind, found.step, found.factor) == ("resumed", at, -50)
        assert "where the training was resumed" in found.cause

    def test_the_base_rate_changed(self, text: str) -> None:
        applied = LR * plan(text)
        applied[450:] *= 0.5
        found = only(audit(plan(text), applied, lr=LR))
        assert (found.kind, found.step) == ("scaled", 450)
        assert found.factor == pytest.approx(0.5)
        assert "from step 450 on" in found.cause

    def test_stopped(self, text: str) -> None:
        applied = LR * plan(text)
        applied[450:] = applied[449]
        found = only(audit(plan(text), applied, lr=LR))
        assert (found.kind, found.step) == ("stopped", 450)

    def test_ended_early(self, text: str) -> None:
        found = only(audit(plan(text), LR * plan(text)[:450], lr=LR))
        assert (found.kind, found.step, found.factor) == ("ended_early", 450, 0.75)

    def test_no_usual_cause(self, text: str) -> None:
        applied = LR * plan(text) * (1 + 0.3 * np.sin(np.arange(N) ** 1.5))
        found = only(audit(plan(text), applied, lr=LR))
        assert found.kind == "differs"
        assert found.largest == pytest.approx(np.abs(applied - LR * plan(text)).max())

    def test_a_log_with_gaps_tells_the_same(self, text: str) -> None:
        steps = np.arange(0, N, 7)
        assert audit(plan(text), LR * plan(text)[steps], lr=LR, steps=steps) == ()
        late = LR * plan(text)[np.minimum(3 * steps, N - 1)]
        assert only(audit(plan(text), late, lr=LR, steps=steps)).factor == 3


@pytest.mark.parametrize(
    "text", ["warmup 5% then cosine to 0.01", "warmup 10% then linear", "one-cycle", "wsd warmup 30"]
)
def test_an_overwritten_warm_up(text: str) -> None:
    peak = int(np.argmax(plan(text)))
    applied = LR * plan(text)
    applied[:peak] = LR
    found = only(audit(plan(text), applied, lr=LR))
    assert (found.kind, found.step) == ("warmup_overwritten", 0)
    assert f"steps 0 to {peak - 1}" in found.cause


def test_what_is_true_of_every_group_is_told_once() -> None:
    rates = plan("cosine")
    both = np.stack([LR * rates, 10 * LR * rates], axis=1)
    assert audit(rates, both, lr=[LR, 10 * LR]) == ()
    assert only(audit(rates, np.full((N, 2), LR), lr=LR)).group == ""
    one = only(audit(rates, {"decay": LR * rates, "no_decay": np.full(N, LR)}, lr=LR))
    assert (one.group, one.kind) == ("no_decay", "never_applied")
    assert str(one).startswith("Group no_decay, from step")
    assert [(f.group, f.factor) for f in audit(rates, both, lr=LR)] == [("1", pytest.approx(10))]


def test_two_findings() -> None:
    found = audit(plan("cosine"), 2 * LR * plan("cosine")[:500], lr=LR)
    assert [one.kind for one in found] == ["scaled", "ended_early"]


def test_a_constant_plan_is_judged_too() -> None:
    assert audit(np.ones(50), np.full(50, LR), lr=LR) == ()
    assert only(audit(np.ones(50), np.full(50, 2 * LR), lr=LR)).kind == "differs"
    assert only(audit(np.ones(50), LR * np.linspace(1, 0, 50), lr=LR)).kind == "differs"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"planned": []}, r"audit: planned must hold a rate for each step, got the shape \(0,\)"),
        ({"planned": ["a"]}, "audit: planned must hold numbers"),
        ({"planned": [1.0, np.nan]}, "audit: planned must be finite, got nan in row 1"),
        ({"applied": [1.0, np.inf]}, "audit: applied must be finite, got inf in row 1"),
        ({"applied": np.ones((2, 2, 2))}, "applied must hold a rate for each step"),
        ({"applied": {}}, "at least one group"),
        ({"applied": {"a": [1.0], "b": [1.0, 2.0]}}, "same number of steps in every group"),
        ({"applied": {"a": [np.nan]}}, "applied of group a must be finite"),
        ({"planned": np.ones((3, 2)), "applied": np.ones((3, 3))}, "planned has 2 groups and applied 3"),
        ({"lr": [1.0, 2.0]}, "lr must be one rate or one for each of the 1 groups, got 2"),
        ({"steps": [0]}, "steps must be 2 whole numbers"),
        ({"steps": [0, 0.5]}, "steps must be 2 whole numbers"),
        ({"steps": [1, 1]}, "steps must ascend"),
        ({"steps": [-1, 1]}, "steps must ascend from 0"),
        ({"steps": [7, 8]}, "no step of applied lies inside the 3 planned steps"),
        ({"steps_per_epoch": 0}, "audit: steps_per_epoch: must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], told: str) -> None:
    given_ = {"planned": [1.0, 0.5, 0.1], "applied": [1.0, 0.5], **arguments}
    with pytest.raises(SpecError, match=told):
        audit(**given_)  # type: ignore[arg-type]
