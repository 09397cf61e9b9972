"""What of the learning curves a browser asks for, as the query of a request."""

import math
from typing import Annotated, Literal

from fastapi import Depends, Query

from lrlab.report.view import View

_FAR = 1e300


def _look(
    metric: Annotated[str, Query(max_length=300, description="By default the study's own")] = "",
    x: Annotated[Literal["unit", "step"], Query(description="What the x axis counts")] = "unit",
    scale: Annotated[Literal["auto", "linear", "log"], Query(description="Of the y axis")] = "auto",
    smooth: Annotated[
        float, Query(ge=0, le=1e12, allow_inf_nan=False, description="Half-life of a moving average, in x")
    ] = 0,
    by: Annotated[Literal["run", "rate"], Query(description="A line a run, or a mean a rate")] = "run",
    every: Annotated[bool, Query(description="All lines, however many")] = False,
    low: Annotated[
        float | None, Query(alias="from", allow_inf_nan=False, description="Only from here on, on the x axis")
    ] = None,
    high: Annotated[
        float | None, Query(alias="to", allow_inf_nan=False, description="Only up to here")
    ] = None,
) -> View:
    window = None
    if low is not None or high is not None:
        first, last = sorted((-_FAR if low is None else low, _FAR if high is None else high))
        window = (first, last if first < last else math.nextafter(last, math.inf))
    return View(
        metric=metric, x=x, scale="" if scale == "auto" else scale, smooth=smooth, by=by, every=every,
        window=window,
    )  # fmt: skip


Look = Annotated[View, Depends(_look)]
