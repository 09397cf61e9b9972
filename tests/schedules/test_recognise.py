"""The schedule in a recorded rate: every family comes back from six digits, with its parameters."""

import numpy as np
import pytest

from lrlab.core.errors import SpecError
from lrlab.schedules.evaluate import values
from lrlab.schedules.minimum import minimum
from lrlab.schedules.protocol import Schedule, Values
from lrlab.schedules.recognise import BOUND, recognise
from lrlab.schedules.text import parse

LR = 3e-4
# What is written, and what comes back where another text is the same curve.
SAME = {
    "trapezoid rise 100 fall 200 over 1000": "wsd warmup 100 decay 200 linear over 1000",
    "cyclic up 50 down 70 from 0.2": "triangular up 50 down 70 from 0.2",
}
EVERY = (
    "constant", "linear to 0.1 over 1000", "cosine over 1000", "cosine to 0.01 over 1000",
    "polynomial power 2 over 1000", "polynomial power 0.9 to 0.05 over 1000", "exponential by 0.995 every 1",
    "exponential by 0.01 every 1000", "step every 300 by 0.1", "multi-step 300, 800 by 0.2",
    "rex to 0.01 over 1000", "tanh over 1000", "inverse-sqrt warmup 50", "inverse-sqrt timescale 100",
    "noam warmup 100", "wsd decay 200 over 1000", "wsd warmup 50 decay 100 linear to 0.1 over 1000",
    "wsd warmup 50 decay 300 cosine over 1000", "wsd decay 100 square over 1000", "one-cycle over 1000",
    "one-cycle rise 0.25 from 0.1 to 0.001 over 1000", "one-cycle linear three-phase over 1000",
    "one-cycle linear over 1000", "restarts every 250", "restarts every 150 times 2 peak 0.8 to 0.1",
    "triangular2 up 100", "exp-range up 50 decay 0.999", "warmup 50 then constant", "warmup 50 then linear over 950",
    "warmup 50 from 0.1 then cosine to 0.01 over 950", "warmup 76 cosine then linear over 924",
    "warmup 50 then exponential by 0.995 every 1", "warmup 50 then step every 300 by 0.1",
    "warmup 50 then polynomial power 2 over 950", "warmup 50 then rex over 950", *SAME,
)  # fmt: skip


def recorded(
    text: str, *, every: int = 5, until: int = 1000, digits: int = 6, noise: float = 0.0
) -> tuple[Values, Values]:
    """Steps and rates as a log has them."""
    schedule = parse(text).bind()
    assert isinstance(schedule, Schedule)
    steps = np.arange(0, until, every, dtype=np.float64)
    rates = LR * values(schedule, steps)
    rates = np.abs(rates * (1 + noise * np.random.default_rng(0).normal(size=len(rates))))
    return steps, np.array([float(f"{rate:.{digits}g}") for rate in rates])


def text_of(steps: Values, rates: Values) -> str:
    best = recognise(steps, rates).best
    assert best is not None
    return str(best.spec)


@pytest.mark.parametrize("text", EVERY)
def test_every_family_comes_back(text: str) -> None:
    steps, rates = recorded(text)
    found = recognise(steps, rates)
    assert found.known
    assert found.best is not None
    assert str(found.best.spec) == str(parse(SAME.get(text, text)))
    assert found.best.lr == pytest.approx(LR, rel=1e-6)
    assert found.best.misfit < 2e-6
    assert found.best.largest == pytest.approx(
        np.abs(found.best.rates(steps) - rates).max() / rates.max(), abs=1e-12
    )
    assert (found.best.offset, found.best.held) == (0, 1)


@pytest.mark.parametrize(
    "text",
    ["cosine over 1000", "wsd decay 200 over 1000", "step every 130 by 0.5", "warmup 50 then linear over 950",
     "restarts every 100 times 2"],
)  # fmt: skip
def test_noise_of_half_a_per_cent(text: str) -> None:
    assert text_of(*recorded(text, every=2, noise=0.005)) == str(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "cosine over 1000",
        "warmup 50 then cosine to 0.01 over 950",
        "polynomial power 2 over 1000",
        "rex over 1000",
    ],
)
def test_a_record_that_ends_early(text: str) -> None:
    steps, rates = recorded(text, until=635)
    found = recognise(steps, rates)
    assert found.best is not None
    assert (str(found.best.spec), found.best.ends_beyond) == (str(parse(text)), True)


def test_a_line_that_ends_early_has_two_readings() -> None:
    """Of a line nobody can tell how it would have gone on; both readings are told."""
    found = recognise(*recorded("linear over 1000", every=1, until=640))
    assert found.best is not None
    told = [str(match.spec) for match in (found.best, *found.others)]
    assert "linear over 1000st" in told
    assert all(match.misfit < 2e-6 for match in found.others)


def test_steps_that_count_from_1() -> None:
    steps, rates = recorded("warmup 50 then cosine over 950")
    found = recognise(steps + 1, rates).best
    assert found is not None
    assert (str(found.spec), found.offset) == ("warmup 50st then cosine over 950st", -1)
    assert found.rates(steps + 1) == pytest.approx(rates, abs=2e-6 * LR)


def test_epochs() -> None:
    steps, rates = recorded("cosine to 0.01 over 100", every=1, until=100)
    found = recognise(steps, rates, unit="ep").best
    assert found is not None
    assert str(found.spec) == "cosine to 0.01 over 100ep"


def test_a_rate_that_is_set_once_an_epoch() -> None:
    """A scheduler that is stepped by epochs, in a log of steps: a staircase on a cosine."""
    steps = np.arange(600.0)
    decay = parse("cosine to 0.01 over 600").bind()
    assert isinstance(decay, Schedule)
    found = recognise(steps, LR * values(decay, steps // 20 * 20)).best
    assert found is not None
    assert (str(found.spec), found.held) == ("cosine to 0.01 over 600st", 20)
    assert found.misfit < 1e-6


def test_none_of_the_known() -> None:
    random = np.random.default_rng(1)
    rates = LR * random.uniform(0.1, 1.0, 60)
    found = recognise(np.arange(60), rates)
    assert not found.known
    assert found.best is not None
    assert found.best.misfit > BOUND
    wave = recognise(np.arange(300), LR * (1 + 0.3 * np.sin(np.arange(300) / 11)))
    assert not wave.known


@pytest.mark.parametrize(
    ("steps", "rates", "told"),
    [
        ([0, 1, 2], [1, 1, 1], "at least 5 rates, got 3"),
        ([0, 1, 2, 2, 3], [1] * 5, "steps of a record must ascend"),
        ([-1, 1, 2, 3, 4], [1] * 5, "steps of a record must ascend from 0"),
        ([0, 1, 2, 3, 4], [1, 1, 1, 1, -1], "finite and at least 0"),
        ([0, 1, 2, 3, 4], [1, 1, 1, 1, float("nan")], "finite and at least 0"),
        ([0, 1, 2, 3, 4], [0] * 5, "every rate in the record is 0"),
        ([0, 1, 2, 3, 4], [1] * 6, "must have one length"),
    ],
)
def test_malformed(steps: list[float], rates: list[float], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        recognise(steps, rates)


def test_the_search_finds_the_least_value_of_two_numbers() -> None:
    found = minimum(
        lambda p: (p["a"] - 3) ** 2 + 10 * (p["b"] - p["a"] ** 2) ** 2, {"a": 1.0, "b": 1.0}, ("a", "b")
    )
    assert (found["a"], found["b"]) == pytest.approx((3, 9), rel=1e-3)
