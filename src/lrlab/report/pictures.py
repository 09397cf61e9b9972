"""Pictures of the charts, PNG and SVG, for notebooks, documents and print.

The only file that knows matplotlib; it never touches pyplot and its global figure.
"""

import io
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lrlab.core.errors import NotFoundError
from lrlab.core.lr_range import format_lr
from lrlab.report.charts import Point, UCurve
from lrlab.report.curves import LearningCurves
from lrlab.report.palette import DASHES, LIGHT, Theme, tone_color
from lrlab.report.scales import lr_ticks, tick_labels, value_labels
from lrlab.report.schedules import ScheduleChart
from lrlab.report.words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "D", "v", "P", "h")
# More labels than this lie on one another; the table has the numbers.
MOST_LABELS = 30
_SHORT_NAME = 40  # two columns of a legend have room for it
_SMALL_RATES = 0.01  # below, rates are written with an exponent
# The settings of matplotlib belong to the whole process; two threads must not change them at once.
_settings = threading.Lock()


def u_curve_picture(
    chart: UCurve, *, theme: Theme = LIGHT, width: float = 7.2, height: float = 4.6, legend: bool = True
) -> "Figure":
    """The U-curve as a matplotlib figure of ``width`` by ``height`` inches, on a background of its own.

    Without its ``legend`` it is for a place that has the words elsewhere, or no room for them.

    Raises:
        NotFoundError: If matplotlib is not installed.
    """
    figure = blank_figure(width, height, theme)
    crossed = chart.of("diverged")
    if crossed:
        lane, axes = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1, 9], "hspace": 0.02})
        _draw_lane(lane, crossed, chart.crossed(), theme, label=plain_text(chart.legend["diverged"]))
    else:
        axes = figure.subplots()
    style_axes(axes, theme)
    _rate_axis(axes, chart.x_range)
    axes.set_ylabel(plain_text(short(chart.metric)))
    if chart.y_range is None:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "No run has a score.", transform=axes.transAxes, ha="center", color=theme.muted)
    else:
        _value_axis(axes, chart.y_range, chart.y_scale)
        _draw_runs(axes, chart, theme)
    if waiting := chart.of("none"):
        axes.plot([p.lr for p in waiting], [0.0] * len(waiting), "|", color=theme.muted, markersize=9,
                  transform=axes.get_xaxis_transform(), clip_on=False, gid="none",
                  label=plain_text(chart.legend["none"]))  # fmt: skip
    _draw_answer(axes, lane if crossed else None, chart, theme)
    handles: dict[object, Any] = {}
    for one in (axes, lane) if crossed else (axes,):
        handles |= {label: handle for handle, label in zip(*one.get_legend_handles_labels(), strict=True)}
    order = [plain_text(text) for text in chart.legend.values() if plain_text(text) in handles]
    if order and legend:
        figure.legend(
            [handles[text] for text in order],
            order,
            loc="outside lower center",
            ncols=2 if width >= 5 else 1,
            frameon=False,
            fontsize=8,
            labelcolor=theme.text,
            markerscale=0.65,
            handlelength=1.7,
            columnspacing=1.4,
        )
    return figure


def curves_picture(
    chart: LearningCurves, *, theme: Theme = LIGHT, width: float = 7.2, height: float = 4.6
) -> "Figure":
    """The learning curves as a matplotlib figure of ``width`` by ``height`` inches.

    Raises:
        NotFoundError: If matplotlib is not installed.
    """
    figure = blank_figure(width, height, theme)
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots()
    style_axes(axes, theme)
    axes.set_xlabel(plain_text(chart.unit))
    axes.set_ylabel(plain_text(short(chart.metric)))
    axes.set_xlim(*chart.x_range)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=chart.x_range[1] >= 2))
    if chart.y_range is None:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "No run has a value.", transform=axes.transAxes, ha="center", color=theme.muted)
        return figure
    _value_axis(axes, chart.y_range, chart.y_scale)
    for number, curve in enumerate(chart.curves):
        color = tone_color(curve.tone, theme)
        (line,) = axes.plot(curve.x, curve.y, color=color, linewidth=2.6 if curve.winner else 1.2,
                            zorder=4 if curve.winner else 3, gid=f"curve-{number}")  # fmt: skip
        if dashes := DASHES[curve.dash % len(DASHES)]:
            line.set_dashes(dashes)
        if curve.low:
            axes.fill_between(curve.x, curve.low, curve.high, color=color, alpha=0.18, linewidth=0, zorder=2,
                              gid=f"range-{number}")  # fmt: skip
        if curve.diverged:
            low, high = chart.y_range
            axes.scatter([curve.x[-1]], [min(max(curve.y[-1], low), high)], marker="x", color=color, s=40,
                         linewidths=1.6, zorder=5, clip_on=False, gid=f"cross-{number}")  # fmt: skip
    if chart.lr_range is not None and chart.lr_range[0] < chart.lr_range[1]:
        _color_bar(figure, axes, chart.lr_range, theme)
    if len(chart.arms) > 1:
        shown = sorted({curve.dash for curve in chart.curves})
        lines = [axes.plot([], [], color=theme.text, linewidth=1.4)[0] for _ in shown]
        for line, dash in zip(lines, shown, strict=True):
            if dashes := DASHES[dash % len(DASHES)]:
                line.set_dashes(dashes)
        names = [plain_text(chart.arms[dash]) for dash in shown]
        figure.legend(lines, names, loc="outside lower center", ncols=2, frameon=False, fontsize=8,
                      labelcolor=theme.text)  # fmt: skip
    return figure


def schedule_picture(
    chart: ScheduleChart, *, theme: Theme = LIGHT, width: float = 7.2, height: float = 3.6
) -> "Figure":
    """Schedules as a matplotlib figure of ``width`` by ``height`` inches.

    Raises:
        NotFoundError: If matplotlib is not installed.
    """
    figure = blank_figure(width, height, theme)
    axes = figure.subplots()
    _draw_schedules(axes, chart, theme, linewidth=1.8)
    axes.set_xlabel(plain_text(chart.unit))
    axes.set_ylabel(plain_text(chart.quantity))
    if len(chart.curves) > 1:
        columns = 2 if max(len(short(curve.name, 90)) for curve in chart.curves) <= _SHORT_NAME else 1
        figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=8,
                      labelcolor=theme.text, handlelength=3.5)  # fmt: skip
    else:
        axes.set_title(plain_text(short(chart.curves[0].name, 80)), color=theme.text, fontsize=10, loc="left")
    return figure


def schedule_gallery(charts: Sequence[ScheduleChart], *, theme: Theme = LIGHT, columns: int = 4) -> "Figure":
    """Many charts of one schedule each, small, in a grid.

    Raises:
        NotFoundError: If matplotlib is not installed.
    """
    rows = -(-len(charts) // columns)
    figure = blank_figure(2.5 * columns, 1.5 * rows, theme)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, chart in zip(grid, charts, strict=False):
        _draw_schedules(axes, chart, theme, linewidth=1.6)
        axes.set_title(plain_text(short(chart.curves[0].name, 46)), color=theme.text, fontsize=7, loc="left")
        axes.set_xticks([])
        axes.tick_params(labelsize=6)
    for axes in grid[len(charts) :]:
        axes.set_visible(False)
    return figure


def png(figure: "Figure", *, dpi: int = 144) -> bytes:
    """The figure as PNG; the same bytes for the same figure."""
    return _written(
        figure, lambda file: figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    )


def small_png(figure: "Figure", *, dpi: int = 120) -> bytes:
    """The figure as PNG of 256 colours: a third of the size, for a notebook that is kept under version control."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png(figure, dpi=dpi))).convert("RGB")
    file = io.BytesIO()
    few = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


def svg(figure: "Figure") -> str:
    """The figure as a standalone SVG document whose text stays text; the same for the same figure."""
    return _written(figure, lambda file: figure.savefig(file, format="svg", metadata={"Date": None})).decode()


def _written(figure: "Figure", write: Callable[[io.BytesIO], None]) -> bytes:
    import matplotlib as mpl

    file = io.BytesIO()
    with (
        _settings,
        warnings.catch_warnings(),
        mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lrlab"}),
    ):
        # A name in a script that the font lacks is drawn as boxes; that is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        write(file)
    return file.getvalue()


def blank_figure(width: float, height: float, theme: Theme) -> "Figure":
    """An empty figure of ``width`` by ``height`` inches in a theme.

    Raises:
        NotFoundError: If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise NotFoundError(
            "report: matplotlib is not installed, and pictures need it.",
            hint='Run: pip install "lrlab[plot]".',
        ) from None
    figure = Figure(figsize=(width, height), facecolor=theme.background)
    figure.set_layout_engine("constrained", h_pad=0.03, hspace=0.0)
    FigureCanvasAgg(figure)
    # A notebook shows figures of pyplot only, unless they can show themselves.
    figure._repr_png_ = partial(png, figure)  # type: ignore[attr-defined]
    return figure


def style_axes(axes: "Axes", theme: Theme) -> None:
    """Give axes the colours of a theme, two spines and a grid."""
    axes.set_facecolor(theme.background)
    axes.tick_params(which="both", colors=theme.muted, labelsize=9)
    axes.xaxis.label.set(color=theme.text, fontsize=10)
    axes.yaxis.label.set(color=theme.text, fontsize=10)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.muted)
    axes.grid(True, color=theme.grid, linewidth=0.7)
    axes.set_axisbelow(True)


def _rate_axis(axes: "Axes", span: tuple[float, float]) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_xlim(*span)
    ticks = lr_ticks(*span)
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_major_formatter(FixedFormatter(list(tick_labels(ticks))))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("learning rate")


def _value_axis(axes: "Axes", span: tuple[float, float], scale: str) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter

    if scale == "log":
        axes.set_yscale("log")
        ticks = lr_ticks(*span, most=7)
        axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.yaxis.set_major_formatter(FixedFormatter(list(value_labels(ticks))))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(*span)


def _draw_runs(axes: "Axes", chart: UCurve, theme: Theme) -> None:
    legend = {mark: plain_text(text) for mark, text in chart.legend.items()}
    for level in chart.levels:
        axes.plot(level.rates, level.scores, color=theme.muted, linewidth=1.0, linestyle=(0, (1, 2)),
                  zorder=2, gid=f"level-{level.units}", label=legend["level"])  # fmt: skip
    for index, arm in enumerate(chart.arms):
        suffix = f"-{index}" if index else ""
        means = [mean for mean in chart.means if mean.arm == arm]
        x = [mean.lr for mean in means]
        if any(mean.seeds > 1 for mean in means):
            axes.fill_between(x, [chart.drawn(m.low) for m in means], [chart.drawn(m.high) for m in means],
                              color=theme.muted, alpha=0.22, linewidth=0, zorder=2, gid=f"band{suffix}",
                              label=legend["band"])  # fmt: skip
        if means:
            (line,) = axes.plot(x, [chart.drawn(m.value) for m in means], color=theme.muted, linewidth=1.4,
                                zorder=3, gid=f"mean{suffix}", label=legend[f"mean-{index}"])  # fmt: skip
            if dashes := DASHES[index % len(DASHES)]:
                line.set_dashes(dashes)
        for kind in ("finished", "partial"):
            if points := chart.of(kind, arm=arm):
                colors = [tone_color(p.tone, theme) for p in points]
                fill = colors if kind == "finished" else [theme.background] * len(points)
                axes.scatter([p.lr for p in points], [chart.drawn(p.score or 0.0) for p in points], s=34,
                             marker=MARKERS[index % len(MARKERS)], edgecolors=colors, facecolors=fill,
                             linewidths=1.5, zorder=5, gid=f"{kind}{suffix}", label=legend[kind])  # fmt: skip
    _label_partial(axes, chart, theme)
    _mark_clipped(axes, chart, theme, legend)


def _label_partial(axes: "Axes", chart: UCurve, theme: Theme) -> None:
    points = chart.of("partial")
    if len(points) > MOST_LABELS:
        return
    for point in points:
        axes.annotate(str(point.units), (point.lr, chart.drawn(point.score or 0.0)), xytext=(6, 3),
                      textcoords="offset points", fontsize=7.5, color=theme.muted, zorder=6)  # fmt: skip


def _mark_clipped(axes: "Axes", chart: UCurve, theme: Theme, legend: dict[str, str]) -> None:
    out = [p for p in chart.points if p.score is not None and chart.drawn(p.score) != p.score]
    if out:
        axes.scatter([p.lr for p in out], [chart.drawn(p.score or 0.0) for p in out], s=70, zorder=6,
                     color=theme.diverged, marker="^" if chart.direction == "min" else "v", clip_on=False,
                     gid="clipped", label=legend["clipped"])  # fmt: skip


def _draw_lane(
    lane: "Axes", points: tuple[Point, ...], texts: Mapping[float, str], theme: Theme, *, label: str
) -> None:
    style_axes(lane, theme)
    lane.set_ylim(-1, 1)
    lane.set_yticks([])
    lane.tick_params(which="both", bottom=False, labelbottom=False)
    lane.spines["left"].set_visible(False)
    lane.spines["bottom"].set_color(theme.grid)
    lane.scatter([p.lr for p in points], [0.0] * len(points), marker="x", s=42, color=theme.diverged,
                 linewidths=1.8, zorder=5, gid="diverged", label=label)  # fmt: skip
    if len(texts) > MOST_LABELS:
        return
    for lr, text in texts.items():
        lane.annotate(
            text, (lr, 0.0), xytext=(7, -3), textcoords="offset points", fontsize=7.5, color=theme.muted
        )


def _draw_answer(axes: "Axes", lane: "Axes | None", chart: UCurve, theme: Theme) -> None:
    legend = {mark: plain_text(text) for mark, text in chart.legend.items()}
    for one in (axes, lane) if lane is not None else (axes,):
        if chart.safe_range is not None:
            one.axvspan(*chart.safe_range, color=theme.safe, alpha=0.15, linewidth=0, zorder=1)
            for end in chart.safe_range:
                one.axvline(end, color=theme.safe, linewidth=1.0, zorder=1)
        if chart.current_lr:
            one.axvline(chart.current_lr, color=theme.accent, linewidth=1.4, linestyle=(0, (4, 3)), zorder=4)
    if chart.safe_range is not None:
        axes.fill_between([], [], color=theme.safe, alpha=0.3, label=legend["safe"])
    if chart.current_lr:
        axes.plot([], [], color=theme.accent, linewidth=1.4, linestyle=(0, (4, 3)), label=legend["current"])
    if "best" not in legend or chart.lr is None or chart.score is None or chart.y_range is None:
        return
    if chart.interval is not None:
        axes.plot(chart.interval, [chart.score] * 2, color=theme.accent, linewidth=2.2, marker="|",
                  markersize=11, markeredgewidth=2.2, zorder=6, gid="interval",
                  label=legend["interval"])  # fmt: skip
    axes.scatter([chart.lr], [chart.score], s=150, facecolors="none", edgecolors=theme.accent, linewidths=2.2,
                 zorder=7, gid="best", label=legend["best"])  # fmt: skip


def _draw_schedules(axes: "Axes", chart: ScheduleChart, theme: Theme, *, linewidth: float) -> None:
    style_axes(axes, theme)
    axes.set_xlim(*chart.x_range)
    axes.set_ylim(*chart.y_range)
    if chart.y_range[1] < _SMALL_RATES:
        # A person writes 3e-4, not 0.00030.
        axes.yaxis.set_major_formatter(lambda value, _: format_lr(value))
    for number, curve in enumerate(chart.curves):
        points = curve.marks or len(curve.x) == 1
        (line,) = axes.plot(curve.x, curve.y, "o" if points else "-", color=tone_color(curve.tone, theme),
                            linewidth=linewidth, markersize=3, clip_on=False, gid=f"schedule-{number}",
                            label=plain_text(short(curve.name, 90)))  # fmt: skip
        if (dashes := DASHES[curve.dash % len(DASHES)]) and not points:
            line.set_dashes(dashes)


def _color_bar(figure: "Figure", axes: "Axes", span: tuple[float, float], theme: Theme) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, LogNorm
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    ramp = LinearSegmentedColormap.from_list("rate", [tone_color(k / 32, theme) for k in range(33)])
    bar = figure.colorbar(ScalarMappable(LogNorm(*span), ramp), ax=axes, pad=0.02, aspect=30)
    ticks = lr_ticks(*span, most=8)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_locator(FixedLocator(list(ticks)))
    bar.ax.yaxis.set_major_formatter(FixedFormatter(list(tick_labels(ticks))))
    bar.ax.tick_params(colors=theme.muted, labelsize=8)
    bar.set_label("learning rate", color=theme.text, fontsize=9)
    bar.outline.set_visible(False)


def plain_text(text: str) -> str:
    """Foreign text as matplotlib shows it: a dollar sign is a dollar sign, not mathematics."""
    return short(text, 80).replace("$", r"\$")
