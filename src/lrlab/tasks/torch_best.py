"""The weights of a training's best unit: the checkpoint that a person would keep."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lrlab.core.metric import Metric


@dataclass(slots=True)
class BestWeights:
    """A copy of the weights at the best value of the metric so far, in the host's memory.

    Args:
        metric: What is compared.
        value: Its best value; the worst there is before the first unit.
        weights: Weights and buffers then; None before.
    """

    metric: Metric
    value: float = math.nan
    weights: Mapping[str, Any] | None = None

    def see(self, value: float, model: nn.Module) -> None:
        """Keep the weights where ``value`` is the best one so far."""
        if self.metric.better(value, self.value):
            self.value, self.weights = value, copied_weights(model)

    def state(self) -> dict[str, object] | None:
        """What ``restore`` takes; the weights are never written to, so they are no copy."""
        return None if self.weights is None else {"value": self.value, **self.weights}

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Take over what ``state`` returned; None where it was stored before there was a best unit."""
        if state is not None:
            self.value = float(state["value"])
            self.weights = {name: state[name] for name in ("model", "buffers")}


def copied_weights(model: nn.Module) -> dict[str, object]:
    """Weights, and buffers that are no part of them, as copies in the host's memory."""
    weights = model.state_dict()
    others = {name: buffer for name, buffer in model.named_buffers() if name not in weights}
    return {"model": copied(dict(weights)), "buffers": copied(others)}


def load_weights(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Put what ``copied_weights`` returned into ``model``."""
    model.load_state_dict(state["model"])
    buffers = dict(model.named_buffers())
    for name, value in state["buffers"].items():
        buffers[name].copy_(value)


def copied(value: Any) -> Any:
    """``value`` with every tensor copied to the host's memory."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(item) for item in value)
    return value
