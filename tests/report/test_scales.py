import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.metric import Metric
from lrlab.report.palette import DARK, LIGHT, contrast, tone_color
from lrlab.report.scales import lr_ticks, robust_range, showable, tick_labels, value_labels, y_scale
from lrlab.report.words import format_score, format_span, one_line, percent, plain, short

LOSS, ACCURACY = Metric("val_loss"), Metric("accuracy", "max")
anything = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30)


@given(anything, st.sampled_from([LOSS, ACCURACY]))
def test_a_range_holds_the_best_value_and_has_a_width(values, metric):
    scale = y_scale(values, metric)
    span = robust_range(values, metric=metric, scale=scale)
    shown = [v for v in values if showable(v)]
    assert (span is None) == (not shown)
    if span:
        low, high = span
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert low < high
        assert low <= metric.best(shown) <= high
        assert scale == "linear" or low > 0


def test_far_out_values_are_cut_off_on_the_worse_side_only():
    bulk = [0.30 + 0.01 * k for k in range(12)]
    low, high = robust_range([*bulk, 1e6, -5.0, math.nan], metric=LOSS, scale="linear")
    assert low < -5.0
    assert high < 2.0
    low, high = robust_range([*bulk, -1e6, 5.0], metric=ACCURACY, scale="linear")
    assert high > 5.0
    assert low > -2.0


def test_what_must_be_seen_is_seen():
    low, high = robust_range([0.3, 0.31, 0.32, 0.33], metric=LOSS, scale="linear", keep=(7.0,))
    assert low < 0.3
    assert high > 7.0


@pytest.mark.parametrize(
    ("values", "metric", "scale"),
    [
        ([0.1, 0.2, 0.4], LOSS, "linear"),
        ([1e-6, 1e-3, 1.0, 10.0], LOSS, "log"),
        ([1e-6, 1e-3, 1.0, 10.0], ACCURACY, "linear"),
        ([0.0, 1.0, 100.0], LOSS, "linear"),
        ([-1.0, 1.0, 100.0], LOSS, "linear"),
        ([], LOSS, "linear"),
    ],
)
def test_a_loss_over_decades_gets_a_log_axis(values, metric, scale):
    assert y_scale(values, metric) == scale


@given(st.floats(1e-12, 1e3), st.floats(1.001, 1e12))
def test_ticks_lie_inside_ascend_and_are_never_zero(low, ratio):
    ticks = lr_ticks(low, low * ratio)
    assert 1 <= len(ticks) <= 9
    assert list(ticks) == sorted(set(ticks))
    assert all(low <= tick <= low * ratio for tick in ticks)
    for text in tick_labels(ticks):
        assert float(text) > 0
        assert re.fullmatch(r"\d+(\.\d+)?(e-?\d+)?", text)


def test_ticks_of_usual_ranges():
    assert tick_labels(lr_ticks(1e-5, 1e-1)) == (
        "1e-5", "3e-5", "1e-4", "3e-4", "1e-3", "3e-3", "1e-2", "3e-2", "1e-1",
    )  # fmt: skip
    assert tick_labels(lr_ticks(1e-3, 5e-3)) == ("1e-3", "2e-3", "3e-3", "4e-3", "5e-3")
    assert value_labels((1e-5, 0.05, 20.0, 1e6)) == ("1e-5", "0.05", "20", "1e6")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_colour_can_be_told_from_the_background(theme):
    ramp = [tone_color(k / 200, theme) for k in range(201)]
    assert len(set(ramp)) > 190
    for color in [*ramp, theme.safe, theme.diverged, theme.accent]:
        assert contrast(color, theme.background) >= 3.0, color
    for color in (theme.text, theme.muted, theme.accent, theme.diverged):
        assert contrast(color, theme.background) >= 4.5, color


def test_the_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@given(st.text())
def test_plain_text_holds_nothing_that_a_terminal_obeys(text):
    shown = plain(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)
    assert not any(0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in shown)
    assert plain(shown) == shown
    assert len(short(text, 12)) <= 12
    assert "\n" not in one_line(text)


def test_words():
    assert plain("\x1b[31mred\u202e") == "\\x1b[31mred\\u202e"
    assert (format_score(0.312345), format_score(math.inf), format_score(None)) == ("0.3123", "∞", "–")
    assert format_span((1.6e-3, 3.94e-3)) == "1.6e-3 to 3.9e-3"
    assert percent(0.02) == "2 %"
