"""Optimizers by name, class or function, and the rates that suit them."""

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn

from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange

OptimizerLike = str | type[torch.optim.Optimizer] | Callable[..., torch.optim.Optimizer]

# Name to class, its options, and a range of six decades around the rates that work: around each framework default
# and what full sweeps of small and large networks found best, with room on both sides.
_KNOWN: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any], LRRange]] = {
    "sgd": (torch.optim.SGD, {}, LRRange(1e-4, 1e2)),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}, LRRange(1e-5, 1e1)),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, LRRange(1e-5, 1e1)),
    "adam": (torch.optim.Adam, {}, LRRange(1e-6, 1e0)),
    "adamw": (torch.optim.AdamW, {}, LRRange(1e-6, 1e0)),
    "rmsprop": (torch.optim.RMSprop, {}, LRRange(1e-6, 1e0)),
    "adagrad": (torch.optim.Adagrad, {}, LRRange(1e-5, 1e1)),
}
NAMES = tuple(_KNOWN)
# Optimizers that need no rate, or no tuned one: package, class, and the one rate that their authors leave it at.
#   prodigy: Mishchenko and Defazio 2023, https://arxiv.org/abs/2306.06101
#   schedule-free-adamw: Defazio et al. 2024, https://arxiv.org/abs/2405.15682; it still has a rate, kept at its default
#   dadapt-adam: Defazio and Mishchenko 2023, https://arxiv.org/abs/2301.07733
#   dog: Ivgi et al. 2023, https://arxiv.org/abs/2302.12022, without the averaging of weights that it recommends
_LR_FREE = {
    "prodigy": ("prodigyopt", "Prodigy", 1.0),
    "schedule-free-adamw": ("schedulefree", "AdamWScheduleFree", 0.0025),
    "dadapt-adam": ("dadaptation", "DAdaptAdam", 1.0),
    "dog": ("dog", "DoG", 1.0),
}
LR_FREE = tuple(_LR_FREE)
_UNKNOWN_RANGE = LRRange(1e-6, 1e1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerChoice:
    """An optimizer that can be built for any model and rate.

    Args:
        name: How people and hints name it.
        make: A class or function, called as ``make(parameters, lr=...)``, or with the model first where its first
            parameter is named ``model``.
        default_lr: The framework's own default rate, or None where it has none.
        lr_range: Rates to search where a sweep is given none; None where there are none to search.
        fixed_lr: The only rate that it is trained at, where it needs none; else None.
    """

    name: str
    make: Callable[..., Any]
    default_lr: float | None
    lr_range: LRRange | None
    fixed_lr: float | None = None

    def __str__(self) -> str:
        return self.name

    def build(self, model: nn.Module, lr: float) -> tuple[torch.optim.Optimizer, list[float]]:
        """The optimizer of ``model``, and the rate of each of its groups at multiplier 1.

        The largest of the rates is ``lr``; the ratios between the groups are those that ``make`` gave them.

        Raises:
            SpecError: If ``model`` has nothing to train, or ``make`` returns no usable optimizer.
        """
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not parameters:
            raise SpecError(
                "model: it has no trainable parameters.", hint="Set requires_grad on some of them."
            )
        first = model if _first_parameter(self.make) == "model" else parameters
        optimizer = self.make(first, lr=lr) if _takes_lr(self.make) else self.make(first, lr)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise SpecError(
                f"optimizer: {self.name} must return a torch.optim.Optimizer, got {type(optimizer).__name__}."
            )
        if isinstance(optimizer, torch.optim.LBFGS):
            raise SpecError(
                "optimizer: LBFGS evaluates the loss several times a step, which a Recipe does not do."
            )
        rates = [float(group.get("lr", 0.0)) for group in optimizer.param_groups]
        largest = max(rates)
        if not 0 < largest < float("inf"):
            raise SpecError(
                f"optimizer: {self.name} made groups with the rates {rates}; one must be above 0."
            )
        return optimizer, [lr * (rate / largest) for rate in rates]


def choose(optimizer: OptimizerLike) -> OptimizerChoice:
    """What ``optimizer`` names.

    Args:
        optimizer: One of ``NAMES`` or ``LR_FREE``, a class of ``torch.optim`` or alike, or a function ``(parameters, lr)``.

    Raises:
        SpecError: If there is no such optimizer, or its package is not installed.
    """
    if isinstance(optimizer, str):
        if optimizer.lower() in _LR_FREE:
            return _lr_free(optimizer.lower())
        if optimizer.lower() not in _KNOWN:
            raise SpecError(f"optimizer: there is no {optimizer!r}; there are {', '.join((*NAMES, *LR_FREE))}.",
                            hint="Any other: give its class, or a function (parameters, lr).")  # fmt: skip
        made_of, own_options, lr_range = _KNOWN[optimizer.lower()]
        make = partial(made_of, **own_options)
        return OptimizerChoice(
            name=optimizer.lower(), make=make, default_lr=_default_lr(made_of), lr_range=lr_range
        )
    if not callable(optimizer) or isinstance(optimizer, nn.Module | torch.optim.Optimizer):
        raise SpecError(
            f"optimizer: expected a name, a class or a function (parameters, lr), got {type(optimizer).__name__}.",
            hint="Every run needs an optimizer of its own: give what builds it.",
        )
    name = name_of(optimizer)
    default_lr = _default_lr(optimizer)
    lr_range = _KNOWN[name][2] if name in _KNOWN else _range_around(default_lr)
    return OptimizerChoice(
        name=name,
        make=optimizer,
        default_lr=default_lr,
        lr_range=lr_range,
    )


def _lr_free(name: str) -> OptimizerChoice:
    """One that needs no rate, from its own package."""
    package, made_of, rate = _LR_FREE[name]
    try:
        make = getattr(import_module(package), made_of)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"optimizer: {name} needs the package {_DISTRIBUTIONS.get(package, package)}, which cannot be loaded ({error}).",
            hint="Install it: pip install 'lrlab[lr-free]'.",
        ) from None
    return OptimizerChoice(name=name, make=make, default_lr=rate, lr_range=None, fixed_lr=rate)


_DISTRIBUTIONS = {"dog": "dog-optimizer"}  # where a package is installed under another name


def set_mode(optimizer: torch.optim.Optimizer, *, training: bool) -> None:
    """Put an optimizer that trains other weights than it judges (schedule-free) into one of its two modes.

    Others have no modes, and are left alone.
    """
    switch = getattr(optimizer, "train" if training else "eval", None)
    if callable(switch):
        switch()


def judged(choice: OptimizerChoice, model: nn.Module, state: Mapping[str, Any]) -> None:
    """Turn the weights that ``model`` is trained with into those that it is judged with; see ``set_mode``.

    Args:
        choice: What made the optimizer.
        model: With the weights of a stored training; changed in place.
        state: The optimizer's ``state_dict``.
    """
    made_of = choice.make
    while isinstance(made_of, partial):
        made_of = made_of.func
    if inspect.isclass(made_of) and not hasattr(made_of, "eval"):
        return  # no need to build one
    optimizer, _ = choice.build(model, choice.fixed_lr or choice.default_lr or 1.0)
    if hasattr(optimizer, "eval"):
        optimizer.load_state_dict(copy.deepcopy(dict(state)))
        set_mode(optimizer, training=False)


def name_of(optimizer: OptimizerLike) -> str:
    """A short name for an optimizer that was given by name, class, partial or function."""
    if isinstance(optimizer, str):
        return optimizer.lower()
    options: dict[str, Any] = {}
    while isinstance(optimizer, partial):
        options = {**optimizer.keywords, **options}
        optimizer = optimizer.func
    if optimizer is torch.optim.SGD and options.get("momentum"):
        return "nesterov" if options.get("nesterov") else "momentum"
    name = getattr(optimizer, "__name__", type(optimizer).__name__)
    return "own" if name == "<lambda>" else name.lower()


def _parameters_of(make: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        return []


def _first_parameter(make: Callable[..., Any]) -> str:
    return next(iter(_parameters_of(make)), "")


def _takes_lr(make: Callable[..., Any]) -> bool:
    return "lr" in _parameters_of(make)


def _default_lr(make: Callable[..., Any]) -> float | None:
    """The default of the argument ``lr``, as for ``torch.optim.Adam``."""
    try:
        default = inspect.signature(make).parameters["lr"].default
    except (TypeError, ValueError, KeyError):
        return None
    return float(default) if isinstance(default, int | float) and default > 0 else None


def _range_around(default_lr: float | None) -> LRRange:
    return _UNKNOWN_RANGE if default_lr is None else LRRange(default_lr * 1e-3, default_lr * 1e3)
