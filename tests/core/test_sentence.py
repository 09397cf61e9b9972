"""The answer in one line, and rates as people write them."""

import math
from dataclasses import replace

import pytest

from lrlab.core.answer import Answer, Caution, sentence
from lrlab.core.lr_range import LRRange, format_lr
from lrlab.core.metric import Metric
from lrlab.core.question import Arm, Question


def answer(**changes: object) -> Answer:
    """An answer with the figures of the manual's example."""
    values: dict[str, object] = {
        "lr": 2.4e-3,
        "interval": (1.6e-3, 3.9e-3),
        "safe_range": (6e-4, 8e-3),
        "score": 0.3,
        "cost": 1.91,
        "confidence": 0.8,
        "question": Question(lr=LRRange(1e-6, 1.0), budget=20, metric=Metric("val_loss"), current_lr=1e-2),
        "current_regret": 0.03,
    }
    return Answer(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (2.4e-3, "2.4e-3"), (1e-2, "1e-2"), (1.0, "1"), (0.5, "5e-1"), (20.0, "20"), (3.16e-3, "3.16e-3"),
        (1e-10, "1e-10"), (9.999e-3, "1e-2"), (999.9, "1e3"), (1234.0, "1.23e3"), (2.5, "2.5"), (math.nan, "unknown"),
    ],
)  # fmt: skip
def test_a_rate_is_written_as_people_write_it(rate: float, text: str) -> None:
    assert format_lr(rate) == text


def test_fewer_digits_can_be_asked_for() -> None:
    assert format_lr(3.16e-3, digits=2) == "3.2e-3"
    assert format_lr(1.0, digits=1) == "1"


def test_the_sentence_is_the_manuals() -> None:
    assert sentence(answer()) == (
        "Use LR 2.4e-3 (1.6e-3 to 3.9e-3). Safe from 6e-4 to 8e-3. Your 1e-2 would lose 3 %. Cost: 1.9 full runs."
    )


@pytest.mark.parametrize(
    ("regret", "text"),
    [
        (0.0, "Your 1e-2 is as good."),
        (0.004, "Your 1e-2 would lose 0.4 %."),
        (1.0, "Your 1e-2 would lose everything."),
    ],
)
def test_what_the_own_rate_loses_is_said(regret: float, text: str) -> None:
    assert text in sentence(answer(current_regret=regret))


def test_an_own_rate_that_wins_is_praised() -> None:
    assert "Your 1e-2 is the best." in sentence(answer(lr=1e-2, current_regret=0.0))


def test_without_an_own_rate_nothing_is_said_about_it() -> None:
    assert "Your" not in sentence(answer(current_regret=None))


def test_an_answer_so_far_says_so() -> None:
    assert sentence(answer(final=False)).startswith("So far: use LR 2.4e-3 ")


def test_the_answer_of_a_study_that_a_person_has_stopped_is_no_longer_one_so_far() -> None:
    stopped = answer(final=False, warnings=(Caution(code="STOPPED", text="Stopped by a person."),))
    assert sentence(stopped).startswith("Use LR 2.4e-3 ")
    nothing = replace(stopped, lr=math.nan)
    assert sentence(nothing).startswith("No learning rate can be named from these runs.")


def test_one_full_run_is_singular() -> None:
    assert sentence(answer(cost=1.0)).endswith("Cost: 1 full run.")


def test_the_arm_is_named_where_there_are_several() -> None:
    question = Question(
        lr=LRRange(1e-6, 1.0), budget=20, metric=Metric("val_loss"), arms=(Arm(name="sgd"), Arm(name="adam"))
    )
    assert sentence(answer(question=question, arm="adam")).startswith("Use LR 2.4e-3 with adam (")


@pytest.mark.parametrize(
    ("code", "text"), [("ALL_DIVERGED", "every run diverged"), ("ALL_FAILED", "every run failed")]
)
def test_no_rate_is_named_where_none_can_be(code: str, text: str) -> None:
    nothing = answer(lr=math.nan, warnings=(Caution(code=code, text="..."),))
    assert sentence(nothing) == f"No learning rate can be named: {text}. Cost: 1.9 full runs."


def test_no_rate_is_known_before_anything_ran() -> None:
    assert sentence(answer(lr=math.nan, final=False, cost=0.0)).startswith(
        "No learning rate can be named yet."
    )
