"""A recipe trains with every schedule: every text, every value, and one that looks at its metric."""

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from lrlab.core.errors import SpecError  # noqa: E402
from lrlab.schedules.families import NAMES  # noqa: E402
from lrlab.schedules.plateau import plateau  # noqa: E402
from lrlab.schedules.step import multi_step  # noqa: E402
from lrlab.schedules.text import parse  # noqa: E402
from lrlab.tasks.torch_recipe import Recipe  # noqa: E402

pytestmark = pytest.mark.torch

X = torch.linspace(-1, 1, 40)[:, None]
Y = (X[:, 0] > 0).long()


def model() -> nn.Module:
    return nn.Linear(1, 2)


def recipe(schedule: object, **settings: object) -> Recipe:
    settings = {"budget": 5, "optimizer": "sgd", "batch_size": 10, **settings}
    return Recipe(model, (X, Y), val_data=(X, Y), schedule=schedule, **settings)  # type: ignore[arg-type]


def rates(task: Recipe) -> list[float]:
    run = task.start(0.5, seed=0)
    return [record.metrics["lr"] for record in run.advance(task.budget) if "lr" in record.metrics]


@pytest.mark.parametrize(
    "text",
    [
        *(name for name in NAMES if name not in ("piecewise", "plateau")),
        "piecewise 0:0, 50%:1, 100%:0.5",
        "clip from 0.01 to 1 (warmup 10% then step every 2ep by 0.5)",
        "constant for 3ep then linear",
    ],
)
def test_every_text_is_applied(text: str) -> None:
    task = recipe(text)
    schedule = parse(text).bind(total_steps=20, steps_per_epoch=4)
    assert rates(task) == [0.5 * schedule(4 * epoch - 1) for epoch in range(1, 6)]  # type: ignore[operator]
    assert str(task.schedule) == str(parse(text))
    assert recipe(str(task.schedule)).fingerprint == task.fingerprint


def test_values_and_specs_are_applied() -> None:
    falls = [0.5, 0.5, 0.05, 0.05, 0.05]
    for given in (multi_step((8,)), parse("multi-step 2ep"), "step 8", "step 40%"):
        assert rates(recipe(given)) == pytest.approx(falls)


def plateau_by_hand(task: Recipe, patience: int) -> list[float]:
    """The rate at each epoch's end, from the validation losses that the run reports."""
    rule = plateau(by=0.5, patience=patience, threshold=0.05)
    state, told = rule.start(), []
    for record in task.start(0.5, seed=0).advance(task.budget):
        if "val_loss" in record.metrics and record.at > 0:
            told.append(0.5 * rule.multiplier(state))
            state = rule.next(state, record.metrics["val_loss"])
    return told


def test_a_plateau_looks_at_the_metric_of_the_recipe() -> None:
    task = recipe("plateau by 0.5 patience 0 threshold 0.05", budget=12)
    assert rates(task) == plateau_by_hand(task, 0)
    assert rates(task)[-1] < 0.5
    assert rates(recipe(plateau(by=0.5, patience=0, threshold=0.05), budget=12)) == rates(task)


def test_a_plateau_goes_on_from_a_stored_state() -> None:
    task = recipe("plateau by 0.5 patience 0 threshold 0.05", budget=12, warmup=0.1)
    whole = list(task.start(0.5, seed=0).advance(12))
    for split in (1, 4, 9):
        first = task.start(0.5, seed=0)
        begun = list(first.advance(split))
        second = task.start(0.5, seed=0)
        second.restore(first.state())
        assert begun + list(second.advance(12)) == whole


def test_a_plateau_must_know_which_way_is_good() -> None:
    with pytest.raises(
        SpecError, match=r"takes small values for good, .* val_acc.* the large ones are.*plateau \.\.\. max"
    ):
        recipe("plateau", metric="val_acc")
    assert str(recipe("plateau max", metric="val_acc").schedule) == "plateau max"
    with pytest.raises(SpecError, match="takes large values for good"):
        recipe(plateau(direction="max"))


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("cosine to 2", r"expected a number in \[0, 1\]"),
        ("tanh from 3 until 2", "high must be above low"),
        ("warmup 5%", 'expected "then"'),
    ],
)
def test_a_wrong_text_is_refused_at_once(schedule: str, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        recipe(schedule)


def test_a_text_that_does_not_fit_its_training_is_refused_at_the_start() -> None:
    with pytest.raises(SpecError, match=r"linear: fills what is left .* leaves no step"):
        recipe("warmup 5ep then linear").start(0.1, seed=0)
    with pytest.raises(SpecError, match="shorter than the training of 20 steps, got 20 steps"):
        recipe("warmup 5ep then constant").start(0.1, seed=0)
    with pytest.raises(SpecError, match="has a warm-up of its own"):
        recipe("warmup 1ep then linear", warmup=0.1).start(0.1, seed=0)


def endless(seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield from [(X, Y)] * 3


def test_without_a_length_only_what_needs_none() -> None:
    def task(schedule: object) -> Recipe:
        return Recipe(
            model, endless, val_data=(X, Y), schedule=schedule, budget=2, optimizer="sgd", log_every=None
        )  # type: ignore[arg-type]

    for fits in ("constant", "step every 5", "warmup 2 then cosine over 90", "plateau"):
        assert len(rates(task(fits))) == 2
    for misfit in ("cosine", "step every 1ep", "warmup 5% then constant"):
        with pytest.raises(SpecError, match="needs the number of steps, and data does not tell"):
            task(misfit).start(0.1, seed=0)
