"""The rules of scaling, their inverses, and what they refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.schedules.scaling import PARAMETERS, scale_batch, scale_horizon, scale_width

counts = st.integers(1, 10**6)
rates = st.floats(1e-7, 10)
optimizers = st.sampled_from(["sgd", "momentum", "adamw", "rmsprop"])


def test_linear_for_sgd_and_square_root_for_adam() -> None:
    assert scale_batch(0.1, 256, 8192, optimizer="sgd").lr == pytest.approx(3.2)
    assert scale_batch(1e-3, 256, 4096, optimizer="adam").lr == pytest.approx(4e-3)
    assert "Goyal" in scale_batch(0.1, 256, 8192, optimizer="nesterov").source
    assert "Malladi" in scale_batch(0.1, 256, 8192).source


def test_adam_changes_its_betas_too() -> None:
    told = " ".join(scale_batch(1e-3, 64, 256).also)
    assert "multiplied by 4 too" in told
    assert "divided by 2" in told
    assert scale_batch(1e-3, 64, 256, optimizer="sgd").also == ()


@given(rates, counts, counts, optimizers, st.none() | st.floats(1, 1e6))
def test_there_and_back_is_where_one_was(
    lr: float, one: int, other: int, optimizer: str, noise: float | None
) -> None:
    there = scale_batch(lr, one, other, optimizer=optimizer, noise_scale=noise)
    back = scale_batch(there.lr, other, one, optimizer=optimizer, noise_scale=noise)
    assert back.lr == pytest.approx(lr)
    assert there.factor * back.factor == pytest.approx(1)
    for parameter in PARAMETERS:
        wide = scale_width(lr, one, other, optimizer=optimizer, parameter=parameter)
        assert scale_width(wide.lr, other, one, optimizer=optimizer, parameter=parameter).lr == pytest.approx(
            lr
        )
    assert scale_horizon(scale_horizon(lr, one, other).lr, other, one).lr == pytest.approx(lr)


@given(rates, counts, counts, optimizers)
def test_the_noise_scale_bounds_the_plain_rule(lr: float, one: int, other: int, optimizer: str) -> None:
    plain = scale_batch(lr, one, other, optimizer=optimizer).factor
    bounded = scale_batch(lr, one, other, optimizer=optimizer, noise_scale=1000).factor
    assert min(1, plain) * (1 - 1e-9) <= bounded <= max(1, plain) * (1 + 1e-9)
    assert scale_batch(lr, one, other, optimizer=optimizer, noise_scale=1e15).factor == pytest.approx(
        plain, rel=1e-6
    )


def test_far_above_the_noise_scale_nothing_is_gained() -> None:
    told = scale_batch(0.1, 10_000, 40_000, optimizer="sgd", noise_scale=100)
    assert told.factor == pytest.approx(1.0, abs=0.01)
    assert any("hardly saves" in limit for limit in told.limits)


def test_width_is_table_3() -> None:
    table = {
        ("adam", "matrix"): 0.25, ("adam", "vector"): 1.0, ("adam", "output"): 0.25,
        ("sgd", "matrix"): 1.0, ("sgd", "vector"): 4.0, ("sgd", "output"): 0.25,
    }  # fmt: skip
    for (optimizer, parameter), factor in table.items():
        assert scale_width(1.0, 128, 512, optimizer=optimizer, parameter=parameter).factor == factor


def test_a_longer_training_wants_a_lower_rate() -> None:
    assert scale_horizon(1e-3, 100, 1000).factor == pytest.approx(10**-0.3)
    assert scale_horizon(1e-3, 100, 1000, power=0).factor == 1.0


def test_everything_is_told() -> None:
    for told in (scale_batch(1e-3, 8, 16), scale_width(1e-3, 8, 16), scale_horizon(1e-3, 8, 16)):
        text = str(told)
        assert told.sentence in text
        assert f"Source: {told.source}." in text
        assert all(limit in text and limit.endswith(".") for limit in told.limits)
        assert f"{told.lr:.4g}" in told.sentence


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: scale_batch(0, 1, 2), "lr"),
        (lambda: scale_batch(0.1, 0, 2), "scale: before must be a whole number of at least 1, got 0"),
        (lambda: scale_batch(0.1, 2, 2.5), "scale: after must be a whole number of at least 1, got 2.5"),
        (lambda: scale_batch(0.1, 2, True), "scale: after must be a whole number of at least 1, got True"),
        (lambda: scale_batch(0.1, 2, 4, optimizer="lion"), "optimizer must be one of sgd, .* got 'lion'"),
        (lambda: scale_batch(0.1, 2, 4, noise_scale=0), "noise_scale must be above 0, got 0"),
        (
            lambda: scale_width(0.1, 2, 4, parameter="bias"),
            "parameter must be one of matrix, vector, output, got 'bias'",
        ),
        (lambda: scale_horizon(0.1, 2, 4, power=2), r"power must lie in \[0, 1\], got 2"),
    ],
)
def test_wrong_arguments_are_refused(make, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SpecError, match=told):
        make()
