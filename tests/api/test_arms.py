"""Alternatives: a study that compares a few tasks, each at a rate of its own."""

import json
import math
from pathlib import Path

import pytest

import lrlab
from lrlab.api.arms import alternatives
from lrlab.api.engines import open_store, run_folder
from lrlab.core.errors import ConflictError, SpecError

BUDGET = 32


def training(best: float, floor: float):
    """A function whose best rate is ``best``, and what it reaches there."""

    def train(run):
        for unit in run.units():
            far = math.log10(run.lr / best)
            reached = floor + 0.4 * far**2
            run.report(val_loss=reached + (2 - reached) * math.exp(-6 * (unit + 1) / BUDGET))

    return train


def arm(best: float, floor: float, **settings):
    settings = {"budget": BUDGET, "name": "net", "lr": (1e-4, 10.0)} | settings
    return lrlab.task(training(best, floor), **settings)


STEEP = arm(0.3, 0.2, optimizer="sgd")
NORMED = arm(2e-3, 0.1, optimizer="adamw", lr=(1e-6, 1e-1))


def sweep(**settings):
    return lrlab.sweep({"sgd": STEEP, "adamw": NORMED}, **({"store": "memory", "workers": 0} | settings))


def test_the_better_arm_wins_at_its_own_rate_for_less_than_two_studies() -> None:
    answer = sweep()
    assert answer.arm == "adamw"
    assert abs(math.log10(answer.lr / 2e-3)) < 0.35
    assert answer.cost < 1.6 * lrlab.sweep(NORMED, workers=0, store="memory").cost
    assert str(answer).startswith(f"Use LR {answer.lr:.2g}".split("e", maxsplit=1)[0])
    assert " with adamw (" in str(answer)


def test_every_arm_is_searched_in_its_own_range() -> None:
    answer = sweep()
    rates = {name: [run.lr for run in answer.runs if run.arm == name] for name in ("sgd", "adamw")}
    assert all(1e-4 <= rate <= 10 for rate in rates["sgd"])
    assert all(1e-6 <= rate <= 0.1 for rate in rates["adamw"])
    assert min(rates["adamw"]) < 1e-4 < 1 < max(rates["sgd"])
    assert answer.question.lr.low == 1e-6
    assert answer.question.lr.high == 10


def test_a_range_that_is_given_holds_for_all() -> None:
    answer = sweep(lr=(1e-3, 1.0))
    assert all(1e-3 <= run.lr <= 1 for run in answer.runs)
    assert all(one.lr is None for one in answer.question.arms)


@pytest.mark.parametrize("searcher", ["grid:4", "halving:6"])
def test_other_searchers_compare_arms_too(searcher: str) -> None:
    assert sweep(searcher=searcher).arm == "adamw"


def test_workers_and_interruptions_do_not_change_the_answer(tmp_path: Path) -> None:
    whole = sweep()
    for again in (
        sweep(workers=2),
        [sweep(store=tmp_path, study="s", max_time=1e-6), sweep(store=tmp_path, study="s")][-1],
    ):
        assert (again.arm, again.lr, again.interval) == (whole.arm, whole.lr, whole.interval)
        assert again.score == whole.score


def test_a_study_goes_on_only_with_the_same_arms(tmp_path: Path) -> None:
    sweep(store=tmp_path, study="s", max_time=1e-6)
    with pytest.raises(ConflictError, match="arms was"):
        lrlab.sweep({"sgd": STEEP, "adam": NORMED}, workers=0, store=tmp_path, study="s")
    assert sweep(store=tmp_path, study="s").final


def test_commands_as_arms_have_folders_of_their_own_and_resume(tmp_path: Path) -> None:
    def command(floor: str):
        script = (
            f"for i in 1 2 3 4; do echo val_loss=$(awk -v l={{lr}} 'BEGIN{{{{print {floor} + l}}}}'); done"
        )
        return lrlab.command(["bash", "-c", script], budget=4, lr=(1e-3, 1.0), name="fit")

    arms = {"low": command("1"), "high, really": command("2")}
    answer = lrlab.sweep(arms, workers=0, store=tmp_path, study="fit", searcher="grid:3")
    assert answer.arm == "low"
    store = open_store(tmp_path)
    for run in answer.runs:
        folder = run_folder(store, "fit", run.key)
        assert folder is not None
        assert folder.path.parent.name == run.arm
    lrlab.sweep(arms, workers=0, store=tmp_path, study="cut", searcher="grid:3", max_time=1e-6)
    assert lrlab.resume("cut", store=tmp_path, workers=0).lr == answer.lr


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({}, "there are no arms"),
        ({"a": STEEP, "b": arm(1, 1, budget=8)}, "arms must agree in their budget, got a: 32, b: 8"),
        ({"a": STEEP, "b": arm(1, 1, metric="val_acc")}, "arms must agree in their metric"),
        ({"a": STEEP, "b": arm(1, 1, unit="step")}, "arms must agree in their unit"),
        ({"a/b": STEEP, "b": NORMED}, "arm: a name has 1 to 60 letters.*got 'a/b'"),
        ({"": STEEP, "b": NORMED}, "arm: a name has 1 to 60 letters"),
        ({"..": STEEP, "b": NORMED}, "arm: a name has 1 to 60 letters"),
        ({"a": STEEP, "b": 3}, "expected a task or a function"),
    ],
)
def test_arms_that_cannot_be_compared_are_refused(arms: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        lrlab.sweep(arms, workers=0, store="memory")


def test_combinations_are_named_by_what_differs() -> None:
    assert alternatives({"optimizer": ["sgd"], "batch_size": [32]}) == {
        "default": {"optimizer": "sgd", "batch_size": 32}
    }
    both = alternatives({"optimizer": ["sgd", "adamw"], "schedule": ["cosine", "wsd"]})
    assert both["adamw, wsd"] == {"optimizer": "adamw", "schedule": "wsd"}
    assert json.dumps(list(both)) == '["sgd, cosine", "sgd, wsd", "adamw, cosine", "adamw, wsd"]'


def test_the_answer_tells_how_far_the_other_arms_came() -> None:
    (reason,) = [reason for reason in sweep().reasons if reason.startswith("sgd came to")]
    assert f"of {BUDGET} epochs." in reason
