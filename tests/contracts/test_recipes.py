"""Every kind of recipe keeps the contract of a task."""

import pytest

torch = pytest.importorskip("torch")

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


class NoisyInputs(torch.utils.data.Dataset):
    """Samples that are disturbed anew whenever they are read."""

    def __len__(self) -> int:
        return len(TRAIN[0])

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return TRAIN[0][index] + 0.1 * torch.randn(6), TRAIN[1][index]


class TestPairAndAdamW(TaskKit):
    def task(self) -> Task:
        return Recipe(noisy, TRAIN, val_data=VAL, batch_size=16, budget=7, schedule="cosine", warmup=0.1)


class TestMomentumAndAccumulation(TaskKit):
    def task(self) -> Task:
        return Recipe(
            noisy,
            TRAIN,
            val_data=VAL,
            batch_size=8,
            accumulate=3,
            budget=7,
            optimizer="momentum",
            clip_norm=0.5,
        )


class TestSteps(TaskKit):
    def task(self) -> Task:
        return Recipe(noisy, TRAIN, val_data=VAL, unit="step", budget=50, eval_every=3, optimizer="adam")


class TestDatasetThatDraws(TaskKit):
    def task(self) -> Task:
        return Recipe(noisy, NoisyInputs(), val_data=VAL, batch_size=16, budget=5, optimizer="sgd")


class TestLoaderInSteps(TaskKit):
    def task(self) -> Task:
        generator = torch.Generator().manual_seed(5)
        loader = torch.utils.data.DataLoader(NoisyInputs(), batch_size=16, shuffle=True, generator=generator)
        return Recipe(noisy, loader, val_data=VAL, unit="step", budget=28, eval_every=4, log_every=1)
