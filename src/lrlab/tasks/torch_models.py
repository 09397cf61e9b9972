"""Small models for data without code: tables. Each gives one number a class, or one prediction."""

import torch
from torch import nn

_PART = 512  # samples that a model in evaluation sees at once: its memory stays small whatever it is given


class InParts(nn.Module):
    """A model that is evaluated on any number of samples in parts; in training it is the model itself.

    Args:
        net: The model; what it gives for a sample must not depend on the others when it is evaluated.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training or len(x) <= _PART:
            return self.net(x)  # type: ignore[no-any-return]
        return torch.cat([self.net(part) for part in torch.split(x, _PART)])


def linear(*, inputs: int, outputs: int) -> nn.Module:
    """One line through all numbers, for rows ``(n, inputs)``: what more of a model must be better than."""
    return InParts(nn.Linear(inputs, outputs))


def mlp(*, inputs: int, outputs: int, width: int = 64) -> nn.Module:
    """A multi-layer perceptron with two hidden layers, for rows ``(n, inputs)``."""
    return InParts(
        nn.Sequential(
            nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
        )
    )
