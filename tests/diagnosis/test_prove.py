"""What branches from one state say, from their losses alone."""

import math

import pytest

from lrlab.core.errors import SpecError
from lrlab.core.verdict import RateVerdict
from lrlab.diagnosis.prove import (
    FACTORS,
    LIKELY_WITHOUT_LOG,
    OVERTURN_FROM,
    WEIGHTS,
    inputs,
    judge,
    price,
    signs,
    sizes,
    stands,
    together,
)
from lrlab.diagnosis.rate import FAMILIES

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


def test_a_log_that_knew_the_rate_keeps_its_word_unless_the_run_explodes() -> None:
    crawling, before = ends(-0.01, -0.04, -0.15), said("too_high", 0.4)
    proof = judge(START, crawling, before=before, step=100, total=1000, steps=12, known_rate=True)
    assert proof.rate == before
    assert not proof.overturned
    lost = ends(-0.2, math.nan, math.nan)
    proof = judge(START, lost, before=said("right", 0.9), step=100, total=1000, steps=12, known_rate=True)
    assert proof.rate.verdict == "too_high"
    proof = judge(START, crawling, step=100, total=1000, steps=12, known_rate=True)
    assert proof.rate.verdict == "too_low"  # that log told nothing


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
    assert sum(together(numbers, (), total=1000)) == pytest.approx(1.0)


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


@pytest.mark.parametrize("total", [400, 500, 853, 1000, 39_000, 1_000_000])
@pytest.mark.parametrize("cost", [0.05, 0.1, 0.5])
def test_the_price_is_kept(total: int, cost: float) -> None:
    assert 0.75 * cost <= price(total, *sizes(total, cost)) <= cost


def test_a_very_short_training_costs_more_than_was_asked_for() -> None:
    assert sizes(100, 0.05) == (3, 8)
    assert price(100, *sizes(100, 0.05)) == pytest.approx((9 + 32 / 3) / 100)


def test_the_model_has_a_weight_for_everything_that_it_looks_at() -> None:
    row = inputs([0.0] * 4, (0.2, 0.5, 0.3), 1000, "sgd")
    assert [len(weights) for weights in WEIGHTS] == [len(row) + 1] * 3


def test_an_unknown_optimizer_is_the_mean_of_the_known_ones() -> None:
    numbers = [0.2, -0.3, 0.1, -0.5]
    known = [together(numbers, (), total=700, kind=name) for name in FAMILIES]
    assert known[0] != pytest.approx(known[1], abs=0.01)
    assert together(numbers, (), total=700) == pytest.approx(
        [sum(column) / 3 for column in zip(*known, strict=True)]
    )


def test_the_optimizer_counts() -> None:
    proofs = [
        judge(START, ends(-0.2, -0.18, -0.1), step=100, total=1000, steps=12, optimizer=name)
        for name in ("sgd", "adamw")
    ]
    assert proofs[0].rate.probabilities != proofs[1].rate.probabilities
    with pytest.raises(SpecError, match="optimizer: there is no 'sdg'"):
        judge(START, ends(0, 0, 0), step=1, total=100, steps=3, optimizer="sdg")


def test_a_word_falls_only_to_one_that_is_much_likelier() -> None:
    assert OVERTURN_FROM > 1
    close = [0.5 / OVERTURN_FROM + 0.01, 0.5, 0.0]
    far = [0.5 / OVERTURN_FROM - 0.01, 0.5, 0.0]
    assert stands(close, 0) == 0
    assert stands(far, 0) == 1
    assert stands(close, None) == 1
    assert stands([0.49, 0.3, 0.21], None) is None
    assert stands([0.1, 0.55, 0.35], None) == 1
    assert stands([0.1, 0.55, 0.35], None, likely=LIKELY_WITHOUT_LOG) is None
    assert stands(close, 1) == 1
