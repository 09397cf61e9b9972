"""Recipes with optimizers that need no rate keep the contract of a task, to the bit."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("prodigyopt")
pytest.importorskip("schedulefree")
pytest.importorskip("dadaptation")
pytest.importorskip("dog")

from lrlab.api.torch import Recipe  # noqa: E402
from lrlab.tasks.protocol import Task  # noqa: E402
from lrlab.testing.task_kit import TaskKit  # noqa: E402

pytestmark = pytest.mark.torch

_draw = torch.Generator().manual_seed(0)
X = torch.randn(150, 6, generator=_draw)
CLASSES = (X @ torch.randn(6, 3, generator=_draw)).argmax(1)
TRAIN, VAL = (X[:107], CLASSES[:107]), (X[107:], CLASSES[107:])


def noisy() -> torch.nn.Module:
    """A network with dropout and batch statistics."""
    return torch.nn.Sequential(
        torch.nn.Linear(6, 16),
        torch.nn.BatchNorm1d(16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(16, 3),
    )


class TestProdigy(TaskKit):
    LR, OTHER_LR = 1.0, 0.5

    def task(self) -> Task:
        return Recipe(
            noisy, TRAIN, val_data=VAL, batch_size=16, budget=7, optimizer="prodigy", schedule="cosine"
        )


class TestScheduleFree(TaskKit):
    LR, OTHER_LR = 0.0025, 0.01

    def task(self) -> Task:
        return Recipe(
            noisy, TRAIN, val_data=VAL, batch_size=16, budget=7, optimizer="schedule-free-adamw", log_every=1
        )


class TestScheduleFreeInSteps(TaskKit):
    LR, OTHER_LR = 0.0025, 0.01

    def task(self) -> Task:
        return Recipe(
            noisy,
            TRAIN,
            val_data=VAL,
            unit="step",
            budget=50,
            eval_every=3,
            log_every=1,
            optimizer="schedule-free-adamw",
        )


class TestDAdaptation(TaskKit):
    LR, OTHER_LR = 1.0, 0.5

    def task(self) -> Task:
        return Recipe(noisy, TRAIN, val_data=VAL, batch_size=16, budget=7, optimizer="dadapt-adam")


class TestDoG(TaskKit):
    LR, OTHER_LR = 1.0, 0.5

    def task(self) -> Task:
        return Recipe(noisy, TRAIN, val_data=VAL, batch_size=16, budget=7, optimizer="dog")
