"""The marks of the U-curve as Plotly traces and shapes: plain dictionaries, so Plotly is not needed here."""

import html
from collections.abc import Sequence
from typing import Any

from lrlab.core.lr_range import format_lr
from lrlab.report.charts import Point, UCurve
from lrlab.report.curves import Curve
from lrlab.report.palette import DASHES, Theme, tone_color
from lrlab.report.schedules import ScheduleCurve
from lrlab.report.timeline import Timeline, TimelineRow
from lrlab.report.words import format_score, short

MARKERS = ("circle", "square", "diamond", "triangle-down", "cross", "hexagon")
# More labels than this lie on one another; the hover text and the table have the numbers.
MOST_LABELS = 30

Spec = dict[str, Any]


def levels(chart: UCurve, theme: Theme) -> list[Spec]:
    """The scores at equal budgets, dotted."""
    return [
        {
            "type": "scatter",
            "meta": f"level-{level.units}",
            "mode": "lines",
            "x": list(level.rates),
            "y": list(level.scores),
            "line": {"color": theme.muted, "width": 1.2, "dash": "dot"},
            "hoverinfo": "skip",
            "name": chart.legend["level"],
            "showlegend": index == 0,
        }
        for index, level in enumerate(chart.levels)
    ]


def means(chart: UCurve, theme: Theme) -> list[Spec]:
    """For every arm the line through its finished runs, and the band of its seeds."""
    traces: list[Spec] = []
    for index, arm in enumerate(chart.arms):
        means = [mean for mean in chart.means if mean.arm == arm]
        rates = [mean.lr for mean in means]
        suffix = f"-{index}" if index else ""
        if any(mean.seeds > 1 for mean in means):
            # There and back again: a closed outline.
            edge = [chart.drawn(mean.low) for mean in means] + [
                chart.drawn(mean.high) for mean in reversed(means)
            ]
            traces.append(
                {
                    "type": "scatter",
                    "meta": f"band{suffix}",
                    "mode": "lines",
                    "x": rates + rates[::-1],
                    "y": edge,
                    "fill": "toself",
                    "fillcolor": faded(theme.muted, 0.22),
                    "line": {"width": 0},
                    "hoverinfo": "skip",
                    "name": chart.legend["band"],
                    "showlegend": index == 0,
                }
            )
        if means:
            traces.append(
                {
                    "type": "scatter",
                    "meta": f"mean{suffix}",
                    "mode": "lines",
                    "x": rates,
                    "y": [chart.drawn(mean.value) for mean in means],
                    "line": {"color": theme.muted, "width": 1.6, "dash": dash(index)},
                    "hoverinfo": "skip",
                    "name": label(chart.legend[f"mean-{index}"]),
                }
            )
    return traces


def runs(chart: UCurve, theme: Theme) -> list[Spec]:
    """Every run: finished filled, partial hollow, diverged in the lane, the others as ticks."""
    traces: list[Spec] = []
    for index, arm in enumerate(chart.arms):
        suffix = f"-{index}" if index else ""
        for kind in ("finished", "partial"):
            if points := chart.of(kind, arm=arm):
                colors = [tone_color(p.tone, theme) for p in points]
                fill: Any = colors if kind == "finished" else theme.background
                marker = {"symbol": MARKERS[index % len(MARKERS)], "size": 9, "color": fill,
                          "line": {"width": 2, "color": colors}}  # fmt: skip
                heights = [chart.drawn(p.score or 0.0) for p in points]
                traces.append(
                    _scatter(f"{kind}{suffix}", points, heights, marker, chart) | {"showlegend": not index}
                )
                if kind == "partial" and len(chart.of("partial")) <= MOST_LABELS:
                    traces[-1] |= _beside([str(p.units) for p in points], theme)
    if out := [p for p in chart.points if p.score is not None and chart.drawn(p.score) != p.score]:
        marker = {"symbol": "triangle-up" if chart.direction == "min" else "triangle-down", "size": 11,
                  "color": theme.diverged}  # fmt: skip
        traces.append(_scatter("clipped", out, [chart.drawn(p.score or 0.0) for p in out], marker, chart))
    if crossed := chart.of("diverged"):
        marker = {"symbol": "x-thin", "size": 9, "line": {"width": 2.2, "color": theme.diverged}}
        traces.append(_scatter("diverged", crossed, [0.0] * len(crossed), marker, chart) | {"yaxis": "y2"})
        if len(crossed) <= MOST_LABELS:
            texts = chart.crossed()  # once a rate
            traces[-1] |= _beside([texts.pop(p.lr, "") for p in crossed], theme, place="top center")
    if waiting := chart.of("none"):
        low = chart.y_range[0] if chart.y_range else 0.0
        marker = {"symbol": "line-ns", "size": 10, "line": {"width": 1.4, "color": theme.muted}}
        traces.append(_scatter("none", waiting, [low] * len(waiting), marker, chart))
    return traces


def _scatter(mark: str, points: Sequence[Point], heights: list[float], marker: Spec, chart: UCurve) -> Spec:
    return {
        "type": "scatter",
        "meta": mark,
        "mode": "markers",
        "x": [p.lr for p in points],
        "y": heights,
        "marker": marker,
        "customdata": [p.lr for p in points],
        "hovertext": [_hover(p, chart) for p in points],
        "hoverinfo": "text",
        "cliponaxis": False,
        "name": chart.legend[mark.partition("-")[0]],
    }


def _beside(texts: list[str], theme: Theme, *, place: str = "top right") -> Spec:
    return {
        "mode": "markers+text",
        "text": texts,
        "textposition": place,
        "textfont": {"size": 10, "color": theme.muted},
    }


def _hover(point: Point, chart: UCurve) -> str:
    arm = "" if len(chart.arms) == 1 else f", {label(point.arm)}"
    score = "" if point.score is None else f"<br>{label(short(chart.metric))} {format_score(point.score)}"
    status = f"{point.status}, {chart.unit} {point.at:.4g}"
    return f"lr {format_lr(point.lr)}, seed {point.seed}{arm}{score}<br>{status}"


def answer(chart: UCurve, theme: Theme) -> list[Spec]:
    """The answer's rate with its interval."""
    if "best" not in chart.legend or chart.y_range is None:
        return []
    traces: list[Spec] = []
    if chart.interval is not None:
        traces.append(
            {
                "type": "scatter",
                "meta": "interval",
                "mode": "lines+markers",
                "x": list(chart.interval),
                "y": [chart.score, chart.score],
                "line": {"color": theme.accent, "width": 2.5},
                "marker": {"symbol": "line-ns", "size": 11, "line": {"color": theme.accent, "width": 2.5}},
                "hoverinfo": "skip",
                "name": chart.interval_text,
            }
        )
    traces.append(
        {
            "type": "scatter",
            "meta": "best",
            "mode": "markers",
            "x": [chart.lr],
            "y": [chart.score],
            "marker": {"symbol": "circle-open", "size": 17, "color": theme.accent, "line": {"width": 2.5}},
            "hoverinfo": "skip",
            "name": chart.legend["best"],
        }
    )
    return traces


def shapes(chart: UCurve, theme: Theme) -> list[Spec]:
    """The safe range, and the user's own rate."""
    shapes: list[Spec] = []
    if chart.safe_range is not None:
        low, high = chart.safe_range
        shapes.append(
            {
                "type": "rect",
                "layer": "below",
                "xref": "x",
                "yref": "paper",
                "x0": low,
                "x1": high,
                "y0": 0,
                "y1": 1,
                "fillcolor": faded(theme.safe, 0.15),
                "line": {"color": theme.safe, "width": 1},
                "name": chart.safe_text,
                "showlegend": True,
            }
        )
    if chart.current_lr is not None:
        shapes.append(
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": chart.current_lr,
                "x1": chart.current_lr,
                "y0": 0,
                "y1": 1,
                "line": {"color": theme.accent, "width": 1.6, "dash": "dash"},
                "name": chart.legend["current"],
                "showlegend": True,
            }
        )
    return shapes


def schedule(curve: ScheduleCurve, quantity: str, theme: Theme) -> Spec:
    """One schedule, or the record of one."""
    color = tone_color(curve.tone, theme)
    return {
        "type": "scatter",
        "meta": "record" if curve.marks else "schedule",
        "mode": "markers" if curve.marks or len(curve.x) == 1 else "lines",
        "x": list(curve.x),
        "y": list(curve.y),
        "line": {"color": color, "width": 2, "dash": dash(curve.dash)},
        "marker": {"color": color, "size": 5},
        "hovertemplate": f"%{{x:.6g}}: {quantity} %{{y:.5g}}<extra></extra>",
        "name": label(curve.name),
    }


def line_width(curve: Curve) -> float:
    """Width of a learning curve in pixels: the answer's own is bold."""
    return 3 if curve.winner else 1.5


def dash(index: int) -> str:
    """The dash pattern of an arm."""
    lengths = DASHES[index % len(DASHES)]
    return ",".join(f"{2 * length:g}px" for length in lengths) if lengths else "solid"


def slices(place: int, row: TimelineRow, chart: Timeline, theme: Theme) -> Spec:
    """The slices of one run as thick lines at one height."""
    x: list[float | None] = []
    texts: list[str] = []
    for bar in row.bars:
        x += [bar.begin, bar.end, None]
        texts += [label(bar.text)] * 3
    return {
        "type": "scatter",
        "meta": "slices",
        "mode": "lines",
        "x": x,
        "y": [place] * len(x),
        "line": {"color": tone_color(row.tone, theme), "width": max(2, min(10, 300 // len(chart.rows)))},
        "customdata": [row.lr],
        "hovertext": texts,
        "hoverinfo": "text",
        "connectgaps": False,
        "showlegend": False,
    }


def faded(color: str, alpha: float) -> str:
    """A ``#rrggbb`` colour that lets shine through what is behind."""
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def label(text: str) -> str:
    """Foreign text as Plotly shows it: it reads a few tags and ``%{...}`` in what it draws."""
    return html.escape(short(text, 80), quote=False).replace("%{", "%\u200b{")
