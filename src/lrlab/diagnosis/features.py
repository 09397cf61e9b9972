"""Numbers without a unit that tell how a run goes: what the fitted model of the rate looks at."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.diagnosis.signals import (
    COUNT,
    FIRST,
    HIGH,
    M2,
    MEAN,
    PATH2,
    Floats,
    Stretch,
    between,
    merged,
    slope,
)

# Optimizers by how the length of their step depends on the gradient.
_FAMILIES = {
    "sgd": ("sgd", "asgd"),
    "momentum": ("momentum", "nesterov", "sgdm", "sgd-momentum"),
    "adaptive": ("adam", "adamw", "adamax", "nadam", "nadamw", "radam", "amsgrad", "rmsprop", "adagrad", "adadelta",
                 "adafactor", "lamb", "lion", "adabelief", "adamw_torch", "adamw_torch_fused", "adamw_8bit"),
}  # fmt: skip
# What is measured, by where it comes from.
CONTEXT = ("length", "share", "grain", "sgd", "momentum")
LOSS = ("fallen", "left", "by_a_tenth", "by_a_third", "by_two_thirds", "late_fall", "last_fall", "risen", "noise",
        "noise_of_loss", "noise_growth", "peak", "wander", "echo", "steady")  # fmt: skip
GROUPS = {
    "val_loss": ("val_risen", "val_best_at", "val_fallen", "val_gap", "val_rough"),
    "grad_norm": ("gradient_growth", "gradient_late_growth", "gradient_noise", "gradient_peak"),
    "update_ratio": (
        "update_first",
        "update_middle",
        "update_last",
        "update_largest",
        "update_noise",
        "distance",
    ),
    "lr": ("rate", "rate_left"),
}
OPTIMIZERS = tuple(name for names in _FAMILIES.values() for name in names)


def family(optimizer: str) -> str:
    """``sgd``, ``momentum`` or ``adaptive``; "" for "".

    Raises:
        SpecError: If the optimizer is not known.
    """
    word = optimizer.strip().lower()
    if not word:
        return ""
    for name, members in _FAMILIES.items():
        if word in members:
            return name
    raise SpecError(
        f"optimizer: there is no {optimizer!r}; there are {', '.join(OPTIMIZERS)}.",
        hint="Leave it out where it is another one: the verdict is less sure then.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A run as far as it has come.

    Args:
        blocks: Column to its table of blocks (``signals.Track.blocks``); ``loss`` is needed.
        optimizer: Its family; "" if unknown.
        seen: Optimizer steps seen.
        total: Steps of the whole training, at least ``seen``.
    """

    blocks: Mapping[str, Floats] = field(default_factory=dict)
    optimizer: str = ""
    seen: int
    total: int


def _log(value: float, low: float, high: float) -> float:
    """Decimal logarithm between two bounds, which stand in for what has none."""
    return min(max(math.log10(value), low), high) if value > 0 else low


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high) if math.isfinite(value) else high


def _part(blocks: Floats, begin: float, end: float) -> Stretch:
    return Stretch.of(between(blocks, begin, end))


def context(course: Course) -> dict[str, float]:
    """What is known without a look at the curves."""
    return {
        "length": math.log10(max(course.total, 10)) - 3,
        "share": _log(course.seen / course.total, -2.5, 0.0),
        "grain": _log(float(course.blocks["loss"][:, COUNT].sum()) / course.seen, -4, 0),
        "sgd": float(course.optimizer == "sgd"),
        "momentum": float(course.optimizer == "momentum"),
    }


def of_loss(blocks: Floats) -> dict[str, float]:
    """The course of the training loss; every number is the same in any unit of it."""
    start = float(blocks[0, FIRST])
    parts = [
        _part(blocks, low, high) for low, high in ((0, 0.1), (0.1, 0.33), (0.33, 0.66), (0.66, 0.9), (0.9, 1))
    ]
    means = [part.mean for part in parts]
    end, last = means[-1], parts[-1]
    best = min(means)
    unit = max(abs(start), 1e-12)
    drop = max(start - best, 1e-3 * unit)
    late = between(blocks, 0.5, 1)
    return {
        "fallen": _clip((start - end) / unit, -1, 1),
        "left": _log(end / start, -3, 1) if start > 0 else -_clip((start - end) / unit, -1, 3),
        "by_a_tenth": _clip((start - means[0]) / drop, -1, 1.2),
        "by_a_third": _clip((start - means[1]) / drop, -1, 1.2),
        "by_two_thirds": _clip((start - means[2]) / drop, -1, 1.2),
        "late_fall": _clip((means[2] - end) / drop, -1, 1),
        "last_fall": _clip((means[3] - end) / drop, -1, 1),
        "risen": _clip((end - best) / drop, 0, 2),
        "noise": _log(last.noise / drop, -4, 2),
        "noise_of_loss": _log(last.noise / max(abs(end), 1e-12), -4, 2),
        "noise_growth": _log(last.noise / max(parts[0].noise, 1e-12 * unit), -3, 3),
        "peak": _log(float(blocks[:, HIGH].max()) / start, 0, 3) if start > 0 else 0.0,
        "wander": _wander(late),
        "echo": _echo(late),
        "steady": math.tanh(-slope(late).sure / 5),
    }


def _wander(blocks: Floats) -> float:
    """How far block means stray from a line, over what noise from point to point explains; a logarithm."""
    if len(blocks) < 4:
        return 0.0
    at = np.arange(len(blocks))
    rest = blocks[:, MEAN] - np.polyval(np.polyfit(at, blocks[:, MEAN], 1), at)
    noise = Stretch.of(blocks).noise / math.sqrt(max(float(blocks[:, COUNT].mean()), 1.0))
    return _log(float(rest.std()) / max(noise, 1e-300), -1, 2) if rest.std() > 0 else 0.0


def _echo(blocks: Floats) -> float:
    """Median correlation of a loss with the next inside blocks; 0 for independent noise."""
    inside = blocks[(blocks[:, COUNT] >= 4) & (blocks[:, M2] > 0)]
    if not len(inside):
        return 0.0
    spread = inside[:, M2] / (inside[:, COUNT] - 1)
    return float(_clip(np.median(1 - inside[:, PATH2] / (2 * (inside[:, COUNT] - 1) * spread)), -1, 1))


def of_gradient(blocks: Floats) -> dict[str, float]:
    """How the gradient's length changes, and how unevenly."""
    first, middle, last = _part(blocks, 0, 0.1), _part(blocks, 0.33, 0.66), _part(blocks, 0.9, 1)
    floor = 1e-12 * max(first.mean, 1e-300)
    return {
        "gradient_growth": _log(last.mean / max(first.mean, 1e-300), -4, 4),
        "gradient_late_growth": _log(last.mean / max(middle.mean, floor), -2, 2),
        "gradient_noise": _log(last.noise / max(last.mean, floor), -2, 1),
        "gradient_peak": _log(float(blocks[:, HIGH].max()) / max(_part(blocks, 0, 1).mean, 1e-300), 0, 3),
    }


def of_updates(blocks: Floats, *, seen: int) -> dict[str, float]:
    """How long the steps are against the weights."""
    first, middle, last = _part(blocks, 0, 0.1), _part(blocks, 0.33, 0.66), _part(blocks, 0.9, 1)
    largest = max(first.mean, middle.mean, last.mean)
    return {
        "update_first": _log(first.mean, -8, 2),
        "update_middle": _log(middle.mean, -8, 2),
        "update_last": _log(last.mean, -8, 2),
        "update_largest": _log(largest, -8, 2),
        "update_noise": _log(last.noise / max(last.mean, 1e-300), -2, 1),
        "distance": _log(_part(blocks, 0, 1).mean * seen, -6, 5),
    }


def of_validation(blocks: Floats, loss: Floats) -> dict[str, float]:
    """The course of the validation loss, and how far it parts from the training loss."""
    start, means = float(blocks[0, FIRST]), blocks[:, MEAN]
    best = int(means.argmin())
    unit = max(abs(start), 1e-12)
    drop = max(start - float(means[best]), 1e-2 * unit)
    return {
        "val_risen": _clip((float(means[-1]) - float(means[best])) / drop, 0, 3),
        "val_best_at": best / max(len(means) - 1, 1),
        "val_fallen": _clip((start - float(means[-1])) / unit, -1, 1),
        "val_gap": _clip((float(means[-1]) - _part(loss, 0.9, 1).mean) / unit, -1, 2),
        "val_rough": _log(Stretch.of(blocks).noise / drop, -4, 2),
    }


def of_rate(blocks: Floats) -> dict[str, float]:
    """The applied rate itself, and what is left of its peak."""
    peak = float(blocks[:, HIGH].max())
    return {"rate": _log(peak, -8, 3), "rate_left": _log(float(blocks[-1, MEAN]) / max(peak, 1e-300), -3, 0)}


def features(course: Course) -> dict[str, float]:
    """Every number that the columns give; names never mean two things."""
    found = context(course) | of_loss(course.blocks["loss"])
    if "val_loss" in course.blocks:
        found |= of_validation(course.blocks["val_loss"], course.blocks["loss"])
    if "grad_norm" in course.blocks:
        found |= of_gradient(course.blocks["grad_norm"])
    if "update_ratio" in course.blocks:
        found |= of_updates(course.blocks["update_ratio"], seen=course.seen)
    if "lr" in course.blocks:
        found |= of_rate(course.blocks["lr"])
    return found


def halved(blocks: Floats, most: int = 255) -> Floats:
    """Neighbouring blocks merged until at most ``most`` are left."""
    while len(blocks) > most:
        odd = blocks[len(blocks) // 2 * 2 :]
        blocks = np.concatenate([merged(blocks[: len(blocks) // 2 * 2 : 2], blocks[1::2]), odd])
    return blocks
