"""The values that everything else speaks in: their rules on both sides of each bound."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core import wire
from lrlab.core.answer import Answer, Caution
from lrlab.core.divergence import divergence
from lrlab.core.errors import LrlabError, SpecError, StoreError
from lrlab.core.lr_range import LRRange, tidy_rate
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Arm, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study

LOSS = Metric("val_loss")
RANGE = LRRange(1e-5, 1e-1)


def question(**changes: Any) -> Question:
    return Question(**{"lr": RANGE, "budget": 10, "metric": LOSS, **changes})


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("val_loss", "min"), ("accuracy", "max"), ("val_acc", "max"), ("metrics/mAP50-95(B)", "max"), ("f1", "max"),
        ("test/err", "min"), ("perplexity", "min"), ("mystery:max", "max"), ("accuracy:min", "min"), ("eval_loss", "min"),
    ],
)  # fmt: skip
def test_the_direction_follows_from_the_name_or_the_suffix(text: str, direction: str) -> None:
    assert Metric.parse(text).direction == direction


@pytest.mark.parametrize("text", ["mystery", "", " ", 3, None, "fitness"])
def test_a_metric_without_a_direction_is_refused(text: Any) -> None:
    with pytest.raises(SpecError, match="metric"):
        Metric.parse(text)


def test_a_value_that_is_not_finite_beats_nothing() -> None:
    assert LOSS.best([math.nan, 0.3, 0.1, math.inf]) == 0.1
    assert Metric("acc", "max").best([math.nan, 0.3, -math.inf]) == 0.3
    assert LOSS.best([math.nan]) == math.inf
    assert not LOSS.better(math.nan, 1.0)
    assert LOSS.better(1.0, math.nan)


@pytest.mark.parametrize("value", [(1e-5, 1e-1), "1e-5:1e-1", [1e-5, 0.1], LRRange(1e-5, 0.1), "0.00001:.1"])
def test_ranges_are_read(value: Any) -> None:
    assert LRRange.parse(value) == RANGE


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ((0.1, 1e-5), "Did you mean 1e-5:1e-1"), ((0.1, 0.1), "nothing to search"), ((0, 1), "above 0"),
        ((-1, 1), "above 0"), ((math.nan, 1), "finite"), ((1e-5, math.inf), "finite"), ("1e-5", "pair"),
        ("1e-5:1:2", "pair"), ("a:b", "number such as 3e-4"), (3, "pair"), (("x", 1), "number"), ((True, 2), "True"),
        (None, "pair"), ((None, 1), "None"),
    ],
)  # fmt: skip
def test_bad_ranges_are_refused(value: Any, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        LRRange.parse(value)


@given(st.floats(-7, 0), st.floats(0.001, 6), st.integers(2, 40))
def test_points_lie_in_the_range_in_order_with_equal_ratios(low: float, decades: float, count: int) -> None:
    span = LRRange(10**low, 10 ** (low + decades))
    points = span.points(count)
    assert points[0] == span.low
    assert points[-1] == span.high
    assert list(points) == sorted(set(points))
    assert len(points) <= count
    if decades > 1 and count <= 20:
        steps = np.diff(np.log10(points))
        assert len(points) == count
        assert np.allclose(steps, decades / (count - 1), atol=0.006)


def test_tidy_rates_have_three_digits() -> None:
    assert tidy_rate(0.0023456) == 0.00235
    assert tidy_rate(1e-12) == 1e-12


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"budget": 0}, "budget: must be at least 1"), ({"budget": 1.5}, "whole number"), ({"seeds": 0}, "seeds"),
        ({"seed": -1}, "seed"), ({"unit": "hour"}, "unit"), ({"reduce": "mean"}, "reduce"),
        ({"resumes": "maybe"}, "resumes"), ({"tolerance": 0}, "tolerance"), ({"tolerance": 1}, "tolerance"),
        ({"max_cost": 0.99}, "max_cost"), ({"max_cost": math.nan}, "max_cost"), ({"current_lr": 0}, "current_lr"),
        ({"arms": ()}, "arms"), ({"arms": (Arm(), Arm())}, "arms"),
    ],
)  # fmt: skip
def test_bad_questions_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        question(**changes)


def test_both_sides_of_the_bounds() -> None:
    assert question(budget=1, seeds=1, max_cost=1.0, tolerance=1e-9).budget == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Record(-1, {}), "at must be finite"), (lambda: Record(math.nan, {}), "at must be finite"),
        (lambda: Record(1, {"": 1.0}), "non-empty"), (lambda: Record(1, {"a": "x"}), "must be a number"),
        (lambda: Record(1, {"a": None}), "must be a number"), (lambda: Record(1, {"a": 1j}), "must be a number"),
        (lambda: Record(1, {"a": np.ones(2)}), "must be one number"), (lambda: Record(1, {}, -1), "step"),
        (lambda: Record(1, {}, 1.5), "step"), (lambda: Record(1, {"a": 10**400}), "too large"),
    ],
)  # fmt: skip
def test_bad_records_are_refused(make: Any, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        make()


def test_numbers_of_every_library_are_taken() -> None:
    record = Record(
        np.int64(2), {"a": np.float32(0.5), "b": 3, "c": np.array(1.5), "d": math.nan}, np.int64(7)
    )
    assert record.metrics["a"] == 0.5
    assert record.metrics["c"] == 1.5
    assert record.step == 7
    assert record.ends_unit
    assert not Record(2.5, {}).ends_unit
    assert not Record(0, {}).ends_unit


metrics = st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.floats(), max_size=3)


@given(st.floats(0, 1e6), metrics, st.none() | st.integers(0, 2**53))
def test_records_survive_the_wire_to_the_bit(at: float, values: dict[str, float], step: int | None) -> None:
    record = Record(at, values, step)
    assert wire.loads(Record, wire.dumps(Record, record)).same(record)


def test_whole_values_survive_the_wire() -> None:
    run = Run(lr=0.1, records=(Record(1, {"val_loss": math.nan}),), outcome=Outcome.DIVERGED, detail="ünï")
    back = wire.loads(Run, wire.dumps(Run, run))
    assert back.outcome is Outcome.DIVERGED
    assert math.isnan(back.records[0].metrics["val_loss"])
    answer = Answer(
        lr=0.1, interval=(0.01, 0.2), safe_range=(0.05, math.inf), score=1.0, cost=1.5, confidence=0.5,
        question=question(current_lr=0.3), warnings=(Caution(code="X", text="y"),),
    )  # fmt: skip
    assert wire.loads(Answer, wire.dumps(Answer, answer)) == answer
    study = Study(name="s", question=question(), task="t", runs=(), target={"kind": "python", "budget": 3})
    assert wire.loads(Study, wire.dumps(Study, study)) == study


@pytest.mark.parametrize("text", ["", "{", "[]", '{"lr": "x"}', '{"lr": 0.1, "records": 3}'])
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="Run: cannot be read"):
        wire.loads(Run, text)


def run_with(values: list[float], *, untrained: float | None = None) -> Run:
    first = () if untrained is None else (Record(0, {"val_loss": untrained}),)
    return Run(lr=0.1).with_records((*first, *(Record(k + 1, {"val_loss": v}) for k, v in enumerate(values))))


def test_a_score_is_the_best_so_far_and_never_the_untrained_one() -> None:
    run = run_with([0.9, 0.5, 0.7, math.nan], untrained=0.1)
    assert run.units == 4
    assert run.score(LOSS) == 0.5
    assert run.score(LOSS, 1) == 0.9
    assert run.score(LOSS, 3, reduce="last") == 0.7
    assert run.score(LOSS, reduce="last") == math.inf
    assert run.score(LOSS, 0) == math.inf
    assert run.untrained(LOSS) == 0.1
    assert run_with([1.0]).untrained(LOSS) is None


@pytest.mark.parametrize(
    ("record", "untrained", "says"),
    [
        (Record(1, {"val_loss": math.nan}), 1.0, "val_loss became nan at unit 1"),
        (Record(1.5, {"loss": math.nan}, 12), 1.0, r"loss became nan at unit 1.5 \(step 12\)"),
        (Record(2, {"val_loss": math.inf}), None, "became inf"),
        (Record(2, {"val_loss": 2.4e4}), 2.3, "rose to 2.4e\\+04"),
        (Record(2, {"val_loss": 2.2e4}), 2.3, ""),
        (Record(2, {"val_loss": 2.4e9}), None, ""),
        (Record(1.5, {"loss": math.inf}), 1.0, ""),
        (Record(0, {"val_loss": math.nan}), None, ""),
        (Record(1, {"val_loss": 0.5, "grad_norm": math.nan}), 1.0, ""),
    ],
)
def test_when_a_run_has_diverged(record: Record, untrained: float | None, says: str) -> None:
    import re

    found = divergence(record, LOSS, untrained=untrained)
    assert re.search(says, found) if says else found == ""


def test_errors_say_what_why_and_what_to_do() -> None:
    error = LrlabError("What.", why="Why.", hint="Do this.")
    assert str(error) == "What. Why. Do this."
    assert (SpecError("x").exit_code, StoreError("x").exit_code) == (2, 1)


@pytest.mark.parametrize(
    ("lr", "codes", "exit_code"),
    [(0.1, (), 0), (0.1, ("FLAT",), 0), (0.1, ("EDGE_LOW",), 5), (0.1, ("NOISE",), 5),
     (math.nan, ("ALL_DIVERGED",), 4), (math.nan, ("ALL_FAILED",), 3)],
)  # fmt: skip
def test_exit_codes_of_answers(lr: float, codes: tuple[str, ...], exit_code: int) -> None:
    answer = Answer(
        lr=lr, interval=(lr, lr), safe_range=(lr, lr), score=0, cost=1, confidence=0.3, question=question(),
        warnings=tuple(Caution(code=code, text="t") for code in codes),
    )  # fmt: skip
    assert answer.exit_code == exit_code
    assert answer.confidence_word == "low"
