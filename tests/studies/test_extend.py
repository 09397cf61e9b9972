"""Larger questions: what may be widened, and how searchers build on the runs that are there."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from lrlab.core.errors import ConflictError, SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.question import Advance, Arm, Done, Question
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Study
from lrlab.searchers.answer import conclude
from lrlab.searchers.grid import grid
from lrlab.searchers.halving import halving
from lrlab.searchers.protocol import Searcher
from lrlab.searchers.race import race
from lrlab.searchers.rungs import joined
from lrlab.store.memory import MemoryStore
from lrlab.studies.extend import ask_more, differences, widened
from lrlab.testing.landscapes import LANDSCAPES, Landscape, carry_out, new_run

QUESTION = Question(lr=LRRange(1e-5, 1e-1), budget=64, metric=Metric("val_loss"))
SEARCHERS = {"race": race(), "grid": grid(7), "halving": halving(12)}
CHANGES: dict[str, Mapping[str, object]] = {
    "lower": {"lr": (1e-7, 1e-1)},
    "higher": {"lr": (1e-5, 1.0)},
    "seeds": {"seeds": 2},
    "tolerance": {"tolerance": 0.05},
    "all": {"lr": (1e-6, 1.0), "seeds": 3, "tolerance": 0.1},
}


def go_on(
    question: Question, searcher: Searcher, landscape: Landscape, runs: tuple[Run, ...], seed: int
) -> tuple[tuple[Run, ...], Done]:
    """Carry a study with runs on; random parts of what is asked are done, in random order."""
    train, order = landscape.trainer(question), random.Random(seed)
    known = {run.key: run for run in runs}
    outstanding: set[Advance] = set()
    while not isinstance(asked := searcher(question, tuple(known.values())), Done):
        assert outstanding <= set(asked), (question, landscape.name)
        outstanding = set(asked)
        for advance in order.sample(list(asked), order.randint(1, len(asked))):
            known[advance.key] = train(known.get(advance.key, new_run(advance)), advance.until)
            outstanding.remove(advance)
    return tuple(known.values()), asked


def cost(runs: tuple[Run, ...]) -> float:
    return sum(run.paid_units for run in runs) / QUESTION.budget


@pytest.mark.parametrize("name", SEARCHERS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_larger_question_builds_on_the_runs_that_are_there(name: str, change: str) -> None:
    searcher = SEARCHERS[name]
    for landscape in LANDSCAPES:
        before, _ = carry_out(QUESTION, searcher, landscape.trainer(QUESTION))
        question = widened(QUESTION, CHANGES[change], searcher=searcher, known=[run.key for run in before])
        after, done = go_on(question, searcher, landscape, before, seed=1)
        again, _ = go_on(question, searcher, landscape, before, seed=2)
        assert {(run.key, run.units) for run in after} == {(run.key, run.units) for run in again}
        assert done.why

        rates, old = {run.lr for run in after}, {run.lr for run in before}
        new = rates - old
        answer = conclude(question, after, done=done)
        assert answer.cost == cost(after) >= cost(before)
        if not answer.found:
            continue
        assert any(run.outcome is Outcome.FINISHED for run in after)
        if name == "race" and change in ("lower", "higher", "tolerance"):
            assert cost(after) <= cost(before) + 1.5, "little more than a new winner's way to the end"
        if question.lr != QUESTION.lr:
            assert any(rate not in QUESTION.lr for rate in new), (
                landscape.name,
                "it looks where it has not been",
            )
        elif name != "race":
            assert not new, "the same range, the same rates"
        if question.seeds > 1 and len(old) > 1:
            assert {run.seed for run in after} > {0} or name == "race"


@pytest.mark.parametrize("name", SEARCHERS)
def test_a_best_rate_beyond_the_edge_is_found(name: str) -> None:
    landscape = next(found for found in LANDSCAPES if found.name == LANDSCAPES[0].name)
    narrow = replace(QUESTION, lr=LRRange(1e-6, 1e-4))
    searcher = SEARCHERS[name]
    before, done = carry_out(narrow, searcher, landscape.trainer(narrow))
    first = conclude(narrow, before, done=done)
    question = widened(narrow, {"lr": "1e-6:1"}, searcher=searcher, known=[run.key for run in before])
    after, done = go_on(question, searcher, landscape, before, seed=3)
    second = conclude(question, after, done=done)
    assert second.lr > 1e-4 >= first.lr
    assert narrow.metric.loss(second.score) < narrow.metric.loss(first.score)
    whole, _ = carry_out(replace(narrow, lr=LRRange(1e-6, 1.0)), searcher, landscape.trainer(narrow))
    assert cost(after) <= cost(before) + cost(whole) + 0.5


def test_more_money_for_a_race_costs_little_more_than_the_new_limit() -> None:
    for landscape in LANDSCAPES:
        poor = replace(QUESTION, max_cost=1.3)
        before, _ = carry_out(poor, race(), landscape.trainer(poor))
        rich = widened(poor, {"max_cost": 3.0}, searcher=race(), known=[run.key for run in before])
        after, _ = go_on(rich, race(), landscape, before, seed=1)
        assert cost(after) <= 3.0 + 1.0, landscape.name  # a first winner that is not the last one
        assert len(after) >= len(before)


def test_more_money_for_a_grid_keeps_the_new_limit() -> None:
    poor = replace(QUESTION, max_cost=3.0, current_lr=1e-3)
    landscape = LANDSCAPES[0]
    before, _ = carry_out(poor, grid(9), landscape.trainer(poor))
    rich = widened(poor, {"max_cost": 5.0}, searcher=grid(9), known=[run.key for run in before])
    after, done = go_on(rich, grid(9), landscape, before, seed=1)
    assert len(before) == 3
    assert cost(after) <= 5.0
    assert len(after) == 5
    assert {run.key for run in before} <= {run.key for run in after}
    assert done.unsettled


def test_halving_under_a_price_limit_keeps_its_rates() -> None:
    poor = replace(QUESTION, max_cost=1.6)
    landscape = LANDSCAPES[0]
    before, _ = carry_out(poor, halving(16), landscape.trainer(poor))
    rich = widened(poor, {"max_cost": 2.0}, searcher=halving(16), known=[run.key for run in before])
    after, _ = go_on(rich, halving(16), landscape, before, seed=1)
    assert {run.key for run in before} <= {run.key for run in after}
    tight = widened(poor, {"lr": (1e-9, 1.0)}, searcher=halving(16), known=[run.key for run in before])
    go_on(tight, halving(16), landscape, before, seed=1)


def test_known_rates_are_kept_and_joined() -> None:
    rates = LRRange(1e-6, 1.0).points(7)
    assert joined(rates, ()) == list(rates)
    assert joined(rates, (1e-3,)) == list(rates)
    assert joined(rates, (1e-4, 9e-4, 1e-2)) == [1e-6, 1e-5, 1e-4, 9e-4, 1e-2, 1e-1, 1.0]
    assert joined((), (1e-4,)) == [1e-4]
    assert joined((1e-3,), (1e-3,)) == [1e-3]


# --- what may be widened ------------------------------------------------------------------------------------

LIMITED = replace(QUESTION, max_cost=2.0, seeds=2, tolerance=0.05)
REFUSED: list[tuple[dict[str, object], str]] = [
    ({}, "nothing would change"),
    ({"lr": None, "seeds": None}, "nothing would change"),
    ({"lr": QUESTION.lr}, "nothing would change, the study asks that already"),
    ({"budget": 65}, r"the budget cannot change, it stays 64 epochs, got 65\. Schedules stretch"),
    ({"budget": 64}, "the budget cannot change"),
    ({"metric": "accuracy"}, "there is no metric to widen"),
    ({"arms": 2, "seed": 3}, "there is no arms, seed to widen"),
    ({"lr": (1e-4, 1e-1)}, r"lr must hold the range searched so far, 1e-5:1e-1, got 1e-4:1e-1"),
    ({"lr": (1e-5, 1e-2)}, "lr must hold the range"),
    ({"lr": (1e-3, 10.0)}, "lr must hold the range"),
    ({"lr": "1e-1:1e-5"}, "Did you mean 1e-5:1e-1"),
    ({"lr": "x"}, "expected a pair"),
    ({"lr": 3}, "expected a pair"),
    ({"lr": (0, 1)}, "must be finite and above 0"),
    ({"lr": (math.nan, 1)}, "must be finite and above 0"),
    ({"seeds": 1}, "seeds must be at least what it was, 2, got 1"),
    ({"seeds": 0}, "seeds: must be at least 1"),
    ({"seeds": 2.5}, r"seeds: must be a whole number, got 2\.5"),
    ({"seeds": "3"}, "seeds: must be a whole number"),
    ({"seeds": 10**12}, "seeds: must be at most"),
    ({"tolerance": 0.01}, r"tolerance must be at least what it was, 0\.05, got 0\.01"),
    ({"tolerance": 1.0}, "tolerance: must lie between 0 and 1"),
    ({"tolerance": -0.1}, "tolerance: must lie between 0 and 1"),
    ({"tolerance": "0.1"}, "tolerance: must lie between 0 and 1"),
    ({"max_cost": 1.5}, r"max_cost must be at least what it was, 2, got 1\.5"),
    ({"max_cost": 0}, "max_cost: must be at least 1 full run"),
    ({"max_cost": math.inf}, "max_cost: must be at least 1 full run"),
    ({"max_cost": True}, "max_cost: must be at least 1 full run"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(changes) for changes, _ in REFUSED])
def test_nothing_can_become_narrower(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=rf"{message}"):
        widened(LIMITED, changes, searcher=race(), known=())


@pytest.mark.parametrize(("name", "refused", "taken"), [("race", 1.2, 2.5), ("grid", 6.0, 7.0)])
def test_a_limit_where_there_was_none_must_not_be_narrower(name: str, refused: float, taken: float) -> None:
    with pytest.raises(SpecError, match=r"at least what the study costs without a limit, about \d"):
        widened(QUESTION, {"max_cost": refused}, searcher=SEARCHERS[name], known=())
    assert widened(QUESTION, {"max_cost": taken}, searcher=SEARCHERS[name], known=()).max_cost == taken


def test_a_larger_question_knows_the_runs_and_tells_what_changed() -> None:
    first = RunKey("default", 1e-3, 0)
    once = widened(QUESTION, {"seeds": 2}, searcher=race(), known=[first])
    twice = widened(
        once, {"lr": (1e-6, 1.0), "max_cost": 9}, searcher=race(), known=[first, first._replace(seed=1)]
    )
    assert twice.known == (first, first._replace(seed=1))
    assert replace(twice, known=(), lr=QUESTION.lr, seeds=1, max_cost=None) == QUESTION
    assert (
        differences(QUESTION, twice)
        == "Extended: price limit none became 9; seeds 1 became 2; rates 1e-5:1e-1 became 1e-6:1."
    )


@pytest.mark.parametrize("state", [StudyState.FINISHED, StudyState.STOPPED, StudyState.INTERRUPTED])
def test_dropped_and_stopped_runs_can_be_trained_on_and_others_stay(state: StudyState) -> None:
    store = MemoryStore()
    runs = tuple(
        Run(lr=1e-4 * (k + 1), outcome=outcome, units=k + 1, detail="x") for k, outcome in enumerate(Outcome)
    )
    ledger = store.create(Study(name="s", question=QUESTION, task="t", runs=runs))
    ledger.conclude(state, None)
    question = widened(QUESTION, {"seeds": 2}, searcher=race(), known=[run.key for run in runs])
    ask_more(ledger, question)
    study = ledger.study
    assert (study.question, study.state) == (question, StudyState.INTERRUPTED)
    for before, after in zip(runs, study.runs, strict=True):
        if before.outcome in (Outcome.DROPPED, Outcome.STOPPED):
            assert (after.outcome, after.reopened, after.units, after.detail) == (
                None,
                True,
                before.units,
                "",
            )
        else:
            assert after == before
    assert study.events[-1].text == "Extended: seeds 1 became 2."


def test_a_study_that_failed_is_not_extended() -> None:
    store = MemoryStore()
    ledger = store.create(Study(name="s", question=QUESTION, task="t"))
    ledger.conclude(StudyState.FAILED, None)
    with pytest.raises(ConflictError, match='study "s" failed, and a larger question does not mend'):
        ask_more(ledger, replace(QUESTION, seeds=2))
    assert ledger.study.question == QUESTION


def test_arms_keep_their_known_rates() -> None:
    question = replace(QUESTION, arms=(Arm(name="sgd"), Arm(name="adam")))
    landscape = LANDSCAPES[0]
    for searcher in SEARCHERS.values():
        before, _ = carry_out(question, searcher, landscape.trainer(question))
        wide = widened(question, {"lr": (1e-6, 1.0)}, searcher=searcher, known=[run.key for run in before])
        after, _ = go_on(wide, searcher, landscape, before, seed=4)
        assert {run.arm for run in after} == {"sgd", "adam"}
