"""Optuna as a searcher: the searchers' law, real studies, and what is refused."""

import importlib.util
import logging
import math
from dataclasses import replace

import pytest

import lrlab
from lrlab.adapters import optuna as adapter
from lrlab.adapters.optuna import optuna_searcher
from lrlab.api.engines import make_searcher
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Question
from lrlab.core.run import Run
from lrlab.searchers.protocol import Searcher
from lrlab.searchers.race import race
from lrlab.testing.landscapes import LANDSCAPES, carry_out
from lrlab.testing.searcher_kit import SearcherKit

optuna = pytest.importorskip("optuna")

QUESTION = Question(lr=LRRange(1e-6, 1.0), budget=30, metric=Metric("val_loss", "min"))
BOWL, CLIFF, LOW = LANDSCAPES[0], LANDSCAPES[3], LANDSCAPES[5]


class TestRandom(SearcherKit):
    def searcher(self) -> Searcher:
        return optuna_searcher("optuna:random:6")

    def most_cost(self, question: Question) -> float:
        return (6 + (question.current_lr is not None)) * question.seeds


class TestTpe(SearcherKit):
    def searcher(self) -> Searcher:
        return optuna_searcher("optuna:tpe:6")


class TestTpeAsha(SearcherKit):
    def searcher(self) -> Searcher:
        return optuna_searcher("optuna:tpe+asha:6")


@pytest.mark.slow
class TestTpeHyperband(SearcherKit):
    def searcher(self) -> Searcher:
        return optuna_searcher("optuna:tpe+hyperband:6")


@pytest.mark.slow
class TestRandomMedian(SearcherKit):
    def searcher(self) -> Searcher:
        return optuna_searcher("optuna:random+median:6")


@pytest.mark.torch
@pytest.mark.parametrize("text", ["optuna:gp:6", "optuna:gp+asha:6"])
def test_the_process_keeps_the_law(text: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("scipy")
    kept = optuna_searcher(text)
    runs, done = carry_out(QUESTION, kept, BOWL.trainer(QUESTION))
    assert done.why == "Optuna has chosen 6 rates by the Gaussian process."
    for size in range(len(runs)):
        assert optuna_searcher(text)(QUESTION, runs[:size]) == kept(QUESTION, runs[:size])


def test_without_a_pruner_it_is_what_optuna_does_by_itself() -> None:
    """The rates are those of a plain loop over ``study.ask`` and ``study.tell``."""
    runs, _ = carry_out(QUESTION, optuna_searcher("optuna:tpe:12"), BOWL.trainer(QUESTION))
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=4))
    own = []
    asked = [study.ask() for _ in range(4)]  # random ones, all at once
    for number in range(12):
        trial = asked[number] if number < 4 else study.ask()
        rate = float(f"{trial.suggest_float('lr', 1e-6, 1.0, log=True):.2e}")
        own.append(rate)
        values = [BOWL.value(rate, unit, seed=0, budget=30) for unit in range(31)]
        study.tell(trial, min(values))
    assert [run.lr for run in runs] == own


def test_a_pruner_makes_it_cheaper() -> None:
    plain, _ = carry_out(QUESTION, optuna_searcher("optuna:random:12"), BOWL.trainer(QUESTION))
    for pruner in ("median", "asha", "hyperband"):
        text = f"optuna:random+{pruner}:12"
        pruned, _ = carry_out(QUESTION, optuna_searcher(text), BOWL.trainer(QUESTION))
        assert [run.lr for run in pruned] == [run.lr for run in plain], text
        assert sum(run.units for run in pruned) < 0.9 * sum(run.units for run in plain), text
        assert pruned[0].outcome is Outcome.FINISHED


def test_a_price_decides_how_many() -> None:
    for price in (1.0, 2.0, 4.5):
        question = replace(QUESTION, max_cost=price)
        runs, done = carry_out(question, optuna_searcher("optuna:tpe"), BOWL.trainer(question))
        assert len(runs) == int(price)
        assert not done.unsettled
    question = replace(QUESTION, max_cost=4.0)
    runs, done = carry_out(question, optuna_searcher("optuna:tpe:9"), BOWL.trainer(question))
    assert len(runs) == 4
    assert done.unsettled == ("The price limit left 5 of the 9 rates out.",)


def test_what_diverges_leaves_money_for_others() -> None:
    question = replace(QUESTION, max_cost=6.0)
    runs, _ = carry_out(question, optuna_searcher("optuna:random"), LOW.trainer(question))
    assert len(runs) > 6
    assert 5 < sum(run.units for run in runs) / 30 <= 6


def test_a_winner_is_brought_home_where_the_only_one_that_was_not_pruned_diverges() -> None:
    """The first rate looks far better than the others, so that ASHA prunes them all, and then it diverges."""
    first = carry_out(QUESTION, optuna_searcher("optuna:random:1"), BOWL.trainer(QUESTION))[0][0].lr

    def train(run: Run, until: int) -> Run:
        trained = BOWL.trainer(QUESTION)(run, until)
        if run.lr != first:
            return trained
        better = tuple(
            replace(record, metrics={"val_loss": 0.5 * record.metrics["val_loss"] ** 9 if record.at else 1.0})
            for record in trained.records
            if record.at <= 20
        )
        return replace(trained, records=better, units=20, outcome=Outcome.DIVERGED)

    runs, done = carry_out(QUESTION, optuna_searcher("optuna:random+asha:4"), train)
    assert [run.outcome for run in runs].count(Outcome.FINISHED) == 1
    assert runs[0].outcome is Outcome.DIVERGED
    assert not done.unsettled
    tight = replace(QUESTION, max_cost=1.0)
    runs, done = carry_out(tight, optuna_searcher("optuna:random+asha:4"), train)
    assert len(runs) == 1
    assert done.unsettled == (
        "The price limit left 3 of the 4 rates out.",
        "No rate was trained to the end, and the price does not allow another full run.",
    )


def test_a_memo_of_other_runs_is_not_used() -> None:
    searcher = optuna_searcher("optuna:tpe:8")
    carry_out(QUESTION, searcher, BOWL.trainer(QUESTION))
    runs, _ = carry_out(QUESTION, searcher, CLIFF.trainer(QUESTION))
    fresh, _ = carry_out(QUESTION, optuna_searcher("optuna:tpe:8"), CLIFF.trainer(QUESTION))
    assert [run.lr for run in runs] == [run.lr for run in fresh]
    other = replace(QUESTION, seed=1)
    again, _ = carry_out(other, searcher, CLIFF.trainer(other))
    assert [run.lr for run in again] != [run.lr for run in fresh]


def test_a_real_study(capfd: pytest.CaptureFixture[str]) -> None:
    def train(run: lrlab.Run) -> None:
        x = 1.0
        for _ in run.units():
            x -= run.lr * 2 * x
            run.report(val_loss=x * x)

    settings = {"lr": (1e-4, 1.5), "budget": 8, "metric": "val_loss", "store": "memory", "workers": 0}
    level = logging.getLogger("optuna").level
    answer = lrlab.sweep(train, searcher="optuna:tpe+asha:10", **settings)
    assert len(answer.runs) == 10
    assert 0.05 < answer.lr < 0.99
    assert answer.score == min(run.score(answer.question.metric) for run in answer.runs)
    assert answer.cost < 10
    assert math.isclose(answer.cost, sum(run.units for run in answer.runs) / 8)
    assert logging.getLogger("optuna").level == level
    assert "study" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("optuna", "expected optuna:SAMPLER"),
        ("optuna:", "sampler must be random, tpe or gp, got ''"),
        ("optuna:cmaes", "sampler must be random, tpe or gp, got 'cmaes' in 'optuna:cmaes'"),
        ("optuna:TPE", "got 'TPE'"),
        ("optuna:tpe:", "number of rates must be a whole number, got ''"),
        ("optuna:tpe:x", "got 'x' in 'optuna:tpe:x'"),
        ("optuna:tpe:-3", "got '-3'"),
        ("optuna:tpe:3.5", "got '3.5'"),
        ("optuna:tpe:0", "number of rates: must be at least 1"),
        ("optuna:tpe:16:2", "expected optuna:SAMPLER"),
        ("optuna:tpe+", "pruner must be median, asha or hyperband, got ''"),
        ("optuna:tpe+wilcoxon", "got 'wilcoxon'"),
        ("optuna:tpe+asha+median", "got 'asha+median'"),
        ("optuna:+asha", "got '' in"),
        ("optuna:asha", "sampler must be"),
        ("optuna:tpe asha", "got 'tpe asha'"),
        ("optuna :tpe", "searcher: unknown"),
        ("Optuna:tpe", "searcher: unknown"),
        ("optuna_tpe", "searcher: unknown"),
        ("optuna:tpe+asha:1e3", "got '1e3'"),
    ],
)
def test_what_is_no_name_is_refused_before_anything_starts(text: str, words: str) -> None:
    with pytest.raises(SpecError, match=r"^searcher") as caught:
        make_searcher(text)
    assert words in str(caught.value)
    assert caught.value.hint or "expected" in caught.value.what or "at least 1" in caught.value.what


def test_the_other_searchers_are_still_found() -> None:
    assert make_searcher("race") == race()
    assert make_searcher(" optuna:tpe:5 ") == optuna_searcher("optuna:tpe:5")
    with pytest.raises(SpecError, match=r"optuna:tpe") as caught:
        make_searcher("rase")
    assert "race, grid:N" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "missing", "command"),
    [
        ("optuna:tpe", "optuna", 'pip install "lrlab[optuna]"'),
        ("optuna:gp", "scipy", 'pip install "lrlab[optuna]"'),
        ("optuna:gp", "torch", 'pip install "lrlab[optuna,torch]"'),
    ],
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, text: str, missing: str, command: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == missing else real(name, *rest)
    )
    with pytest.raises(SpecError, match=f"needs the package {missing}, which is not installed") as caught:
        optuna_searcher(text)
    assert command in caught.value.hint


def test_looks_are_few_where_each_is_paid_again() -> None:
    for pruner in adapter.PRUNERS:
        searcher = optuna_searcher(f"optuna:tpe+{pruner}")
        for budget in (1, 2, 3, 10, 640):
            question = replace(QUESTION, budget=budget, resumes="restart")
            looks = searcher.looks(question)
            assert looks == sorted(set(looks))
            assert looks[-1] == budget
            assert sum(looks) <= 2.5 * budget
            assert len(searcher.looks(replace(question, resumes="exact"))) <= 16
