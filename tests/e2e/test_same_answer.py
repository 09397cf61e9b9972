"""The whole of lrlab on a real training: any number of workers, one answer."""

import pytest

import lrlab
from lrlab.api.results import digest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytestmark = [pytest.mark.torch, pytest.mark.slow]


def recipe() -> "lrlab.torch.Recipe":
    import torch
    from sklearn.datasets import load_wine
    from torch import nn

    x, y = load_wine(return_X_y=True)
    inputs, targets = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32), torch.tensor(y)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, validation = order[:120], order[120:]
    return lrlab.torch.Recipe(
        lambda: nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3)),
        (inputs[train], targets[train]),
        val_data=(inputs[validation], targets[validation]),
        optimizer="adam",
        budget=12,
        batch_size=16,
        name="wine",
    )


@pytest.fixture(scope="module")
def inline() -> str:
    return digest(lrlab.sweep(recipe(), workers=0, store="memory"))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_answer(inline: str, workers: int) -> None:
    assert digest(lrlab.sweep(recipe(), workers=workers, store="memory")) == inline
