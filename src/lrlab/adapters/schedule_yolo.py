"""Schedules in the arguments of Ultralytics: ``lr0 lrf cos_lr warmup_epochs``; nothing here imports it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.constant import Constant
from lrlab.schedules.cosine import Cosine
from lrlab.schedules.evaluate import values
from lrlab.schedules.join import Warmup
from lrlab.schedules.linear import Linear
from lrlab.schedules.protocol import Schedule, Values
from lrlab.schedules.written import Spec

_CAN = (
    "Ultralytics has two: lr0 falls along a line or half a cosine to lr0 * lrf over all epochs, changed once an epoch, "
    "after a linear warm-up."
)


def yolo_arguments(
    schedule: Schedule,
    spec: Spec,
    *,
    lr: float | None,
    total_steps: int | None,
    steps_per_epoch: int | None,
) -> Mapping[str, Any]:
    """The arguments, as ``text``, and how near they come, as ``notes``.

    Its rate changes once an epoch, and its warm-up lies over the decay instead of before it; how far that is from the
    schedule is computed and told.

    Raises:
        SpecError: If no arguments have that curve, or the epochs are not known.

    References:
        ``engine/trainer.py`` of Ultralytics 8.4.190.
    """
    if total_steps is None or steps_per_epoch is None:
        raise SpecError(
            "export: Ultralytics counts epochs, so the length is needed in epochs.",
            hint="Give --epochs and --steps-per-epoch.",
        )
    epochs, odd = divmod(total_steps, steps_per_epoch)
    if odd or epochs < 1:
        raise SpecError(
            f"export: Ultralytics trains whole epochs, got {total_steps} steps of {steps_per_epoch} an epoch."
        )
    if lr is not None and lr > 1.0:
        raise SpecError(f"export: Ultralytics takes an lr0 in [0, 1] only, got {lr:g}.")
    warmup, inner = (schedule.steps, schedule.schedule) if isinstance(schedule, Warmup) else (0, schedule)
    straight = not isinstance(schedule, Warmup) or (schedule.shape == "linear" and schedule.start == 0.0)
    if not straight or not _has(inner, total_steps - warmup):
        raise SpecError(f"export: no arguments of Ultralytics have the curve {spec}. {_CAN}", hint=_INSTEAD)
    if warmup > (epochs - 1) * steps_per_epoch:
        raise SpecError(
            f"export: Ultralytics shortens a warm-up to leave one epoch, got {warmup} of {total_steps} steps."
        )
    lrf = 1.0 if isinstance(inner, Constant) else inner.floor  # type: ignore[attr-defined]
    cos = isinstance(inner, Cosine)
    given = {
        "epochs": epochs,
        **({"lr0": lr} if lr is not None else {}),
        "lrf": lrf,
        "cos_lr": cos,
        "warmup_epochs": _number(warmup / steps_per_epoch),
        **({"warmup_bias_lr": 0.0} if warmup else {}),
    }
    theirs = yolo_curve(
        epochs=epochs, steps_per_epoch=steps_per_epoch, lrf=lrf, cos_lr=cos, warmup_steps=warmup
    )
    return {
        "text": " ".join(f"{name}={value}" for name, value in given.items()) + "\n",
        "notes": _notes(schedule, theirs, warmup, steps_per_epoch),
    }


_INSTEAD = (
    "Train with your own loop or a subclass of its trainer that sets self.scheduler, or choose linear, cosine or "
    "constant, with or without a linear warm-up."
)


def yolo_curve(
    *, epochs: int, steps_per_epoch: int, lrf: float, cos_lr: bool, warmup_steps: int = 0
) -> Values:
    """The multipliers that Ultralytics applies, of every batch; shape ``[epochs * steps_per_epoch]``.

    Groups of biases rise from ``warmup_bias_lr`` instead of 0, which the arguments above set to 0 too.
    """
    epoch = np.repeat(np.arange(epochs), steps_per_epoch)
    if cos_lr:
        curve = (1 - np.cos(epoch * math.pi / epochs)) / 2 * (lrf - 1) + 1
    else:
        curve = (1 - epoch / epochs) * (1 - lrf) + lrf
    batch = np.arange(epochs * steps_per_epoch)
    rise = np.minimum(batch / max(warmup_steps, 1), 1.0) if warmup_steps else 1.0
    result: Values = curve * rise
    return result


def _has(inner: Schedule, rest: int) -> bool:
    if isinstance(inner, Constant):
        return True
    return isinstance(inner, Linear | Cosine) and inner.steps == rest


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _notes(schedule: Schedule, theirs: Values, warmup: int, steps_per_epoch: int) -> tuple[str, ...]:
    ours = values(schedule, np.arange(len(theirs)))
    apart = float(np.abs(ours - theirs).max())
    said = [
        "Name the optimizer too (optimizer=SGD): with auto, its default, lr0 is ignored.",
        "Steps are its batches: it accumulates several of them into an optimizer step where batch is below nbs.",
    ]
    if apart <= 1e-12:
        return (*said, "These are the schedule's values at every batch.")
    # Its steps of an epoch apart: what the values at the epochs' first batches differ by.
    starts = np.arange(0, len(theirs), steps_per_epoch)
    beyond = float(np.abs(ours[starts] - theirs[starts]).max())
    if beyond <= 1e-12:
        said.append(
            f"The values are the same at each epoch's first batch; in between Ultralytics holds them, and is at most "
            f"{apart:.2%} of the peak away."
        )
    else:
        said.append(
            f"Ultralytics lays the warm-up over the decay, which here begins after it: the rates are at most "
            f"{apart:.2%} of the peak away, {beyond:.2%} at the epochs' first batches."
        )
    return tuple(said)
