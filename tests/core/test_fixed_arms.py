"""Arms whose optimizers need no rate: what may be asked, what is stored, and how the answer tells it."""

from dataclasses import replace

import pytest

from lrlab.core import wire
from lrlab.core.answer import Answer, sentence
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Arm, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.answer import conclude
from lrlab.searchers.grid import grid
from lrlab.searchers.race import race
from lrlab.testing.landscapes import LANDSCAPES, carry_out

FREE, OWN = Arm(name="prodigy", rate=1.0), Arm(name="adamw", lr=LRRange(1e-5, 1e-2))
QUESTION = Question(
    lr=LRRange(1e-6, 1.0), budget=20, metric=Metric("val_loss"), arms=(FREE, OWN, Arm(name="sgd"))
)


def test_a_question_tells_which_arms_have_a_rate_to_search() -> None:
    assert QUESTION.searched == ("adamw", "sgd")
    assert [tuple(key) for key in QUESTION.fixed] == [("prodigy", 1.0, 0)]
    assert QUESTION.span("adamw") == LRRange(1e-5, 1e-2)
    assert QUESTION.span("sgd") == QUESTION.lr
    with pytest.raises(SpecError, match="arms: prodigy has the one rate 1, and none to search"):
        QUESTION.span("prodigy")


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf"), "x", True])
def test_a_rate_that_is_none_is_refused(rate: object) -> None:
    with pytest.raises(SpecError, match="arm: rate: a learning rate must be"):
        Arm(name="a", rate=rate)  # type: ignore[arg-type]


def test_a_rate_and_a_range_are_refused() -> None:
    with pytest.raises(
        SpecError, match=r"arm: a has the one rate 1, so there is no range to search, got 1e-5:1e-1"
    ):
        Arm(name="a", rate=1.0, lr=LRRange(1e-5, 0.1))


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ((FREE,), "arms: prodigy needs no learning rate, so there is nothing to search"),
        ((FREE, Arm(name="b", optimizer="dog", rate=1.0)), "arms: prodigy, dog need no learning rate"),
    ],
)
def test_nothing_to_search_is_refused(arms: tuple[Arm, ...], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        replace(QUESTION, arms=arms)


def test_it_is_stored_and_older_questions_are_read() -> None:
    text = wire.dumps(Question, QUESTION)
    assert '"rate":1.0' in text
    assert wire.loads(Question, text) == QUESTION
    assert wire.loads(Arm, '{"name":"sgd","optimizer":"","schedule":"","lr":null}') == Arm(name="sgd")


def answer_of(best: str) -> Answer:
    def run(arm: str, lr: float, score: float) -> Run:
        records = tuple(Record(at, {"val_loss": 1 - (1 - score) * at / 20}, at) for at in range(21))
        return Run(arm=arm, lr=lr, units=20, records=records)

    scores = {"prodigy": 0.4, "adamw": 0.5} | {best: 0.1}
    runs = [run("prodigy", 1.0, scores["prodigy"])]
    runs += [run("adamw", lr, scores["adamw"] + k / 10) for k, lr in enumerate((1e-3, 1e-4, 1e-2))]
    return conclude(QUESTION, runs)


def test_the_answer_names_the_arm_and_that_it_needs_no_rate() -> None:
    answer = answer_of("prodigy")
    assert (answer.arm, answer.lr, answer.interval, answer.safe_range) == (
        "prodigy",
        1.0,
        (1.0, 1.0),
        (1.0, 1.0),
    )
    assert sentence(replace(answer, final=True)).startswith(
        "Use prodigy, which needs no rate to be found: leave its LR at 1. Cost: "
    )
    assert sentence(replace(answer, final=False)).startswith("So far: use prodigy, which")
    assert "prodigy needs no rate: its only run is compared with the others." in answer.reasons
    assert not any("Fewer than three rates" in reason for reason in answer.reasons)
    assert not answer.codes & {"EDGE_LOW", "EDGE_HIGH", "FLAT", "NOISE"}
    assert any(reason.startswith("adamw came to 0.5 at 1e-3") for reason in answer.reasons)


def test_the_answer_of_a_searched_arm_tells_what_tuning_buys() -> None:
    answer = answer_of("adamw")
    assert sentence(replace(answer, final=True)).startswith("Use LR 1e-3 with adamw (")
    assert any(reason.startswith("prodigy came to 0.4 at 1 in 20 of 20") for reason in answer.reasons)


def test_a_race_compares_it_only_after_a_quarter_of_the_training() -> None:
    for landscape in LANDSCAPES:
        runs, _ = carry_out(QUESTION, race(), landscape.trainer(QUESTION))
        [free] = [run for run in runs if run.arm == "prodigy"]
        assert free.units >= 5 or free.ended, landscape.name
        assert any(run.arm != "prodigy" and (run.units >= 5 or run.ended) for run in runs), landscape.name


def test_a_price_that_lets_it_not_start_says_so() -> None:
    question = replace(QUESTION, max_cost=1.2, arms=(FREE, OWN))
    runs, done = carry_out(question, race(), LANDSCAPES[0].trainer(question))
    assert {run.arm for run in runs} == {"adamw"}
    assert "The price did not let prodigy start." in done.unsettled


def test_a_grid_says_why() -> None:
    asked = grid(3)(QUESTION, ())
    assert [advance.why for advance in asked if advance.arm == "prodigy"] == [  # type: ignore[union-attr]
        "prodigy needs no rate; it is trained to the end."
    ]
    assert len(asked) == 7  # type: ignore[arg-type]
