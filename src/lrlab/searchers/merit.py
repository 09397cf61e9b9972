"""Which runs deserve to go on: what is special about learning rates.

Three things are known before anything ran.

1. Early rankings favour high rates. Under a constant rate the best one falls while training goes on, by about 0.4
   decades for each factor of ten in length; under a decaying schedule it falls less, and rises in the end, when the
   decay rescues high rates.
2. Where a rate is too low, progress is a function of rate times units: a lower rate will still reach what a higher one
   shows now, if the time that is left makes up for their ratio.
3. Rates that stand on the same plateau cannot be ranked by their scores, and any of them may leave it first.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lrlab.core.run import RunKey

_STEADY = ("", "constant")  # how schedules end that do not decay; an unknown one is taken for one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed about learning rates; see docs/search.md for where the numbers come from.

    Args:
        drift: Decades by which the best rate falls for each factor of ten in length.
        lag: log10 of the budget over units up to which it stays where it is, under a constant schedule.
        decay_lag: The same under a decaying schedule; below it the best rate rises.
        drift_doubt: Standard deviation of ``drift``.
        doubt: Standard deviation of the best rate where nothing is left to train, in decades.
        gap: A gap in score that makes a run e times less likely to be the best, as a share of the improvement so far,
            where the budget is ten times what is known; it shrinks with the square of the logarithm.
        reach: Which part of the time that is left, as a logarithm, a lower rate is trusted to make up for.
        tie: Scores this close, as a share of the improvement so far, are a plateau.
        plateau: How wide a plateau is at least, in decades.
        luck: Scores within this many times the luck that was seen are a plateau too, see ``luck``.
        telling: Luck that is this share of what the best is ahead of untrained may have made it the best.
    """

    drift: float = 0.37
    lag: float = 0.2
    decay_lag: float = 0.9
    drift_doubt: float = 0.25
    doubt: float = 0.18
    gap: float = 0.05
    reach: float = 0.4
    tie: float = 0.004
    plateau: float = 1.2
    luck: float = 3.0
    telling: float = 0.3


# Differences below this share of the improvement decide nothing.
_LEAST_GAP = 0.002
# A lower rate does not make up for a ratio on the last doubling, whatever is left.
_REACH_LAG = 0.3


class Merit(NamedTuple):
    """How unlikely a run is to be the best at the end, as a negative log-likelihood; smaller is better.

    Args:
        behind: The part of its score.
        away: The part of its rate.
        centre: log10 of the rate at which the best one of its arm is expected; NaN where nothing is.
    """

    behind: float
    away: float
    centre: float

    @property
    def total(self) -> float:
        """Both parts together."""
        return self.behind + self.away


def merits(
    scores: Mapping[RunKey, float],
    *,
    untrained: float,
    left: float,
    prior: Prior,
    schedules: Mapping[str, str],
    stalled: Collection[RunKey] = (),
) -> dict[RunKey, Merit]:
    """How unlikely each run is to be the best at the end.

    Args:
        scores: Scores at equal units, smaller is better; infinite where a run ended badly.
        untrained: The score before training.
        left: log10 of the budget over those units.
        prior: What is believed about learning rates.
        schedules: Name of the schedule of each arm, "" if unknown.
        stalled: Runs that have stopped getting better; they are not trusted to make up for anything.
    """
    lowest = min(scores.values())
    if not math.isfinite(lowest):
        return dict.fromkeys(scores, Merit(math.inf, 0.0, math.nan))
    improvement = untrained - lowest
    if not (math.isfinite(improvement) and improvement > 0):
        improvement = max(abs(lowest), 1e-12)
    gap = prior.gap * left**2 + _LEAST_GAP
    reach = 10 ** (prior.reach * max(left - _REACH_LAG, 0.0))
    doubt = math.hypot(prior.drift_doubt * left, prior.doubt)
    result = {}
    for arm in {key.arm for key in scores}:
        mine = {key: score for key, score in scores.items() if key.arm == arm}
        leader = lowest_tied(mine, untrained, prior, left=left)
        lag = prior.lag if _is_steady(schedules.get(arm, "")) else prior.decay_lag
        centre = math.log10(leader.lr) - prior.drift * (left - lag)
        for key, score in mine.items():
            promised = min(other for rival, other in mine.items() if key.lr <= rival.lr <= key.lr * reach)
            promised = score if key in stalled else promised
            behind = (promised - lowest) / improvement if math.isfinite(score) else math.inf
            away = ((math.log10(key.lr) - centre) / doubt) ** 2 / 2
            result[key] = Merit(behind / gap, away, centre)
    return result


def _is_steady(schedule: str) -> bool:
    """Whether a schedule does not decay: ``constant``, or ``warmup 5% then constant``."""
    return schedule.rpartition(" then ")[2].strip() in _STEADY


def lowest_tied(scores: Mapping[RunKey, float], untrained: float, prior: Prior, *, left: float) -> RunKey:
    """The leader; of those that are as good as equal, in its arm, the lowest rate, for the best rate falls."""
    return _tied(scores, untrained, prior.tie * left)[0]


def plateau(
    scores: Mapping[RunKey, float], untrained: float, prior: Prior, *, least: float = 0.0
) -> list[RunKey]:
    """The runs of the leader's arm that stand on one plateau with it, ascending in rate; none unless it is wide.

    Args:
        scores: Scores at equal units, smaller is better.
        untrained: The score before training.
        prior: How close and how wide.
        least: Scores within this of the leader's are on its plateau in any case.
    """
    tied = _tied(scores, untrained, prior.tie, least=least)
    return tied if len(tied) >= 3 and math.log10(tied[-1].lr / tied[0].lr) >= prior.plateau else []


def luck(scores: Mapping[RunKey, float], untrained: float, prior: Prior) -> float:
    """By how much an arm's scores at equal units may differ through luck; 0 where they tell more than that.

    Scores over rates form a valley: on either side of the best they get worse. Where a rate is worse than one that is
    farther from the best, luck made the difference. A rate that is too high may be worse than none at all, though, and a
    still higher one better than that: above the best nothing counts as worse than untrained.

    Args:
        scores: Finite scores of one arm at equal units, smaller is better.
        untrained: The score before training.
        prior: What luck is worth.
    """
    ascending = sorted(scores, key=lambda key: key.lr)
    best = min(scores, key=lambda key: (scores[key], key))
    place = ascending.index(best)
    below = [scores[key] for key in ascending[:place]]
    above = [min(scores[key], untrained) for key in ascending[:place:-1]]
    seen = max(_climb([untrained, *below]), _climb([untrained, *above]))
    return prior.luck * seen if seen >= prior.telling * (untrained - scores[best]) else 0.0


def _climb(values: Sequence[float]) -> float:
    """By how much a value is above the lowest before it, at most; 0 where they fall."""
    lowest = itertools.accumulate(values, min)
    return max(value - low for value, low in zip(values, lowest, strict=True))


def _tied(
    scores: Mapping[RunKey, float], untrained: float, tie: float, *, least: float = 0.0
) -> list[RunKey]:
    """The leader and the runs of its arm that are as good, ascending in rate."""
    leader = min(scores, key=lambda key: (scores[key], key))
    improvement = untrained - scores[leader]
    close = scores[leader] + max(
        tie * improvement if math.isfinite(improvement) and improvement > 0 else 0.0, least
    )
    return sorted(
        (key for key in scores if key.arm == leader.arm and scores[key] <= close), key=lambda key: key.lr
    )
