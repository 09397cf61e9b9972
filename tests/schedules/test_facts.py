"""Facts, against a naive reading of the values."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.schedules.facts import facts
from lrlab.schedules.protocol import ClosedForm
from lrlab.schedules.text import parse
from tests.schedules.made_up import schedules


@given(schedules, st.integers(1, 300))
def test_facts_are_what_the_values_say(schedule: ClosedForm, total: int) -> None:
    curve = [schedule(t) for t in range(total)]
    found = facts(schedule, total)
    hair = 2e-12 * max(curve)
    assert found.steps == total
    assert found.peak == pytest.approx(max(curve), rel=1e-12)
    assert curve[found.peak_step] == pytest.approx(max(curve), rel=1e-12)
    assert found.area == pytest.approx(sum(curve), rel=1e-9)
    assert found.mean == pytest.approx(sum(curve) / total, rel=1e-9)
    assert found.last == pytest.approx(curve[-1], rel=1e-9, abs=1e-15)
    assert found.last_over_peak == pytest.approx(
        curve[-1] / max(curve) if max(curve) else 0, rel=1e-9, abs=1e-12
    )
    decay = found.first_decay_step
    if decay is None:
        assert all(b >= a - hair for a, b in pairwise(curve))
    else:
        assert curve[decay] < curve[decay - 1]
        assert all(b >= a - hair for a, b in pairwise(curve[:decay]))
    assert found.warmup_share == found.warmup_steps / total
    assert all(b > a for a, b in pairwise(curve[: found.warmup_steps + 1]))


@pytest.mark.parametrize(
    ("text", "share", "decay", "peak", "last"),
    [
        ("constant", 0.0, None, 1.0, 1.0),
        ("linear", 0.0, 1, 1.0, 0.01),
        ("warmup 10% then constant for 50% then linear to 0.1", 0.1, 61, 1.0, 0.1225),
        ("scale 2 (wsd warmup 20% decay 10% linear)", 0.2, 91, 2.0, 0.1),
        ("step every 25", 0.0, 25, 1.0, 0.001),
        ("scale 0 (linear)", 0.0, None, 0.0, 0.0),
    ],
)
def test_known_facts(text: str, share: float, decay: int | None, peak: float, last: float) -> None:
    found = facts(parse(text).bind(total_steps=100), 100)  # type: ignore[arg-type]
    assert (found.warmup_share, found.first_decay_step, found.peak) == (share, decay, peak)
    assert found.last == pytest.approx(2 * last if peak == 2 else last)


def test_a_length_is_needed() -> None:
    with pytest.raises(SpecError, match="facts: total_steps: must be at least 1, got 0"):
        facts(parse("cosine").bind(total_steps=5), 0)  # type: ignore[arg-type]
