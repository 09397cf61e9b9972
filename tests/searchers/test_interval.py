"""The interval of the best rate, and what a rate below the winner is charged."""

import math
from dataclasses import replace

import pytest

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.searchers.answer import NEAR, best_interval, conclude, regret_at
from lrlab.searchers.regret import Picture, Point, look

QUESTION = Question(lr=LRRange(1e-6, 1.0), budget=10, metric=Metric("val_loss"))


def picture(*points: tuple[float, float, float], noise: float = 0.0) -> Picture:
    """A picture of points (lr, regret, spread); the winner is the one without regret."""
    made = tuple(Point(lr=lr, regret=regret, spread=spread, units=10) for lr, regret, spread in points)
    winner = next(point.lr for point in made if point.regret == 0)
    return Picture(
        winner=RunKey("default", winner, 0), score=0.1, untrained=1.0, stand_in=False, improvement=0.9, noise=noise,
        seeds=1, points=made,
    )  # fmt: skip


def decades(interval: tuple[float, float]) -> float:
    return math.log10(interval[1] / interval[0])


FLAT = picture(
    (1e-5, 0.001, 0.01), (1e-4, 0.0005, 0.01), (1e-3, 0.0, 0.01), (1e-2, 0.0005, 0.01), (1e-1, 0.001, 0.01)
)


def test_where_scores_tell_nothing_the_best_rate_is_expected_near_the_winner() -> None:
    anywhere = best_interval(QUESTION, FLAT, near=math.inf)
    near = best_interval(QUESTION, FLAT)
    assert decades(anywhere) > 4.5
    # The gap to the next rate is a decade; half of it is more than NEAR. 1.645 deviations on either side are 90 %.
    assert decades(near) == pytest.approx(2 * 1.645 * 0.5, rel=0.05)


def test_a_wide_gap_leaves_the_best_rate_more_room() -> None:
    dense = [(10 ** (-3 + step / 10), 0.0 if step == 0 else 0.0005, 0.01) for step in range(-20, 21)]
    assert decades(best_interval(QUESTION, picture(*dense))) == pytest.approx(2 * 1.645 * NEAR, rel=0.05)
    coarse = picture((1e-5, 0.0005, 0.01), (1e-3, 0.0, 0.01), (1e-1, 0.0005, 0.01))
    assert decades(best_interval(QUESTION, coarse)) > decades(best_interval(QUESTION, FLAT)) + 0.5


def test_a_steep_valley_is_narrower_than_what_is_expected() -> None:
    steep = picture((10**-3.5, 0.3, 0.01), (1e-3, 0.0, 0.01), (10**-2.5, 0.3, 0.01))
    assert decades(best_interval(QUESTION, steep)) < decades(best_interval(QUESTION, FLAT)) - 0.5


def test_rates_that_diverged_are_left_out() -> None:
    cliff = picture((1e-4, 0.001, 0.01), (1e-3, 0.0, 0.01), (2e-3, math.inf, 0.0))
    assert best_interval(QUESTION, cliff)[1] <= 1.5e-3


def test_the_winner_is_always_inside() -> None:
    lone = picture((1e-3, 0.0, 0.01))
    low, high = best_interval(QUESTION, lone)
    assert low <= 1e-3 <= high
    far = picture((1e-6, 0.0, 0.01), (1e-5, 0.001, 0.01))
    assert best_interval(QUESTION, far)[0] == 1e-6


def test_doubt_takes_deviations_off() -> None:
    points = picture((1e-3, 0.0, 0.01), (1e-2, 0.1, 0.05)).points
    assert regret_at(points, 1e-2, doubt=0) == 0.1
    assert regret_at(points, 1e-2, doubt=1) == pytest.approx(0.05)
    assert regret_at(points, 1e-2, doubt=3) == 0


def test_whether_the_range_ends_too_early_does_not_depend_on_what_is_expected() -> None:
    # Scores fall up to the end of the range, two decades above the winner: too far to be expected, but told.
    question = replace(QUESTION, lr=LRRange(1e-6, 1e-2), budget=2)
    losses = {1e-6: 0.9, 1e-5: 0.7, 1e-4: 0.5, 1e-3: 0.3, 1e-2: 0.3001}
    runs = [
        Run(
            lr=lr, units=2, outcome=Outcome.FINISHED,
            records=(Record(0, {"val_loss": 1.0}), Record(1, {"val_loss": end}), Record(2, {"val_loss": end})),
        )
        for lr, end in losses.items()
    ]  # fmt: skip
    assert "EDGE_HIGH" in conclude(question, runs).codes


def test_a_rate_below_the_winner_is_read_between_the_units() -> None:
    """At two thirds of the winner's rate ten units are 6.67 of the winner's, and not 6."""
    fall = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]
    whole = tuple(Record(float(at), {"val_loss": value}) for at, value in enumerate(fall))
    winner = Run(lr=3e-3, units=10, records=whole, outcome=Outcome.FINISHED)
    lower = Run(lr=2e-3, units=1, records=whole[:2])
    told = next(point for point in look(QUESTION, [winner, lower]).points if point.lr == 2e-3)
    at = math.log(10 * 2 / 3 / 6) / math.log(7 / 6)
    behind = (0.4 - 0.1 * at - 0.05) / 0.95
    assert told.regret == pytest.approx(0.7 * behind, rel=1e-6)


def test_the_nearest_rate_that_was_trained_so_far_tells_first() -> None:
    """Progress is not quite rate times units; the nearer two rates are, the better it holds."""

    def falling(lr: float, units: int, to: float, **changes: object) -> Run:
        values = [1.0 + (to - 1.0) * at / units for at in range(units + 1)]
        records = tuple(Record(float(at), {"val_loss": value}) for at, value in enumerate(values))
        return Run(**{"lr": lr, "units": units, "records": records, **changes})  # type: ignore[arg-type]

    winner = falling(4e-3, 10, 0.0, outcome=Outcome.FINISHED)
    beside, lower = falling(2e-3, 5, 0.4), falling(1e-3, 1, 0.9)
    told = next(point for point in look(QUESTION, [winner, beside, lower]).points if point.lr == 1e-3)
    # Ten units of 1e-3 are five of 2e-3 (0.4 left), and two and a half of 4e-3 (0.75 left).
    assert told.regret == pytest.approx(0.7 * 0.4, rel=1e-6)
