"""The weights of the best unit are kept beside the newest."""

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from torch import nn  # noqa: E402

import lrlab  # noqa: E402
from lrlab.core.record import Record  # noqa: E402
from lrlab.tasks.torch_recipe import Recipe  # noqa: E402

RANDOM = torch.Generator().manual_seed(0)
X = torch.randn(48, 6, generator=RANDOM)
Y = (X[:, :1] + 0.7 * torch.randn(48, 1, generator=RANDOM)).float()
TRAIN, VAL = (X[:20], Y[:20]), (X[20:], Y[20:])


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 1))


def recipe(**changes: Any) -> Recipe:
    """One that overfits: its best unit is not its last."""
    return Recipe(
        net, TRAIN, **{"val_data": VAL, "budget": 40, "optimizer": "adam", "batch_size": 20, **changes}
    )


def val_loss(model: nn.Module) -> float:
    with torch.no_grad():
        return float(nn.functional.mse_loss(model(VAL[0]), VAL[1]))


def losses(records: list[Record]) -> list[float]:
    return [record.metrics["val_loss"] for record in records if record.at > 0 and record.ends_unit]


def test_the_best_model_is_the_one_that_had_the_best_score() -> None:
    made = recipe()
    session = made.start(0.03, seed=0)
    told = losses(list(session.advance(40)))
    assert min(told) < told[-1]
    assert val_loss(made.load_model(session.state(), best=True)) == pytest.approx(min(told), rel=1e-5)
    assert val_loss(made.load_model(session.state())) == pytest.approx(told[-1], rel=1e-5)


def test_it_is_the_same_after_a_freeze_and_comes_from_before_it_too() -> None:
    made = recipe()
    whole = made.start(0.03, seed=0)
    told = losses(list(whole.advance(40)))
    turn = told.index(min(told)) + 1
    assert turn < 40
    first = made.start(0.03, seed=0)
    list(first.advance(turn))
    kept = copy.deepcopy(first.state())
    again = made.start(0.03, seed=0)
    again.restore(kept)
    list(again.advance(40))
    for name, value in made.load_model(whole.state(), best=True).state_dict().items():
        assert torch.equal(value, made.load_model(again.state(), best=True).state_dict()[name]), name


def test_training_on_does_not_change_a_state_that_was_taken() -> None:
    made = recipe()
    session = made.start(0.03, seed=0)
    list(session.advance(2))
    state = session.state()
    before = val_loss(made.load_model(state, best=True))
    list(session.advance(20))
    assert val_loss(made.load_model(state, best=True)) == before


def test_a_metric_that_is_to_be_large_is_told_from_one_that_is_to_be_small() -> None:
    made = recipe(
        metrics={"val_gain": lambda output, target: -((output - target) ** 2).mean()}, metric="val_gain:max"
    )
    session = made.start(0.03, seed=0)
    told = losses(list(session.advance(40)))
    assert val_loss(made.load_model(session.state(), best=True)) == pytest.approx(min(told), rel=1e-5)


def test_a_state_from_before_there_was_a_best_one_still_loads() -> None:
    made = recipe()
    session = made.start(0.03, seed=0)
    told = losses(list(session.advance(5)))
    old = {name: value for name, value in session.state().items() if name != "best"}
    again = made.start(0.03, seed=0)
    again.restore(old)
    assert losses(list(again.advance(6)))
    assert val_loss(made.load_model(old, best=True)) == pytest.approx(told[-1], rel=1e-5)


@pytest.mark.parametrize("reduce", ["best", "last"])
def test_an_answers_model_has_the_answers_score(reduce: str, tmp_path: Any) -> None:
    made = recipe()
    answer = lrlab.sweep(
        made, lr=(1e-3, 0.1), searcher="grid:3", workers=0, reduce=reduce, store=tmp_path, study="s"
    )
    assert val_loss(answer.load_model(made)) == pytest.approx(answer.score, rel=1e-5)


def test_an_optimizer_with_two_modes_is_judged_in_one_and_trained_in_the_other() -> None:
    schedulefree = pytest.importorskip("schedulefree")
    named = recipe(optimizer="schedule-free-adamw", clip_norm=1.0)
    by_function = recipe(
        optimizer=lambda params, lr: schedulefree.AdamWScheduleFree(params, lr=lr), clip_norm=1.0
    )
    for made in (named, by_function):
        session = made.start(0.03, seed=0)
        told = losses(list(session.advance(40)))
        state = session.state()
        assert min(told) < told[-1]
        assert val_loss(made.load_model(state, best=True)) == pytest.approx(min(told), rel=1e-4)
        assert val_loss(made.load_model(state)) == pytest.approx(told[-1], rel=1e-4)
        raw = net()
        raw.load_state_dict(state["model"])  # type: ignore[arg-type]  # as trained: other weights than those judged
        assert val_loss(raw.eval()) != pytest.approx(told[-1], rel=1e-4)


def test_a_schedule_besides_schedule_free_is_told() -> None:
    pytest.importorskip("schedulefree")
    assert recipe(optimizer="schedule-free-adamw").warnings == ()
    [caution] = recipe(optimizer="schedule-free-adamw", schedule="cosine").warnings
    assert caution.code == "TWO_SCHEDULES"
    assert 'schedule="constant"' in caution.text
    assert recipe(schedule="cosine").warnings == ()
