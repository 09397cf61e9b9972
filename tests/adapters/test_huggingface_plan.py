"""Trainers as tasks: the plan of a known schedule is what a sound run applies."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import Trainer, TrainerCallback, TrainingArguments  # noqa: E402

from lrlab.adapters.huggingface import huggingface  # noqa: E402
from lrlab.core.outcome import Outcome  # noqa: E402
from lrlab.core.run import Run  # noqa: E402
from lrlab.studies.planned_rate import deviates  # noqa: E402
from tests.adapters.tiny_transformers import (  # noqa: E402
    WORDS,
    Rows,
    _quick_collection,  # noqa: F401 - a fixture
    classifier,
    trainer,
)
from tests.adapters.trainer_runs import LR, run_of, with_arguments, with_parts  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"lr_scheduler_type": "cosine", "warmup_steps": 3},
        {"lr_scheduler_type": "constant"},
        {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 0.3},
        {"lr_scheduler_type": "inverse_sqrt", "warmup_steps": 4},
        {"max_steps": 9, "gradient_accumulation_steps": 2},
        {"eval_strategy": "steps", "eval_steps": 3, "lr_scheduler_type": "cosine"},
    ],
)
def test_a_sound_trainer_applies_its_plan(arguments: dict[str, Any]) -> None:
    task = with_arguments(**arguments)
    plan = task.planned
    assert plan is not None
    run = Run(lr=LR, records=tuple(run_of(task)), units=task.budget, outcome=Outcome.FINISHED)
    assert sum("lr" in record.metrics for record in run.records) >= 3
    assert deviates(run, plan) is None
    assert deviates(Run(lr=LR * 1.01, records=run.records, units=run.units), plan) is not None


class Halves(TrainerCallback):  # type: ignore[misc]
    """Halves the rate in the middle of a training, as a callback of somebody else's would."""

    def on_step_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        if state.global_step >= 8:
            for group in optimizer.param_groups:
                group["lr"] *= 0.5


def test_a_callback_that_changes_the_rate_is_found() -> None:
    task = with_parts(callbacks=[Halves()])
    run = Run(lr=LR, records=tuple(run_of(task)), units=task.budget, outcome=Outcome.FINISHED)
    found = deviates(run, task.planned)  # type: ignore[arg-type]
    assert found is not None
    assert found.step == 9  # the first log after it


class Own(Trainer):  # type: ignore[misc]
    def create_scheduler(self, *args: Any, **others: Any) -> Any:
        return super().create_scheduler(*args, **others)


@pytest.mark.parametrize(
    "make",
    [
        lambda run: trainer(run, arguments={"lr_scheduler_type": "polynomial"}),
        lambda run: trainer(
            run, arguments={"lr_scheduler_kwargs": {"num_cycles": 2}, "lr_scheduler_type": "cosine"}
        ),
        lambda run: trainer(run, arguments={"learning_rate": 2 * run.lr}),
        lambda run: Own(
            model=classifier(),
            args=TrainingArguments(output_dir=run.folder, learning_rate=run.lr, use_cpu=True),
            train_dataset=Rows(WORDS[:8]),
            eval_dataset=Rows(WORDS[8:16]),
        ),
    ],
)
def test_a_schedule_that_is_not_known_has_no_plan(make: Callable[[Any], object]) -> None:
    assert huggingface(make, name="tiny").planned is None
