"""What the plain searchers train."""

from dataclasses import replace

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Question
from lrlab.searchers.grid import grid
from lrlab.searchers.halving import halving
from lrlab.testing.landscapes import Landscape, carry_out

QUESTION = Question(lr=LRRange(1e-6, 1.0), budget=27, metric=Metric("val_loss"))
BOWL = Landscape(name="bowl")


def test_a_grid_trains_every_rate_to_the_end() -> None:
    runs, _ = carry_out(QUESTION, grid(7), BOWL.trainer(QUESTION))
    assert sorted(run.lr for run in runs) == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    assert {run.units for run in runs} == {27}


def test_a_grid_repeats_every_rate_with_every_seed() -> None:
    question = replace(QUESTION, seeds=3, seed=5)
    runs, _ = carry_out(question, grid(4), BOWL.trainer(question))
    assert len(runs) == 12
    assert {run.seed for run in runs} == {5, 6, 7}


def test_a_grid_that_costs_too_much_leaves_runs_out_and_says_so() -> None:
    question = replace(QUESTION, max_cost=3.0, current_lr=2e-3)
    runs, done = carry_out(question, grid(7), BOWL.trainer(question))
    assert len(runs) == 3
    assert 2e-3 in {run.lr for run in runs}
    assert done.unsettled == ("The price limit left 5 of the grid's runs out.",)


def test_halving_keeps_a_third_and_triples_the_slice() -> None:
    runs, _ = carry_out(QUESTION, halving(27), BOWL.trainer(QUESTION))
    lengths = sorted((run.units for run in runs), reverse=True)
    assert lengths == [27] + [9] * 2 + [3] * 6 + [1] * 18


def test_halving_goes_on_with_the_next_best_where_the_winner_diverges() -> None:
    cliff = Landscape(name="cliff", highest=0.02, floor_noise=0.0, patience=20)
    runs, _ = carry_out(QUESTION, halving(13), cliff.trainer(QUESTION))
    best = [run for run in runs if run.outcome is Outcome.FINISHED]
    assert len(best) == 1
    assert best[0].lr <= 0.02


def test_halving_starts_fewer_rates_where_the_price_is_low() -> None:
    question = replace(QUESTION, max_cost=1.5)
    runs, done = carry_out(question, halving(13), BOWL.trainer(question))
    assert len(runs) < 13
    assert done.unsettled == (f"The price let only {len(runs)} of 13 rates start.",)
