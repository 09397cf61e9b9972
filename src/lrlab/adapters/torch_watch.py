"""Hooks on an optimizer of PyTorch: the rates that it applies, and now and then how long its step and gradient are."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from lrlab.adapters.watcher import Watcher

SAMPLE_EVERY = 17  # steps; a prime, so that it falls in step with no epoch and no accumulation
_MOST_NUMBERS = 16_384  # of a weight tensor that are looked at, evenly spaced
_LEAST_MATRICES = 2  # one alone is the whole gradient
_COMPILED = "_orig_mod."  # what torch.compile puts before a name


def name_of(optimizer: Any) -> str:
    """How diagnosis calls an optimizer: ``momentum`` for SGD with momentum."""
    name = type(optimizer).__name__.lower()
    moves = any(group.get("momentum") for group in optimizer.param_groups)
    return "momentum" if name == "sgd" and moves else name


class OptimizerHooks:
    """Tells a watcher of every step of an optimizer.

    A sampled step copies at most 16,384 evenly spaced numbers of each weight tensor before the step and compares them
    after it, so that neither memory nor time grow with the model; the lengths of step, weights and gradient are
    estimated from them, and are exact for tensors that are no larger. What was measured is fetched later, so that no
    device is waited for. Of the gradients of matrices (weights of two dimensions or more) the shortest is told too, over
    the length of the whole gradient, and whose it is.

    Args:
        optimizer: A ``torch.optim.Optimizer``.
        watcher: Is told.
        every: Steps from one sample to the next; 0 for none.
        model: Has the names of the weights; None where they have none.
    """

    def __init__(self, optimizer: Any, watcher: Watcher, *, every: int, model: Any = None) -> None:
        self._optimizer = optimizer
        self._watcher = watcher
        self._every = every
        self._before: dict[torch.device, torch.Tensor] = {}
        self._matrices = [
            weight for group in optimizer.param_groups for weight in group["params"] if weight.dim() > 1
        ]
        watcher.name_layers(_names(self._matrices, model))
        sizes = [sum(weight.numel() for weight in group["params"]) for group in optimizer.param_groups]
        self._main = max(range(len(sizes)), key=sizes.__getitem__)  # the group with most of the weights
        self._handles = [optimizer.register_step_post_hook(lambda *_: watcher.guard(self._after))]
        if every:
            self._handles.append(optimizer.register_step_pre_hook(lambda *_: watcher.guard(self._ahead)))
        watcher.at_end(self.remove)

    def remove(self) -> None:
        """Take the hooks off."""
        while self._handles:
            self._handles.pop().remove()
        self._before = {}

    def _ahead(self) -> None:
        if self._watcher.steps % self._every == 0:
            self._before = self._looked_at(lambda weight: weight.detach())

    def _after(self) -> None:
        watcher = self._watcher
        watcher.stepped([float(group["lr"]) for group in self._optimizer.param_groups], main=self._main)
        if self._before:
            before, self._before = self._before, {}
            after = self._looked_at(lambda weight: weight.detach())
            size = _length(before.values())
            step = _length(after[device] - numbers for device, numbers in before.items())
            watcher.put("update_ratio", torch.where(size == 0, torch.ones_like(size), step / size))
            gradient = _length(self._looked_at(lambda weight: weight.grad).values())
            scale = getattr(
                self._optimizer, "grad_scale", None
            )  # a fused step undoes a loss scaler's by itself
            watcher.put("grad_norm", gradient if scale is None else gradient / scale.to(gradient.device))
            self._put_shortest(gradient)

    def _put_shortest(self, whole: torch.Tensor) -> None:
        """Tell the shortest gradient of a matrix, and its number."""
        numbers = [number for number, weight in enumerate(self._matrices) if weight.grad is not None]
        if len(numbers) < _LEAST_MATRICES:
            return
        seen = [_thinned(self._matrices[number].grad) for number in numbers]
        lengths = torch.stack([one.float().to(whole.device) for one in torch._foreach_norm(seen)])
        shortest, place = lengths.min(dim=0)
        self._watcher.put("layer_grad_min", torch.where(whole == 0, whole, shortest / whole))
        self._watcher.put("layer_grad_min_at", torch.tensor(numbers, device=whole.device)[place])

    def _looked_at(self, of: Callable[[Any], Any]) -> dict[torch.device, torch.Tensor]:
        """Some numbers of each weight that has a gradient, as one vector a device: their length is that of all."""
        parts: dict[torch.device, list[torch.Tensor]] = {}
        for group in self._optimizer.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    parts.setdefault(weight.device, []).append(_thinned(of(weight)))
        return {device: torch.cat(numbers) for device, numbers in parts.items()}


def _names(weights: list[Any], model: Any) -> tuple[str, ...]:
    """What the model calls these weights; by their number where it does not say."""
    named = getattr(model, "named_parameters", tuple)
    known = {id(weight): name.removeprefix(_COMPILED) for name, weight in named()}
    return tuple(known.get(id(weight), f"weight {number}") for number, weight in enumerate(weights))


def _thinned(tensor: torch.Tensor) -> torch.Tensor:
    """Evenly spaced numbers of a tensor, scaled so that their length estimates that of all."""
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    flat = tensor.reshape(-1)
    if flat.numel() <= _MOST_NUMBERS:
        return flat
    apart = -(-flat.numel() // _MOST_NUMBERS) | 1  # odd, so that it does not stay in the columns of a matrix
    numbers = flat[::apart]
    scaled: torch.Tensor = numbers * (flat.numel() / numbers.numel()) ** 0.5
    return scaled


def _length(vectors: Any) -> torch.Tensor:
    """The length of vectors that together are one."""
    lengths = list(_lengths(vectors))
    return (
        lengths[0]
        if len(lengths) == 1
        else torch.stack([one.to(lengths[0].device) for one in lengths]).norm()
    )


def _lengths(vectors: Any) -> Iterator[torch.Tensor]:
    for vector in vectors:
        yield torch.linalg.vector_norm(vector, dtype=torch.float32)
