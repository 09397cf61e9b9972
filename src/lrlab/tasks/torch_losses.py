"""From a batch to a loss and to scores."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import nn

from lrlab.core.errors import TaskError

LossFunction = Callable[[Any, Any], torch.Tensor]
ForwardFunction = Callable[[nn.Module, Any], torch.Tensor]
MetricFunction = Callable[[Any, Any], Any]


class Objective(Protocol):
    """What a training makes small."""

    def loss(self, model: nn.Module, batch: Any) -> torch.Tensor:
        """The mean loss over ``batch``, a scalar."""
        ...

    def scores(self, model: nn.Module, batch: Any) -> Mapping[str, Any]:
        """``loss`` and every metric, each a mean over ``batch``."""
        ...


class Supervised:
    """Batches of inputs and targets.

    Args:
        loss: Called as ``loss(output, target)``.
        metrics: Name to function, called as ``metric(output, target)``.
    """

    def __init__(self, loss: LossFunction, metrics: Mapping[str, MetricFunction]) -> None:
        self._loss = loss
        self._metrics = metrics

    def loss(self, model: nn.Module, batch: Any) -> torch.Tensor:
        """See ``Objective``."""
        inputs, target = _parts(batch)
        return _scalar(self._loss(_call(model, inputs), target))

    def scores(self, model: nn.Module, batch: Any) -> Mapping[str, Any]:
        """See ``Objective``."""
        inputs, target = _parts(batch)
        output = _call(model, inputs)
        scores: dict[str, Any] = {"loss": _scalar(self._loss(output, target))}
        for name, metric in self._metrics.items():
            scores[name] = metric(output, target)
        return scores


class Whole:
    """Batches of any kind, with a function that knows what to do with them.

    Args:
        forward: Called as ``forward(model, batch)``; returns the loss.
    """

    def __init__(self, forward: ForwardFunction) -> None:
        self._forward = forward

    def loss(self, model: nn.Module, batch: Any) -> torch.Tensor:
        """See ``Objective``."""
        return _scalar(self._forward(model, batch))

    def scores(self, model: nn.Module, batch: Any) -> Mapping[str, Any]:
        """See ``Objective``."""
        return {"loss": self.loss(model, batch)}


def default_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy for whole-number targets, mean squared error for the others.

    Args:
        output: ``(N, C, ...)`` class scores, or ``(N, ...)`` predictions.
        target: ``(N, ...)`` class indices, or predictions of the same number of values as ``output``.

    Raises:
        TaskError: If the shapes fit neither.
    """
    if not target.is_floating_point():
        if output.dim() < 2 or output.shape[1] < 2:
            raise TaskError(
                f"loss: whole-number targets mean classes, and an output of shape {tuple(output.shape)} has no scores "
                "for them.",
                hint="Return one score a class, or give loss= and targets as floats.",
            )
        return nn.functional.cross_entropy(output, target.long())
    if output.shape != target.shape:
        if output.numel() != target.numel():
            raise TaskError(
                f"loss: output {tuple(output.shape)} and target {tuple(target.shape)} have different sizes.",
                hint="Make them equal, or give loss=.",
            )
        target = target.reshape(output.shape)  # (N,) against (N, 1) would broadcast to (N, N)
    return nn.functional.mse_loss(output, target)


def accuracy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The share of targets whose class has the highest score.

    Args:
        output: ``(N, C, ...)`` class scores.
        target: ``(N, ...)`` class indices.
    """
    return (output.argmax(1) == target).float().mean()


def _parts(batch: Any) -> tuple[Any, Any]:
    try:
        inputs, target = batch
    except (TypeError, ValueError):
        parts = f" of {len(batch)} parts" if hasattr(batch, "__len__") else ""
        raise TaskError(
            f"data: a batch must be a pair of inputs and targets, got a {type(batch).__name__}{parts}.",
            hint="For anything else give forward=, a function (model, batch) that returns the loss.",
        ) from None
    return inputs, target


def _call(model: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, torch.Tensor):
        return model(inputs)
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, list | tuple):
        return model(*inputs)
    return model(inputs)


def _scalar(loss: Any) -> torch.Tensor:
    if not isinstance(loss, torch.Tensor) or loss.dim():
        shape = f" of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else ""
        raise TaskError(
            f"loss: it must be a single number in a tensor, got a {type(loss).__name__}{shape}.",
            hint="Reduce it, for example with .mean().",
        )
    return loss
