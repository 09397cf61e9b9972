import math
import random
from dataclasses import replace

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core import wire
from lrlab.core.outcome import Outcome, State
from lrlab.core.record import Record
from lrlab.report.charts import UCurve, u_curve
from lrlab.report.curves import MOST_CURVES, MOST_POINTS, learning_curves
from lrlab.report.tables import ladder, runs_table

every = pytest.mark.parametrize("name", sorted(samples.EVERY))


@every
def test_the_order_of_runs_changes_nothing(name):
    answer = samples.EVERY[name]()
    runs = list(answer.runs)
    random.Random(7).shuffle(runs)
    shuffled = replace(answer, runs=tuple(runs))
    assert u_curve(shuffled) == u_curve(answer)
    assert learning_curves(shuffled) == learning_curves(answer)
    assert runs_table(shuffled) == runs_table(answer)
    assert ladder(samples.study(shuffled)).rows == ladder(samples.study(answer)).rows


@every
def test_a_chart_survives_the_wire(name):
    chart = u_curve(samples.EVERY[name]())
    assert wire.loads(UCurve, wire.dumps(UCurve, chart)) == chart


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=4))
def test_diverged_runs_never_set_an_axis(values):
    records = tuple(Record(at=k + 1, metrics={"val_loss": v}) for k, v in enumerate(values))
    wild = samples.run(3e-2, len(values), outcome=Outcome.DIVERGED, records=records)
    calm = samples.grid()
    with_wild = replace(calm, runs=(*calm.runs, wild))
    assert u_curve(with_wild).y_range == u_curve(calm).y_range
    assert learning_curves(with_wild).y_range == learning_curves(calm).y_range
    assert [p.lr for p in u_curve(with_wild).of("diverged")].count(3e-2) == 1


def test_runs_are_sorted_into_their_kinds():
    chart = u_curve(samples.answer())
    assert len(chart.points) == 13
    assert [len(chart.of(kind)) for kind in ("finished", "partial", "diverged", "none")] == [3, 8, 2, 0]
    assert {p.units for p in chart.of("partial")} == {1, 3, 9}
    assert all(p.score is None for p in chart.of("diverged"))
    assert [p.tone for p in chart.points] == sorted(p.tone for p in chart.points)
    assert (chart.points[0].tone, chart.points[-1].tone) == (0.0, 1.0)


def test_points_have_the_scores_of_their_runs():
    answer = samples.answer()
    chart = u_curve(answer)
    for run in answer.runs:
        if run.outcome is not Outcome.DIVERGED:
            point = next(p for p in chart.points if p.lr == run.lr)
            assert point.score == run.score(answer.question.metric)


def test_levels_compare_runs_at_equal_budgets():
    answer = samples.answer()
    metric = answer.question.metric
    levels = u_curve(answer).levels
    assert [level.units for level in levels] == [1, 3, 9]
    for level in levels:
        for lr, score in zip(level.rates, level.scores, strict=True):
            run = next(run for run in answer.runs if run.lr == lr)
            assert score == run.score(metric, level.units)
    assert len(levels[0].rates) == 11


def test_one_seed_has_no_band_and_says_so():
    chart = u_curve(samples.answer())
    assert chart.seeds == 1
    assert chart.band_text == "1 seed: spread unknown"
    assert "band" not in chart.legend
    assert "1 seed: spread unknown" in chart.legend["mean-0"]


def test_three_seeds_have_means_and_a_band():
    answer = samples.grid(3)
    chart = u_curve(answer)
    assert chart.seeds == 3
    assert chart.legend["band"] == "Lowest to highest of 3 seeds"
    for mean in chart.means:
        scores = [r.score(answer.question.metric) for r in answer.runs if r.lr == mean.lr]
        assert mean.low == min(scores)
        assert mean.high == max(scores)
        assert mean.value == pytest.approx(sum(scores) / 3)


def test_far_out_points_are_counted_and_drawn_at_the_edge():
    far = samples.run(9e-2, 1, outcome=Outcome.DROPPED, records=(Record(at=1, metrics={"val_loss": 1e9}),))
    chart = u_curve(replace(samples.answer(), runs=(*samples.race_runs(), far)))
    assert chart.clipped == 1
    assert chart.drawn(1e9) == chart.y_range[1]
    assert any("1 point outside the axis" in line and "1e+09" in line for line in chart.caption)


def test_what_the_answer_says_is_in_the_chart():
    chart = u_curve(samples.answer())
    assert (chart.lr, chart.interval, chart.safe_range) == (samples.RATES[7], (1.6e-3, 3.9e-3), (6e-4, 8e-3))
    assert chart.current_lr == 1e-2
    assert chart.safe_text == "Safe range 6e-4 to 8e-3: loses at most 2 % of the improvement"
    assert u_curve(samples.edge()).edge.startswith("The best rate is the lowest tested")


@pytest.mark.parametrize("name", ["all_diverged", "zero_runs", "nan_everywhere"])
def test_an_answer_without_a_rate_has_a_chart_too(name):
    chart = u_curve(samples.EVERY[name]())
    assert (chart.lr, chart.score, chart.interval, chart.safe_range) == (None, None, None, None)
    assert chart.y_range is None
    assert "best" not in chart.legend


def test_rates_without_a_place_on_a_log_axis_are_counted():
    broken = tuple(replace(samples.race_runs()[0], lr=lr) for lr in (0.0, -1.0, math.inf))
    answer = replace(samples.answer(), runs=(*samples.race_runs(), *broken))
    assert len(u_curve(answer).points) == 13
    assert "3 runs with a rate that has no place on a log axis." in u_curve(answer).caption
    assert len(learning_curves(answer).curves) == 13


def test_curves_end_with_a_cross_where_a_run_diverged():
    chart = learning_curves(samples.answer())
    crossed = [curve for curve in chart.curves if curve.diverged]
    assert len(crossed) == 2
    assert all(curve.y[-1] == 4.0e6 and curve.left_out == 1 for curve in crossed)
    assert [curve.lr for curve in chart.curves if curve.winner] == [samples.RATES[7]]


def test_all_diverged_curves_are_still_drawn():
    chart = learning_curves(samples.all_diverged())
    assert len(chart.curves) == 13
    assert chart.y_range is not None


def test_long_runs_are_thinned_and_say_so():
    long = tuple(
        samples.run(lr, 20, outcome=Outcome.FINISHED, records=samples.records(lr, 20, per_unit=400))
        for lr in samples.RATES[:3]
    )
    chart = learning_curves(replace(samples.answer(), runs=long))
    for curve, run in zip(chart.curves, long, strict=True):
        values = [r.metrics["val_loss"] for r in run.records]
        assert curve.raw_points == 8001
        assert len(curve.x) <= MOST_POINTS
        assert (min(curve.y), max(curve.y)) == (min(values), max(values))
        assert (curve.x[0], curve.x[-1]) == (0.0, 20.0)
    assert any("of 24,003 points drawn" in line for line in chart.caption)


def test_of_too_many_runs_64_are_drawn_the_winner_the_running_and_the_best_among_them():
    answer = samples.many_runs(200)
    busy = replace(answer.runs[0], outcome=None, state=State.RUNNING)
    answer = replace(answer, runs=(busy, *answer.runs[1:]), lr=answer.runs[120].lr)
    chart = learning_curves(answer)
    drawn = {curve.lr for curve in chart.curves}
    assert len(chart.curves) == MOST_CURVES
    assert chart.hidden == 136
    assert any("136 more hidden" in line for line in chart.caption)
    ranked = sorted(answer.runs, key=lambda r: r.score(answer.question.metric))
    assert {busy.lr, answer.lr} | {run.lr for run in ranked[:14]} <= drawn


def test_arms_have_dashes_of_their_own_and_the_winner_is_first():
    answer = samples.two_arms()
    chart = learning_curves(answer)
    assert chart.arms == ("adamw", "sgd")
    assert {(curve.arm, curve.dash) for curve in chart.curves} == {("adamw", 0), ("sgd", 1)}
    assert {"mean-0", "mean-1"} <= set(u_curve(answer).legend)


def test_values_that_a_log_axis_cannot_show_are_counted():
    records = tuple(Record(at=k + 1, metrics={"val_loss": v}) for k, v in enumerate((100.0, 1.0, 1e-3, 1e-4)))
    runs = [samples.run(lr, 4, outcome=Outcome.FINISHED, records=records) for lr in samples.RATES[:4]]
    below = (*records, Record(at=5, metrics={"val_loss": 0.0}))
    runs.append(samples.run(3e-1, 5, outcome=Outcome.DIVERGED, records=below))
    chart = learning_curves(replace(samples.answer(), runs=tuple(runs)))
    assert chart.y_scale == "log"
    assert [curve.left_out for curve in chart.curves] == [0, 0, 0, 0, 1]
    assert all(value > 0 for curve in chart.curves for value in curve.y)


def test_the_ladder_shows_how_far_each_run_went():
    steps = ladder(samples.study())
    assert steps.levels == (1, 2, 3, 9, 20)
    words = {row.lr: [cell.word for cell in row.cells] for row in steps.rows}
    assert words[samples.RATES[0]] == ["dropped", "", "", "", ""]
    assert words[samples.RATES[5]] == ["advanced", "advanced", "advanced", "frozen", ""]
    assert words[samples.RATES[7]] == ["advanced"] * 4 + ["finished"]
    assert words[samples.RATES[12]] == ["advanced", "diverged", "", "", ""]
    dropped = steps.rows[0].cells[0]
    assert dropped.glyph == "■"
    assert dropped.text == "epoch 1 of 1: dropped, val_loss 1.793; 2.1 behind at epoch 1"


def test_the_ladder_of_a_run_on_its_way():
    busy = replace(samples.run(1e-3, 2, outcome=None, state=State.RUNNING), target=4)
    queued = replace(samples.run(1e-2, 0, outcome=None, state=State.QUEUED), target=4)
    rows = ladder(samples.study(samples.answer((busy, queued)))).rows
    assert [(cell.word, cell.share) for cell in rows[0].cells] == [("advanced", 1.0), ("running", 1 / 3)]
    assert [cell.word for cell in rows[1].cells] == ["queued", ""]


def test_of_many_budgets_the_ladder_shows_twelve():
    runs = tuple(
        replace(samples.run(lr, 5, outcome=None), target=k + 1) for k, lr in enumerate(samples.RATES * 3)
    )
    steps = ladder(samples.study(samples.answer(runs)))
    assert len(steps.levels) == 12
    assert (steps.levels[0], steps.levels[-1]) == (1, 39)
    assert steps.caption == ("39 budgets asked for, 12 shown.",)


def test_a_row_of_the_table_is_its_run():
    answer = samples.answer()
    rows = {row.lr: row for row in runs_table(answer)}
    winner = rows[samples.RATES[7]]
    assert winner.winner
    assert winner.score == answer.winner.score(answer.question.metric)
    assert (winner.status, winner.units, winner.seconds) == ("finished", 20, 60.0)
    assert rows[samples.RATES[12]].score is None
    assert rows[samples.RATES[12]].detail == "val_loss is NaN at epoch 2"


def test_rates_that_wait_for_their_first_slice_are_ticks_that_say_so():
    waiting = samples.run(samples.RATES[3], 0, outcome=None, state=State.QUEUED, records=())
    chart = u_curve(samples.answer((*samples.race_runs()[7:9], waiting)))
    assert [p.lr for p in chart.of("none")] == [samples.RATES[3]]
    assert chart.legend["none"] == "Not run yet (1)"
    failed = samples.run(samples.RATES[4], 1, outcome=Outcome.FAILED, records=())
    chart = u_curve(samples.answer((*samples.race_runs()[7:9], waiting, failed)))
    assert chart.legend["none"] == "No value to draw (2)"
