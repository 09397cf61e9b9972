"""The two small models of the demo, and how they are judged."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


def image_model() -> nn.Module:
    """A small convolutional network for images of one channel and 8 by 8 pixels, ten classes."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def table_model() -> nn.Module:
    """A multi-layer perceptron for rows of 30 numbers, two classes."""
    return nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))


def accuracy(model: nn.Module, samples: Any, classes: Any) -> float:
    """Share of samples whose class a model finds.

    Args:
        model: Gives one number a class.
        samples: Array, one sample a row.
        classes: Array of whole numbers.
    """
    model.eval()
    with torch.no_grad():
        found = model(torch.as_tensor(samples)).argmax(1)
    return float((found == torch.as_tensor(classes)).double().mean())


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread, as in a worker: small models are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
