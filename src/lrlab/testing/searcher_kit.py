"""The laws that every searcher keeps, as tests to inherit."""

import itertools
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Advance, Arm, Done, Question
from lrlab.core.run import Run, RunKey
from lrlab.searchers.protocol import Searcher
from lrlab.testing.landscapes import LANDSCAPES, Landscape, Train, carry_out, new_run

_RANGE = LRRange(1e-6, 1.0)
_LOSS = Metric("val_loss", "min")


def questions() -> Iterator[Question]:
    """Questions of every kind: tiny and large budgets, narrow ranges, own rates, price limits, seeds, arms."""
    plain = Question(lr=_RANGE, budget=30, metric=_LOSS)
    yield plain
    for budget in (1, 2, 3, 4, 5, 10, 640):
        yield replace(plain, budget=budget)
    yield replace(plain, lr=LRRange(1e-3, 2e-3))
    yield replace(plain, lr=LRRange(1e-3, 1.001e-3))
    yield replace(plain, current_lr=3e-4)
    yield replace(plain, current_lr=50.0)
    yield replace(plain, current_lr=1e-9, budget=3)
    for price, budget in itertools.product((1.0, 1.2, 1.35, 3.0), (3, 30, 400)):
        yield replace(plain, max_cost=price, budget=budget)
    yield replace(plain, max_cost=1.5, current_lr=1e-2)
    yield replace(plain, seeds=3)
    yield replace(plain, seeds=2, seed=7, max_cost=2.0)
    yield replace(plain, arms=(Arm(name="sgd"), Arm(name="adam")))
    yield replace(plain, arms=(Arm(name="sgd"), Arm(name="adam"), Arm(name="lion")), max_cost=2.0, budget=8)
    free = Arm(name="prodigy", rate=2.0)
    yield replace(plain, arms=(free, Arm(name="adam")))
    yield replace(
        plain, arms=(Arm(name="adam", lr=LRRange(1e-5, 1e-2)), free, Arm(name="dog", rate=1e-3)), max_cost=2.0
    )
    yield replace(plain, arms=(Arm(name="adam"), free), seeds=2, budget=8, current_lr=1e-2)
    yield replace(plain, metric=Metric("accuracy", "max"))
    yield replace(plain, reduce="last")
    yield replace(plain, resumes="restart")
    yield replace(plain, resumes="restart", max_cost=1.5)


def cases() -> Iterator[tuple[Question, Landscape]]:
    """Every question on a bowl and a cliff, and the plain ones on every landscape."""
    everything = list(questions())
    for question in everything:
        for landscape in LANDSCAPES[:2] + LANDSCAPES[4:5]:
            yield question, landscape
    for landscape in LANDSCAPES:
        for question in (
            everything[0],
            replace(everything[0], budget=4),
            replace(everything[0], max_cost=1.35),
        ):
            yield question, landscape


class SearcherKit:
    """Inherit it in a test class and say which searcher."""

    def searcher(self) -> Searcher:
        """The searcher under test."""
        raise NotImplementedError

    def most_cost(self, question: Question) -> float:
        """Full runs that a study may cost where the question sets no limit and no run ends badly."""
        return math.inf

    def test_ends_and_brings_a_winner_to_the_end(self) -> None:
        for question, landscape in cases():
            runs, done = carry_out(question, self.searcher(), landscape.trainer(question))
            assert done.why, (question, landscape.name)
            assert runs or question.max_cost is not None
            if any(not run.ended or run.outcome is Outcome.FINISHED for run in runs) and not done.unsettled:
                assert any(run.outcome is Outcome.FINISHED for run in runs), (question, landscape.name)

    def test_a_large_budget_takes_no_longer(self) -> None:
        question = Question(lr=_RANGE, budget=10_000, unit="step", metric=_LOSS)
        for landscape in LANDSCAPES:
            runs, _ = carry_out(question, self.searcher(), landscape.trainer(question))
            assert _cost(question, runs) <= self.most_cost(question), landscape.name

    def test_asks_only_what_can_be_done(self) -> None:
        for question, landscape in cases():
            train = landscape.trainer(question)
            runs: dict[RunKey, Run] = {}
            while not isinstance(asked := self.searcher()(question, tuple(runs.values())), Done):
                assert len({advance.key for advance in asked}) == len(asked)
                for advance in asked:
                    known = runs.get(advance.key, new_run(advance))
                    assert known.units < advance.until <= question.budget, (question, advance)
                    assert advance.until >= 1
                    assert not known.ended, (question, advance)
                    assert advance.arm in {arm.name for arm in question.arms}
                    if advance.arm in question.searched:
                        assert advance.lr in question.lr or advance.lr == question.current_lr
                    else:
                        assert advance.key[:2] in [key[:2] for key in question.fixed]
                    assert question.seed <= advance.seed < question.seed + question.seeds
                    assert advance.why.endswith(".")
                    runs[advance.key] = train(known, advance.until)

    def test_any_part_of_the_outstanding_in_any_order_leads_to_the_same_study(self) -> None:
        for number, (question, landscape) in enumerate(cases()):
            train = landscape.trainer(question)
            searcher = self.searcher()
            expected = _summary(carry_out(question, searcher, train)[0])
            order = random.Random(number)  # noqa: S311
            runs: dict[RunKey, Run] = {}
            outstanding: set[Advance] = set()
            while not isinstance(asked := searcher(question, tuple(runs.values())), Done):
                assert outstanding <= set(asked), (question, landscape.name, outstanding - set(asked))
                outstanding = set(asked)
                for advance in order.sample(list(asked), order.randint(1, len(asked))):
                    runs[advance.key] = train(runs.get(advance.key, new_run(advance)), advance.until)
                    outstanding.remove(advance)
            assert not outstanding, (question, landscape.name)
            assert _summary(runs.values()) == expected, (question, landscape.name)

    def test_the_order_of_the_runs_does_not_matter(self) -> None:
        for number, (question, landscape) in enumerate(cases()):
            runs = _half_way(question, self.searcher(), landscape.trainer(question))
            shuffled = random.Random(number).sample(runs, len(runs))  # noqa: S311
            first, second = self.searcher()(question, tuple(runs)), self.searcher()(question, tuple(shuffled))
            assert first == second, (question, landscape.name)

    def test_what_it_is_given_stays_as_it_was(self) -> None:
        for question, landscape in cases():
            runs = _half_way(question, self.searcher(), landscape.trainer(question))
            before = [
                (run.key, run.units, run.outcome, [record.key() for record in run.records]) for run in runs
            ]
            self.searcher()(question, runs)
            after = [
                (run.key, run.units, run.outcome, [record.key() for record in run.records]) for run in runs
            ]
            assert after == before

    def test_what_lies_beyond_a_decision_does_not_change_it(self) -> None:
        for number, (question, landscape) in enumerate(cases()):
            train = landscape.trainer(question)
            runs, _ = carry_out(question, self.searcher(), train)
            asked = {run.key: run.target for run in runs}
            ahead = random.Random(number)  # noqa: S311
            more, _ = carry_out(question, self.searcher(), _eager(train, question.budget, ahead))
            assert {run.key for run in more} == set(asked), (question, landscape.name)
            for run in more:
                assert run.reached(asked[run.key]), (question, landscape.name, run.key)

    def test_a_price_limit_is_kept(self) -> None:
        for question, landscape in cases():
            if question.max_cost is None:
                continue
            runs, _ = carry_out(question, self.searcher(), landscape.trainer(question))
            assert _cost(question, runs) <= question.max_cost + 1e-6, (question, landscape.name)

    def test_the_cost_stays_in_its_bound(self) -> None:
        for question, landscape in cases():
            if question.max_cost is not None or question.resumes == "restart":
                continue
            runs, _ = carry_out(question, self.searcher(), landscape.trainer(question))
            if not any(run.outcome is Outcome.DIVERGED and run.units > question.budget / 4 for run in runs):
                assert _cost(question, runs) <= self.most_cost(question), (question, landscape.name)

    def test_an_arm_that_needs_no_rate_has_one(self) -> None:
        for question, landscape in cases():
            runs, done = carry_out(question, self.searcher(), landscape.trainer(question))
            for fixed in question.fixed:
                own = {run.lr for run in runs if run.arm == fixed.arm}
                assert own == {fixed.lr} or (not own and done.unsettled), (question, landscape.name)

    def test_the_rate_that_the_user_has_now_is_a_run(self) -> None:
        for question, landscape in cases():
            if question.current_lr is not None:
                runs, _ = carry_out(question, self.searcher(), landscape.trainer(question))
                assert question.current_lr in {run.lr for run in runs}, (question, landscape.name)


def _eager(train: Train, budget: int, order: random.Random) -> Train:
    """Trains further than it was asked to."""
    return lambda run, until: train(run, order.randint(until, budget))


def _summary(runs: Iterable[Run]) -> set[tuple[RunKey, int, Outcome | None]]:
    return {(run.key, run.units, run.outcome) for run in runs}


def _half_way(question: Question, searcher: Searcher, train: Train) -> list[Run]:
    """The runs of a study after two rounds, the second one only begun."""
    runs: dict[RunKey, Run] = {}
    for part in (1.0, 0.5):
        asked = searcher(question, tuple(runs.values()))
        if isinstance(asked, Done):
            break
        for advance in asked[: math.ceil(part * len(asked))]:
            runs[advance.key] = train(runs.get(advance.key, new_run(advance)), advance.until)
    return list(runs.values())


def _cost(question: Question, runs: tuple[Run, ...]) -> float:
    return sum(run.paid_units for run in runs) / question.budget
