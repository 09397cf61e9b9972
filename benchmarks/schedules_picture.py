"""The picture of ``schedules.py``: the test loss over the rate, one line a schedule, one panel a workload."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from lrlab.report.palette import DASHES, LIGHT, Theme, tone_color
from lrlab.report.pictures import MARKERS
from lrlab.report.scales import tick_labels, value_labels

Points = Sequence[tuple[float, float]]
ROOM = 1.6  # of a panel's height over its lowest point, as a ratio of losses: what is far out says nothing


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One workload.

    Args:
        title: Its name.
        curves: By schedule: rates, ascending, and losses.
        own: By schedule: its own rate, and the loss there.
    """

    title: str
    curves: Mapping[str, Points]
    own: Mapping[str, tuple[float, float]]


def draw(panels: Sequence[Panel], *, theme: Theme = LIGHT) -> Figure:
    """All panels, two in a row, with one legend."""
    rows = math.ceil(len(panels) / 2)
    figure = Figure(figsize=(7.2, 2.6 * rows + 0.5), facecolor=theme.background, layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        _draw(axes, panel, theme)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8,
                  labelcolor=theme.text, handlelength=3.5)  # fmt: skip
    return figure


def _draw(axes, panel: Panel, theme: Theme) -> None:  # type: ignore[no-untyped-def]
    axes.set_facecolor(theme.background)
    axes.set_title(panel.title, loc="left", fontsize=9, color=theme.text)
    axes.tick_params(which="both", colors=theme.muted, labelsize=8)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.muted)
    axes.grid(True, color=theme.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set(xscale="log", yscale="log")
    for number, (name, points) in enumerate(panel.curves.items()):
        color = tone_color(number / (len(panel.curves) - 1), theme)
        mark = MARKERS[number % len(MARKERS)]
        (line,) = axes.plot(*zip(*points, strict=True), color=color, linewidth=1.4)
        (shown,) = axes.plot(*panel.own[name], mark, color=color, markersize=6, zorder=5)
        key = axes.plot([], [], color=color, linewidth=1.4, marker=mark, markersize=5, label=name)[0]
        if dashes := DASHES[number % len(DASHES)]:
            line.set_dashes(dashes)
            key.set_dashes(dashes)
        shown.set_clip_on(False)
    lowest = min(loss for points in panel.curves.values() for _, loss in points)
    highest = min(lowest * ROOM, max(loss for points in panel.curves.values() for _, loss in points))
    highest = max(highest, 1.05 * max(loss for _, loss in panel.own.values()))
    axes.set_ylim(lowest * 0.97, highest)
    ticks = [lowest * (highest / lowest) ** (part / 4) for part in range(5)]
    ticks = list(dict.fromkeys(float(f"{tick:.2g}") for tick in ticks))
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if tick >= lowest * 0.97]))
    axes.yaxis.set_major_formatter(
        FixedFormatter(list(value_labels([t for t in ticks if t >= lowest * 0.97])))
    )
    decades = [10.0**power for power in range(-6, 1)]
    axes.xaxis.set_major_locator(FixedLocator(decades))
    axes.xaxis.set_major_formatter(FixedFormatter(list(tick_labels(decades))))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("learning rate", fontsize=8, color=theme.text)
    axes.set_ylabel("test loss", fontsize=8, color=theme.text)


def save(panels: Sequence[Panel], file: Path) -> None:
    """The picture as PNG or SVG, by the file's ending."""
    draw(panels).savefig(file, dpi=144)
