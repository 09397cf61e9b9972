"""Interactive charts: Plotly figures for the page, the report and ``show``. The only file that knows Plotly.

Only the ``scatter`` trace is used: it needs no WebGL and no ``eval``, so a strict content policy holds. A ``..._spec`` is
what its figure is to a browser, ``data`` and ``layout``, as plain values: of many curves Plotly's own look at every
number takes longer than all else.
"""

import math
from typing import TYPE_CHECKING

from lrlab.core.errors import NotFoundError
from lrlab.core.lr_range import format_lr
from lrlab.report import marks
from lrlab.report.charts import UCurve
from lrlab.report.curves import Curve, LearningCurves
from lrlab.report.marks import Spec, dash, label
from lrlab.report.palette import LIGHT, Theme, tone_color
from lrlab.report.scales import Scale, lr_ticks, tick_labels, value_labels
from lrlab.report.schedules import ScheduleChart
from lrlab.report.timeline import Timeline
from lrlab.report.words import format_score, short

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_HEIGHT_PX = 430
_ENTRY_PX = 20
_LANE = (0.91, 1.0)
_MAIN = (0.0, 0.89)


def u_curve_figure(chart: UCurve, *, theme: Theme = LIGHT, legend: bool = True) -> "Figure":
    """``u_curve_spec`` as a figure.

    Raises:
        NotFoundError: If Plotly is not installed.
    """
    return _figure(u_curve_spec(chart, theme=theme, legend=legend))


def u_curve_spec(chart: UCurve, *, theme: Theme = LIGHT, legend: bool = True) -> Spec:
    """The U-curve; each trace's ``meta`` names its mark as in ``chart.legend``.

    With ``legend`` the figure has a height of its own, so that chart and legend fit below one another.
    """
    lane = bool(chart.of("diverged"))
    data = [*marks.levels(chart, theme), *marks.means(chart, theme), *marks.runs(chart, theme)]
    data += [*marks.answer(chart, theme)]
    layout = _layout(theme, len(chart.legend) if legend else 0) | {
        "xaxis": _rate_axis(chart.x_range, theme),
        "yaxis": _value_axis(chart.metric, chart.y_range, chart.y_scale, theme)
        | {"domain": _MAIN if lane else (0.0, 1.0)},
        "yaxis2": {"domain": _LANE, "range": [-1, 1], "visible": False, "fixedrange": True},
        "shapes": marks.shapes(chart, theme),
    }
    if chart.y_range is None:
        layout["annotations"] = [_notice("No run has a score.", theme)]
        # Without a trace of its own the main axis is not drawn, and the rates would hang from the lane.
        data.append({"type": "scatter", "meta": "empty", "x": [None], "y": [None], "showlegend": False})
    return _spec(data, layout)


def curves_figure(chart: LearningCurves, *, theme: Theme = LIGHT, legend: bool = True) -> "Figure":
    """``curves_spec`` as a figure.

    Raises:
        NotFoundError: If Plotly is not installed.
    """
    return _figure(curves_spec(chart, theme=theme, legend=legend))


def curves_spec(chart: LearningCurves, *, theme: Theme = LIGHT, legend: bool = True) -> Spec:
    """The learning curves; each trace's ``customdata`` holds its rate."""
    data = [_range(curve, theme) for curve in chart.curves if curve.low]
    data += [_curve(curve, chart, theme) for curve in chart.curves]
    data += [_cross(curve, chart, theme) for curve in chart.curves if curve.diverged and chart.y_range]
    if chart.lr_range is not None and chart.lr_range[0] < chart.lr_range[1] and chart.curves:
        data.append(_color_bar(chart.lr_range, theme))
    layout = _layout(theme, len(chart.arms) if legend and len(chart.arms) > 1 else 0) | {
        "xaxis": _axis(theme) | {"title": {"text": label(chart.unit)}, "range": list(chart.x_range)},
        "yaxis": _value_axis(chart.metric, chart.y_range, chart.y_scale, theme),
    }
    if chart.y_range is None:
        layout["annotations"] = [_notice("No run has a value.", theme)]
    return _spec(data, layout)


def schedule_figure(chart: ScheduleChart, *, theme: Theme = LIGHT, legend: bool = True) -> "Figure":
    """Schedules over the steps of a training.

    Raises:
        NotFoundError: If Plotly is not installed.
    """
    several = len(chart.curves) > 1
    data = [marks.schedule(curve, chart.quantity, theme) for curve in chart.curves]
    layout = _layout(theme, len(chart.curves) if legend and several else 0) | {
        "xaxis": _axis(theme) | {"title": {"text": label(chart.unit)}, "range": list(chart.x_range)},
        "yaxis": _axis(theme)
        # By itself Plotly writes 3e-4 as 300µ.
        | {
            "title": {"text": label(chart.quantity), "standoff": 10},
            "range": list(chart.y_range),
            "exponentformat": "e",
            "automargin": True,
        },
    }
    return _figure(_spec(data, layout))


def timeline_figure(chart: Timeline, *, theme: Theme = LIGHT) -> "Figure":
    """``timeline_spec`` as a figure.

    Raises:
        NotFoundError: If Plotly is not installed.
    """
    return _figure(timeline_spec(chart, theme=theme))


def timeline_spec(chart: Timeline, *, theme: Theme = LIGHT) -> Spec:
    """The timeline, the lowest rate on top as in the tables; each trace's ``customdata`` holds its rate."""
    data = [marks.slices(place, row, chart, theme) for place, row in enumerate(chart.rows)]
    every = -(-len(chart.rows) // 24) or 1
    shown = range(0, len(chart.rows), every)
    layout = _layout(theme, 0) | {
        "xaxis": _axis(theme) | {"title": {"text": "cost so far, full runs"}, "range": [0, chart.cost or 1]},
        "yaxis": _axis(theme)
        | {"range": [max(len(chart.rows), 1) - 0.3, -0.7], "tickvals": list(shown), "showgrid": False,
           "ticktext": [label(chart.rows[k].label) for k in shown], "fixedrange": True, "automargin": True},
    }  # fmt: skip
    if not chart.rows:
        layout["annotations"] = [_notice("Nothing is trained yet.", theme)]
    return _spec(data, layout)


def script() -> str:
    """The text of Plotly's own JavaScript, from the installed package."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise _missing() from None
    return str(get_plotlyjs())


def _spec(data: list[Spec], layout: Spec) -> Spec:
    # The default template is large and brings colours of its own.
    return {"data": data, "layout": layout | {"template": {}}}


def _figure(spec: Spec) -> "Figure":
    try:
        from plotly.graph_objects import Figure
    except ImportError:
        raise _missing() from None
    return Figure(**spec)


def _missing() -> NotFoundError:
    return NotFoundError(
        "report: plotly is not installed, and interactive charts need it.",
        hint='Run: pip install "lrlab[plot]".',
    )


def _layout(theme: Theme, entries: int) -> Spec:
    """What both charts share; below them there is room for a legend of ``entries`` lines."""
    room = _ENTRY_PX * entries
    return {
        "paper_bgcolor": theme.background,
        "plot_bgcolor": theme.background,
        "font": {"family": _FONT, "size": 12, "color": theme.text},
        "margin": {"l": 62, "r": 18, "t": 28, "b": 48 + room},
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": theme.background,
            "bordercolor": theme.muted,
            "font": {"color": theme.text},
        },
        "showlegend": entries > 0,
        "legend": {"yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "tracegroupgap": 0},
        "dragmode": "zoom",
        **({"height": _HEIGHT_PX + room} if entries else {}),
    }


def _axis(theme: Theme) -> Spec:
    return {
        "gridcolor": theme.grid,
        "linecolor": theme.muted,
        "tickcolor": theme.muted,
        "tickfont": {"color": theme.muted},
        "ticks": "outside",
        "showline": True,
        "zeroline": False,
    }


def _rate_axis(span: tuple[float, float], theme: Theme) -> Spec:
    ticks = lr_ticks(*span)
    return _axis(theme) | {
        "type": "log",
        "range": [math.log10(end) for end in span],
        "tickvals": list(ticks),
        "ticktext": list(tick_labels(ticks)),
        "title": {"text": "learning rate"},
    }


def _value_axis(metric: str, span: tuple[float, float] | None, scale: Scale, theme: Theme) -> Spec:
    axis = _axis(theme) | {"title": {"text": label(short(metric, 30))}}
    if span is None:
        return axis | {"range": [0, 1], "showticklabels": False, "ticks": ""}
    if scale == "linear":
        return axis | {"range": list(span)}
    ticks = lr_ticks(*span, most=7)
    return axis | {
        "type": "log",
        "range": [math.log10(end) for end in span],
        "tickvals": list(ticks),
        "ticktext": list(value_labels(ticks)),
    }


def _range(curve: Curve, theme: Theme) -> Spec:
    """Lowest to highest of the seeds at one rate."""
    return {
        "type": "scatter",
        "meta": "range",
        "mode": "lines",
        "x": [*curve.x, *reversed(curve.x)],
        "y": [*curve.low, *reversed(curve.high)],
        "fill": "toself",
        "fillcolor": marks.faded(tone_color(curve.tone, theme), 0.18),
        "line": {"width": 0},
        "customdata": [curve.lr],
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _curve(curve: Curve, chart: LearningCurves, theme: Theme) -> Spec:
    who = f"seed {curve.seed}, {curve.status}" if not curve.low else f"mean of {curve.status}"
    arm = "" if len(chart.arms) == 1 else f", {label(curve.arm)}"
    first = next(c for c in chart.curves if c.dash == curve.dash) is curve
    return {
        "type": "scatter",
        "meta": "curve",
        "mode": "lines" if len(curve.x) > 1 else "markers",
        "x": list(curve.x),
        "y": list(curve.y),
        "line": {
            "color": tone_color(curve.tone, theme),
            "width": marks.line_width(curve),
            "dash": dash(curve.dash),
        },
        "marker": {"color": tone_color(curve.tone, theme), "size": 6},
        "customdata": [curve.lr],
        "hovertemplate": f"lr {format_lr(curve.lr)}, {who}{arm}"
        f"<br>{chart.unit} %{{x:.5~g}}: %{{y:.4~g}}<extra></extra>",
        "name": label(curve.arm),
        "legendgroup": str(curve.dash),
        "showlegend": first,
    }


def _cross(curve: Curve, chart: LearningCurves, theme: Theme) -> Spec:
    assert chart.y_range is not None
    low, high = chart.y_range
    return {
        "type": "scatter",
        "meta": "cross",
        "mode": "markers",
        "x": [curve.x[-1]],
        "y": [min(max(curve.y[-1], low), high)],
        "marker": {
            "symbol": "x-thin",
            "size": 9,
            "line": {"width": 2.2, "color": tone_color(curve.tone, theme)},
        },
        "customdata": [curve.lr],
        "hovertext": f"lr {format_lr(curve.lr)}, seed {curve.seed}: last {format_score(curve.y[-1])}",
        "hoverinfo": "text",
        "cliponaxis": False,
        "showlegend": False,
    }


def _color_bar(span: tuple[float, float], theme: Theme) -> Spec:
    low, high = map(math.log10, span)
    ticks = lr_ticks(*span, most=7)
    return {
        "type": "scatter",
        "meta": "colors",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "showlegend": False,
        "hoverinfo": "skip",
        "marker": {
            "color": [low],
            "cmin": low,
            "cmax": high,
            "colorscale": [[k / 16, tone_color(k / 16, theme)] for k in range(17)],
            "colorbar": {
                "orientation": "h",
                "y": 1.01,
                "yanchor": "bottom",
                "ypad": 4,
                "thickness": 10,
                "len": 1.0,
                "outlinewidth": 0,
                "tickvals": [math.log10(tick) for tick in ticks],
                "ticktext": list(tick_labels(ticks)),
                "tickfont": {"color": theme.muted, "size": 11},
                "title": {"text": "learning rate", "side": "top", "font": {"size": 11, "color": theme.text}},
            },
        },
    }


def _notice(text: str, theme: Theme) -> Spec:
    return {"text": text, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False,
            "font": {"color": theme.muted, "size": 13}}  # fmt: skip
