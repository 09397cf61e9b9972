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
# What only helps where neither the rate nor its steps are known.
SHAPE = ("top_over_start", "top_in_noise", "highest_in_noise", "deepest", "fall_of_span", "half_of_span", "by_a_hundredth",
         "by_a_thirtieth", "then_by_a_tenth", "fallen_at_once", "fallen_early", "sure_fall", "sure_early_fall",
         "sure_later_fall", "lowest_at", "climb_of_span", "climb_of_start", "climb_in_noise", "change", "change_spread",
         "falling", "first_noise_of_fall", "first_noise_of_loss", "noise_early_growth", "noise_follows_loss", "noise_mix",
         "noise_top", "spike", "fall_in_noise")  # fmt: skip
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


def of_shape(blocks: Floats) -> dict[str, float]:
    """The training loss in finer strokes: how it began, how far it ever climbed again, how its noise is spread."""
    start = float(blocks[0, FIRST])
    unit = max(abs(start), 1e-12)
    tiny = 1e-9 * unit
    at_once, soon, early, later = (
        _part(blocks, low, high) for low, high in ((0, 0.01), (0.01, 0.03), (0.03, 0.1), (0.1, 0.3))
    )
    first, half, last = _part(blocks, 0, 0.05), _part(blocks, 0.45, 0.55), _part(blocks, 0.9, 1)
    top, low, highest = (
        float(value) for value in (blocks[:, MEAN].max(), blocks[:, MEAN].min(), blocks[:, HIGH].max())
    )
    span, drop, fall = max(top - low, tiny), max(start - low, 1e-3 * unit), first.mean - last.mean
    noise = max(min(first.noise, last.noise), tiny)
    return {
        "top_over_start": _log((top - start) / unit, -3, 2),
        "top_in_noise": _log((top - start) / noise, -1, 3),
        "highest_in_noise": _log((highest - start) / noise, -1, 4),
        "fall_of_span": _clip(fall / span, -1, 1),
        "half_of_span": _clip((first.mean - half.mean) / span, -1, 1),
        "by_a_hundredth": _clip((start - at_once.mean) / drop, -1, 1.2),
        "by_a_thirtieth": _clip((start - soon.mean) / drop, -1, 1.2),
        "then_by_a_tenth": _clip((start - early.mean) / drop, -1, 1.2),
        "fallen_at_once": _clip((start - at_once.mean) / unit, -1, 1),
        "fallen_early": _clip((start - early.mean) / unit, -1, 1),
        "sure_fall": _sure(first, last, tiny),
        "sure_early_fall": _sure(first, half, tiny),
        "sure_later_fall": _sure(later, last, tiny),
        "lowest_at": int(blocks[:, MEAN].argmin()) / max(len(blocks) - 1, 1),
        "first_noise_of_fall": _log(first.noise / max(abs(fall), tiny), -4, 2),
        "first_noise_of_loss": _log(first.noise / max(abs(first.mean), 1e-12), -4, 2),
        "noise_early_growth": _log(half.noise / max(first.noise, 1e-12 * unit), -3, 3),
        **_coarse(blocks, at_once.mean, unit=unit, span=span),
    }


def _sure(one: Stretch, other: Stretch, tiny: float) -> float:
    """The fall from one stretch to another in standard errors, on a scale that is logarithmic far from 0."""
    error = math.hypot(one.noise / math.sqrt(one.count), other.noise / math.sqrt(other.count))
    return math.asinh((one.mean - other.mean) / max(error, tiny))


def _coarse(blocks: Floats, begin: float, *, unit: float, span: float) -> dict[str, float]:
    """What at most 32 blocks show."""
    rough = halved(blocks, 32)
    start, tiny = float(blocks[0, FIRST]), 1e-9 * unit
    mean, count = rough[:, MEAN], np.maximum(rough[:, COUNT], 1)
    noise = np.sqrt(rough[:, PATH2] / (2 * np.maximum(count - 1, 1)))
    if count.max() <= 2:  # points, not blocks
        noise = np.full(len(rough), Stretch.of(blocks).noise)
    usual = max(float(np.median(noise)), tiny)
    error = np.maximum(noise, 0.3 * usual) / np.sqrt(count)
    climb = float((mean - np.minimum.accumulate(mean)).max())
    change = np.diff(mean) / np.hypot(error[1:], error[:-1]) if len(mean) > 1 else np.zeros(1)
    in_logs, loss = np.log(np.maximum(noise, tiny)), np.log(np.maximum(np.abs(mean), tiny))
    varied = len(mean) > 3 and in_logs.std() > 1e-9 and loss.std() > 1e-9
    return {
        "deepest": _clip((start - float(mean.min())) / unit, -1, 1),
        "climb_of_span": _clip(climb / span, 0, 1),
        "climb_of_start": _log(climb / unit, -4, 2),
        "climb_in_noise": _log(climb / usual, -3, 3),
        "change": math.asinh(float(change.mean())),
        "change_spread": _log(float(change.std()), -2, 3),
        "falling": float((change < -1).mean()),
        "noise_follows_loss": float(np.corrcoef(in_logs, loss)[0, 1]) if varied else 0.0,
        "noise_mix": float(in_logs.std()),
        "noise_top": float(in_logs.max() - np.median(in_logs)),
        "spike": _log(float(((rough[:, HIGH] - mean) / np.maximum(noise, 0.1 * usual)).max()), -1, 3),
        "fall_in_noise": _log(max(begin - float(mean.min()), tiny) / usual, -3, 4),
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
    found = context(course) | of_loss(course.blocks["loss"]) | of_shape(course.blocks["loss"])
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
