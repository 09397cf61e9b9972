"""What a drawing of schedules shows, computed once as frozen values; the renderers only draw them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import SpecError
from lrlab.report.downsample import m4

MOST_SCHEDULES = 6  # more cannot be told apart
_POINTS = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleCurve:
    """One schedule over a training.

    Args:
        name: Its text.
        x: Optimizer steps.
        y: Rate or multiplier of each.
        tone: Its colour, 0 to 1.
        dash: Its dash pattern.
        marks: Whether the points are drawn without lines between them: a record beside the schedule found in it.
        raw_points: How many steps it has; ``x`` holds the first, last, lowest and highest of each column.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    tone: float
    dash: int
    marks: bool
    raw_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChart:
    """Rates over the steps of a training.

    Args:
        quantity: Label of the y axis: ``learning rate``, or ``multiplier``.
        unit: Label of the x axis.
        curves: At most six, in the given order.
        x_range: Ends of the axis.
        y_range: Ends of the axis, from 0 on.
        facts: Name of a fact to its value for each curve, as text.
    """

    quantity: str
    unit: str
    curves: tuple[ScheduleCurve, ...]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()


Series = tuple[str, NDArray[np.float64], NDArray[np.float64]]


def schedule_chart(
    series: Sequence[Series],
    *,
    quantity: str,
    unit: str = "optimizer step",
    facts: Mapping[str, Sequence[str]] | None = None,
    marked: Sequence[int] = (),
) -> ScheduleChart:
    """The chart of some schedules.

    Args:
        series: Name, steps and values of each; steps ascend, values are finite and at least 0; 1 to 6.
        quantity: What the values are.
        unit: What the steps are.
        facts: Name of a fact to a text for each of the series.
        marked: Which of the series are drawn as points.

    Raises:
        SpecError: If there are none, or more than six.
    """
    if not 1 <= len(series) <= MOST_SCHEDULES:
        raise SpecError(f"schedule: 1 to {MOST_SCHEDULES} can be drawn together, got {len(series)}.")
    curves = []
    for index, (name, x, y) in enumerate(series):
        kept = m4(x, y, points=_POINTS)
        curves.append(
            ScheduleCurve(
                name=name,
                x=tuple(x[kept].tolist()),
                y=tuple(y[kept].tolist()),
                tone=index / (len(series) - 1) if len(series) > 1 else 0.5,
                dash=index,
                marks=index in marked,
                raw_points=len(x),
            )
        )
    top = max(max(curve.y) for curve in curves)
    first, last = min(curve.x[0] for curve in curves), max(curve.x[-1] for curve in curves)
    return ScheduleChart(
        quantity=quantity,
        unit=unit,
        curves=tuple(curves),
        x_range=(first, max(last, first + 1.0)),
        y_range=(0.0, 1.06 * top if top > 0 and math.isfinite(1.06 * top) else 1.0),
        facts=tuple((name, tuple(texts)) for name, texts in (facts or {}).items()),
    )
