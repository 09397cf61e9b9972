"""A schedule as source code: executed, it has the schedule's own values."""

import math

import pytest

from lrlab.api.schedule_views import EXAMPLES
from lrlab.core.errors import SpecError
from lrlab.schedules.families import FAMILIES
from lrlab.schedules.plateau import plateau
from lrlab.schedules.protocol import Schedule
from lrlab.schedules.source import JAX, source
from lrlab.schedules.text import parse

HARD = (
    "polynomial power 0.9 to 0.01", "exponential by 0.95 every 10st to 0.02", "step every 30 by 0.5 to 0.01",
    "step 30, 60, 60, 90 by 0.3 to 0.05", "tanh from -4 until 4 to 0.1", "inverse-sqrt timescale 100",
    "piecewise 3:1, 50%:0.1 constant", "piecewise 7:0.5", "wsd warmup 5% decay 10% exponential to 0.1",
    "wsd decay 20% square to 0.1", "wsd decay 20% cosine", "one-cycle rise 0", "one-cycle rise 1 linear",
    "one-cycle rise 0.3 from 0.04 to 4e-6 linear three-phase", "restarts every 10 times 2 peak 0.5 to 0.1",
    "restarts every 7 times 3", "restarts every 7 peak 0.9", "warmup 5% from 0.1 cosine then linear to 0.3",
    "warmup 20 from 0.1 exponential then constant", "(warmup 5% then constant) for 60% then cosine",
    "warmup 10 then scale 0.3 (cosine)", "clip from 0.01 to 0.8 (warmup 5% then repeat 20% (rex))",
)  # fmt: skip
TEXTS = (*HARD, *(example.text for example in EXAMPLES if example.name != "plateau"))


@pytest.mark.parametrize("text", TEXTS)
def test_executed_it_has_the_same_values(text: str) -> None:
    schedule = parse(text).bind(total_steps=400)
    assert isinstance(schedule, Schedule)
    names: dict[str, object] = {"math": math}
    exec(source(schedule), names)
    multiplier = names["multiplier"]
    assert callable(multiplier)
    peak = max(schedule(step) for step in range(400))
    for step in range(900):
        assert multiplier(step) == pytest.approx(schedule(step), rel=0, abs=1e-14 * peak), step


def test_every_family_is_among_them() -> None:
    assert {example.name for example in EXAMPLES} == set(FAMILIES)
    assert all(parse(example.text).name == example.name for example in EXAMPLES)


def test_arrays_use_no_branch() -> None:
    code = source(parse("warmup 10 then cosine over 90").bind(), dialect=JAX)
    assert "jnp.where(t < 10" in code
    assert " if " not in code
    assert "math.cos" not in code


def test_what_has_no_code_is_refused() -> None:
    class Own:
        name = "own"

        def __call__(self, step: int, /) -> float:
            return 1.0

    with pytest.raises(SpecError, match=r"own has no closed form.*piecewise"):
        source(Own())
    with pytest.raises(SpecError, match="plateau has no closed form"):
        source(plateau())
