"""What the runs say about the regret of every rate: estimates from runs that stopped at different lengths."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lrlab.core.outcome import Outcome
from lrlab.core.question import Question
from lrlab.core.run import Run, RunKey
from lrlab.searchers.evidence import Evidence

# Shares in the estimate for a rate below the winner: of the winner's own curve read at the same progress (rate times
# units), and of the gap at equal units. Measured on replays; see docs/search.md.
_SAME_PROGRESS, _SAME_UNITS = 0.7, 0.1
# Above the winner a gap tends to grow.
_ABOVE = 1.5
_FEWEST_RANKED = 7  # rates in whose order chance can be told from a valley
# Standard deviation of what is not seen of a rate above: by doublings that it was not trained, and decades above.
_DOUBT_ABOVE = 0.02


# The runs at each rate of each arm, both ascending: what is compared is of one rate, and studies have thousands.
_Rates = Mapping[tuple[str, float], Sequence[Run]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What is known about one rate.

    Args:
        lr: Learning rate, absolute.
        regret: Share of the improvement that it would lose at the full budget; infinite if it diverged.
        spread: Standard deviation of that estimate.
        units: Units that it was trained for.
    """

    lr: float
    regret: float
    spread: float
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that an answer is made of.

    Args:
        winner: The run that the answer rests on; None where none has a score.
        score: Its score, smaller is better.
        untrained: The score before training, smaller is better; None if nothing is known.
        stand_in: Whether ``untrained`` is what stands in for it; see ``Evidence.stand_in``.
        improvement: From untrained to the winner; above 0, or NaN.
        noise: Standard deviation between seeds, as a share of the improvement.
        seeds: How many seeds the winner's rate was trained with.
        points: One for each rate of the winner's arm, ascending.
        chance: How much the scores of neighbouring rates differ, in ranks, at the units that every rate has: about 2 where
            they are in no order, below 1 where they lie on a valley's slopes; NaN where there are fewer than seven.
    """

    winner: RunKey | None
    score: float
    untrained: float | None
    stand_in: bool
    improvement: float
    noise: float
    seeds: int
    points: tuple[Point, ...]
    chance: float = math.nan


def look(question: Question, runs: Sequence[Run]) -> Picture:
    """Estimate the regret of every rate.

    A rate above the winner is compared at equal units. For a rate below, the winner's own curve tells more: where
    the rate is too low, progress is a function of rate times units, so a rate of half the winner's is at the end where
    the winner was at half of its units.
    """
    evidence, rates = Evidence(question, runs), _by_rate(runs)
    untrained, stand_in = _untrained(question, runs, evidence)
    winner = _winner(question, runs, evidence, rates)
    if winner is None:
        return Picture(
            winner=None, score=math.inf, untrained=untrained, stand_in=stand_in, improvement=math.nan,
            noise=math.nan, seeds=0, points=(),
        )  # fmt: skip
    units = evidence.units(winner, question.budget)
    score = _mean_score(rates, evidence, winner, units)
    improvement = (untrained - score) if untrained is not None else math.nan
    improvement = improvement if improvement > 0 else math.nan
    noise, seeds = _noise(question, rates, evidence, winner)
    scale = improvement if math.isfinite(improvement) else max(abs(score), 1e-12)
    compared = _Comparison(
        question=question, rates=rates, evidence=evidence, winner=winner, untrained=untrained, scale=scale,
        noise=noise / scale,
    )  # fmt: skip
    return Picture(
        winner=winner, score=score, untrained=untrained, stand_in=stand_in, improvement=improvement,
        noise=noise / scale, seeds=seeds, points=compared.points(), chance=_chance(runs, evidence, winner),
    )  # fmt: skip


def without_guide(question: Question, runs: Sequence[Run], picture: Picture) -> Picture:
    """The picture with the metric's own scores: of the same winner, and before training."""
    question = replace(question, guide="")
    evidence = Evidence(question, runs)
    untrained, stand_in = _untrained(question, runs, evidence)
    if picture.winner is None:
        return replace(picture, untrained=untrained, stand_in=stand_in)
    units = evidence.units(picture.winner, question.budget)
    score = _mean_score(_by_rate(runs), evidence, picture.winner, units)
    return replace(picture, score=score, untrained=untrained, stand_in=stand_in)


def _untrained(question: Question, runs: Sequence[Run], evidence: Evidence) -> tuple[float | None, bool]:
    told = evidence.untrained(run.key for run in runs)
    if told is not None:
        return told, False
    stand_in = evidence.stand_in(run.key for run in runs)
    return stand_in, stand_in is not None


def _by_rate(runs: Sequence[Run]) -> _Rates:
    rates: dict[tuple[str, float], list[Run]] = {}
    for run in runs:
        rates.setdefault((run.arm, run.lr), []).append(run)
    return {rate: rates[rate] for rate in sorted(rates)}


def _winner(question: Question, runs: Sequence[Run], evidence: Evidence, rates: _Rates) -> RunKey | None:
    """The best rate of those trained to the end; before there is one, the best of those trained furthest."""
    budget = question.budget
    useful = [run for run in runs if math.isfinite(evidence.score(run.key, budget))]
    if not useful:
        return None
    edges = {
        run.arm: run.lr for run in sorted(runs, key=lambda run: -run.lr) if run.outcome is Outcome.DIVERGED
    }
    below = [
        run for run in useful if run.outcome is Outcome.FINISHED or run.lr < edges.get(run.arm, math.inf)
    ]
    useful = below or useful  # a rate above a diverged one would diverge too, if it were trained on

    def length(run: Run) -> int:
        return budget if run.outcome is Outcome.FINISHED else run.units

    furthest = max(length(run) for run in useful)
    # The question's own seed first: only the finalists were repeated with others.
    ahead = [run for run in useful if length(run) == furthest]
    own = [run for run in ahead if run.seed == question.seed] or ahead
    return min(own, key=lambda run: (_mean_score(rates, evidence, run.key, furthest), run.lr)).key


def _mean_score(rates: _Rates, evidence: Evidence, key: RunKey, units: int) -> float:
    """The score at ``units``, averaged over the seeds that got as far."""
    same = [run for run in rates.get((key.arm, key.lr), ()) if run.reached(units)]
    scores = [evidence.score(run.key, units) for run in same]
    finite = [value for value in scores if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.inf


_NOISE_FROM = 5  # rates: the winner and two on either side


def _noise(question: Question, rates: _Rates, evidence: Evidence, winner: RunKey) -> tuple[float, int]:
    """Standard deviation between seeds in units of the metric, and from how many seeds it was told.

    It is told from the repeated rates nearest to the winner, by their middle variance: where trainings begin to explode, seeds
    differ by more than all that is to be won. With one seed the roughness of the winner's own curve stands in:
    the middle absolute second difference of its last half, which a smooth trend does not move.
    """
    variances: list[tuple[float, int]] = []
    most = 1
    mine = [lr for arm, lr in rates if arm == winner.arm]
    for lr in sorted(mine, key=lambda lr: (abs(math.log(lr / winner.lr)), lr)):
        if len(variances) == _NOISE_FROM:
            break
        same = [run for run in rates[winner.arm, lr] if run.units > 0]
        if len(same) < 2:
            continue
        shared = min(run.units for run in same)
        scores = [evidence.score(run.key, shared) for run in same]
        if all(math.isfinite(value) for value in scores):
            variances.append((float(np.var(scores, ddof=1)), len(scores) - 1))
            most = max(most, len(scores) if lr == winner.lr else most)
    if len(variances) >= 3:
        middle, freedom = sorted(variances)[len(variances) // 2]
        # The median of a chi-square variable over its freedom, by Wilson and Hilferty (PNAS 17, 1931).
        return math.sqrt(middle) / (1 - 2 / (9 * freedom)) ** 1.5, most
    if variances:
        weight = sum(freedom for _, freedom in variances)
        return math.sqrt(sum(variance * freedom for variance, freedom in variances) / weight), most
    run = next(run for run in rates[winner.arm, winner.lr] if run.key == winner)
    values = [
        question.metric.loss(value)
        for at, value in run.values(question.metric)
        if at > 0 and math.isfinite(value)
    ]
    tail = np.array(values[len(values) // 2 :])
    if len(tail) < 5:
        return 0.0, 1
    # A second difference of white noise has variance 6; 1.4826 turns a middle absolute value into a deviation.
    return float(1.4826 * np.median(np.abs(np.diff(tail, n=2))) / math.sqrt(6)), 1


def _chance(runs: Sequence[Run], evidence: Evidence, winner: RunKey) -> float:
    """Von Neumann's ratio of the ranks of the scores along the rates of the winner's arm and seed.

    References:
        Bartels, The Rank Version of von Neumann's Ratio Test for Randomness, JASA 77, 1982, equation 1.
    """
    mine = [run for run in runs if (run.arm, run.seed) == (winner.arm, winner.seed) and run.units]
    mine = sorted(
        (run for run in mine if math.isfinite(evidence.score_at(run.key, 1))), key=lambda run: run.lr
    )
    count = len(mine)
    if count < _FEWEST_RANKED:
        return math.nan
    shared = min(run.units for run in mine)
    ranks = np.argsort(np.argsort([evidence.score_at(run.key, shared) for run in mine], kind="stable"))
    return float(np.square(np.diff(ranks)).sum() / (count * (count**2 - 1) / 12))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """Compares the runs of the winner's arm with the winner."""

    question: Question
    rates: _Rates
    evidence: Evidence
    winner: RunKey
    untrained: float | None
    scale: float
    noise: float

    @property
    def length(self) -> int:
        """Units that the winner was trained for."""
        return max(self.evidence.units(self.winner, self.question.budget), 1)

    @property
    def end(self) -> float:
        """The winner's score."""
        return _mean_score(self.rates, self.evidence, self.winner, self.length)

    def points(self) -> tuple[Point, ...]:
        """One for each rate that has a score or diverged, ascending."""
        mine = ((lr, same) for (arm, lr), same in self.rates.items() if arm == self.winner.arm)
        points = (self._point(lr, same) for lr, same in mine)
        return tuple(point for point in points if point is not None)

    def _point(self, lr: float, same: Sequence[Run]) -> Point | None:
        budget = self.question.budget
        longest = max(same, key=lambda run: (run.units, -run.seed))
        units = budget if longest.outcome is Outcome.FINISHED else longest.units
        if lr == self.winner.lr:
            return Point(lr=lr, regret=0.0, spread=self.noise, units=units)
        if any(self.evidence.diverged(run.key, budget) for run in same):
            return Point(lr=lr, regret=math.inf, spread=0.0, units=units)
        own = _mean_score(self.rates, self.evidence, longest.key, units)
        if not units or not math.isfinite(own):
            return None
        if units >= self.length:
            return Point(
                lr=lr, regret=max((own - self.end) / self.scale, 0.0), spread=self.noise, units=units
            )
        gap = max((own - self.evidence.score_at(self.winner, units)) / self.scale, 0.0)
        if lr < self.winner.lr:
            regret = _SAME_PROGRESS * self._behind(lr) + _SAME_UNITS * gap
            spread = 0.5 * regret + self.noise
        else:
            regret = _ABOVE * gap
            doublings, decades = math.log2(self.length / units), math.log10(lr / self.winner.lr)
            spread = 0.5 * regret + self.noise + _DOUBT_ABOVE * doublings * decades
        return Point(lr=lr, regret=regret, spread=spread, units=units)

    def _behind(self, lr: float) -> float:
        """What a rate below the winner's will lose by having made less progress, as a share of the improvement.

        At the end it will be where another rate, the nearest above that was trained so far, was when rate times units was
        the same. Where no run was just there, the nearest before and after it tell, on a line over the logarithm.
        """
        progress = lr * self.length
        start = self.end if self.untrained is None else self.untrained
        before, after = [], []
        for arm, rate in self.rates:
            if arm != self.winner.arm or rate > self.winner.lr:
                continue
            key = self.winner if rate == self.winner.lr else RunKey(self.winner.arm, rate, self.question.seed)
            units = self.evidence.units(key, self.question.budget)
            if rate > lr and 1 <= progress / rate <= units:
                return max((self._between(key, progress / rate, units) - self.end) / self.scale, 0.0)
            if not math.isfinite(self.evidence.score_at(key, units)):
                continue
            if units and rate * units < progress:
                before.append((rate * units, self.evidence.score_at(key, units)))
            elif units:
                after.append((rate, self.evidence.score_at(key, 1)))
        last, level = max(before, default=(progress, start))
        first, next_level = min(after, default=(progress, level))
        share = math.log(progress / last) / math.log(first / last) if first > last else 0.0
        return max((level + share * (next_level - level) - self.end) / self.scale, 0.0)

    def _between(self, key: RunKey, at: float, units: int) -> float:
        """A run's score inside a unit, on a line over the logarithm between the unit's ends.

        The score at the last unit that had ended would charge a rate for up to a whole unit of progress that it has made:
        much where a training is done, or overfits, within the first few.
        """
        begin = math.floor(at)
        end = min(begin + 1, units)
        first, last = (self.evidence.score_at(key, unit) for unit in (begin, end))
        if end == begin or math.isinf(first) or math.isinf(last):
            return first
        return first + math.log(at / begin) / math.log(end / begin) * (last - first)
