"""What the arguments of a recipe must keep, and their normal form."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lrlab.core.errors import SpecError
from lrlab.core.metric import Metric
from lrlab.core.question import whole_number
from lrlab.schedules import spec
from lrlab.tasks.source import name_of
from lrlab.tasks.torch_data import normal_form, takes_batch_size
from lrlab.tasks.torch_optimizers import OptimizerChoice, choose

_TAKEN = ("loss", "train_loss", "val_loss", "lr", "grad_norm")  # names that every recipe reports itself
_USUAL_BATCH = 32  # what a recipe has where nothing is given
_COUNTS = ("batch_size", "val_batch_size", "accumulate", "eval_every", "log_every")


def checked(recipe: Any) -> dict[str, object]:
    """The fields of a recipe in their normal form; those that are in it stay as they are.

    Raises:
        SpecError: If one breaks its rule.
    """
    _check_model(recipe.model)
    _check_functions(recipe)
    data = normal_form("data", recipe.data)
    val_data = None if recipe.val_data is None else normal_form("val_data", recipe.val_data)
    _check_sizes(recipe, data, val_data)
    optimizer = recipe.optimizer
    if not isinstance(optimizer, OptimizerChoice):
        choice = choose(optimizer)
        optimizer = choice.name if isinstance(optimizer, str) else choice
    return {
        "data": data,
        "val_data": val_data,
        "optimizer": optimizer,
        "schedule": spec.named(recipe.schedule),
        "warmup": spec.check_warmup(recipe.warmup),
        "budget": whole_number(
            "budget", recipe.budget, 1, hint="It is the length of a full training, in units."
        ),
        "metric": Metric.parse(recipe.metric),
        "metrics": dict(recipe.metrics),
        "name": recipe.name or _name(recipe.model),
        **{name: _optional_count(name, getattr(recipe, name)) for name in _COUNTS},
    }


def _optional_count(name: str, value: object) -> int | None:
    return (
        None if value is None and name not in ("batch_size", "accumulate") else whole_number(name, value, 1)
    )


def _name(model: object) -> str:
    if isinstance(model, nn.Module):
        return type(model).__name__
    name = name_of(model)  # type: ignore[arg-type]
    return "recipe" if name == "lambda" else name


def _check_model(model: object) -> None:
    if isinstance(model, nn.Module):
        if not any(weight.requires_grad for weight in model.parameters()):
            raise SpecError(
                f"model: {type(model).__name__} has no parameter that requires a gradient, so nothing can be trained."
            )
        return
    if not callable(model):
        raise SpecError(
            f"model: expected a function that builds an nn.Module, or a module, got {type(model).__name__}."
        )
    try:
        inspect.signature(model).bind()
    except TypeError as error:
        raise SpecError(
            f"model: {name_of(model)} must be callable without arguments ({error}).",
            hint="Wrap it: lambda: build(width=64).",
        ) from None
    except ValueError:  # a builtin without a signature
        return


def _check_functions(recipe: Any) -> None:
    for name in ("loss", "forward"):
        given = getattr(recipe, name)
        if isinstance(given, type):
            raise SpecError(
                f"{name}: expected a function, got the class {given.__name__}.",
                hint=f"Write {given.__name__}().",
            )
        if given is not None and not callable(given):
            raise SpecError(f"{name}: expected a function, got {given!r:.60}.")
    if recipe.forward is not None and (recipe.loss is not None or recipe.metrics):
        raise SpecError(
            "forward: it returns the loss of a batch, so loss and metrics have nothing to work on.",
            hint="Give forward alone, or loss and metrics.",
        )
    if not isinstance(recipe.metrics, Mapping):
        raise SpecError(f"metrics: expected name to function, got {type(recipe.metrics).__name__}.")
    for name, metric in recipe.metrics.items():
        if not isinstance(name, str) or not name or name in _TAKEN:
            raise SpecError(f"metrics: {name!r} is no name for a metric; {', '.join(_TAKEN)} are taken.")
        if not callable(metric):
            raise SpecError(
                f"metrics: {name} must be a function (output, target) -> number, got {metric!r:.60}."
            )
    if recipe.metrics and recipe.val_data is None:
        raise SpecError("metrics: they are measured on val_data, got val_data=None.")


def _check_sizes(recipe: Any, data: object, val_data: object) -> None:
    if recipe.unit not in ("epoch", "step"):
        raise SpecError(f'unit: must be "epoch" or "step", got {recipe.unit!r}.')
    if recipe.eval_every is not None and recipe.unit != "step":
        raise SpecError('eval_every: every epoch is evaluated; it is for unit="step".')
    if recipe.batch_size != _USUAL_BATCH and not takes_batch_size(data):
        raise SpecError(
            "batch_size: data makes its own batches, so it has nothing to change.",
            hint="For val_data give val_batch_size.",
        )
    if recipe.val_batch_size is not None and not takes_batch_size(val_data):
        raise SpecError("val_batch_size: val_data makes its own batches, so it has nothing to change.")
    if recipe.amp not in (False, True, "auto"):
        raise SpecError(f'amp: must be False, True or "auto", got {recipe.amp!r}.')
    clip = recipe.clip_norm
    if clip is not None and not (isinstance(clip, int | float) and math.isfinite(clip) and clip > 0):
        raise SpecError(f"clip_norm: must be a number above 0, got {clip!r}.", hint="None does not clip.")
    if recipe.device != "auto":
        try:
            torch.device(recipe.device)
        except (RuntimeError, TypeError):
            raise SpecError(
                f'device: there is no device {recipe.device!r}; give "auto", "cpu" or "cuda:0", say.'
            ) from None
    targets = data[1] if isinstance(data, tuple) else None
    if targets is not None and recipe.loss is None and recipe.forward is None:
        _check_targets(targets)


def _check_targets(targets: torch.Tensor) -> None:
    """Whether the default loss knows what to do with them."""
    if targets.dtype is torch.bool or targets.is_complex():
        raise SpecError(
            f"loss: targets of {targets.dtype} have no default.",
            hint="Give loss=..., or whole numbers (cross entropy) or floats (squared error).",
        )
    if not targets.is_floating_point() and targets.ndim == 2 and targets.shape[1] == 1:
        raise SpecError(
            f"loss: cross entropy wants class indices of shape ({len(targets)},), got {tuple(targets.shape)}.",
            hint="Give y.squeeze(1), or floats for the squared error.",
        )
