"""The timeline as a picture."""

from typing import Any

from lrlab.report.palette import LIGHT, Theme, tone_color
from lrlab.report.pictures import blank_figure, plain_text, style_axes
from lrlab.report.timeline import Timeline


def timeline_picture(
    chart: Timeline, *, theme: Theme = LIGHT, width: float = 7.2, height: float = 4.6
) -> Any:
    """The timeline as a matplotlib figure of ``width`` by ``height`` inches.

    Raises:
        NotFoundError: If matplotlib is not installed.
    """
    figure = blank_figure(width, height, theme)
    axes = figure.subplots()
    style_axes(axes, theme)
    axes.set_xlabel("cost so far, full runs")
    axes.set_xlim(0, chart.cost or 1)
    axes.set_ylim(max(len(chart.rows), 1) - 0.3, -0.7)  # the lowest rate on top, as in the tables
    for place, row in enumerate(chart.rows):
        axes.hlines([place] * len(row.bars), [bar.begin for bar in row.bars], [bar.end for bar in row.bars],
                    colors=tone_color(row.tone, theme), linewidth=5, gid=f"slices-{place}")  # fmt: skip
    shown = range(0, len(chart.rows), -(-len(chart.rows) // 24) or 1)
    axes.set_yticks(list(shown), [plain_text(chart.rows[k].label) for k in shown])
    axes.grid(False, axis="y")
    if not chart.rows:
        axes.text(
            0.5, 0.5, "Nothing is trained yet.", transform=axes.transAxes, ha="center", color=theme.muted
        )
    return figure
