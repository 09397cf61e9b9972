"""How the copies of ``lrlab diagnose --prove`` are measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from benchmarks.diagnosis_grids import in_turns, record
from benchmarks.diagnosis_truth import problem_of
from benchmarks.prove import KNOW_RATE, RATIOS, Rows, Tried, fitted, left_out, ratio_of, tried

pytestmark = pytest.mark.torch
LOW, RIGHT, HIGH = range(3)
KINDS = ("sgd", "momentum", "adam")


def some_rows(*, lost: int = -1) -> Rows:
    """12 runs of three problems without and then with a rate; the log is right but for the last run of each problem."""
    draw = np.random.default_rng(0)
    truth = np.tile([LOW, RIGHT, HIGH, RIGHT], 3)
    before = np.where(np.arange(12) % 4 == 3, HIGH, truth)
    runs = [
        Tried(
            problem=f"p{number // 4}", key=("grid", 0.1, 0.1), label=int(label), apart=0.0, share=0.1,
            steps=500 + number, kind=KINDS[number % 3], numbers=draw.normal(size=4).tolist(), lost=number == lost,
        )
        for number, label in enumerate(truth)
    ]  # fmt: skip
    shares = np.where(np.eye(3)[before] > 0, 0.8, 0.1)
    return Rows(
        runs=[*runs, *runs], columns=np.repeat([KNOW_RATE.index(False), KNOW_RATE.index(True)], 12),
        log=np.tile(shares, (2, 1)), before=np.tile(before, 2),
    )  # fmt: skip


def test_only_the_word_of_a_log_without_a_rate_is_overturned() -> None:
    rows = some_rows()
    told = np.eye(3)[rows.truth] * 0.9 + 0.1 / 3
    after = rows.after(told, 1.27)
    assert after[:12].tolist() == rows.truth[:12].tolist()
    assert after[12:].tolist() == rows.before[12:].tolist()
    assert some_rows(lost=0).after(told, 1.27)[12] == HIGH


def test_a_word_is_given_up_only_where_hardly_a_right_one_is() -> None:
    rows = some_rows()
    every = np.ones(24, dtype=bool)
    agrees = np.eye(3)[rows.before] * 0.6 + 0.4 / 3
    assert ratio_of(rows, agrees, every) == RATIOS[0]
    # Of the first run's right word the copies say that another is three times as likely: the ratio must be above that.
    agrees[0] = (0.2, 0.6, 0.2)
    assert ratio_of(rows, agrees, every) > 2.9
    without = every.copy()
    without[0] = False  # and nothing is asked of it where its problem is left out
    assert ratio_of(rows, agrees, without) == RATIOS[0]


def test_weights_are_fitted_without_the_problem_that_is_judged() -> None:
    rows = some_rows()
    told, after, ratios = left_out(rows)
    assert told.shape == (24, 3)
    assert told.sum(axis=1) == pytest.approx(1)
    assert len(ratios) == 3
    assert set(after) <= {LOW, RIGHT, HIGH}
    x, out = rows.inputs(), rows.problem == "p1"
    weights = fitted(x[~out], rows.truth[~out], rows.problem[~out])
    assert told[out] == pytest.approx(rows.told(weights)[out])


def test_every_labelled_rate_of_a_grid_is_tried(tmp_path: Path) -> None:
    work = next(work for work in in_turns() if work.name == "wine-tanh" and work.optimizer == "sgd")
    work = replace(work, units=10)
    record(work, tmp_path / "wine-tanh-sgd-constant.npz")
    runs = list(tried(tmp_path, work))
    assert {run.problem for run in runs} == {problem_of("wine-tanh")}
    assert {run.share for run in runs} == {0.1, 0.3}
    by_rate = {run.key[1]: run for run in runs if run.share == 0.3}
    assert by_rate[min(by_rate)].label == LOW
    assert any(run.label == RIGHT for run in runs)
    kept = [run for run in runs if run.numbers is not None]
    assert all(0 <= run.winner < 3 and 0 < run.cost < 1 for run in kept)
