"""Whether short branches at other rates bear a verdict out.

Which branch ends lowest is no verdict: within a few steps a lower rate looks too good (its noise has settled), a higher
one too bad or too good. So what branches mean was fitted on recorded runs whose whole learning-rate grid is known: a
logistic model of four numbers and the log's own verdict. ``python -m benchmarks.prove`` fits and measures it.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lrlab.core.errors import SpecError
from lrlab.core.proof import BranchEnd, Proof
from lrlab.core.verdict import RateVerdict
from lrlab.diagnosis.rate import LABELS, diverged_verdict, unknown_verdict

FACTORS = (0.3, 1.0, 3.0)
OVERTURN_FROM = 0.7  # below this the log's word stands
_TRAINED = 0.75  # of the price; the rest judges
_JUDGED = (8, 30)  # batches, least and most
_FORWARD = 1 / 3  # price of judging a batch, in steps
_LEAST_STEPS = 3
_RESAMPLES = 2000
_LOST = 1e6  # stands for a loss that is not finite
_BAD_LUCK = 5.0  # standard errors at which a difference counts as three quarters of a sure one
_LEAST_SHARE = 1e-3
# For too low, right and too high: of the four numbers of ``signs``, of the log's two odds, and a constant.
WEIGHTS: tuple[tuple[float, ...], ...] = (
    (-0.178, -0.168, 0.576, -0.931, 0.694, -0.492, 0.781),
    (0.83, 0.27, 0.265, 0.394, -0.403, -0.336, 0.342),
    (-0.652, -0.102, -0.841, 0.536, -0.292, 0.828, -1.123),
)


def sizes(total: int, cost: float) -> tuple[int, int]:
    """Steps of a branch and batches to judge on, for about ``cost`` of a training of ``total`` steps."""
    steps = max(int(_TRAINED * cost * total / len(FACTORS)), _LEAST_STEPS)
    judged = int((1 - _TRAINED) * cost * total / _FORWARD / (len(FACTORS) + 1))
    return steps, min(max(judged, _JUDGED[0]), _JUDGED[1])


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
) -> Proof:
    """What branches say.

    Args:
        start: Loss of each judged batch before the branches.
        ends: Factor to the losses of the same batches after its branch; of ``FACTORS``.
        before: What the log says.
        step: Optimizer steps that the run had done.
        total: Of the whole training.
        steps: Of each branch.

    Raises:
        SpecError: If a branch is missing, or was judged on other batches, or the run itself has diverged.
    """
    if set(ends) != set(FACTORS) or len({len(start), *map(len, ends.values())}) != 1 or not len(start):
        told = ", ".join(f"{factor:g}: {len(losses)}" for factor, losses in sorted(ends.items()))
        raise SpecError(
            f"prove: the branches {FACTORS} and the start must be judged on the same batches, got start: {len(start)}, {told}."
        )
    if not np.isfinite(start).all():
        raise SpecError(
            "prove: the run has diverged: its loss is not finite.",
            hint="Its rate is too high; begin again at a tenth of it.",
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
        rate=_rate(start, ends, before),
        step=step,
        steps=steps,
        batches=len(start),
        cost=price(total, steps, len(start)),
    )


def inputs(numbers: Sequence[float], before: Sequence[float]) -> list[float]:
    """What the model looks at: ``signs``, and the log's odds of too low and too high against right."""
    low, right, high = (max(share, _LEAST_SHARE) for share in before or (1 / 3,) * 3)
    return [*numbers, math.log(low / right), math.log(high / right)]


def together(
    numbers: Sequence[float], before: Sequence[float], weights: Sequence[Sequence[float]] | None = None
) -> list[float]:
    """Probabilities of too low, right and too high."""
    row = [*inputs(numbers, before), 1.0]
    powers = [math.exp(sum(a * b for a, b in zip(own, row, strict=True))) for own in weights or WEIGHTS]
    return [power / sum(powers) for power in powers]


def _rate(start: Sequence[float], ends: Mapping[float, Sequence[float]], before: RateVerdict) -> RateVerdict:
    """The word that stands now: another one than before only where it is likely enough."""
    if not np.isfinite(ends[1.0]).all():  # the run's own rate has just exploded
        return diverged_verdict()
    shares = together(signs(start, ends), before.probabilities)
    place = max(range(3), key=lambda at: shares[at])
    if before.verdict != "unknown" and shares[place] < OVERTURN_FROM:
        place = LABELS.index(before.verdict)
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
        probabilities=tuple(round(share, 4) for share in shares),
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
