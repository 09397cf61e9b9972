"""Whether a training ignores its rate: curves that are equal, and curves that only look so."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import TaskError
from lrlab.core.outcome import StudyState
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.store.memory import MemoryStore
from lrlab.studies.applied_rate import cure, ignored
from lrlab.tasks.training_run import TrainingRun
from tests.studies.test_study import carry_out

LRS = (1e-3, 1e-2, 1e-1)


def run(lr: float, *applied: float) -> Run:
    records = tuple(Record(at, {"lr": rate, "val_loss": 1.0}) for at, rate in enumerate(applied, start=1))
    return Run(lr=lr, records=records, units=len(applied))


def runs(curve: Callable[[float], tuple[float, ...]], lrs: tuple[float, ...] = LRS) -> list[Run]:
    return [run(lr, *curve(lr)) for lr in lrs]


def test_equal_curves_are_told_with_the_rates() -> None:
    said = ignored(runs(lambda _: (0.02, 0.01)))
    assert said is not None
    assert "asked for 1e-3, 1e-2, 1e-1 all applied 1e-2 to 2e-2" in said
    assert (ignored(runs(lambda _: (0.01,))) or "").endswith("all applied 1e-2.")


@pytest.mark.parametrize(
    ("curve", "says", "why"),
    [
        (lambda lr: (lr, lr / 2), "", "the rate is applied"),
        (lambda lr: (256 * lr / 32,), "", "it is scaled by the batch"),
        (lambda lr: (1e-4, 1e-4, lr), "", "a warm-up from a fixed rate"),
        (lambda lr: (min(lr, 1e-2), lr / 10), "", "it is clamped at first"),
        (lambda lr: (0.0,), None, "a warm-up from zero, or a decay to zero"),
        (lambda lr: (), None, "nothing is told"),
        (lambda lr: (float("nan"),), None, "what is told is no rate"),
    ],
)
def test_what_is_no_sign(curve: Callable[[float], tuple[float, ...]], says: str | None, why: str) -> None:
    assert ignored(runs(curve)) == says, why


def test_two_runs_and_near_rates_are_no_sign() -> None:
    def equal(_: float) -> tuple[float, ...]:
        return (1e-4, 1e-4)

    assert ignored(runs(equal, LRS[:2])) is None
    assert ignored(runs(equal, (1e-4, 2e-4, 3.9e-4))) is None  # a log with four decimals
    assert ignored(runs(equal, (1e-4, 2e-4, 4e-4)))


def test_only_shared_moments_count() -> None:
    assert ignored([run(1e-3, 0.1), run(1e-2, 0.1, 0.2), run(1e-1, 0.1, 0.3)])
    assert ignored([Run(lr=1.0, records=(Record(9, {"lr": 0.1}),)), *runs(lambda _: (0.1,))]) is None


def test_one_that_differs_is_enough() -> None:
    assert ignored([*runs(lambda _: (0.1, 0.05)), run(1.0, 0.1, 0.04)]) == ""


@given(st.permutations(runs(lambda _: (0.02, 0.01), (1e-4, *LRS))))
def test_the_order_does_not_matter(shuffled: list[Run]) -> None:
    assert ignored(shuffled) == ignored(sorted(shuffled, key=lambda each: each.lr))


def test_a_study_ends_with_an_explanation() -> None:
    def deaf(run: TrainingRun) -> None:
        for unit in run.units():
            run.report(val_loss=1.0 / (unit + 1), lr=0.01)

    store = MemoryStore()
    with pytest.raises(TaskError, match=r"ignores the learning rate: runs that .* Look for what sets it"):
        carry_out(deaf, store=store)
    study = store.load("s")
    assert study.state is StudyState.FAILED
    assert sum(run.units for run in study.runs) <= 3 * 2


def test_each_arm_is_looked_at_by_itself() -> None:
    deaf = [replace(run, arm="deaf") for run in runs(lambda _: (0.02, 0.01))]
    sound = runs(lambda lr: (lr, lr / 2))
    assert "all applied" in (ignored([*sound, *deaf]) or "")
    assert ignored([*sound, *deaf[:2]]) is None
    assert ignored(sound) == ""


@pytest.mark.parametrize(
    ("applied", "target", "causes"),
    [
        (0.00123, {}, ("Look for what sets it instead: an option of another name",)),
        (
            5e-5,
            {},
            ("5e-5 is the default of Hugging Face's TrainingArguments", "does not reach the optimizer"),
        ),
        (1e-3, {}, ("1e-3 is the default of most optimizers of PyTorch",)),
        (1e-2, {}, ("1e-2 is the default of RMSprop",)),
        (
            0.3,
            {"kind": "command", "words": ["python", "t.py", "--lr", "{lr}", "--epochs", "{budget}"]},
            ("The command gives it as --lr {lr}: check that the program has an option of that very name",),
        ),
        (0.3, {"kind": "command", "words": ["t", "--lr={lr:.8f}"]}, ("gives it as --lr={lr:.8f}",)),
        (
            0.3,
            {"kind": "command", "words": ["/opt/bin/yolo", "detect", "train", "lr0={lr}"]},
            ("optimizer=auto, the default of yolo, ignores lr0", "such as optimizer=SGD"),
        ),
        (
            0.3,
            {"kind": "command", "words": ["t", "lr0={lr}", "optimizer=Auto"]},
            ("optimizer=auto ignores lr0",),
        ),
        (
            0.3,
            {"kind": "arms", "arms": {"a": {"kind": "command", "words": ["yolo", "lr0={lr}"]}}},
            ("optimizer=auto, the default of yolo",),
        ),
        (0.3, {"kind": "python", "ref": "t.py:f"}, ("Look for what sets it instead",)),
    ],
)
def test_the_likely_cause_is_named(
    applied: float, target: dict[str, object], causes: tuple[str, ...]
) -> None:
    said = cure(runs(lambda _: (applied, applied)), target)
    for cause in causes:
        assert cause in said


def test_a_rate_that_moves_points_to_a_scheduler() -> None:
    said = cure(runs(lambda _: (0.02, 0.01)), {})
    assert "moves between 1e-2 and 2e-2 in every run, as under a scheduler" in said
    assert "optimizer=auto" in said
