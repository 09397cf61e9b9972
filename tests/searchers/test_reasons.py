"""Why runs go on and why they wait, in sentences with numbers."""

import math
import random
from dataclasses import replace

import pytest

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Arm, Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.searchers.evidence import Evidence
from lrlab.searchers.grid import grid
from lrlab.searchers.halving import halving
from lrlab.searchers.merit import Prior
from lrlab.searchers.protocol import Explains
from lrlab.searchers.race import race
from lrlab.searchers.reasons import Reasons
from lrlab.searchers.standing import Standing
from lrlab.testing.landscapes import LANDSCAPES, Landscape, carry_out, new_run
from lrlab.testing.searcher_kit import cases

QUESTION = Question(lr=LRRange(1e-4, 1.0), budget=64, metric=Metric("val_loss"))
BOWL = Landscape(name="bowl")


def curve(lr: float, *scores: float, arm: str = "default", seed: int = 0) -> Run:
    """A run from 1.0 before training, with a value a unit; NaN: it diverged there."""
    values = (1.0, *scores)
    gone = math.isnan(values[-1])
    return Run(
        lr=lr, arm=arm, seed=seed, units=len(scores) - gone, target=len(scores),
        records=tuple(Record(float(unit), {"val_loss": value}) for unit, value in enumerate(values)),
        outcome=Outcome.DIVERGED if gone else None,
    )  # fmt: skip


def reasons(*runs: Run, question: Question = QUESTION) -> Reasons:
    asked = {run.key: run.target for run in runs}
    return Reasons(question, Standing(question, Evidence(question, runs), Prior(), asked))


def keys(*runs: Run) -> list[RunKey]:
    return [run.key for run in runs]


LOW, MIDDLE, HIGH, GONE = curve(1e-3, 0.9, 0.83), curve(1e-2, 0.6, 0.5), curve(0.1, 0.7, 0.62), curve(1.0, math.nan)  # fmt: skip


def test_a_run_that_waits_is_told_how_far_it_is_behind() -> None:
    told = reasons(LOW, MIDDLE, HIGH)
    left = told.leave(keys(LOW, MIDDLE, HIGH), keys(MIDDLE), 2)
    assert set(left) == {LOW.key, HIGH.key}
    assert left[LOW.key] == (
        "Its val_loss 0.83 after 2 of 64 epochs is 0.33 above that of 1e-2, the best; 1 of 3 went on."
    )


def test_a_rate_far_from_where_the_best_is_expected_is_told_so() -> None:
    close = curve(0.1, 0.6, 0.501)
    told = reasons(LOW, MIDDLE, close)
    left = told.leave(keys(LOW, MIDDLE, close), keys(MIDDLE, LOW), 2)
    assert "is 0.001 above that of 1e-2, the best, and the best rate is expected near" in left[close.key]
    assert "decades below it; 2 of 3 went on." in left[close.key]


def test_a_rate_next_above_or_anywhere_below_that_diverged_is_named() -> None:
    told = reasons(MIDDLE, HIGH, GONE)
    left = told.leave(keys(MIDDLE, HIGH), keys(MIDDLE), 2)
    assert left[HIGH.key].endswith("and 1, next above it, diverged; 1 of 2 went on.")
    gone = curve(5e-2, math.nan)
    told = reasons(MIDDLE, gone, HIGH)
    left = told.leave(keys(MIDDLE, HIGH), keys(MIDDLE), 2)
    assert left[HIGH.key].endswith("and 5e-2, below it, diverged; 1 of 2 went on.")


def test_what_was_not_seen_yet_is_not_told() -> None:
    # It diverges in its second unit, and only the first was asked for.
    late = replace(curve(1.0, 0.9, math.nan), target=1)
    told = reasons(MIDDLE, HIGH, late)
    left = told.leave(keys(MIDDLE, HIGH), keys(MIDDLE), 2)
    assert "diverged" not in left[HIGH.key]


def test_runs_on_a_plateau_are_told_that_they_cannot_be_told_apart() -> None:
    level = [curve(rate, 0.5, 0.5) for rate in (1e-3, 1e-2, 0.1)]
    told = reasons(*level)
    assert told.go_on(keys(level[0]), keys(*level), 2) == [
        "1e-3 is one of 3 that 2 of 64 epochs could not tell apart."
    ]
    left = told.leave(keys(*level), keys(*level[:2]), 2)
    assert left == {level[2].key: "It is one of 3 that 2 of 64 epochs could not tell apart; 2 of 3 went on."}


def test_who_goes_on_is_compared_with_the_best() -> None:
    told = reasons(LOW, MIDDLE)
    assert told.go_on(keys(LOW, MIDDLE), keys(LOW, MIDDLE), 2) == [
        "1e-3 goes on: its val_loss 0.83 after 2 of 64 epochs is 0.33 above that of 1e-2, the best, and lower rates "
        "catch up.",
        "1e-2 goes on: its val_loss 0.5 after 2 of 64 epochs is the best.",
    ]
    new = RunKey("default", 3e-3, 0)
    assert told.go_on([new], keys(LOW), 2) == [
        "3e-3 is new: between the best rate after 2 of 64 epochs and its neighbour."
    ]


def test_the_end_names_the_one_that_reaches_it_and_what_the_others_lack() -> None:
    told = reasons(LOW, MIDDLE, HIGH)
    assert told.to_the_end(MIDDLE.key, keys(LOW, MIDDLE), 2) == (
        "1e-2 is the most promising of 2 after 2 of 64 epochs, with val_loss 0.5; it is trained to the end."
    )
    left = told.leave_all(keys(LOW, MIDDLE), MIDDLE.key)
    assert left[LOW.key].endswith("is 0.33 above that of 1e-2, the best; only 1e-2 is trained to the end.")
    assert left[HIGH.key] == (
        "A rate near it diverged, so it is not trusted; only 1e-2 is trained to the end."
    )


def test_other_seeds_are_told_what_they_were_for() -> None:
    again = curve(1e-2, 0.6, 0.55, seed=1)
    told = reasons(MIDDLE, again, LOW)
    left = told.leave_all(keys(MIDDLE, LOW), MIDDLE.key)
    assert left[again.key] == "It told luck apart; only seed 0 is trained on."
    # The mean over both seeds is what the others were compared with.
    assert "is 0.3 above that of 1e-2" in left[LOW.key]


def test_arms_and_accuracies_are_named() -> None:
    question = replace(QUESTION, metric=Metric("val_acc", "max"), arms=(Arm(name="sgd"), Arm(name="adam")))
    sgd, adam = (
        Run(lr=lr, arm=arm, units=1, target=1, records=(Record(0.0, {"val_acc": 0.1}), Record(1.0, {"val_acc": acc})))
        for lr, arm, acc in ((0.1, "sgd", 0.5), (1e-3, "adam", 0.75))
    )  # fmt: skip
    told = reasons(sgd, adam, question=question)
    left = told.leave(keys(sgd, adam), keys(adam), 1)
    assert left[sgd.key].startswith(
        "Its val_acc 0.5 after 1 of 64 epochs is 0.25 below that of adam at 1e-3, the best"
    )


def test_what_is_told_already_is_not_told_again_and_nothing_is_kept() -> None:
    told = reasons(LOW, MIDDLE, HIGH)
    said = told.leave_all(keys(LOW, MIDDLE), MIDDLE.key, keys(HIGH))
    assert set(said) == {LOW.key}
    assert told.leave_all(keys(LOW, MIDDLE), MIDDLE.key, keys(HIGH)) == said
    assert told.leave([], keys(MIDDLE), 2) == {}


@pytest.mark.parametrize("searcher", [race(), halving(), halving(9, eta=2)])
def test_whoever_is_left_behind_has_a_reason(searcher: Explains) -> None:
    for question, landscape in cases():
        runs, _ = carry_out(question, searcher, landscape.trainer(question))  # type: ignore[arg-type]
        told = searcher.left(question, runs)
        waiting = {run.key for run in runs if run.outcome is None and run.seed == question.seed}
        if any(run.outcome is Outcome.FINISHED and run.units == question.budget for run in runs):
            assert waiting <= set(told), (question, landscape.name, waiting - set(told))
        assert all(sentence.endswith(".") and "nan" not in sentence for sentence in told.values()), told
        assert len(told) < len(runs) or not runs


def test_reasons_depend_on_no_order_and_on_nothing_beyond_the_decision() -> None:
    question, train = QUESTION, BOWL.trainer(QUESTION)
    plain, _ = carry_out(question, race(), train)
    shuffled, _ = carry_out(question, race(), train, order=random.Random(3))
    assert race().left(question, plain) == race().left(question, shuffled)
    further, _ = carry_out(question, race(), lambda run, until: train(run, min(until + 3, question.budget)))
    assert race().left(question, plain) == race().left(question, further)


def test_while_a_study_runs_those_that_are_asked_for_do_not_wait() -> None:
    taken_on = 0
    for landscape in LANDSCAPES:
        train, runs, waited = landscape.trainer(QUESTION), dict[RunKey, Run](), set[RunKey]()
        while not isinstance(asked := race()(QUESTION, tuple(runs.values())), Done):
            told = set(race().left(QUESTION, tuple(runs.values())))
            assert not {advance.key for advance in asked} & told
            taken_on += len({advance.key for advance in asked} & waited)
            waited = told
            for advance in asked:
                runs[advance.key] = train(runs.get(advance.key, new_run(advance)), advance.until)
    assert taken_on


def test_halving_tells_the_place() -> None:
    runs, _ = carry_out(QUESTION, halving(9), BOWL.trainer(QUESTION))
    told = halving(9).left(QUESTION, runs)
    assert any(" is number 9 of 9, the best has " in sentence for sentence in told.values())
    assert any(sentence.endswith("; 1 went on.") for sentence in told.values())


def test_a_grid_leaves_nobody_behind() -> None:
    assert isinstance(race(), Explains)
    assert not isinstance(grid(5), Explains)
