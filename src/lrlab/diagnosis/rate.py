"""Whether a learning rate is too low, right or too high: a small fitted model over ``features``.

The model is a forest of short trees for each set of columns, kept as readable JSON beside this file: a node is
``[feature, threshold, at or below, above]``, a leaf ``[P(too low), P(right), P(too high), decades above the best rate]``.
``benchmarks/fit_diagnosis.py`` writes it from recorded learning-rate grids, ``benchmarks/diagnosis.py`` measures it on
problems that took no part in the fit.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from lrlab.core.verdict import RateVerdict, Word
from lrlab.diagnosis.features import Course, features

LABELS: tuple[Word, ...] = ("too_low", "right", "too_high")
OPTIONAL = (
    "val_loss",
    "grad_norm",
    "update_ratio",
    "lr",
)  # columns that have features of their own, beside loss
FAMILIES = ("sgd", "momentum", "adaptive")
LEAST_POINTS = 4
WARN_FROM = 0.9  # confidence below which a verdict is a note: of runs at a right rate few must be alarmed
FARTHEST = 100.0  # no single advice moves the rate further
# Of a diverged run: the share of recorded runs that had met a value that is not finite and whose rate was too high.
DIVERGED_CONFIDENCE = 0.97
_DIVERGED_FACTOR = 0.1


@dataclass(frozen=True, slots=True)
class Told:
    """What the model says.

    Args:
        probabilities: Of too low, right and too high.
        apart: Decades that the rate lies above the best one.
    """

    probabilities: tuple[float, float, float]
    apart: float


@cache
def model() -> Mapping[str, Any]:
    """The fitted model; see the head of this file."""
    whole: Mapping[str, Any] = json.loads(files(__package__).joinpath("rate.json").read_text("utf-8"))
    return whole


def columns_used(columns: Sequence[str]) -> tuple[str, ...]:
    """Which of these columns the model looks at; the update ratio tells what the gradient's length would."""
    return tuple(
        name
        for name in OPTIONAL
        if name in columns and not (name == "grad_norm" and "update_ratio" in columns)
    )


def set_name(columns: Sequence[str]) -> str:
    """Which part of the model serves a run that logs these columns."""
    return "+".join(("loss", *columns_used(columns)))


def judge(course: Course) -> Told:
    """What the model says of a course; where the optimizer is unknown, the mean over what each would mean."""
    likely = (course.optimizer,) if course.optimizer else FAMILIES
    told = [told_by(tuple(course.blocks), features(replace(course, optimizer=name))) for name in likely]
    low, right, high = (sum(one.probabilities[at] for one in told) / len(told) for at in range(3))
    return Told((low, right, high), sum(one.apart for one in told) / len(told))


def told_by(columns: Sequence[str], numbers: Mapping[str, float]) -> Told:
    """What the forest for these columns says of these features."""
    part = model()["sets"][set_name(columns)]
    row = [numbers[name] for name in part["features"]]
    totals = [0.0, 0.0, 0.0, 0.0]
    for tree in part["trees"]:
        while isinstance(tree[2], list):
            tree = tree[2] if row[tree[0]] <= tree[1] else tree[3]
        for at in range(4):
            totals[at] += tree[at] / len(part["trees"])
    low, right, high = tempered(totals[:3], part["temperature"])
    return Told((low, right, high), totals[3])


def tempered(shares: Sequence[float], temperature: float) -> list[float]:
    """Probabilities sharpened (temperature below 1) or flattened, so that they come true as often as they say.

    References:
        Guo et al., On calibration of modern neural networks, ICML 2017, section 4.2.
    """
    powers = [max(share, 1e-3) ** (1 / temperature) for share in shares]
    return [power / sum(powers) for power in powers]


def verdict_of(told: Told) -> RateVerdict:
    """The likeliest word, how likely it is, and the factor that leads to the best rate."""
    place = max(range(3), key=lambda at: told.probabilities[at])
    word = LABELS[place]
    factor = 1.0
    if word != "right":
        factor = min(max(10**-told.apart, 1 / FARTHEST), FARTHEST)
        # Word and number come from the same trees, but may disagree near the border: the word has the last say.
        factor = min(factor, 0.5) if word == "too_high" else max(factor, 2.0)
    return RateVerdict(
        verdict=word,
        confidence=round(told.probabilities[place], 4),
        factor=float(f"{factor:.2g}"),
        probabilities=tuple(round(share, 4) for share in told.probabilities),
    )


def diverged_verdict() -> RateVerdict:
    """Of a run that ended in values that are not finite."""
    rest = (1 - DIVERGED_CONFIDENCE) / 2
    return RateVerdict(
        verdict="too_high",
        confidence=DIVERGED_CONFIDENCE,
        factor=_DIVERGED_FACTOR,
        probabilities=(rest, rest, DIVERGED_CONFIDENCE),
    )


def unknown_verdict() -> RateVerdict:
    """Where there is too little to tell."""
    return RateVerdict(verdict="unknown", confidence=0.0, factor=1.0)
