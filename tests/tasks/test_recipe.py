"""A recipe trains as a loop written by hand does, and what it reports is what happened."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import cloudpickle
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from lrlab.api.torch import Recipe  # noqa: E402
from lrlab.core.record import Record  # noqa: E402
from lrlab.schedules.cosine import cosine  # noqa: E402
from lrlab.schedules.spec import resolve  # noqa: E402
from lrlab.tasks.torch_data import epoch_seed  # noqa: E402
from lrlab.tasks.torch_session import TorchSession  # noqa: E402

pytestmark = pytest.mark.torch

_draw = torch.Generator().manual_seed(1)
X = torch.randn(90, 5, generator=_draw, dtype=torch.float64)
CLASSES = (X @ torch.randn(5, 3, generator=_draw, dtype=torch.float64)).argmax(1)
VALUES = X.sum(1, keepdim=True) + 0.1 * torch.randn(90, 1, generator=_draw, dtype=torch.float64)
TRAIN, VAL = (X[:70], CLASSES[:70]), (X[70:], CLASSES[70:])
VALUED_TRAIN, VALUED_VAL = (X[:70], VALUES[:70]), (X[70:], VALUES[70:])


def classifier() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Dropout(0.1), nn.Linear(12, 3)).double()


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def run(recipe: Recipe, lr: float = 0.05, seed: int = 0) -> list[Record]:
    session = recipe.start(lr, seed=seed)
    records = list(session.advance(recipe.budget))
    session.close()
    return records


def ends(records: list[Record]) -> list[Record]:
    return [record for record in records if record.ends_unit]


def by_hand(
    make: Callable[[Any, float], torch.optim.Optimizer], *, lr: float, seed: int, epochs: int, batch: int
) -> list[dict[str, float]]:
    """The same training without lrlab."""
    torch.manual_seed(seed)
    model = classifier()
    optimizer = make(model.parameters(), lr)
    steps = -(-len(TRAIN[0]) // batch)
    schedule = resolve("cosine", total_steps=epochs * steps, warmup=0.2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    found = []
    for epoch in range(epochs):
        model.train()
        total = 0.0
        shuffler = torch.Generator().manual_seed(epoch_seed(seed, epoch))
        for index in torch.randperm(len(TRAIN[0]), generator=shuffler).split(batch):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(TRAIN[0][index]), TRAIN[1][index])
            loss.backward()
            norm = torch.stack([weight.grad.norm() for weight in model.parameters()]).norm()
            applied = optimizer.param_groups[0]["lr"]
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(index)
        model.eval()
        with torch.no_grad():
            output = model(VAL[0])
        found.append(
            {
                "train_loss": total / len(TRAIN[0]),
                "val_loss": functional.cross_entropy(output, VAL[1]).item(),
                "val_acc": float(np.mean(output.numpy().argmax(1) == VAL[1].numpy())),
                "lr": applied,
                "grad_norm": norm.item(),
            }
        )
    return found


@pytest.mark.parametrize(
    ("optimizer", "make", "lr"),
    [
        ("sgd", lambda p, lr: torch.optim.SGD(p, lr=lr), 0.2),
        ("momentum", lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9), 0.1),
        ("nesterov", lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True), 0.1),
        ("Adam", lambda p, lr: torch.optim.Adam(p, lr=lr), 0.01),
        (torch.optim.AdamW, lambda p, lr: torch.optim.AdamW(p, lr=lr), 0.01),
        (
            partial(torch.optim.RMSprop, alpha=0.9),
            lambda p, lr: torch.optim.RMSprop(p, lr=lr, alpha=0.9),
            0.01,
        ),
    ],
)
@pytest.mark.parametrize("seed", [0, 3])
def test_it_trains_as_a_loop_by_hand(optimizer: Any, make: Any, lr: float, seed: int) -> None:
    recipe = Recipe(
        classifier,
        TRAIN,
        val_data=VAL,
        optimizer=optimizer,
        schedule="cosine",
        warmup=0.2,
        budget=4,
        batch_size=16,
    )
    wanted = by_hand(make, lr=lr, seed=seed, epochs=4, batch=16)
    for record, numbers in zip(ends(run(recipe, lr, seed)), wanted, strict=True):
        assert set(record.metrics) == set(numbers)
        for name in ("train_loss", "lr", "grad_norm"):
            assert record.metrics[name] == numbers[name], name
        for name in ("val_loss", "val_acc"):  # cut into batches here
            assert record.metrics[name] == pytest.approx(numbers[name], rel=1e-6), name


def test_records_tell_where_they_are() -> None:
    recipe = Recipe(classifier, TRAIN, val_data=VAL, budget=2, batch_size=4, log_every=5)
    records = run(recipe)
    assert [record.step for record in records] == [0, 5, 10, 15, 18, 23, 28, 33, 36]
    assert [record.at for record in records] == pytest.approx(
        [0, 5 / 18, 10 / 18, 15 / 18, 1, 1 + 5 / 18, 1 + 10 / 18, 1 + 15 / 18, 2]
    )
    assert [set(record.metrics) for record in records[:2]] == [{"val_loss", "val_acc"}, {"loss"}]


def test_the_losses_inside_a_unit_make_up_its_mean() -> None:
    recipe = Recipe(plain, VALUED_TRAIN, val_data=VALUED_VAL, budget=1, batch_size=7, log_every=2)
    records = run(recipe)  # 10 steps of 7: four pairs are told, the last with the unit
    inside = [record.metrics["loss"] for record in records if 0 < record.at < 1]
    assert len(inside) == 4
    last_pair = 5 * records[-1].metrics["train_loss"] - sum(inside)
    single = run(replace(recipe, log_every=1))
    each = [record.metrics["loss"] for record in single if 0 < record.at < 1]
    assert inside == pytest.approx([(each[2 * k] + each[2 * k + 1]) / 2 for k in range(4)])
    assert last_pair == pytest.approx((each[8] + 10 * single[-1].metrics["train_loss"] - sum(each)) / 2)


def test_about_four_losses_stand_inside_a_unit() -> None:
    for batch, inside in ((1, 4), (2, 3), (3, 2), (7, 0), (35, 0)):
        recipe = Recipe(plain, VALUED_TRAIN, val_data=VALUED_VAL, budget=1, batch_size=batch)
        assert len([record for record in run(recipe) if 0 < record.at < 1]) == inside, batch


def test_a_smaller_last_batch_has_its_own_weight() -> None:
    recipe = Recipe(plain, VALUED_TRAIN, val_data=VALUED_VAL, budget=1, batch_size=32, val_batch_size=7)
    session = recipe.start(1e-14, seed=0)  # so small that every batch meets the same weights
    untrained, *_, last = session.advance(1)
    model = recipe.load_model(session.state())
    for name, (inputs, target) in (("train_loss", VALUED_TRAIN), ("val_loss", VALUED_VAL)):
        squares = (model(inputs).detach().numpy() - target.numpy()) ** 2
        assert last.metrics[name] == pytest.approx(squares.mean(), rel=1e-9)
    assert untrained.metrics["val_loss"] == pytest.approx(last.metrics["val_loss"], rel=1e-9)


def test_metrics_are_means_over_the_samples() -> None:
    def mean_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (output - target).abs().mean()

    def bias(output: torch.Tensor, target: torch.Tensor) -> float:
        return float((output - target).mean())

    recipe = Recipe(
        plain, VALUED_TRAIN, val_data=VALUED_VAL, metrics={"mae": mean_error, "bias": bias}, metric="mae",
        budget=2, val_batch_size=6,
    )  # fmt: skip
    session = recipe.start(0.01, seed=0)
    last = ends(list(session.advance(2)))[-1]
    errors = recipe.load_model(session.state())(VALUED_VAL[0]).detach().numpy() - VALUED_VAL[1].numpy()
    assert last.metrics["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-6)
    assert last.metrics["bias"] == pytest.approx(errors.mean(), rel=1e-6)
    assert "val_acc" not in last.metrics


def test_accuracy_goes_by_both_names_where_it_is_the_metric() -> None:
    last = run(Recipe(classifier, TRAIN, val_data=VAL, budget=1, metric="accuracy"))[-1]
    assert last.metrics["accuracy"] == last.metrics["val_acc"]
    assert "accuracy" not in run(Recipe(classifier, TRAIN, val_data=VAL, budget=1))[-1].metrics


def test_the_largest_group_has_the_rate_and_ratios_are_kept() -> None:
    seen: list[list[float]] = []

    class Watched(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    def grouped(model: Any, lr: float) -> torch.optim.Optimizer:
        first, last = model[0].parameters(), model[2].parameters()
        return Watched([{"params": first, "lr": lr}, {"params": last, "lr": 5 * lr}], lr=lr)

    recipe = Recipe(
        plain,
        VALUED_TRAIN,
        val_data=VALUED_VAL,
        optimizer=grouped,
        schedule="linear",
        budget=2,
        batch_size=35,
    )
    records = ends(run(recipe, 0.1))
    assert seen == [pytest.approx([0.02 * m, 0.1 * m]) for m in (1.0, 0.75, 0.5, 0.25)]
    assert [record.metrics["lr"] for record in records] == pytest.approx([0.075, 0.025])


def test_a_rate_that_is_a_tensor_is_set_in_place() -> None:
    def with_tensor(params: Any, lr: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(params, lr=torch.tensor(lr, dtype=torch.float64), foreach=False)

    known = Recipe(plain, VALUED_TRAIN, val_data=VALUED_VAL, optimizer="adam", schedule="linear", budget=2)
    tensor = replace(known, optimizer=with_tensor)
    for one, other in zip(ends(run(known)), ends(run(tensor)), strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=1e-9)


@pytest.mark.parametrize("warmup", [0, 3, 0.25])
def test_the_schedule_is_applied_at_every_step(warmup: float) -> None:
    recipe = Recipe(
        plain, VALUED_TRAIN, val_data=VALUED_VAL, unit="step", budget=12, eval_every=1, warmup=warmup,
        schedule=partial(cosine, floor=0.2),
    )  # fmt: skip
    schedule = resolve(partial(cosine, floor=0.2), total_steps=12, warmup=warmup)
    assert [record.metrics["lr"] for record in ends(run(recipe, 0.3))] == [
        0.3 * schedule(t) for t in range(12)
    ]
    assert str(recipe.schedule) == "cosine"


def test_a_schedule_has_the_length_of_the_whole_training() -> None:
    short = Recipe(
        plain, VALUED_TRAIN, val_data=VALUED_VAL, schedule="linear", batch_size=35, accumulate=2, budget=2
    )
    assert [record.metrics["lr"] for record in ends(run(short, 1e-3))] == [1e-3, 5e-4]
    longer = replace(short, budget=4)
    assert [record.metrics["lr"] for record in ends(run(longer, 1e-3))] == [1e-3, 7.5e-4, 5e-4, 2.5e-4]


def test_a_clipped_step_is_no_longer_than_its_norm() -> None:
    recipe = Recipe(
        plain, VALUED_TRAIN, val_data=VALUED_VAL, optimizer="sgd", clip_norm=1e-3, unit="step", budget=1
    )
    session = recipe.start(1.0, seed=0)
    weights = nn.utils.parameters_to_vector
    before = weights(recipe.load_model(session.state()).parameters())
    record = list(session.advance(1))[-1]
    after = weights(recipe.load_model(session.state()).parameters())
    moved = float((after - before).detach().norm())
    assert moved == pytest.approx(1e-3, rel=1e-2)
    assert record.metrics["grad_norm"] > 0.1  # before it was clipped


def test_accumulated_batches_are_one_large_one() -> None:
    large = Recipe(plain, VALUED_TRAIN, val_data=VALUED_VAL, optimizer="sgd", batch_size=24, budget=3)
    small = replace(
        large, batch_size=8, accumulate=3
    )  # 70 samples: the last step has 22, in batches of 8, 8 and 6
    for one, other in zip(ends(run(large)), ends(run(small)), strict=True):
        assert other.step == one.step
        assert other.metrics == pytest.approx(one.metrics, rel=1e-9)


def test_steps_are_evaluated_at_multiples_and_at_the_end() -> None:
    recipe = Recipe(
        classifier, TRAIN, val_data=VAL, unit="step", budget=20, eval_every=8, log_every=4, batch_size=16
    )
    records = run(recipe)
    assert [record.at for record in ends(records)] == [8, 16, 20]
    assert [record.at for record in records if not record.ends_unit] == [0, 3.5, 11.5]
    session = recipe.start(0.05, seed=0)
    assert [record.at for record in session.advance(1) if record.ends_unit] == [8]
    assert list(session.advance(5)) == []
    assert [record.at for record in session.advance(17) if record.ends_unit] == [16, 20]


def test_epochs_and_steps_are_the_same_training() -> None:
    epochs = Recipe(classifier, TRAIN, val_data=VAL, budget=3, batch_size=16, log_every=99)
    steps = replace(epochs, unit="step", budget=15, eval_every=5)
    for one, other in zip(ends(run(epochs)), ends(run(steps)), strict=True):
        assert (one.step, one.metrics) == (other.step, other.metrics)


def test_training_ends_where_the_loss_is_no_number() -> None:
    recipe = Recipe(
        plain, VALUED_TRAIN, val_data=VALUED_VAL, optimizer="sgd", budget=50, batch_size=2, log_every=1
    )
    session = recipe.start(1e8, seed=0)
    records = list(session.advance(50))
    assert len(records) < 200
    assert not all(math.isfinite(value) for value in records[-1].metrics.values())
    assert all(math.isfinite(value) for record in records[:3] for value in record.metrics.values())
    assert list(session.advance(50)) == []


def test_the_callers_random_states_are_never_touched() -> None:
    class Drawing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = plain()

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            noise = random.random() + np.random.rand() + float(torch.rand(()))
            return self.inner(inputs) * (1 + 0.01 * noise)

    def draws() -> tuple[float, ...]:
        return random.random(), float(np.random.standard_normal()), float(torch.rand(()))

    recipe = Recipe(Drawing, VALUED_TRAIN, val_data=VALUED_VAL, budget=5)
    alone = run(recipe)
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    wanted = [draws() for _ in range(8)]
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    found = [draws()]
    session = recipe.start(0.05, seed=0)
    found.append(draws())
    records = []
    for record in session.advance(5):
        records.append(record)
        found.append(draws())
    assert found == wanted[: len(found)]
    assert len(found) == 8
    assert [record.key() for record in records] == [record.key() for record in alone]


def test_a_state_is_a_copy() -> None:
    recipe = Recipe(classifier, TRAIN, val_data=VAL, budget=6, optimizer="adam")
    session = recipe.start(0.05, seed=0)
    list(session.advance(2))
    state = session.state()
    rest = [record.key() for record in session.advance(6)]
    for _ in range(2):  # neither going on nor another run that starts from it has changed it
        other = recipe.start(0.05, seed=0)
        other.restore(state)
        assert [record.key() for record in other.advance(6)] == rest


def test_the_model_of_a_state_is_the_one_that_was_measured() -> None:
    class Cached(nn.Module):
        """Has a buffer that is no part of its ``state_dict``."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = classifier()
            self.register_buffer("calls", torch.zeros(()), persistent=False)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.calls += self.training
            return self.inner(inputs) * (1 + 0.01 * self.calls)

    recipe = Recipe(Cached, TRAIN, val_data=VAL, budget=2, val_batch_size=20)
    session = recipe.start(0.05, seed=0)
    last = list(session.advance(2))[-1]
    before = torch.get_rng_state()
    model = recipe.load_model(session.state())
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training
    assert functional.cross_entropy(model(VAL[0]), VAL[1]).item() == last.metrics["val_loss"]


def test_a_module_is_copied_for_every_run() -> None:
    module = classifier()
    before = [weight.clone() for weight in module.parameters()]
    recipe = Recipe(module, TRAIN, val_data=VAL, budget=1, name="net")
    first, second = run(recipe, seed=0), run(recipe, seed=1)
    assert first[0].metrics == second[0].metrics
    assert first[-1].metrics != second[-1].metrics
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), before, strict=True))
    assert [caution.code for caution in recipe.warnings] == ["SAME_WEIGHTS"]
    assert Recipe(classifier, TRAIN, val_data=VAL).warnings == ()


def test_parts_that_are_switched_off_stay_so() -> None:
    def frozen() -> nn.Module:
        model = classifier()
        for weight in model[0].parameters():
            weight.requires_grad_(False)
        return model

    recipe = Recipe(frozen, TRAIN, val_data=VAL, budget=1)
    session = recipe.start(0.5, seed=0)
    before = recipe.load_model(session.state())
    list(session.advance(1))
    after = recipe.load_model(session.state())
    assert torch.equal(before[0].weight, after[0].weight)
    assert not torch.equal(before[3].weight, after[3].weight)


def test_hints_and_names() -> None:
    recipe = Recipe(classifier, TRAIN, val_data=VAL)
    assert (recipe.name, str(recipe.optimizer), str(recipe.schedule)) == ("classifier", "adamw", "constant")
    assert (recipe.resumes, recipe.default_lr) == ("exact", 1e-3)
    assert recipe.default_lr_range.decades >= 5 - 1e-9
    assert recipe.default_lr in recipe.default_lr_range
    assert str(replace(recipe, optimizer=torch.optim.SGD).optimizer) == "sgd"
    assert str(replace(recipe, schedule=cosine(10)).schedule) == "cosine"
    assert replace(recipe, metric="val_acc").metric.direction == "max"
    assert Recipe(lambda: nn.Linear(5, 3).double(), TRAIN, val_data=VAL).name == "test_recipe"


def test_half_precision_with_a_loss_scaler_is_stored_too() -> None:
    # As on a device that has float16 only; the CPU has both parts as well.
    recipe = Recipe(
        lambda: classifier().float(),
        (X.float(), CLASSES),
        val_data=None,
        metric="train_loss",
        budget=4,
        clip_norm=1.0,
    )
    plan = replace(recipe._plan(torch.device("cpu")), autocast=True)
    whole = [record.key() for record in TorchSession(plan, lr=0.05, seed=0).advance(4)]
    first, second = (TorchSession(plan, lr=0.05, seed=0) for _ in range(2))
    parts = [record.key() for record in first.advance(2)]
    state = first.state()
    assert state["scaler"]["_growth_tracker"] == 6
    second.restore(state)
    assert parts + [record.key() for record in second.advance(4)] == whole
    exact = ends(run(recipe))
    for record, wanted in zip(ends(list(TorchSession(plan, lr=0.05, seed=0).advance(4))), exact, strict=True):
        for name in ("train_loss", "grad_norm"):
            assert record.metrics[name] == pytest.approx(wanted.metrics[name], rel=0.05)
            assert record.metrics[name] != wanted.metrics[name]


def test_a_recipe_travels_to_a_worker() -> None:
    offset = 0.5
    recipe = Recipe(
        lambda: classifier().train(),
        TRAIN,
        val_data=VAL,
        budget=2,
        loss=lambda o, t: functional.cross_entropy(o, t) + offset,
    )
    there = cloudpickle.loads(cloudpickle.dumps(recipe))
    assert there.fingerprint == recipe.fingerprint
    assert [record.key() for record in run(there)] == [record.key() for record in run(recipe)]


def test_the_fingerprint_tells_trainings_apart() -> None:
    recipe = Recipe(classifier, TRAIN, val_data=VAL)
    changed = [
        {"budget": 11}, {"optimizer": "sgd"}, {"schedule": "linear"}, {"warmup": 3}, {"batch_size": 31}, {"metric": "val_acc"},
        {"accumulate": 2}, {"clip_norm": 1.0}, {"val_batch_size": 5}, {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
        {"data": (X[:69], CLASSES[:69])}, {"data": (X[:70] + 1e-9, CLASSES[:70])}, {"val_data": TRAIN}, {"model": lambda: nn.Linear(5, 3).double()},
        {"log_every": 3}, {"unit": "step"}, {"unit": "step", "eval_every": 3}, {"amp": "auto"},
    ]  # fmt: skip
    prints = [recipe.fingerprint, *(replace(recipe, **change).fingerprint for change in changed)]
    assert len(set(prints)) == len(prints)
    assert replace(recipe, name="other", device="cpu").fingerprint == recipe.fingerprint
