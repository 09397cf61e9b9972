"""The schedules' laws, for every schedule that has a name."""

import pytest

from lrlab.schedules.families import FAMILIES, NAMES
from lrlab.schedules.protocol import AnyFeedback, ClosedForm
from lrlab.schedules.text import parse
from lrlab.testing.schedule_kit import FeedbackKit, ScheduleKit

# Every family by its name alone where it can stand alone, and with its arguments.
TEXTS = (
    *(name for name in NAMES if name not in ("piecewise", "plateau")),
    "linear to 0.1 over 90%",
    "cosine to 1",
    "polynomial power 0.6 to 0.01",
    "polynomial power 3",
    "exponential by 0.5 every 10ep to 0.05",
    "exponential by 1",
    "step every 7 by 0.8 to 0.01",
    "step 30, 60, 60, 90 by 0.5",
    "multi-step 1",
    "restarts every 20 times 2 peak 0.7 to 0.01",
    "restarts every 1",
    "one-cycle linear three-phase rise 40% from 0.1 to 0",
    "one-cycle rise 0",
    "one-cycle rise 1",
    "cyclic up 7 down 30 from 0 triangular2",
    "cyclic up 7 exp-range decay 0.99",
    "inverse-sqrt warmup 5%",
    "inverse-sqrt warmup 10 timescale 100",
    "noam width 4 warmup 20",
    *(
        f"wsd warmup 5% decay 20% {shape} to 0.01"
        for shape in ("linear", "cosine", "sqrt", "square", "exponential")
    ),
    "wsd warmup 100 decay 300",
    "trapezoid rise 0 fall 1 to 0.5",
    "rex to 0.2",
    "tanh from -2 until 5 to 0.1 over 50%",
    "piecewise 0:0, 10%:1, 50%:0.2, 100%:0.1",
    "piecewise 5:2, 20:2, 100:0.1 constant",
    "piecewise 7:0.5",
    "warmup 5% then cosine to 0.01",
    "warmup 1 from 0.5 then linear",
    "warmup 10% from 1% exponential then rex",
    "warmup 10% cosine then step every 10 by 0.9",
    "constant for 50% then linear",
    "cosine to 0.1 for 200 then scale 0.1 (constant)",
    "cosine for 200 then restarts every 30",
    "(warmup 5 then constant) for 100 then linear for 100 then one-cycle",
    "scale 0.5 (step every 50)",
    "scale 0 (step every 50)",
    "scale 3 (linear)",
    "clip from 0.01 to 1 (warmup 5% then cosine)",
    "clip from 0.5 to 0.6 (restarts every 50 peak 0.5)",
    "clip from 0.5 to 0.5 (step)",
    "repeat 50 (one-cycle)",
    "repeat 50 (cosine to 1)",
    "repeat 40 (step every 15 by 0.5)",
    "repeat 10 (constant)",
)


def test_every_family_is_tried() -> None:
    tried = {
        name for text in TEXTS for name in text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    }
    assert set(FAMILIES) - tried == {"plateau"}
    assert len(NAMES) >= 20


@pytest.mark.parametrize("text", TEXTS)
class TestSchedules(ScheduleKit):
    @pytest.fixture(autouse=True)
    def _named(self, text: str) -> None:
        self._text = text

    def schedule(self) -> ClosedForm:
        made = parse(self._text).bind(total_steps=400, steps_per_epoch=9)
        assert isinstance(made, ClosedForm)
        return made


@pytest.mark.parametrize(
    "text",
    [
        "plateau",
        "plateau by 0.5 patience 2 cooldown 3 to 0.1",
        "plateau patience 0 max absolute threshold 0.01",
    ],
)
class TestFeedback(FeedbackKit):
    @pytest.fixture(autouse=True)
    def _named(self, text: str) -> None:
        self._text = text

    def schedule(self) -> AnyFeedback:
        return parse(self._text).bind()  # type: ignore[return-value]
