"""Drawings of schedules: both renderers draw the numbers of the chart, in both themes."""

import json
import re

import numpy as np
import pytest

from lrlab.core.errors import SpecError
from lrlab.report.palette import DARK, LIGHT
from lrlab.report.schedule_text import facts_table, schedule_plot
from lrlab.report.schedules import schedule_chart

STEPS = np.arange(5000.0)
SERIES = (
    ("falls & <b>$5</b>", STEPS, 3e-4 * (1 - STEPS / 5000)),
    ("spike", STEPS, np.where(STEPS == 2345, 1e-3, 1e-5)),
    ("recorded", STEPS[::500], np.full(10, 2e-4)),
)


def chart():
    facts = {"peak": ["3e-4", "1e-3", "2e-4"]}
    return schedule_chart(SERIES, quantity="learning rate", facts=facts, marked=(2,))


def test_the_chart_keeps_every_spike_and_both_ends():
    drawn = chart()
    assert max(drawn.curves[1].y) == 1e-3
    assert (drawn.curves[0].x[0], drawn.curves[0].x[-1]) == (0.0, 4999.0)
    assert all(len(curve.x) <= 1500 for curve in drawn.curves)
    assert drawn.y_range == (0.0, pytest.approx(1.06e-3))


@pytest.mark.parametrize("count", [0, 7])
def test_one_to_six(count):
    with pytest.raises(SpecError, match=f"1 to 6 can be drawn together, got {count}"):
        schedule_chart([SERIES[0]] * count, quantity="multiplier")


def test_a_rate_of_zero_and_a_single_step_have_an_axis():
    drawn = schedule_chart([("none", np.zeros(1), np.zeros(1))], quantity="multiplier")
    assert (drawn.x_range, drawn.y_range) == ((0.0, 1.0), (0.0, 1.0))
    assert schedule_plot(drawn, width=60, unicode=True)


@pytest.mark.plot
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_both_renderers_draw_the_numbers_of_the_chart(theme):
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    from lrlab.report import figures, pictures

    drawn = chart()
    lines = {
        line.get_gid(): line
        for axes in pictures.schedule_picture(drawn, theme=theme).axes
        for line in axes.lines
    }
    figure = figures.schedule_figure(drawn, theme=theme)
    assert figure.layout.paper_bgcolor == theme.background
    for number, (curve, trace) in enumerate(zip(drawn.curves, figure.data, strict=True)):
        x, y = lines[f"schedule-{number}"].get_data()
        np.testing.assert_array_equal(x, curve.x)
        np.testing.assert_array_equal(y, curve.y)
        assert (tuple(trace.x), tuple(trace.y)) == (curve.x, curve.y)
        assert trace.mode == ("markers" if curve.marks else "lines")
        assert lines[f"schedule-{number}"].get_color() == trace.line.color


@pytest.mark.plot
def test_pictures_are_the_same_bytes_for_the_same_chart():
    pytest.importorskip("matplotlib")
    from lrlab.report import pictures

    assert pictures.svg(pictures.schedule_picture(chart())) == pictures.svg(
        pictures.schedule_picture(chart())
    )
    gallery = pictures.schedule_gallery([schedule_chart([one], quantity="multiplier") for one in SERIES])
    assert sum(axes.get_visible() for axes in gallery.axes) == 3


@pytest.mark.plot
def test_the_page_holds_both_themes_and_escapes_foreign_text():
    pytest.importorskip("plotly")
    from lrlab.report.schedule_page import schedule_page

    page = schedule_page(chart())
    data = json.loads(re.search(r'id="lrlab-data">(.*?)</script>', page, re.DOTALL)[1])
    drawn = data["figures"]
    assert drawn["light"]["layout"]["paper_bgcolor"] != drawn["dark"]["layout"]["paper_bgcolor"]
    assert "<b>$5</b>" not in page
    assert "script-src 'sha256-" in page.replace("&#x27;", "'")


@pytest.mark.parametrize("width", [30, 60, 140])
@pytest.mark.parametrize("unicode", [True, False])
def test_text_fits_its_width(width, unicode):
    drawn = chart()
    text = schedule_plot(drawn, width=width, unicode=unicode)
    assert max(map(len, text.splitlines())) <= width
    assert unicode or text.isascii()
    assert "spike" in text
    assert max(map(len, facts_table(drawn.facts, width=width).splitlines())) <= width


def test_six_columns_of_facts_stand_below_one_another_where_room_ends() -> None:
    facts = [("steps", ["2000"] * 6), ("peak", [f"3e-4 at step {k}00" for k in range(6)])]
    lines = facts_table(facts, width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert not any("~" in line for line in lines)
    heads = [line.split() for line in lines if line.startswith("  ")]
    assert [letter for head in heads for letter in head] == list("ABCDEF")
    assert len(heads) == 2
    assert sum(f"at step {k}00" in line for line in lines for k in range(6)) == 6
    assert "~" in facts_table(facts, width=15)  # not even one has room
