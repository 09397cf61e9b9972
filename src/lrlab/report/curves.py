"""What the learning curves show, computed once as frozen values; the renderers only draw them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Answer
from lrlab.core.errors import SpecError
from lrlab.core.history import told
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State
from lrlab.core.run import Run, RunKey
from lrlab.report.charts import arm_names, placed, tones
from lrlab.report.downsample import m4
from lrlab.report.scales import LARGEST, Scale, robust_range, y_scale
from lrlab.report.view import View, smoothed
from lrlab.report.words import counted

MOST_CURVES = 64
MOST_POINTS = 1_500
# All curves of one chart together; more is not seen and makes a report large.
_ALL_POINTS = 40_000
_AS_USUAL = View()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One run's metric over its training, or the mean of the runs at one rate.

    Args:
        arm: Its alternative.
        lr: Its rate.
        seed: Its seed.
        status: Its state or outcome, in a word.
        tone: Colour of its rate, as in ``Point``.
        dash: Index of its arm: the dash pattern.
        x: Progress in units.
        y: Values, finite.
        raw_points: How many points it has in the window; ``x`` holds the first, last, lowest and highest of each
            column.
        left_out: Points that are not finite, or not above zero on a log axis.
        diverged: Whether it ended by diverging, inside the window: its last finite point gets a cross.
        winner: Whether it is the answer's run.
        low: The lowest of the seeds at each place; empty where one run alone is drawn.
        high: The highest.
    """

    arm: str
    lr: float
    seed: int
    status: str
    tone: float
    dash: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    raw_points: int
    left_out: int
    diverged: bool
    winner: bool
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurves:
    """The metric over training, a line a run, coloured by rate.

    Args:
        metric: Its name.
        direction: ``"min"`` or ``"max"``.
        unit: What the x axis counts.
        arms: Every alternative; a curve's ``dash`` is its place here.
        curves: By arm, rate and seed; at most 64, each with at least one point.
        hidden: Runs with points that are not drawn because there are too many.
        lr_range: Lowest and highest rate of the study: the ends of the colour bar; None without runs.
        x_range: Ends of the axis.
        last: Place of the last point of any run, inside or outside the window; 0 without points.
        y_range: Ends of the axis; None without points.
        y_scale: ``"linear"`` or ``"log"``.
        caption: What a reader must know, a sentence each.
    """

    metric: str
    direction: str
    unit: str
    arms: tuple[str, ...]
    curves: tuple[Curve, ...]
    hidden: int
    lr_range: tuple[float, float] | None
    x_range: tuple[float, float]
    last: float
    y_range: tuple[float, float] | None
    y_scale: Scale
    caption: tuple[str, ...]

    @property
    def thinned(self) -> bool:
        """Whether points are left out, so that a part of the axis has more to show."""
        return any(len(curve.x) < curve.raw_points for curve in self.curves)


def learning_curves(
    answer: Answer, view: View = _AS_USUAL, *, series: "Mapping[RunKey, Series] | None" = None
) -> LearningCurves:
    """The learning curves of an answer's runs; the order of its runs does not matter.

    Args:
        answer: The answer, its runs with their records.
        view: How they are to be shown.
        series: What ``whole_series`` gave for a view that differs in its window, scale, lines or number of lines only.

    Raises:
        SpecError: If no run has recorded the metric that ``view`` names.
    """
    question, metric = answer.question, _metric(answer, view)
    runs = placed(answer.runs)
    tone = tones(runs)
    series = whole_series(answer, view) if series is None else series
    with_points = [run for run in runs if len(series[run.key].x)]
    if view.metric and not with_points:
        raise SpecError(f"view: no run has a value of {view.metric!r:.80} at any {_counted(answer, view)}.")
    sober = [run for run in with_points if run.outcome is not Outcome.DIVERGED] or with_points
    values = np.sort(np.concatenate([np.empty(0), *(series[run.key].y for run in sober)]))
    # Long runs have most of the values; where runs start and where short ones stopped is to be seen as well.
    starts = sorted(float(series[run.key].y[0]) for run in sober)[len(sober) // 2 :][:1]
    scale: Scale = view.scale or y_scale(values, metric, keep=starts)
    ends = [float(series[run.key].y[-1]) for run in sober]
    low, high = robust_range(ends, metric=metric, scale=scale) or (0.0, 0.0)
    keep = starts + [end for end in ends if low <= end <= high]
    groups = _groups(with_points, view)
    shown = groups if view.every else _chosen(groups, answer)
    points = min(MOST_POINTS, max(200, _ALL_POINTS // max(len(shown), 1)))
    arms = arm_names(answer)
    curves = tuple(
        _curve(own, _mean([series[run.key] for run in own]), view=view, scale=scale, points=points,
               tone=tone(own[0].lr), dash=arms.index(own[0].arm), winner=_wins(own, answer))
        for own in shown
    )  # fmt: skip
    last = max((float(series[run.key].x[-1]) for run in with_points), default=0.0)
    hidden = len(groups) - len(shown)
    return LearningCurves(
        metric=metric.name,
        direction=metric.direction,
        unit=_counted(answer, view),
        arms=arms,
        curves=tuple(curve for curve in curves if curve.x),
        hidden=hidden,
        lr_range=(min(run.lr for run in runs), max(run.lr for run in runs)) if runs else None,
        x_range=(0.0, max(last, float(question.budget) if view.x == "unit" else 1.0)),
        last=last,
        y_range=robust_range(values, metric=metric, scale=scale, keep=keep),
        y_scale=scale,
        caption=_curves_caption(curves, hidden, view, silent=len(answer.runs) - len(with_points)),
    )


def whole_series(answer: Answer, view: View) -> "dict[RunKey, Series]":
    """Every point of every run that has a place on the axis, smoothed as asked for."""
    metric = _metric(answer, view)
    return {run.key: _finite_series(run, metric, view) for run in placed(answer.runs)}


def _metric(answer: Answer, view: View) -> Metric:
    own = answer.question.metric
    if view.metric in ("", own.name):
        return own
    try:
        return replace(Metric.parse(view.metric), name=view.metric)
    except SpecError:  # its name does not tell which side is good, so none is cut off sooner
        return Metric(view.metric, "min")


def _counted(answer: Answer, view: View) -> str:
    return answer.question.unit if view.x == "unit" else "step"


@dataclass(frozen=True, slots=True)
class Series:
    """Places and finite values of a metric, by place; how many values were not finite; of means the range of the seeds."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    left_out: int
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


def _finite_series(run: Run, metric: Metric, view: View) -> Series:
    x, y, steps = told(run.records, metric.name)
    if view.x == "step":
        x, y = steps[steps >= 0].astype(np.float64), y[steps >= 0]
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    finite = np.abs(y) <= LARGEST
    left_out = int(len(y) - finite.sum())
    x, y = x[finite], y[finite]
    return Series(x, smoothed(x, y, view.smooth) if view.smooth else y, left_out)


def _groups(runs: Sequence[Run], view: View) -> list[list[Run]]:
    """The runs that make one line each."""
    if view.by == "run":
        return [[run] for run in runs]
    return [list(own) for _, own in groupby(runs, key=lambda run: (run.arm, run.lr))]


def _mean(series: Sequence[Series]) -> Series:
    """The mean of the seeds that have a value at a place, and their range."""
    if len(series) == 1:
        return series[0]
    x, place = np.unique(np.concatenate([one.x for one in series]), return_inverse=True)
    y = np.concatenate([one.y for one in series])
    low, high = np.full(len(x), np.inf), np.full(len(x), -np.inf)
    np.minimum.at(low, place, y)
    np.maximum.at(high, place, y)
    mean = np.bincount(place, weights=y, minlength=len(x)) / np.bincount(place, minlength=len(x))
    return Series(x, mean, sum(one.left_out for one in series), low, high)


def _part(series: Series, window: tuple[float, float] | None) -> Series:
    """What lies in a window, and one point on each side, so that lines reach its edges."""
    if window is None:
        return series
    first = int(np.searchsorted(series.x, window[0]))
    end = int(np.searchsorted(series.x, window[1], side="right"))
    if first < len(series.x) and end > 0:  # else all of it lies on one side, and no line crosses the window
        first, end = max(first - 1, 0), end + 1
    low, high = (None if side is None else side[first:end] for side in (series.low, series.high))
    return replace(series, x=series.x[first:end], y=series.y[first:end], low=low, high=high)


def _wins(runs: Sequence[Run], answer: Answer) -> bool:
    winner = answer.winner
    return winner is not None and any(run.key == winner.key for run in runs)


def _chosen(groups: Sequence[list[Run]], answer: Answer) -> Sequence[list[Run]]:
    """At most ``MOST_CURVES`` lines: the winner, those that train, the best, an even choice of the rest."""
    if len(groups) <= MOST_CURVES:
        return groups
    question = answer.question

    def rank(runs: list[Run]) -> tuple[bool, bool, float]:
        best = min(question.metric.loss(run.score(question.metric, reduce=question.reduce)) for run in runs)
        running = any(run.state is State.RUNNING and not run.ended for run in runs)
        return (not _wins(runs, answer), not running, best)

    def key(runs: list[Run]) -> tuple[object, ...]:
        return tuple(runs[0].key)

    ranked = sorted(groups, key=rank)
    first = ranked[:16]
    rest = sorted(ranked[16:], key=key)
    room = MOST_CURVES - len(first)
    even = [rest[round(k * (len(rest) - 1) / (room - 1))] for k in range(room)]
    return sorted(first + even, key=key)


def _curve(
    runs: Sequence[Run],
    whole: Series,
    *,
    view: View,
    scale: Scale,
    points: int,
    tone: float,
    dash: int,
    winner: bool,
) -> Curve:
    series = _part(whole, view.window)
    to_the_end = len(series.x) > 0 and series.x[-1] == whole.x[-1]
    x, y, left_out, low, high = series.x, series.y, series.left_out, series.low, series.high
    if scale == "log":
        above = y >= 1 / LARGEST
        left_out += int(len(y) - above.sum())
        x, y = x[above], y[above]
        low, high = (None, None) if low is None or high is None else (low[above], high[above])
    kept = m4(x, y, points=points)
    return Curve(
        arm=runs[0].arm,
        lr=runs[0].lr,
        seed=runs[0].seed,
        status=runs[0].status if len(runs) == 1 else counted(len(runs), "seed"),
        tone=tone,
        dash=dash,
        x=tuple(x[kept].tolist()),
        y=tuple(y[kept].tolist()),
        raw_points=len(x),
        left_out=left_out,
        diverged=to_the_end and all(run.outcome is Outcome.DIVERGED for run in runs),
        winner=winner,
        low=() if low is None else tuple(low[kept].tolist()),
        high=() if high is None else tuple(high[kept].tolist()),
    )


def _curves_caption(curves: Sequence[Curve], hidden: int, view: View, *, silent: int) -> tuple[str, ...]:
    raw, drawn = sum(c.raw_points for c in curves), sum(len(c.x) for c in curves)
    said = ["One line a run, coloured by its rate."]
    if view.by == "rate":
        said = [
            "One line a rate: the mean of the seeds that have a value there; the band is their lowest and highest."
        ]
    if view.smooth:
        said.append(f"Smoothed: a value {view.smooth:g} back counts half as much.")
    if hidden:
        said.append(
            f"{counted(len(curves), view.by)} drawn, {hidden} more hidden: the best and an even choice."
        )
    if drawn < raw:
        where = " of this window" if view.window else ""
        said.append(
            f"{drawn:,} of {raw:,} points{where} drawn; first, last, lowest and highest of each column kept."
        )
    elif view.window:
        said.append(f"This window has {counted(raw, 'point')}, all drawn.")
    if count := sum(c.diverged for c in curves):
        said.append(f"A cross marks the last finite value of {counted(count, 'run')} that diverged.")
    if count := sum(c.left_out for c in curves):
        said.append(
            f"{counted(count, 'value')} that this axis cannot show (not finite, or not above zero) left out."
        )
    if silent:
        said.append(f"{counted(silent, 'run')} without a finite value.")
    return tuple(said)
