"""Whether short branches at other rates bear a verdict out.

Which branch ends lowest is no verdict: within a few steps a lower rate looks too good (its noise has settled), a higher
one too bad or too good. So what branches mean was fitted on recorded runs whose whole learning-rate grid is known: a
logistic model of four numbers, the log's own verdict, the training's length and the kind of optimizer. ``python -m
benchmarks.prove`` fits and measures it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lrlab.core.errors import SpecError
from lrlab.core.proof import BranchEnd, Proof
from lrlab.core.verdict import RateVerdict
from lrlab.diagnosis.features import family
from lrlab.diagnosis.rate import FAMILIES, LABELS, diverged_verdict, unknown_verdict

FACTORS = (0.3, 1.0, 3.0)
OVERTURN_FROM = 1.54  # so many times as likely as the log's word another one must be before that is given up
_TRAINED = 0.75  # of the price, at most; the rest judges
_JUDGED = (8, 30)  # batches, least and most
_FORWARD = 1 / 3  # price of judging a batch, in steps
_LEAST_STEPS = 3
_RESAMPLES = 2000
_LOST = 1e6  # stands for a loss that is not finite
_BAD_LUCK = 5.0  # standard errors at which a difference counts as three quarters of a sure one
_LEAST_SHARE = 1e-3
_LIKELY = 0.5  # what a word must be where the log told nothing
# And where there is none: branches alone are right in nine cases of ten from here on, in half below.
LIKELY_WITHOUT_LOG = 0.6
# For too low, right and too high: of what ``inputs`` gives, and a constant.
WEIGHTS: tuple[tuple[float, ...], ...] = (
    (0.014, -0.361, 0.02, -0.807, 0.461, -0.167, 1.369, 0.261, -0.069, 0.156),
    (0.174, 0.369, -0.061, 0.098, -0.237, -0.355, -0.384, 0.117, 0.02, 0.199),
    (-0.188, -0.008, 0.041, 0.71, -0.224, 0.522, -0.985, -0.378, 0.05, -0.355),
)


def sizes(total: int, cost: float) -> tuple[int, int]:
    """Steps of a branch and batches to judge on, for at most ``cost`` of a training of ``total`` steps.

    Only where the least of both is too much already does it cost more: at 5 % of fewer than 400 steps.
    """
    judging = _FORWARD * (len(FACTORS) + 1)
    judged = min(max(int((1 - _TRAINED) * cost * total / judging), _JUDGED[0]), _JUDGED[1])
    steps = int(min(_TRAINED * cost * total, cost * total - judged * judging) / len(FACTORS))
    return max(steps, _LEAST_STEPS), judged


def price(total: int, steps: int, judged: int) -> float:
    """What three branches, and judging them and the run, cost in full trainings."""
    return (len(FACTORS) * steps + (len(FACTORS) + 1) * judged * _FORWARD) / total


def signs(start: Sequence[float], ends: Mapping[float, Sequence[float]]) -> list[float]:
    """Four numbers without a unit, each in -1..1.

    The gaps of the lower and of the higher branch to the one in the middle, over what was gained; and the same gaps over
    their errors from batch to batch. Below 0: that branch is better.
    """
    first, low, middle, high = (_mean(losses) for losses in (start, *(ends[factor] for factor in FACTORS)))
    unit = max(abs(first - low), abs(first - middle), 1e-6 * max(abs(first), 1e-12))
    sure = [_surely(ends[factor], ends[1.0]) for factor in (FACTORS[0], FACTORS[2])]
    return [math.tanh((low - middle) / unit), math.tanh((high - middle) / unit), *sure]


def judge(
    start: Sequence[float],
    ends: Mapping[float, Sequence[float]],
    *,
    before: RateVerdict | None = None,
    step: int,
    total: int,
    steps: int,
    optimizer: str = "",
    known_rate: bool = False,
) -> Proof:
    """What branches say.

    A log that knew the rate, or how long its steps were, keeps its word: branches made it no righter.

    Args:
        start: Loss of each judged batch before the branches.
        ends: Factor to the losses of the same batches after its branch; of ``FACTORS``.
        before: What the log says.
        step: Optimizer steps that the run had done.
        total: Of the whole training.
        steps: Of each branch.
        optimizer: Its name; "" where it is not known.
        known_rate: Whether the log that ``before`` was told from had the rate, or the length of steps over that of weights.

    Raises:
        SpecError: If a branch is missing, or was judged on other batches, or the run itself has diverged, or the optimizer
            has a name that is not known.
    """
    if set(ends) != set(FACTORS) or len({len(start), *map(len, ends.values())}) != 1 or not len(start):
        told = ", ".join(f"{factor:g}: {len(losses)}" for factor, losses in sorted(ends.items()))
        raise SpecError(
            f"prove: the branches {FACTORS} and the start must be judged on the same batches, got start: {len(start)}, {told}."
        )
    if not np.isfinite(start).all():
        raise SpecError(
            "prove: the run has diverged: its loss is not finite.",
            hint="Its rate is too high; begin again at a hundredth of it.",
        )
    before = before or unknown_verdict()
    ordered = sorted(FACTORS, key=lambda factor: _mean(ends[factor]))
    best, next_best = _mean(ends[ordered[0]]), _mean(ends[ordered[1]])
    return Proof(
        branches=tuple(BranchEnd(factor=factor, loss=_told(ends[factor])) for factor in FACTORS),
        start=_told(start),
        winner=ordered[0],
        margin=(next_best - best) / max(abs(next_best), 1e-12),
        certainty=_certainty(ends, ordered[0]),
        before=before,
        rate=_rate(start, ends, before, total, family(optimizer), known_rate),
        step=step,
        steps=steps,
        batches=len(start),
        cost=price(total, steps, len(start)),
    )


def inputs(numbers: Sequence[float], before: Sequence[float], total: int, kind: str) -> list[float]:
    """What the model looks at: ``signs``, the log's odds of too low and too high against right, and what trains how long."""
    low, right, high = (max(share, _LEAST_SHARE) for share in before or (1 / 3,) * 3)
    return [
        *numbers,
        math.log(low / right),
        math.log(high / right),
        math.log10(max(total, 10)) - 3,
        float(kind == "sgd"),
        float(kind == "momentum"),
    ]


def together(
    numbers: Sequence[float],
    before: Sequence[float],
    *,
    total: int,
    kind: str = "",
    weights: Sequence[Sequence[float]] | None = None,
) -> list[float]:
    """Probabilities of too low, right and too high; where the kind of optimizer (``rate.FAMILIES``) is unknown, the mean."""
    likely = (kind,) if kind else FAMILIES
    shares = [0.0, 0.0, 0.0]
    for name in likely:
        row = [*inputs(numbers, before, total, name), 1.0]
        powers = [math.exp(sum(a * b for a, b in zip(own, row, strict=True))) for own in weights or WEIGHTS]
        shares = [
            share + power / sum(powers) / len(likely) for share, power in zip(shares, powers, strict=True)
        ]
    return shares


def stands(
    shares: Sequence[float],
    before: int | None,
    overturn_from: float = OVERTURN_FROM,
    *,
    likely: float = _LIKELY,
) -> int | None:
    """Index of the word that stands now: the likeliest, but the log's where the likeliest is not much likelier than that.

    Where the log told nothing, the likeliest stands only if it is likely, else None.

    Args:
        shares: What ``together`` says.
        before: Index of the log's word; None where it told nothing.
        overturn_from: How many times as likely as the log's word another one must be.
        likely: How likely a word must be where the log told nothing.
    """
    place = max(range(3), key=lambda at: shares[at])
    if before is None:
        return place if shares[place] >= likely else None
    return place if shares[place] >= overturn_from * shares[before] else before


def _rate(
    start: Sequence[float],
    ends: Mapping[float, Sequence[float]],
    before: RateVerdict,
    total: int,
    kind: str,
    known_rate: bool,
) -> RateVerdict:
    """The word that stands now."""
    if not np.isfinite(ends[1.0]).all():  # the run's own rate has just exploded
        return diverged_verdict()
    if known_rate and before.verdict != "unknown":
        return before
    shares = together(signs(start, ends), before.probabilities, total=total, kind=kind)
    said = None if before.verdict == "unknown" else LABELS.index(before.verdict)
    place = stands(shares, said, likely=_LIKELY if before.probabilities else LIKELY_WITHOUT_LOG)
    probabilities = tuple(round(share, 4) for share in shares)
    if place is None:
        return replace(unknown_verdict(), probabilities=probabilities)
    word = LABELS[place]
    factor = 1.0
    if word != "right":
        factor = (
            before.factor if before.verdict == word else (FACTORS[0] if word == "too_high" else FACTORS[2])
        )
    return RateVerdict(
        verdict=word,
        confidence=round(shares[place], 4),
        factor=factor,
        probabilities=probabilities,
    )


def _certainty(ends: Mapping[float, Sequence[float]], winner: float) -> float:
    """Share of resamples of the batches in which the winner's mean is below each other branch's."""
    table = np.array([_finite(ends[factor]) for factor in FACTORS])
    chosen = np.random.default_rng(0).integers(table.shape[1], size=(_RESAMPLES, table.shape[1]))
    means = table[:, chosen].mean(axis=-1)
    own = FACTORS.index(winner)
    return float((means[own] < np.delete(means, own, axis=0).min(axis=0)).mean())


def _finite(losses: Sequence[float]) -> npt.NDArray[np.float64]:
    known = np.nan_to_num(np.asarray(losses, dtype=np.float64), nan=_LOST)
    return np.asarray(np.clip(known, -_LOST, _LOST), dtype=np.float64)


def _mean(losses: Sequence[float]) -> float:
    return float(_finite(losses).mean())


def _told(losses: Sequence[float]) -> float:
    return float(np.mean(losses)) if np.isfinite(losses).all() else math.inf


def _surely(one: Sequence[float], other: Sequence[float]) -> float:
    """The mean difference over its error, in -1..1."""
    apart = _finite(one) - _finite(other)
    error = float(apart.std(ddof=1)) / math.sqrt(len(apart)) if len(apart) > 1 else math.inf
    return math.tanh(float(apart.mean()) / max(error, 1e-12) / _BAD_LUCK)
