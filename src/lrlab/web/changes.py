"""What has come to charts since a browser drew them, so that it fetches no point twice."""

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from lrlab.report.curves import Curve, LearningCurves
from lrlab.report.view import View

_MOST_KEPT = 8


class Drawn:
    """The last learning curves of a study that were given to browsers, by view and cursor."""

    def __init__(self) -> None:
        self._charts: OrderedDict[tuple[View, str], LearningCurves | None] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, view: View, cursor: str, chart: LearningCurves) -> None:
        """Keep what goes out under a cursor; where two charts went out under one, nobody can tell who has which."""
        key = (view, cursor)
        with self._lock:
            known = self._charts.get(key, chart)
            self._charts[key] = chart if known is not None and _frame(known) == _frame(chart) else None
            self._charts.move_to_end(key)
            while len(self._charts) > _MOST_KEPT:
                self._charts.popitem(last=False)

    def find(self, view: View, cursor: str) -> LearningCurves | None:
        """What went out under a cursor; None where that is not known any more."""
        with self._lock:
            return self._charts.get((view, cursor))


def curves_change(old: LearningCurves, new: LearningCurves) -> list[dict[str, Any]] | None:
    """What makes the lines of ``old`` into those of ``new``: how many points stay, and what follows them.

    A line that is thinned keeps its full columns as they are, so only its end changes, until its columns get wider.

    Returns:
        For each line that has changed its place, how many points it had, how many of them stay, and the rest; None
        where lines have come, gone or changed their look, so that everything must be drawn anew.
    """
    if _frame(old) != _frame(new) or any(curve.low for curve in new.curves):
        return None
    items = []
    for place, (before, now) in enumerate(zip(old.curves, new.curves, strict=True)):
        stay = _common(before, now)
        if stay < len(now.x) or stay < len(before.x):
            items.append({
                "line": place, "lr": now.lr, "seed": now.seed, "arm": now.arm, "of": len(before.x), "had": stay,
                "x": list(now.x[stay:]), "y": list(now.y[stay:]),
            })  # fmt: skip
    return items


def _frame(chart: LearningCurves) -> tuple[object, ...]:
    """All that is drawn but the points, the ends of the axes and which line is the answer's."""
    looks = tuple(
        replace(curve, x=(), y=(), low=(), high=(), raw_points=0, left_out=0, status="", winner=False)
        for curve in chart.curves
    )
    ends = tuple((curve.x[-1], curve.y[-1]) for curve in chart.curves if curve.diverged)  # they get a cross
    return (chart.metric, chart.unit, chart.arms, chart.hidden, chart.lr_range, chart.y_scale, looks, ends)


def _common(before: Curve, now: Curve) -> int:
    """How many points both begin with."""
    if now.x[: len(before.x)] == before.x and now.y[: len(before.y)] == before.y:
        return len(before.x)
    pairs = zip(before.x, before.y, now.x, now.y, strict=False)
    return next(
        (k for k, (a, b, c, d) in enumerate(pairs) if a != c or b != d), min(len(before.x), len(now.x))
    )
