"""What the learning curves show, computed once as frozen values; the renderers only draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Answer
from lrlab.core.outcome import Outcome, State
from lrlab.core.run import Run
from lrlab.report.charts import arm_names, placed, tones
from lrlab.report.downsample import m4
from lrlab.report.scales import LARGEST, Scale, robust_range, y_scale
from lrlab.report.words import counted

MOST_CURVES = 64
MOST_POINTS = 1_500
# All curves of one chart together; more is not seen and makes a report large.
_ALL_POINTS = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One run's metric over its training.

    Args:
        arm: Its alternative.
        lr: Its rate.
        seed: Its seed.
        status: Its state or outcome, in a word.
        tone: Colour of its rate, as in ``Point``.
        dash: Index of its arm: the dash pattern.
        x: Progress in units.
        y: Values, finite.
        raw_points: How many points it has; ``x`` holds the first, last, lowest and highest of each column.
        left_out: Points that are not finite, or not above zero on a log axis.
        diverged: Whether it ended by diverging: its last finite point gets a cross.
        winner: Whether it is the answer's run.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurves:
    """The metric over training, a line a run, coloured by rate.

    Args:
        metric: Its name.
        direction: ``"min"`` or ``"max"``.
        unit: Unit of the x axis.
        arms: Every alternative; a curve's ``dash`` is its place here.
        curves: By arm, rate and seed; at most 64, each with at least one point.
        hidden: Runs with points that are not drawn because there are too many.
        lr_range: Lowest and highest rate of the study: the ends of the colour bar; None without runs.
        x_range: Ends of the axis.
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
    y_range: tuple[float, float] | None
    y_scale: Scale
    caption: tuple[str, ...]


def learning_curves(answer: Answer) -> LearningCurves:
    """The learning curves of an answer's runs; the order of its runs does not matter."""
    question, metric = answer.question, answer.question.metric
    runs = placed(answer.runs)
    tone = tones(runs)
    series = {run.key: _finite_series(run, answer) for run in runs}
    with_points = [run for run in runs if len(series[run.key][0])]
    sober = [run for run in with_points if run.outcome is not Outcome.DIVERGED] or with_points
    values = [float(v) for run in sober for v in series[run.key][1]]
    # Long runs have most of the values; where runs start and where short ones stopped is to be seen as well.
    starts = sorted(float(series[run.key][1][0]) for run in sober)[len(sober) // 2 :][:1]
    scale = y_scale(values, metric, keep=starts)
    ends = [float(series[run.key][1][-1]) for run in sober]
    low, high = robust_range(ends, metric=metric, scale=scale) or (0.0, 0.0)
    keep = starts + [end for end in ends if low <= end <= high]
    shown = _chosen(with_points, answer)
    points = min(MOST_POINTS, max(200, _ALL_POINTS // max(len(shown), 1)))
    arms = arm_names(answer)
    winner = answer.winner
    curves = tuple(
        _curve(run, series[run.key], scale=scale, points=points, tone=tone(run.lr), dash=arms.index(run.arm),
               winner=winner is not None and run.key == winner.key)
        for run in shown
    )  # fmt: skip
    last = max((float(series[run.key][0][-1]) for run in with_points), default=0.0)
    return LearningCurves(
        metric=metric.name,
        direction=metric.direction,
        unit=question.unit,
        arms=arms,
        curves=tuple(curve for curve in curves if curve.x),
        hidden=len(with_points) - len(shown),
        lr_range=(min(run.lr for run in runs), max(run.lr for run in runs)) if runs else None,
        x_range=(0.0, max(last, float(question.budget))),
        y_range=robust_range(values, metric=metric, scale=scale, keep=keep),
        y_scale=scale,
        caption=_curves_caption(
            curves, len(with_points) - len(shown), silent=len(answer.runs) - len(with_points)
        ),
    )


Series = tuple[NDArray[np.float64], NDArray[np.float64], int]


def _finite_series(run: Run, answer: Answer) -> Series:
    """Places and finite values of the metric, by place, and how many values were not finite."""
    pairs = list(run.values(answer.question.metric))
    x = np.array([at for at, _ in pairs], dtype=np.float64)
    y = np.array([value for _, value in pairs], dtype=np.float64)
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    finite = np.abs(y) <= LARGEST
    return x[finite], y[finite], int(len(y) - finite.sum())


def _chosen(runs: Sequence[Run], answer: Answer) -> list[Run]:
    """At most ``MOST_CURVES`` runs: the winner, those that train, the best, an even choice of the rest."""
    if len(runs) <= MOST_CURVES:
        return list(runs)
    question = answer.question
    winner = answer.winner

    def rank(run: Run) -> tuple[bool, bool, float]:
        score = run.score(question.metric, reduce=question.reduce)
        running = run.state is State.RUNNING and not run.ended
        return (winner is None or run.key != winner.key, not running, question.metric.loss(score))

    ranked = sorted(runs, key=rank)
    first = ranked[:16]
    rest = sorted(ranked[16:], key=lambda run: run.key)
    room = MOST_CURVES - len(first)
    even = [rest[round(k * (len(rest) - 1) / (room - 1))] for k in range(room)]
    return sorted(first + even, key=lambda run: run.key)


def _curve(
    run: Run, series: Series, *, scale: Scale, points: int, tone: float, dash: int, winner: bool
) -> Curve:
    x, y, left_out = series
    if scale == "log":
        above = y >= 1 / LARGEST
        left_out += int(len(y) - above.sum())
        x, y = x[above], y[above]
    kept = m4(x, y, points=points)
    return Curve(
        arm=run.arm,
        lr=run.lr,
        seed=run.seed,
        status=run.status,
        tone=tone,
        dash=dash,
        x=tuple(x[kept].tolist()),
        y=tuple(y[kept].tolist()),
        raw_points=len(x),
        left_out=left_out,
        diverged=run.outcome is Outcome.DIVERGED,
        winner=winner,
    )


def _curves_caption(curves: Sequence[Curve], hidden: int, *, silent: int) -> tuple[str, ...]:
    raw, drawn = sum(c.raw_points for c in curves), sum(len(c.x) for c in curves)
    said = []
    if hidden:
        said.append(
            f"{counted(len(curves), 'run')} drawn, {hidden} more hidden: the best and an even choice."
        )
    if drawn < raw:
        said.append(
            f"{drawn:,} of {raw:,} points drawn; first, last, lowest and highest of each column kept."
        )
    if count := sum(c.diverged for c in curves):
        said.append(f"A cross marks the last finite value of {counted(count, 'run')} that diverged.")
    if count := sum(c.left_out for c in curves):
        said.append(
            f"{counted(count, 'value')} that this axis cannot show (not finite, or not above zero) left out."
        )
    if silent:
        said.append(f"{counted(silent, 'run')} without a finite value.")
    return tuple(said)
