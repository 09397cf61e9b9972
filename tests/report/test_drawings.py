"""The two renderers draw the same numbers: those of the chart."""

import json
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import samples

from lrlab.core.errors import NotFoundError
from lrlab.core.outcome import Outcome
from lrlab.core.record import Record
from lrlab.report.charts import u_curve
from lrlab.report.curves import learning_curves
from lrlab.report.palette import DARK, LIGHT, contrast
from lrlab.report.text import answer_text
from lrlab.report.timeline import timeline

pytestmark = pytest.mark.plot
pytest.importorskip("matplotlib")
pytest.importorskip("plotly")

from lrlab.report import figures, pictures  # noqa: E402

every = pytest.mark.parametrize("name", sorted(samples.EVERY))
Drawn = dict[str, list[tuple[float, float]]]


def _of_picture(figure) -> Drawn:
    drawn: Drawn = {}
    for axes in figure.axes:
        for line in axes.lines:
            if line.get_gid():
                drawn[line.get_gid()] = list(zip(*map(np.asarray, line.get_data()), strict=True))
        for group in axes.collections:
            if group.get_gid() and not group.get_gid().startswith("band"):
                drawn[group.get_gid()] = [tuple(point) for point in group.get_offsets()]
    return drawn


def _of_figure(figure) -> Drawn:
    drawn: Drawn = {}
    for number, trace in enumerate(figure.data):
        name = f"curve-{number}" if trace.meta == "curve" else trace.meta
        if not name.startswith(("band", "colors", "empty")):
            drawn[name] = list(zip(trace.x, trace.y, strict=True))
    return drawn


@every
def test_the_u_curve_has_the_same_numbers_in_both(name):
    chart = u_curve(samples.EVERY[name]())
    picture, figure = _of_picture(pictures.u_curve_picture(chart)), _of_figure(figures.u_curve_figure(chart))
    # A run without a value is a tick at the bottom; where the bottom is differs.
    assert [x for x, _ in picture.pop("none", [])] == [x for x, _ in figure.pop("none", [])]
    assert picture.keys() == figure.keys()
    for mark in picture:
        np.testing.assert_array_equal(np.array(picture[mark]), np.array(figure[mark]), err_msg=mark)


def test_the_u_curve_has_the_numbers_of_the_chart():
    chart = u_curve(samples.answer())
    drawn = _of_figure(figures.u_curve_figure(chart))
    for kind in ("finished", "partial"):
        assert drawn[kind] == [(p.lr, p.score) for p in chart.of(kind)]
    assert drawn["best"] == [(chart.lr, chart.score)]
    assert drawn["interval"] == [(end, chart.score) for end in chart.interval]
    assert [x for x, _ in drawn["diverged"]] == [p.lr for p in chart.of("diverged")]
    assert {"level-1", "level-3", "level-9"} <= set(drawn)


def test_band_and_safe_range_have_the_same_numbers_in_both():
    chart = u_curve(samples.grid(3))
    figure = figures.u_curve_figure(chart)
    band = next(trace for trace in figure.data if trace.meta == "band")
    lows = [mean.low for mean in chart.means]
    assert list(band.y[: len(lows)]) == lows
    assert list(band.y[len(lows) :]) == [mean.high for mean in reversed(chart.means)]
    picture = pictures.u_curve_picture(chart)
    area = next(g for axes in picture.axes for g in axes.collections if g.get_gid() == "band")
    corners = {tuple(point) for point in area.get_paths()[0].vertices}
    assert set(zip(band.x, band.y, strict=True)) <= corners
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == chart.safe_range
    assert figure.layout.xaxis.range == tuple(np.log10(chart.x_range))
    assert picture.axes[-1].get_xlim() == chart.x_range
    assert figure.layout.yaxis.range == picture.axes[-1].get_ylim() == chart.y_range


@every
def test_learning_curves_have_the_same_numbers_in_both(name):
    chart = learning_curves(samples.EVERY[name]())
    picture, figure = pictures.curves_picture(chart), figures.curves_figure(chart)
    lines = {k: v for k, v in _of_picture(picture).items() if k.startswith("curve-")}
    traces = {k: v for k, v in _of_figure(figure).items() if k.startswith("curve-")}
    wanted = {f"curve-{n}": list(zip(c.x, c.y, strict=True)) for n, c in enumerate(chart.curves)}
    assert lines == traces == (wanted if chart.y_range else {})


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_colours_go_along_with_the_rate_in_both(theme):
    chart = learning_curves(samples.grid())
    colors = [
        trace.line.color for trace in figures.curves_figure(chart, theme=theme).data if trace.meta == "curve"
    ]
    lines = [line for line in pictures.curves_picture(chart, theme=theme).axes[0].lines if line.get_gid()]
    assert [line.get_color() for line in lines] == colors
    assert len(set(colors)) == 13
    brightness = [contrast(color, "#000000") for color in colors]
    assert brightness == sorted(brightness)


@pytest.mark.parametrize("name", ["seeds", "hostile", "zero_runs"])
def test_pictures_are_the_same_bytes_each_time(name):
    answer = samples.EVERY[name]()

    def drawn():
        return pictures.u_curve_picture(u_curve(answer))

    assert pictures.png(drawn(), dpi=60) == pictures.png(drawn(), dpi=60)
    assert pictures.png(drawn(), dpi=60).startswith(b"\x89PNG")
    drawing = pictures.svg(drawn())
    assert drawing == pictures.svg(drawn())
    assert ET.fromstring(drawing).tag.endswith("svg")
    assert "learning rate" in drawing


def test_pictures_leave_no_trace_in_matplotlib():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    pictures.svg(pictures.curves_picture(learning_curves(samples.answer())))
    assert dict(mpl.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()


def test_ticks_are_never_zero():
    chart = u_curve(samples.answer())
    assert "0" not in figures.u_curve_figure(chart).layout.xaxis.ticktext
    assert figures.u_curve_figure(chart).layout.xaxis.ticktext[0] == "1e-5"
    labels = [text.get_text() for text in pictures.u_curve_picture(chart).axes[-1].get_xticklabels()]
    assert labels == list(figures.u_curve_figure(chart).layout.xaxis.ticktext)


@every
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_what_a_browser_is_given_is_what_plotly_makes_of_it(name, theme):
    answer = samples.EVERY[name]()
    chart, lines, slices = u_curve(answer), learning_curves(answer), timeline(samples.study(answer))
    for spec, figure in (
        (figures.u_curve_spec(chart, theme=theme), figures.u_curve_figure(chart, theme=theme)),
        (figures.curves_spec(lines, theme=theme), figures.curves_figure(lines, theme=theme)),
        (figures.timeline_spec(slices, theme=theme), figures.timeline_figure(slices, theme=theme)),
    ):
        told = json.loads(figure.to_json())
        assert told["layout"]["template"] in (
            {},
            {"data": {"scatter": [{"type": "scatter"}]}},
        )  # both say nothing
        told["layout"]["template"] = {}
        assert json.loads(json.dumps(spec, allow_nan=False)) == told


def test_only_scatter_is_used():
    for name in samples.EVERY:
        answer = samples.EVERY[name]()
        for figure in (
            figures.u_curve_figure(u_curve(answer)),
            figures.curves_figure(learning_curves(answer)),
        ):
            assert {trace.type for trace in figure.data} <= {"scatter"}


def test_a_name_with_dollars_is_no_mathematics_and_no_tag():
    chart = u_curve(samples.hostile())
    assert "frac" in pictures.svg(pictures.u_curve_picture(chart)) or len(chart.metric) > 40
    title = figures.u_curve_figure(chart).layout.yaxis.title.text
    assert title.startswith("&lt;img src=x")


@pytest.mark.parametrize(
    ("call", "module", "said"),
    [
        (lambda: figures.u_curve_figure(u_curve(samples.answer())), "plotly.graph_objects", "plotly is not"),
        (figures.script, "plotly.offline", "plotly is not installed"),
        (
            lambda: pictures.u_curve_picture(u_curve(samples.answer())),
            "matplotlib.figure",
            "matplotlib is not",
        ),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(call, module, said, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotFoundError, match=f"{said}.*lrlab\\[plot\\]"):
        call()


@pytest.mark.parametrize(
    "values", [(1.7e308, -1.7e308), (5e-324, 1.0), (0.0, -0.0), (1e-300, 1e16), (1e99, 1e101)]
)
@pytest.mark.parametrize("rates", [(5e-324, 1e300), (1e-3, 1e-3 * (1 + 1e-12)), (1e-99, 1e99)])
def test_the_ends_of_what_a_float_holds_can_be_drawn(values, rates):
    records = tuple(Record(at=k + 1, metrics={"val_loss": value}) for k, value in enumerate(values))
    runs = tuple(samples.run(lr, 2, outcome=Outcome.FINISHED, records=records) for lr in rates)
    answer = samples.answer(runs, lr=rates[0], interval=rates, safe_range=rates, score=min(values))
    chart, curves = u_curve(answer), learning_curves(answer)
    assert answer_text(answer, width=80, unicode=False).isascii()
    for figure in (pictures.u_curve_picture(chart), pictures.curves_picture(curves)):
        assert pictures.png(figure, dpi=30)
    for figure in (figures.u_curve_figure(chart), figures.curves_figure(curves)):
        assert json.loads(figure.to_json(), parse_constant=pytest.fail)
