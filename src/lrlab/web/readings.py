"""What one point of the learning curves stands for, with every digit."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrlab.core.errors import NotFoundError
from lrlab.core.lr_range import format_lr
from lrlab.core.run import Run
from lrlab.report.view import View
from lrlab.report.words import counted, plain
from lrlab.web.documents import series_of, strict
from lrlab.web.shelf import Seen


def reading(seen: Seen, number: int, place: float, view: View) -> dict[str, Any]:
    """The point of a learning curve that lies nearest to a place on its axis.

    Args:
        seen: The study.
        number: Number of the run; of a mean, of any of its runs.
        place: On the x axis of ``view``.
        view: How the learning curves are shown; its window and scale do not matter.

    Returns:
        The rate, the runs' seeds and state, the point on every axis (``at`` in units, ``step``, ``seconds`` of training,
        an estimate, because a record holds no time), what was recorded there (``raw``, by seed), what is drawn
        (``shown``), and all of it as a sentence; all digits, what is not known or not finite as null.

    Raises:
        NotFoundError: If the run has no point of the metric.
    """
    question, own = seen.study.question, seen.run(number)
    metric = view.metric or question.metric.name
    runs = [own]
    if view.by == "rate":
        runs = [run for run in seen.study.runs if (run.arm, run.lr) == (own.arm, own.lr)]
    points = [(run, point) for run in runs if (point := _nearest(seen, run, metric, place, view)) is not None]
    if not points:
        raise NotFoundError(f"reading: run {number} has no value of {metric!r:.80} on this axis.")
    run, (at, step, _) = min(points, key=lambda pair: abs(_place(pair[1], view) - place))
    there = [(run, point[2]) for run, point in points if _place(point, view) == _place((at, step, 0), view)]
    shown = _shown(seen, own, _place((at, step, 0), view), view)
    seconds = run.seconds * at / run.records[-1].at if run.records and run.records[-1].at else None
    told = {
        "lr": own.lr, "arm": own.arm, "seeds": [run.seed for run, _ in there], "state": own.status,
        "unit": question.unit, "at": at, "step": step, "seconds": seconds, "metric": metric,
        "raw": [value for _, value in there], "shown": shown,
    }  # fmt: skip
    return strict({**told, "text": _sentence(told, there, several=len(question.arms) > 1)})  # type: ignore[no-any-return]


Point = tuple[float, int | None, float]


def _place(point: Point, view: View) -> float:
    return point[0] if view.x == "unit" or point[1] is None else float(point[1])


def _nearest(seen: Seen, run: Run, metric: str, place: float, view: View) -> Point | None:
    number = next(k for k, each in enumerate(seen.study.runs, start=1) if each is run)
    key = (number, metric)
    if key not in seen.series:
        seen.series[key] = series_of(run, metric)
    x, y, steps = seen.series[key]
    if not len(x):
        return None
    if view.x == "step":
        places = np.where(steps < 0, math.nan, steps)
        if np.isnan(places).all():
            return None
        nearest = int(np.nanargmin(np.abs(places - place)))
    else:
        nearest = int(np.argmin(np.abs(x - place)))
    return float(x[nearest]), int(steps[nearest]) if steps[nearest] >= 0 else None, float(y[nearest])


def _shown(seen: Seen, own: Run, place: float, view: View) -> float | None:
    """What is drawn there: smoothed, or a mean, where that is asked for."""
    for curve in seen.curves(view).curves:
        if (curve.arm, curve.lr) != (own.arm, own.lr) or (view.by == "run" and curve.seed != own.seed):
            continue
        index = bisect_left(curve.x, place)
        if index < len(curve.x) and curve.x[index] == place:
            return curve.y[index]
    return None


def _sentence(told: dict[str, Any], there: Sequence[tuple[Run, float]], *, several: bool) -> str:
    who = ", ".join(f"seed {run.seed} {run.status}" for run, _ in there[:3])
    if len(there) > 3:
        who = counted(len(there), "seed")
    where = f"{told['unit']} {told['at']:.6g}"
    where += "" if told["step"] is None else f", step {told['step']}"
    where += "" if told["seconds"] is None else f", about {told['seconds']:.3g} s of training"
    raw = ", ".join(repr(value) for value in told["raw"][:3]) + (", …" if len(there) > 3 else "")
    drawn = told["shown"]
    also = "" if drawn is None or told["raw"] == [drawn] else f", drawn {drawn!r}"
    arm = f", {told['arm']}" if several else ""
    return plain(f"Learning rate {format_lr(told['lr'])}{arm}, {who}; {where}; {told['metric']} {raw}{also}.")
