"""Every kind of Trainer keeps the contract of a task."""

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import Trainer

from lrlab.adapters.huggingface import huggingface
from lrlab.tasks.protocol import Task
from lrlab.testing.task_kit import TaskKit
from tests.adapters.tiny_transformers import (
    WORDS,
    Sentences,
    _quick_collection,  # noqa: F401 - a fixture
    trainer,
    writer,
)

pytestmark = pytest.mark.torch


def by_epoch(run: Any) -> Trainer:
    return trainer(run)


def by_steps(run: Any) -> Trainer:
    """An evaluation in the middle of an epoch, two batches to a step, an odd one at each epoch's end."""
    return trainer(
        run,
        model=writer(),
        arguments={
            "eval_strategy": "steps",
            "eval_steps": 2,
            "gradient_accumulation_steps": 2,
            "per_device_train_batch_size": 4,
            "num_train_epochs": 2,
            "logging_steps": 1,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 2,
        },
        train_dataset=Sentences(WORDS[:20]),
        eval_dataset=Sentences(WORDS[40:]),
        compute_metrics=None,
    )


class TestClassifierByEpoch(TaskKit):
    def task(self) -> Task:
        return huggingface(by_epoch, metric="accuracy")


class TestLanguageModelBySteps(TaskKit):
    def task(self) -> Task:
        return huggingface(by_steps)
