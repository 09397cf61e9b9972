"""What the benchmark of batches calls a batch too small, and how it weighs a sign."""

import math

import pytest

from benchmarks import batches


@pytest.mark.parametrize(
    ("apart", "small", "large", "kind"),
    [
        (0.3, 0.3, 0.01, "small"),
        (0.3, 0.3, 0.2, "high"),
        (0.3, 0.3, 0.03, ""),
        (0.3, 0.03, 0.0, ""),
        (-0.3, 0.3, 0.01, ""),
        (0.3, 0.01, 0.3, "right"),
    ],
)
def test_kind_of_run(apart: float, small: float, large: float, kind: str) -> None:
    assert batches.kind_of(apart, small, large) == kind


def test_pairs_counts_ties_half() -> None:
    assert batches.pairs([2.0, 1.0], [0.0, 1.0]) == 0.875
    assert math.isnan(batches.pairs([], [1.0]))


@pytest.mark.parametrize("side", [1, -1])
def test_limit_finds_the_side_that_tells_apart(side: int) -> None:
    at, found = batches.limit([0.5 * side, 0.6 * side], [0.1 * side, 0.2 * side])
    assert (at, found) == (0.5 * side, side)


def test_noise_is_over_the_fall_and_knows_no_unit() -> None:
    losses = [2.0] * 20 + [1 + 0.1 * (-1) ** step for step in range(batches.STEPS - 20)]
    assert batches.noise_of(losses) == pytest.approx(math.log10(0.1 * math.sqrt(2)), abs=1e-3)
    assert batches.noise_of([7 * loss for loss in losses]) == pytest.approx(batches.noise_of(losses))


def test_a_training_that_diverges_has_no_sign() -> None:
    lost = batches.train(batches.PROBLEMS["badly-scaled"], "sgd", 1e3, batch=4, seed=0)
    assert lost.diverged
    assert all(math.isnan(value) for value in lost.signs.values())


def test_a_training_has_every_sign() -> None:
    trained = batches.train(batches.PROBLEMS["badly-scaled"], "sgd", 0.01, batch=64, seed=0)
    assert not trained.diverged
    assert set(trained.signs) == set(batches.SIGNS)
    assert 0 < trained.signs["same"] <= 1
