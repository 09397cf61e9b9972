"""From runs to the answer: the rate, where the best one lies, which rates are safe, and how sure that is."""

import bisect
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lrlab.core.answer import Answer, Caution
from lrlab.core.question import Done, Question
from lrlab.core.run import DEFAULT_ARM, Run
from lrlab.searchers.cautions import cautions, confidence
from lrlab.searchers.generalisation import best_moment, generalises, training_best
from lrlab.searchers.regret import Picture, Point, look, without_guide

# A rate with this regret is e times less likely than the winner to be the best one; the power with which regret grows above
# the winner, where a cliff may be; see docs/search.md.
_LIKELY = 0.005
_TOWARDS_A_CLIFF = 4
_INTERVAL = 0.9
# Standard deviation of the best rate around the winner before any score is looked at, in decades (no less than this share of
# the gap to the next rate that was trained), and how many standard deviations an estimate may be too high: the narrowest
# intervals that hold the best recorded rate in 9 of 10 replays. ``python -m benchmarks.answers`` leaves each problem out.
NEAR = 0.325
DOUBT = 1.2
_SHARE_OF_GAP = 0.5
# Probability that the estimates of regret mislead altogether, as where the best rate is right below a cliff.
_ASTRAY = 0.05
# Whether the range ends too early is asked of the scores alone: there an estimate is taken at its word, nearly.
_DOUBT_AT_EDGES = 0.3
_STEPS_A_DECADE = 100


def conclude(
    question: Question,
    runs: Sequence[Run],
    /,
    *,
    done: Done | None = None,
    study: str = "",
    extra_warnings: tuple[Caution, ...] = (),
) -> Answer:
    """The answer that ``runs`` support; any set of runs will do, also none.

    Args:
        question: What was asked.
        runs: Every run, each with all of its records.
        done: The searcher's last word; None for an answer "so far".
        study: Name of the study.
        extra_warnings: What else the reader must know.

    Returns:
        The answer. ``lr`` is NaN where no run has a score. Its interval is a 90 % interval for the best rate of the
        range: a rate is the likelier to be the best, the smaller its estimated regret and the nearer it is to the
        winner. Its safe range holds the rates around the winner whose estimated regret, one standard deviation of the
        estimate added, is within tolerance.
    """
    picture = look(question, runs)
    winner = picture.winner
    plain = without_guide(question, runs, picture) if question.guide else picture
    loss = question.metric.loss  # its own inverse
    lr = winner.lr if winner else math.nan
    nowhere = (math.nan, math.nan)
    interval = best_interval(question, picture) if winner else nowhere
    told = best_interval(question, picture, near=math.inf, doubt=_DOUBT_AT_EDGES) if winner else nowhere
    sure, reasons = confidence(question, runs, picture, done, told)
    answer = Answer(
        lr=lr,
        interval=interval,
        safe_range=safe_range(question, picture) if winner else nowhere,
        score=loss(plain.score) if winner else math.nan,
        cost=sum(run.paid_units for run in runs) / question.budget,
        confidence=sure,
        question=question,
        reasons=reasons,
        arm=winner.arm if winner else DEFAULT_ARM,
        runs=tuple(runs),
        study=study,
        untrained=None if plain.untrained is None else loss(plain.untrained),
        lost_cost=sum(run.lost_units for run in runs) / question.budget,
        current_regret=_current_regret(question, picture),
        seconds=sum(run.seconds for run in runs),
        final=done is not None,
        training=training_best(question, runs, picture),
        best_at=best_moment(question, runs, winner),
    )
    return replace(
        answer,
        warnings=(
            *cautions(question, runs, picture, done, told), *generalises(answer, picture), *extra_warnings,
        ),
    )  # fmt: skip


def regret_at(points: Sequence[Point], lr: float, *, doubt: float = DOUBT) -> float:
    """Estimated regret of any rate, the estimate's doubt taken off: what it might well be.

    Between two runs it is a line over the logarithm of the rate; below the winner, where regret grows with the square
    of the distance, a parabola; above it a steeper curve, for the best rate is often just below a cliff. Beyond the
    outermost runs their own estimates hold.

    Args:
        points: Estimates, ascending in rate; the winner's regret is 0.
        lr: Learning rate, absolute.
        doubt: How many standard deviations are taken off.
    """
    lr = min(max(lr, points[0].lr), points[-1].lr)
    above = min(bisect.bisect_left([point.lr for point in points], lr), len(points) - 1)
    below = max(above - 1, 0) if points[above].lr > lr else above
    first, second = points[below], points[above]
    low, high = (max(point.regret - doubt * point.spread, 0.0) for point in (first, second))
    if first is second:
        return low
    share = math.log(lr / first.lr) / math.log(second.lr / first.lr)
    if math.isinf(low) or math.isinf(high):
        # Somewhere between the two training stops to work; half way is as good a guess as any.
        return low if share < 0.5 else high
    if first.regret == 0:
        return low + (high - low) * share**_TOWARDS_A_CLIFF
    if second.regret == 0:
        return high + (low - high) * (1 - share) ** 2
    return low + (high - low) * share


def best_interval(
    question: Question, picture: Picture, *, near: float = NEAR, doubt: float = DOUBT
) -> tuple[float, float]:
    """Where the best rate of the range lies, with 90 % probability; always holds the winner.

    Args:
        question: What was asked.
        picture: What the runs say; there must be a winner.
        near: How far from the winner the best rate is expected, as a standard deviation in decades; infinite: anywhere.
        doubt: How many standard deviations an estimate may be too high.
    """
    assert picture.winner is not None
    lr = picture.winner.lr
    if picture.winner.arm not in question.searched:
        return (lr, lr)
    span = question.span(picture.winner.arm)
    low, high = min(span.low, lr), max(span.high, lr)
    count = max(int(math.log10(high / low) * _STEPS_A_DECADE), 50) + 1
    x = np.linspace(math.log10(low), math.log10(high), count)
    regrets = np.array([regret_at(picture.points, 10**value, doubt=doubt) for value in x])
    deviation = max(near, _SHARE_OF_GAP * _gap(picture.points, lr))
    before = np.exp(-(((x - math.log10(lr)) / deviation) ** 2) / 2)
    after = before * np.exp(-regrets / (_LIKELY + picture.noise))
    if not after.sum() > 0:
        return (lr, lr)
    weights = after / after.sum()
    if math.isfinite(near):
        possible = before * np.isfinite(regrets)
        weights = (1 - _ASTRAY) * weights + _ASTRAY * possible / possible.sum()
    ends = np.interp([(1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2], np.cumsum(weights), x)
    return (min(_tidy(10 ** ends[0]), lr), max(_tidy(10 ** ends[1]), lr))


def _gap(points: Sequence[Point], lr: float) -> float:
    """Decades from the winner to the farther one of the two rates beside it; 0 where it is alone."""
    rates = [point.lr for point in points]
    place = rates.index(lr)
    beside = rates[max(place - 1, 0) : place + 2]
    return max(abs(math.log10(rate / lr)) for rate in beside)


def safe_range(question: Question, picture: Picture) -> tuple[float, float]:
    """The rates around the winner that lose no more than the tolerance; always holds the winner."""
    assert picture.winner is not None
    points = picture.points
    middle = next(index for index, point in enumerate(points) if point.lr == picture.winner.lr)
    low = _edge(points[middle::-1], question.tolerance)
    high = _edge(points[middle:], question.tolerance)
    return (min(_tidy(low), picture.winner.lr), max(_tidy(high), picture.winner.lr))


def _edge(points: Sequence[Point], tolerance: float) -> float:
    """Walk away from the winner, ``points[0]``, to where the tolerance is used up."""
    here = points[0]
    for there in points[1:]:
        lost = there.regret + there.spread
        if lost > tolerance:
            if math.isinf(lost):
                return here.lr  # the edge of divergence is somewhere between: not safe
            before = 0.0 if here is points[0] else here.regret + here.spread
            # Near the best rate regret grows with the square of the distance.
            share = math.sqrt(max(tolerance - before, 0.0) / (lost - before))
            return float(here.lr * (there.lr / here.lr) ** share)
        here = there
    return here.lr


def _current_regret(question: Question, picture: Picture) -> float | None:
    if question.current_lr is None or picture.winner is None:
        return None
    point = next((point for point in picture.points if point.lr == question.current_lr), None)
    return None if point is None else min(point.regret, 1.0)


def _tidy(lr: float) -> float:
    return float(f"{lr:.1e}")
