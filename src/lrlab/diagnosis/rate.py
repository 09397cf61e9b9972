"""Whether a learning rate is too low, right or too high: a small fitted model over ``features``.

The model is a forest for each set of columns, kept as readable JSON in the folder ``forests``: a node is
``[feature, threshold, at or below, above]``, a leaf ``[P(too low), P(right), P(too high), [first, ...]]``, where the list has
for ``DECADES``, from the first on that matters, in how many of a hundred cases the rate moved by so many decades is a good
one (a regret of at most 2 %).
``benchmarks/fit_diagnosis.py`` writes it from recorded learning-rate grids, ``benchmarks/diagnosis.py`` measures it on
problems that took no part in the fit.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
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
# What kind of view of a run has a doubt of its own: by the share of the training that was seen, and, of (nearly) whole ones,
# by how much of it was logged.
VIEWS = ("young", "grown", "whole", "whole, logged now and then")
_YOUNG, _WHOLE = 0.09, 0.75  # shares of a training, below and from
_NOW_AND_THEN = 0.3  # points a step, at most
WARN_FROM = 0.985  # confidence below which a verdict is a note: of runs at a right rate few must be alarmed
MOST_SURE = 0.99  # 29 problems cannot tell more, whatever the trees say
DECADES = tuple(quarter / 4 for quarter in range(-20, 21))  # no single advice moves the rate further
_BLIND = 1.5  # nor, in decades, where the log tells neither the rate nor the length of steps: too far is worse than too near
# Of a diverged run: the share of recorded runs that had met a value that is not finite and whose rate was too high.
DIVERGED_CONFIDENCE = 0.97
DIVERGED_FACTOR = (
    0.01  # of ten times and a hundred times lower, what was more often a good rate on those grids
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the model says.

    Args:
        probabilities: Of too low, right and too high.
        fine: How likely the rate moved by each of ``DECADES`` is a good one.
        doubt: How likely the opposite of the likeliest word may be before nothing is told.
        furthest: Decades that an advice may move the rate.
    """

    probabilities: tuple[float, float, float]
    fine: tuple[float, ...]
    doubt: float = 1.0
    furthest: float = DECADES[-1]


@cache
def forest(name: str) -> Mapping[str, Any]:
    """The fitted forest for a set of columns (``set_name``); see the head of this file."""
    text = files(__package__).joinpath("forests", f"{name}.json").read_text("utf-8")
    whole: Mapping[str, Any] = json.loads(text)
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
    fine = tuple(sum(one.fine[at] for one in told) / len(told) for at in range(len(DECADES)))
    return Told((low, right, high), fine, min(one.doubt for one in told), furthest(tuple(course.blocks)))


def furthest(columns: Sequence[str]) -> float:
    """How many decades an advice may move the rate of a run that logs these columns."""
    return DECADES[-1] if knows_rate(columns) else _BLIND


def knows_rate(columns: Collection[str]) -> bool:
    """Whether these columns tell the rate itself, or how long its steps are."""
    return "lr" in columns or "update_ratio" in columns


def told_by(columns: Sequence[str], numbers: Mapping[str, float]) -> Told:
    """What the forest for these columns says of these features."""
    part = forest(set_name(columns))
    row = [numbers[name] for name in part["features"]]
    shares, fine = [0.0, 0.0, 0.0], [0.0] * len(DECADES)
    trees = part["trees"]
    for tree in trees:
        while isinstance(tree[2], list):
            tree = tree[2] if row[tree[0]] <= tree[1] else tree[3]
        shares = [total + own / len(trees) for total, own in zip(shares, tree[:3], strict=True)]
        first, *percent = tree[3]
        for place, own in enumerate(percent, start=first):
            fine[place] += own / 100 / len(trees)
    low, right, high = tempered(shares, part["temperature"])
    return Told((low, right, high), tuple(fine), part["doubt"][VIEWS[view_of(numbers)]])


def view_of(numbers: Mapping[str, float]) -> int:
    """Which of ``VIEWS`` these features are of."""
    if numbers["share"] < math.log10(_WHOLE):
        return int(numbers["share"] >= math.log10(_YOUNG))
    return 3 if numbers["grain"] <= math.log10(_NOW_AND_THEN) else 2


def tempered(shares: Sequence[float], temperature: float) -> list[float]:
    """Probabilities sharpened (temperature below 1) or flattened, so that they come true as often as they say.

    References:
        Guo et al., On calibration of modern neural networks, ICML 2017, section 4.2.
    """
    powers = [max(share, 1e-3) ** (1 / temperature) for share in shares]
    return [power / sum(powers) for power in powers]


def verdict_of(told: Told) -> RateVerdict:
    """The likeliest word, how likely it is, and the factor that most likely makes the rate a good one.

    Nothing is told where the opposite is too likely as well: a loss that stands still may be that of a rate far too low
    or far too high, and half a guess would send its reader the wrong way.
    """
    place = max(range(3), key=lambda at: told.probabilities[at])
    word = LABELS[place]
    shares = tuple(round(share, 4) for share in told.probabilities)
    if word != "right" and told.probabilities[2 - place] > told.doubt:
        return replace(unknown_verdict(), probabilities=shares)
    return RateVerdict(
        verdict=word,
        confidence=min(shares[place], MOST_SURE),
        factor=factor_of(told.fine, word, told.furthest),
        probabilities=shares,
    )


def factor_of(fine: Sequence[float], word: Word, most: float = DECADES[-1]) -> float:
    """What to multiply the rate by: 1 where it is right, else the likeliest move to the word's side, of at most so many decades."""
    if word == "right":
        return 1.0
    padded = (fine[0], *fine, fine[-1])  # neighbours are asked too, lest chance decides
    smooth = [
        (one + 2 * two + three) / 4 for one, two, three in zip(padded, padded[1:], padded[2:], strict=False)
    ]
    side = -1 if word == "too_high" else 1
    best = max(
        (at for at, move in enumerate(DECADES) if 0 < move * side <= most),
        key=lambda at: (smooth[at], -abs(DECADES[at])),
    )
    return float(f"{10 ** DECADES[best]:.2g}")


def diverged_verdict(factor: float = DIVERGED_FACTOR) -> RateVerdict:
    """Of a run that has diverged."""
    rest = (1 - DIVERGED_CONFIDENCE) / 2
    return RateVerdict(
        verdict="too_high",
        confidence=DIVERGED_CONFIDENCE,
        factor=factor,
        probabilities=(rest, rest, DIVERGED_CONFIDENCE),
    )


def unknown_verdict() -> RateVerdict:
    """Where there is too little to tell."""
    return RateVerdict(verdict="unknown", confidence=0.0, factor=1.0)
