"""What branches from one state say, from their losses alone."""

import math

import pytest

from lrlab.core.errors import SpecError
from lrlab.core.verdict import RateVerdict
from lrlab.diagnosis.prove import FACTORS, WEIGHTS, judge, price, signs, sizes, together

START = [1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02, 0.98]


def moved(by: float) -> list[float]:
    return [loss + by for loss in START]


def ends(low: float, middle: float, high: float) -> dict[float, list[float]]:
    return dict(zip(FACTORS, (moved(low), moved(middle), moved(high)), strict=True))


def said(word: str, sure: float) -> RateVerdict:
    rest = (1 - sure) / 2
    shares = tuple(sure if one == word else rest for one in ("too_low", "right", "too_high"))
    return RateVerdict(
        verdict=word, confidence=sure, factor=1.0 if word == "right" else 0.1, probabilities=shares
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moves", "winner"), [((-0.3, -0.2, -0.1), 0.3), ((-0.1, -0.2, -0.1), 1.0), ((-0.1, -0.2, -0.4), 3.0)]
)
def test_the_branch_that_ends_lowest_wins_with_its_margin(
    moves: tuple[float, float, float], winner: float
) -> None:
    proof = judge(START, ends(*moves), step=100, total=1000, steps=12)
    best, second = sorted(1 + move for move in moves)[:2]
    assert proof.winner == winner
    assert proof.margin == pytest.approx((second - best) / second)
    assert proof.certainty == 1.0
    assert [branch.factor for branch in proof.branches] == list(FACTORS)
    assert proof.cost == pytest.approx(price(1000, 12, 8))


def test_a_branch_that_explodes_loses_and_is_told_as_infinite() -> None:
    lost = ends(-0.2, -0.1, 0.0) | {3.0: [math.nan, *START[1:]]}
    proof = judge(START, lost, step=100, total=1000, steps=12)
    assert proof.branches[2].loss == math.inf
    assert proof.winner == 0.3


def test_a_run_that_explodes_at_its_own_rate_is_too_high() -> None:
    lost = ends(-0.2, math.nan, math.nan)
    assert judge(START, lost, step=100, total=1000, steps=12).rate.verdict == "too_high"


def test_of_a_diverged_run_nothing_is_proved() -> None:
    with pytest.raises(SpecError, match="prove: the run has diverged: its loss is not finite"):
        judge([math.nan, *START[1:]], ends(0, 0, 0), step=100, total=1000, steps=12)


def test_a_log_and_branches_that_agree_are_surer_than_the_log() -> None:
    crawling = ends(-0.01, -0.04, -0.15)
    proof = judge(START, crawling, before=said("too_low", 0.6), step=100, total=1000, steps=12)
    assert proof.rate.verdict == "too_low"
    assert not proof.overturned
    assert proof.rate.confidence > 0.6


def test_branches_overturn_an_unsure_log() -> None:
    crawling = ends(-0.01, -0.04, -0.15)
    proof = judge(START, crawling, before=said("too_high", 0.4), step=100, total=1000, steps=12)
    assert proof.rate.verdict != "too_high"
    assert proof.overturned


def test_without_a_log_the_branches_stand_alone() -> None:
    proof = judge(START, ends(-0.01, -0.04, -0.15), step=100, total=1000, steps=12)
    assert proof.before.verdict == "unknown"
    assert proof.rate.verdict == "too_low"
    assert proof.rate.factor == 3.0
    assert not proof.overturned


@pytest.mark.parametrize("losses", [(0.0, 0.0, 0.0), (1e9, -1e9, 1e9), (math.inf, 0.0, math.nan)])
def test_signs_are_finite_and_bounded(losses: tuple[float, float, float]) -> None:
    numbers = signs(START, ends(*losses))
    assert len(numbers) == 4
    assert all(-1 <= number <= 1 for number in numbers)
    assert sum(together(numbers, ())) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "missing",
    [
        {0.3: START, 1.0: START},
        {0.3: START, 1.0: START, 3.0: START[:4]},
        {0.3: START, 1.0: START, 2.0: START},
    ],
)
def test_branches_of_other_batches_are_refused(missing: dict[float, list[float]]) -> None:
    with pytest.raises(
        SpecError, match=r"prove: the branches \(0.3, 1.0, 3.0\) and the start must be judged on the same"
    ):
        judge(START, missing, step=1, total=100, steps=3)


@pytest.mark.parametrize("total", [500, 1000, 100_000])
def test_the_price_is_kept_from_500_steps_on(total: int) -> None:
    assert price(total, *sizes(total, 0.05)) <= 0.0575


def test_the_model_has_a_row_for_every_word() -> None:
    assert [len(row) for row in WEIGHTS] == [7, 7, 7]
