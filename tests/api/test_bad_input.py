"""Wrong input is refused at the mouth: a sentence that names the culprit and says what to do, and nothing is lost."""

import asyncio
import math
import threading

import pytest

from lrlab.core.errors import ConflictError, LrlabError, NotFoundError, SpecError, StoreError, TaskError
from lrlab.tasks.function import task
from tests.api.asking import ask, train

NAN, INF = math.nan, math.inf


def no_arguments():
    return None


def two_arguments(run, loader):
    return None


def generator(run):
    yield run.lr


async def asynchronous(run):
    await asyncio.sleep(0)


class Trainer:
    """A class is no function, however it is called."""

    def __init__(self, run):
        self.run = run


# Settings, the name at fault, a part of the rule or of what to do.
SETTINGS = [
    ({"lr": "1e-1:1e-5"}, "lr range", "Did you mean 1e-5:1e-1"),
    ({"lr": (1e-3, 1e-3)}, "lr range", "nothing to search"),
    ({"lr": (0, 1)}, "lr range", "above 0"),
    ({"lr": (-1e-3, 1)}, "lr range", "above 0"),
    ({"lr": (NAN, 1)}, "lr range", "finite"),
    ({"lr": (1e-3, INF)}, "lr range", "finite"),
    ({"lr": "slow:fast"}, "lr range", "a number such as 3e-4"),
    ({"lr": "1e-3"}, "lr range", "expected a pair"),
    ({"lr": ""}, "lr range", "expected a pair"),
    ({"lr": (1e-5, 1e-3, 1e-1)}, "lr range", "expected a pair"),
    ({"lr": 1e-3}, "lr range", "expected a pair"),
    ({"lr": (True, 1)}, "lr range", "a number above 0"),
    ({"budget": 0}, "budget", "at least 1"),
    ({"budget": -3}, "budget", "at least 1"),
    ({"budget": 1.5}, "budget", "whole number"),
    ({"budget": NAN}, "budget", "whole number"),
    ({"budget": INF}, "budget", "whole number"),
    ({"budget": "20"}, "budget", "whole number"),
    ({"budget": True}, "budget", "whole number"),
    ({"budget": 10**30}, "budget", "at most"),
    ({"budget": None}, "budget", "number of units"),
    ({"metric": ""}, "metric", "Write"),
    ({"metric": "quality"}, "metric", 'Write "quality:min" or "quality:max"'),
    ({"metric": "val_loss:up"}, "metric", "min"),
    ({"metric": ":min"}, "metric", "a word such as val_loss"),
    ({"metric": 3}, "metric", "a name such as val_loss"),
    ({"seed": -1}, "seed", "at least 0"),
    ({"seed": 1.5}, "seed", "whole number"),
    ({"seed": 2**80}, "seed", "at most"),
    ({"seeds": 0}, "seeds", "at least 1"),
    ({"seeds": "two"}, "seeds", "whole number"),
    ({"workers": -1}, "workers", "at least 0"),
    ({"workers": 1.5}, "workers", "whole number"),
    ({"searcher": "bayes"}, "searcher", "race"),
    ({"searcher": "grid"}, "searcher", "grid:"),
    ({"searcher": "grid:1"}, "grid", "at least"),
    ({"searcher": "grid:many"}, "searcher", "grid:"),
    ({"searcher": "halving:0"}, "halving", "at least"),
    ({"searcher": 3}, "searcher", "race"),
    ({"max_cost": 0.5}, "max_cost", "at least 1 full run"),
    ({"max_cost": NAN}, "max_cost", "at least 1 full run"),
    ({"max_cost": "cheap"}, "max_cost", "at least 1 full run"),
    ({"max_time": 0}, "max_time", "above 0"),
    ({"max_time": NAN}, "max_time", "above 0"),
    ({"max_time": "soon"}, "max_time", "above 0"),
    ({"tolerance": 0}, "tolerance", "between 0 and 1"),
    ({"tolerance": 1}, "tolerance", "between 0 and 1"),
    ({"tolerance": NAN}, "tolerance", "between 0 and 1"),
    ({"tolerance": "2 %"}, "tolerance", "between 0 and 1"),
    ({"current_lr": 0}, "current_lr", "above 0"),
    ({"current_lr": NAN}, "current_lr", "finite"),
    ({"current_lr": "mine"}, "current_lr", "number"),
    ({"reduce": "mean"}, "reduce", '"best" or "last"'),
    ({"memory_gib": 0}, "memory", "above 0"),
    ({"memory_gib": 0.1}, "memory", "384 MiB"),
    ({"memory_gib": NAN}, "memory", "above 0"),
    ({"threads": 0}, "threads", "at least 1"),
    ({"threads": "all"}, "threads", "whole number"),
    ({"devices": "0,1"}, "devices", "list"),
    ({"study": ""}, "study", "letters"),
    ({"study": "a/b"}, "study", "letters"),
    ({"study": "../x"}, "study", "letters"),
    ({"study": "-x"}, "study", "letter"),
    ({"study": "x" * 101}, "study", "1 to 100"),
    ({"study": "größe"}, "study", "letters"),
    ({"study": 7}, "study", "letters"),
    ({"what": None}, "sweep", "a function train(run)"),
    ({"what": "train.py:train"}, "sweep", "a function train(run)"),
    ({"what": Trainer}, "sweep", "a function train(run)"),
    ({"what": no_arguments}, "no_arguments", "Define def train(run)"),
    ({"what": two_arguments}, "two_arguments", "Define def train(run)"),
    ({"what": generator}, "generator", "without yield"),
    ({"what": asynchronous}, "asynchronous", "not async"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "culprit", "rule"),
    SETTINGS,
    ids=[f"{next(iter(s))}={next(iter(s.values()))!r:.20}" for s, _, _ in SETTINGS],
)
def test_a_wrong_argument(tmp_path, settings, culprit, rule):
    with pytest.raises(SpecError) as caught:
        ask(store=tmp_path / "studies", **settings)
    said = str(caught.value)
    assert culprit in said
    assert rule in said
    assert "\n" not in said
    assert not list(tmp_path.rglob("*")), "nothing was written"


@pytest.mark.parametrize(
    ("store", "rule"), [("postgresql://host/db", "Name a folder"), (3, "a folder or a store")], ids=str
)
def test_a_wrong_store(store, rule):
    with pytest.raises(SpecError, match="store: ") as caught:
        ask(store=store)
    assert rule in str(caught.value)


def test_a_task_that_cannot_be_sent(tmp_path):
    lock = threading.Lock()

    def locked(run):
        with lock:
            run.report(val_loss=1.0)

    with pytest.raises(
        SpecError, match=r"task: cannot be sent to a worker process .* inside the function, or train in"
    ):
        ask(locked, store=tmp_path / "studies", workers=1)
    assert not list(tmp_path.rglob("*"))


def test_a_task_keeps_its_own_budget(tmp_path):
    class Fixed:
        name, budget, unit, metric, resumes = "fixed", 3, "epoch", "val_loss", "live"
        start = None

    with pytest.raises(
        SpecError, match=r"the budget of fixed cannot be changed here\. Make the task with it"
    ):
        ask(Fixed(), store=tmp_path, budget=5)


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"unit": "minute"}, '"epoch" or "step"'),
        ({"budget": 0}, "at least 1"),
        ({"lr": "3:2"}, "below the high end"),
    ],
    ids=str,
)
def test_a_wrong_task(settings, rule):
    with pytest.raises(SpecError) as caught:
        task(train, **({"budget": 3} | settings))
    assert rule in str(caught.value)


def test_there_are_enough_cases():
    assert len(SETTINGS) >= 60


def test_every_error_is_an_lrlab_error():
    """Whoever catches LrlabError catches all that lrlab raises on purpose, but an interrupt."""
    for kind in (SpecError, TaskError, NotFoundError, ConflictError, StoreError):
        assert issubclass(kind, LrlabError)
