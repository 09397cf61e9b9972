"""What of the learning curves is asked for, and the timeline."""

import itertools
import math

import numpy as np
import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.report.curves import learning_curves
from lrlab.report.timeline import timeline
from lrlab.report.view import View, smoothed


def by_hand(x, y, half_life):
    """The same average, each value from all before it."""
    return [
        math.fsum(w * v for w, v in zip(ws, y, strict=False)) / math.fsum(ws)
        for k in range(len(x))
        for ws in [[2.0 ** (-(x[k] - x[j]) / half_life) for j in range(k + 1)]]
    ]


@pytest.mark.parametrize("half_life", [0.01, 0.7, 5.0, 300.0])
def test_an_average_is_the_one_by_hand(half_life):
    random = np.random.default_rng(0)
    x = np.cumsum(random.exponential(1.0, 400))
    y = random.standard_normal(400)
    np.testing.assert_allclose(smoothed(x, y, half_life), by_hand(x, y, half_life), rtol=1e-9, atol=1e-12)


@given(st.floats(-1e290, 1e290), st.floats(1e-6, 1e6), st.integers(1, 60))
def test_a_constant_stays_what_it_is(value, half_life, count):
    x = np.arange(count) * 1.7
    assert (smoothed(x, np.full(count, value), half_life) == value).all()


def test_a_million_points_are_averaged_as_one_after_the_other():
    x = np.arange(1_000_000) / 1000
    y = np.sin(x)
    found = smoothed(x, y, 0.05)
    total = weight = 0.0
    kept = 0.5 ** (0.001 / 0.05)
    for k, value in enumerate(y.tolist()):
        total, weight = total * kept + value, weight * kept + 1
        if k % 249_999 == 0:  # five of them, the first and nearly the last
            assert found[k] == pytest.approx(total / weight, rel=1e-9, abs=1e-12)


def test_a_line_a_rate_is_the_mean_of_its_seeds():
    answer = samples.grid(seeds=3)
    lines, means = learning_curves(answer), learning_curves(answer, View(by="rate"))
    assert (len(lines.curves), len(means.curves)) == (39, 13)
    own = [c for c in lines.curves if c.lr == samples.RATES[6]]
    mean = next(c for c in means.curves if c.lr == samples.RATES[6])
    assert mean.y[5] == pytest.approx(sum(c.y[5] for c in own) / 3)
    assert (mean.low[5], mean.high[5]) == (min(c.y[5] for c in own), max(c.y[5] for c in own))
    assert "the mean of the seeds" in means.caption[0]
    assert sum(c.winner for c in means.curves) == 1


def test_another_metric_and_steps():
    answer = samples.grid()
    chart = learning_curves(answer, View(metric="loss", x="step"))
    assert (chart.metric, chart.unit) == ("loss", "step")
    first = next(c for c in chart.curves if c.lr == samples.RATES[6])
    assert first.x[:3] == (0.0, 100.0, 200.0)
    assert first.y[1] == pytest.approx(0.9 * samples.loss(samples.RATES[6], 1))


def test_smoothing_is_said_and_starts_where_the_values_start():
    answer = samples.grid()
    raw, smooth = learning_curves(answer), learning_curves(answer, View(smooth=3.0))
    assert smooth.curves[0].y[0] == raw.curves[0].y[0]
    assert smooth.curves[0].y[5] != raw.curves[0].y[5]
    assert "Smoothed: a value 3 back counts half as much." in smooth.caption


def test_every_line_on_demand():
    answer = samples.many_runs(200)
    assert learning_curves(answer).hidden > 0
    every = learning_curves(answer, View(every=True))
    assert every.hidden == 0
    assert len(every.curves) > 64


def test_a_log_axis_on_demand_leaves_out_what_is_not_above_zero():
    chart = learning_curves(samples.grid(), View(scale="log"))
    assert chart.y_scale == "log"
    assert all(y > 0 for c in chart.curves for y in c.y)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"x": "time"}, "view: x must be one of unit, step, got 'time'"),
        ({"scale": "cubic"}, "view: scale must be one of linear, log, got 'cubic'"),
        ({"by": "seed"}, "view: by must be one of run, rate, got 'seed'"),
        ({"smooth": -1.0}, "view: smooth is a half-life and must be finite and at least 0, got -1.0"),
        ({"smooth": math.nan}, "must be finite and at least 0, got nan"),
        ({"window": (2.0, 2.0)}, "view: window must be two finite ends, the lower one first"),
        ({"window": (0.0, math.inf)}, "view: window must be two finite ends"),
    ],
)
def test_what_is_no_view_is_refused(given_, said):
    with pytest.raises(SpecError, match=said):
        View(**given_)


def test_a_metric_that_nobody_recorded_is_refused():
    with pytest.raises(SpecError, match="no run has a value of 'nothing' at any epoch"):
        learning_curves(samples.grid(), View(metric="nothing"))


def test_slices_cost_what_the_study_cost():
    study = samples.study(samples.answer())
    chart = timeline(study)
    bars = sorted((bar for row in chart.rows for bar in row.bars), key=lambda bar: bar.begin)
    assert all(a.end == b.begin for a, b in itertools.pairwise(bars))
    assert chart.cost == pytest.approx(sum(run.units for run in study.runs) / samples.BUDGET)
    assert chart.cost == bars[-1].end
    assert len(chart.rows) == 13


def test_a_study_without_runs_has_an_empty_timeline():
    chart = timeline(samples.study(samples.zero_runs()))
    assert (chart.rows, chart.cost) == ((), 0.0)


@pytest.mark.plot
def test_both_renderers_draw_the_slices_of_the_chart():
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    from lrlab.report.figures import timeline_figure
    from lrlab.report.timeline_picture import timeline_picture

    chart = timeline(samples.study(samples.answer()))
    traces = [trace for trace in timeline_figure(chart).data if trace.meta == "slices"]
    axes = timeline_picture(chart).axes[0]
    drawn = [own for own in axes.collections if str(own.get_gid()).startswith("slices")]
    for row, trace, lines in zip(chart.rows, traces, drawn, strict=True):
        wanted = [(bar.begin, bar.end) for bar in row.bars]
        assert [*zip(trace.x[::3], trace.x[1::3], strict=True)] == wanted
        assert [(float(a[0]), float(b[0])) for a, b in lines.get_segments()] == wanted
