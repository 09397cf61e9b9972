"""The benchmarks of the interval and of training and validation."""

import numpy as np
import pytest

from benchmarks.answers import TRIED, Study, chosen
from benchmarks.generalisation import Course, is_true, stopped, studied
from benchmarks.replay import Grid
from lrlab.core.answer import TrainingBest
from lrlab.searchers.answer import conclude
from lrlab.searchers.regret import look

RATES = np.array([1e-3, 1e-2, 1e-1])
# The middle rate validates best, after two units; the highest trains best.
CURVES = np.array([[1.0, 0.8, 0.7, 0.6], [1.0, 0.5, 0.3, 0.4], [1.0, 0.6, 0.5, 0.9]])
LOSSES = np.array([[0.9, 0.7, 0.5], [0.5, 0.3, 0.2], [0.3, 0.1, 0.01]])


@pytest.fixture
def course() -> Course:
    judges = np.stack([CURVES, CURVES + np.array([0, 0.1, 0.1, -0.2])], axis=1)
    grid = Grid(name="made/0", problem="made", lr=RATES, curves=CURVES, judges=judges)
    return Course(folder="grids", grid=grid, losses=np.stack([LOSSES, LOSSES + 0.01], axis=1), own=0)


def test_how_far_the_best_rates_are_apart(course: Course) -> None:
    assert course.apart == pytest.approx(1)
    assert course.matters
    assert course.ends.tolist() == pytest.approx([0.505, 0.205, 0.015])


def test_a_claim_is_asked_of_all_seeds_and_the_whole_training(course: Course) -> None:
    question, runs, done = studied(course, "grid:3", 0)
    told = [record.metrics.get("train_loss") for record in runs[0].records]
    assert told[0] is None
    assert len(told) == 4
    answer = conclude(question, runs, done=done)
    assert answer.lr == 1e-2
    assert answer.training == TrainingBest(
        lr=1e-1, units=3, loss=0.01, beside=0.2, regret=pytest.approx(0.2 / 0.7)
    )
    assert is_true(course, answer)
    worse = Course(folder="grids", grid=course.grid, losses=course.losses[::-1], own=0)
    assert not is_true(worse, answer)


def test_other_seeds_are_asked_what_stopping_would_cost(course: Course) -> None:
    question, runs, done = studied(course, "grid:3", 0)
    answer = conclude(question, runs, done=done)
    assert answer.best_at == 2
    # The other seed had 0.4 after two units and 0.2 after three, its best; untrained it had 1, and the best mean is 0.25.
    assert stopped(course, answer) == (0.0, pytest.approx(0.2 / 0.75))


def test_the_narrowest_interval_that_holds_often_enough_is_chosen(course: Course) -> None:
    question, runs, done = studied(course, "grid:3", 0)
    study = Study(
        set="own", grid=course.grid, answer=conclude(question, runs, done=done), picture=look(question, runs)
    )
    held = {pair: [(pair[1] > 0.3, pair[0] + pair[1])] for pair in TRIED}
    assert chosen([study], held, [0]) == (0.25, 0.6)
