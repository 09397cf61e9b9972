"""Whether a training uses the rate that it is asked to use, and what usually keeps it from that."""

import math
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from lrlab.core.lr_range import format_lr
from lrlab.core.run import Run

APPLIED = "lr"  # the metric under which a training tells the rate that it applies
_FEWEST_RUNS = 3  # one may be clamped, two may be rounded alike
_LEAST_RATIO = 4.0  # of the rates asked for; nearer ones may look alike in a log with few digits
_SAME = 1e-6
# Rates that frameworks take where they are given none.
_DEFAULTS = (
    (5e-5, "the default of Hugging Face's TrainingArguments (learning_rate)"),
    (1e-3, "the default of most optimizers of PyTorch and Keras, Adam, AdamW and SGD among them"),
    (1e-2, "the default of RMSprop of PyTorch, and of SGD of Keras and Ultralytics"),
)
_ELSEWHERE = (
    "Look for what sets it instead: an option of another name, a configuration file, a scheduler with a rate of its own, "
    "or an optimizer that chooses it (optimizer=auto)."
)


def ignored(runs: Iterable[Run]) -> str | None:
    """Why the rate is ignored, as a sentence; "" where it is applied, None where that cannot be told yet.

    It is where at least three runs of an arm that were asked for clearly different rates tell the same applied rates at
    every moment that they share. Whole curves are compared, so that a warm-up from a fixed rate is no sign; zeros are
    none either, since every warm-up may begin and every decay end there.

    Args:
        runs: Every run, with its records.
    """
    told = [_told(curves) for curves in _arms(runs).values()]
    reasons = [one for one in told if one]
    if reasons:
        return reasons[0]
    return "" if told and all(one == "" for one in told) else None


def _told(curves: Mapping[float, Mapping[float, float]]) -> str | None:
    """The same of the runs of one arm, by the rate asked for."""
    rates = _common(curves)
    if rates is None:
        return ""
    if not rates or len(curves) < _FEWEST_RUNS or max(curves) / min(curves) < _LEAST_RATIO:
        return None
    asked = ", ".join(format_lr(lr) for lr in sorted(curves))
    applied = format_lr(rates[0]) + (f" to {format_lr(rates[-1])}" if len(rates) > 1 else "")
    return f"The training ignores the learning rate: runs that were asked for {asked} all applied {applied}."


def cure(runs: Iterable[Run], target: Mapping[str, Any]) -> str:
    """What probably sets the rate of a training that ignores it, and what to do; a sentence or three.

    Args:
        runs: Every run, with its records.
        target: What the study trains, as it is stored; empty where that is not known.
    """
    sure, placed = _by_words(target)
    if sure:
        return sure
    curves = next((own for own in _arms(runs).values() if _told(own)), {})
    return f"{placed}{_by_rates(curves)}{_ELSEWHERE}"


def _by_words(target: Mapping[str, Any]) -> tuple[str, str]:
    """What a command tells: the cause where it is certain, and where the command gives its rate."""
    targets = target.get("arms")
    if isinstance(targets, Mapping):
        target = next((one for one in targets.values() if isinstance(one, Mapping)), {})
    words = [str(word) for word in target.get("words", ())] if target.get("kind") == "command" else []
    optimizer = next((word.partition("=")[2] for word in words if word.startswith("optimizer=")), "")
    is_yolo = any(PurePath(word).name in ("yolo", "ultralytics") for word in words)
    if optimizer.lower() == "auto" or (is_yolo and not optimizer):
        why = "" if optimizer else ", the default of yolo,"
        return (
            f"optimizer=auto{why} ignores lr0 and chooses a rate by itself: name one in the command, such as optimizer=SGD.",
            "",
        )
    places = [
        f"{before} {word}" if word.startswith("{lr") and before.startswith("-") else word
        for before, word in zip(["", *words], words, strict=False)
        if "{lr" in word
    ]
    told = f"The command gives it as {', '.join(places)}: check that the program has an option of that very name. "
    return "", told if places else ""


def _by_rates(curves: Mapping[float, Mapping[float, float]]) -> str:
    """What the rates that were applied tell."""
    rates = _common(curves) or []
    if not rates:
        return ""
    if len(rates) > 1:
        return (
            f"The rate moves between {format_lr(rates[0])} and {format_lr(rates[-1])} in every run, as under a scheduler that "
            "was made with a rate of its own (max_lr of OneCycleLR, base_lr): make it from the rate that is asked for. "
        )
    known = next((what for rate, what in _DEFAULTS if math.isclose(rates[0], rate, rel_tol=_SAME)), "")
    if not known:
        return ""
    return f"{format_lr(rates[0])} is {known}: the rate does not reach the optimizer. "


def _common(curves: Mapping[float, Mapping[float, float]]) -> list[float] | None:
    """The rates above 0 that all curves share, ascending; None where they differ at a moment that all of them tell."""
    if not curves:
        return []
    shared = set.intersection(*(set(curve) for curve in curves.values()))
    told = [{curve[at] for curve in curves.values()} for at in shared]
    if any(len(rates) > 1 for rates in told):
        return None
    return sorted({rate for (rate,) in told if rate > 0})


def _arms(runs: Iterable[Run]) -> dict[str, dict[float, Mapping[float, float]]]:
    """By arm and asked rate, the applied rate at each moment, of the runs that tell it."""
    arms: dict[str, dict[float, Mapping[float, float]]] = {}
    for run in runs:
        told = {record.at: record.metrics[APPLIED] for record in run.records if APPLIED in record.metrics}
        if curve := {at: rate for at, rate in told.items() if math.isfinite(rate)}:
            arms.setdefault(run.arm, {})[run.lr] = curve
    return arms
