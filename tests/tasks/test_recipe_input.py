"""A recipe that cannot work is refused where it is made, with a sentence that says what to do."""

import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from lrlab.api.torch import Recipe  # noqa: E402
from lrlab.core.errors import NoStateError, SpecError, TaskError  # noqa: E402

pytestmark = pytest.mark.torch

X, Y = torch.rand(12, 4), torch.arange(12) % 3
PAIR = (X, Y)
LOADER = DataLoader(TensorDataset(X, Y), batch_size=4)


def model() -> nn.Module:
    return nn.Linear(4, 3)


def frozen() -> nn.Module:
    return nn.Linear(4, 3).requires_grad_(False)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": 3}, "model: expected a function that builds an nn.Module, or a module, got int"),
    ({"model": lambda width: model()}, r"must be callable without arguments .*'width'.* Wrap it: lambda"),
    ({"model": frozen()}, "model: Linear has no parameter that requires a gradient"),
    ({"data": X}, r"data: expected an \(X, y\) pair .* got Tensor"),
    ({"data": (X, Y, Y)}, "data: expected .* got tuple of Tensor, Tensor, Tensor"),
    ({"data": (X, [1, 2])}, "data: expected .* got tuple of Tensor, list"),
    ({"data": (X, Y[:11])}, r"data: X and y must have one entry a sample, got shapes \(12, 4\) and \(11,\)"),
    ({"data": (X[:0], Y[:0])}, "data: must hold at least one sample, got none"),
    ({"data": (torch.tensor(1.0), Y)}, "data: X and y must have one entry a sample"),
    ({"data": TensorDataset(X[:0], Y[:0])}, "data: must hold at least one sample, got none"),
    ({"data": (np.array(["a"] * 12), Y)}, "data: X must hold numbers, got an array of <U1"),
    ({"data": (X, np.array([None] * 12))}, "data: y must hold numbers, got an array of object"),
    ({"val_data": (X, Y[:3])}, "val_data: X and y must have one entry a sample"),
    ({"val_data": "val"}, "val_data: expected .* got str"),
    ({"val_data": None}, r'metric: val_loss needs val_data, got None. .* metric="train_loss"'),
    (
        {"val_data": None, "metric": "train_loss", "metrics": {"mae": abs}},
        "metrics: they are measured on val_data",
    ),
    ({"loss": nn.MSELoss}, r"loss: expected a function, got the class MSELoss. Write MSELoss\(\)"),
    ({"loss": "mse"}, "loss: expected a function, got 'mse'"),
    ({"forward": 3}, "forward: expected a function, got 3"),
    (
        {"forward": lambda m, b: b, "loss": nn.MSELoss()},
        "forward: it returns the loss of a batch, so loss and metrics",
    ),
    ({"forward": lambda m, b: b, "metrics": {"mae": abs}}, "forward: it returns the loss of a batch"),
    ({"data": (X, Y > 1), "val_data": (X, Y > 1)}, "loss: targets of torch.bool have no default"),
    ({"data": (X, Y[:, None])}, r"loss: cross entropy wants class indices of shape \(12,\), got \(12, 1\)"),
    (
        {"optimizer": "adamm"},
        "optimizer: there is no 'adamm'; there are sgd, momentum, nesterov, adam, adamw",
    ),
    (
        {"optimizer": torch.optim.SGD(model().parameters(), 0.1)},
        "optimizer: expected a name, a class or a function",
    ),
    ({"optimizer": 3}, "optimizer: expected a name, a class or a function"),
    ({"schedule": "cosin"}, "schedule: there is no 'cosin'; there are constant, linear, cosine"),
    ({"schedule": 0.5}, "schedule: expected one of constant, linear, cosine"),
    ({"warmup": -1}, r"warmup: must be a share .* got -1"),
    ({"warmup": 1.5}, r"warmup: must be a share .* got 1.5"),
    ({"budget": 0}, "budget: must be at least 1, got 0"),
    ({"budget": 2.5}, "budget: must be a whole number, got 2.5"),
    ({"unit": "batch"}, 'unit: must be "epoch" or "step", got \'batch\''),
    (
        {"metric": "val_acc", "data": (X, X), "val_data": (X, X)},
        "does not report val_acc; it reports train_loss, val_loss",
    ),
    ({"metric": "accuracy", "loss": nn.MSELoss()}, "does not report accuracy; .* Accuracy needs classes"),
    ({"metric": "f1"}, "does not report f1; it reports train_loss, val_loss, val_acc. .* metrics="),
    ({"metric": "speed"}, "cannot tell from the name 'speed' whether small or large is good"),
    ({"metrics": {"lr": abs}}, "metrics: 'lr' is no name for a metric"),
    ({"metrics": {"val_loss": abs}}, "metrics: 'val_loss' is no name"),
    ({"metrics": {3: abs}}, "metrics: 3 is no name"),
    ({"metrics": {"mae": 3}}, r"metrics: mae must be a function \(output, target\) -> number, got 3"),
    ({"metrics": [abs]}, "metrics: expected name to function, got list"),
    ({"batch_size": 0}, "batch_size: must be at least 1, got 0"),
    ({"batch_size": None}, "batch_size: must be a whole number, got None"),
    ({"batch_size": 8, "data": LOADER}, "batch_size: data makes its own batches"),
    ({"val_batch_size": 0}, "val_batch_size: must be at least 1, got 0"),
    ({"val_batch_size": 4, "val_data": LOADER}, "val_batch_size: val_data makes its own batches"),
    ({"accumulate": 0}, "accumulate: must be at least 1, got 0"),
    ({"eval_every": 2}, 'eval_every: every epoch is evaluated; it is for unit="step"'),
    ({"eval_every": 0, "unit": "step"}, "eval_every: must be at least 1, got 0"),
    ({"log_every": 0}, "log_every: must be at least 1, got 0"),
    ({"clip_norm": 0}, "clip_norm: must be a number above 0, got 0"),
    ({"clip_norm": math.nan}, "clip_norm: must be a number above 0, got nan"),
    ({"clip_norm": "1"}, "clip_norm: must be a number above 0, got '1'"),
    ({"amp": "yes"}, "amp: must be False, True or \"auto\", got 'yes'"),
    ({"device": "gpu"}, "device: there is no device 'gpu'"),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED, ids=[told[:40] for _, told in REFUSED])
def test_it_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        Recipe(**{"model": model, "data": PAIR, "val_data": PAIR, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": 1}, {"accumulate": 1, "batch_size": 1, "log_every": 1}, {"batch_size": 100}, {"clip_norm": 1e-9}, {"warmup": 0.0},
        {"budget": 2.0}, {"data": (X[:1], Y[:1])}, {"val_data": None, "metric": "train_loss"}, {"amp": "auto"},
        {"data": LOADER, "val_data": LOADER}, {"optimizer": "AdamW", "schedule": "Cosine"}, {"metric": "val_loss:min"},
    ],
)  # fmt: skip
def test_the_other_side_of_the_bounds_is_allowed(changes: dict[str, Any]) -> None:
    recipe = Recipe(**{"model": model, "data": PAIR, "val_data": PAIR, "budget": 3, **changes})
    assert list(recipe.start(1e-3, seed=0).advance(1))[-1].at == 1


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Recipe(model, PAIR, val_data=PAIR).budget = 3  # type: ignore[misc]


BROKEN: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"model": lambda: 3}, SpecError, "model: the function must return an nn.Module, got int"),
    ({"model": frozen}, SpecError, "no trainable parameters"),
    ({"optimizer": lambda params, lr: None}, SpecError, "must return a torch.optim.Optimizer, got NoneType"),
    ({"optimizer": torch.optim.LBFGS}, SpecError, "LBFGS evaluates the loss several times"),
    ({"optimizer": lambda params, lr: torch.optim.SGD(params, lr=0.0)}, SpecError, "one must be above 0"),
    ({"schedule": lambda steps: 0.5}, SpecError, "must return a schedule for a number of steps, got 0.5"),
    (
        {"warmup": 6, "budget": 2, "batch_size": 4},
        SpecError,
        "warmup: must be shorter than the training of 6 steps",
    ),
    (
        {"amp": True, "device": "cpu"},
        SpecError,
        'amp: half precision is for CUDA, and this is cpu. amp="auto"',
    ),
    (
        {"loss": lambda output, target: output},
        TaskError,
        r"loss: .*single number in a tensor, got a Tensor of shape",
    ),
    ({"loss": lambda output, target: 3.0}, TaskError, "loss: .*single number in a tensor, got a float"),
    ({"data": lambda seed: [X], "val_data": PAIR}, TaskError, "a batch must be a pair of inputs and targets"),
    (
        {"data": (X, X), "val_data": (X, X)},
        TaskError,
        r"output \(12, 3\) and target \(12, 4\) have different sizes",
    ),
]


@pytest.mark.parametrize(("changes", "error", "told"), BROKEN, ids=[told[:40] for *_, told in BROKEN])
def test_what_shows_only_at_the_start_is_told_there(
    changes: dict[str, Any], error: type[Exception], told: str
) -> None:
    recipe = Recipe(**{"model": model, "data": PAIR, "val_data": PAIR, **changes})
    with pytest.raises(error, match=told):
        list(recipe.start(1e-3, seed=0).advance(1))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there() -> None:
    with pytest.raises(SpecError, match="device: there is no cuda:3 here"):
        Recipe(model, PAIR, val_data=PAIR, device="cuda:3").start(1e-3, seed=0)


@pytest.mark.parametrize("lr", [0, -1e-3, math.nan, "fast"])
def test_a_rate_must_be_one(lr: Any) -> None:
    with pytest.raises(SpecError, match="learning rate must be"):
        Recipe(model, PAIR, val_data=PAIR).start(lr, seed=0)


def test_without_validation_there_is_no_untrained_record() -> None:
    session = Recipe(model, PAIR, val_data=None, metric="train_loss").start(1e-2, seed=0)
    assert list(session.advance(0)) == []
    (record,) = session.advance(1)
    assert set(record.metrics) == {"train_loss", "lr", "grad_norm"}


def test_a_closed_run_is_over() -> None:
    session = Recipe(model, PAIR, val_data=PAIR).start(1e-2, seed=0)
    session.close()
    with pytest.raises(NoStateError, match="closed"):
        session.state()


def test_an_error_of_the_training_comes_after_its_records() -> None:
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model()
            self.calls = 0

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.calls += self.training
            if self.calls > 7:
                raise RuntimeError("no more")
            return self.inner(inputs)

    session = Recipe(Breaks, PAIR, val_data=PAIR, batch_size=4).start(1e-2, seed=0)
    found = []
    with pytest.raises(RuntimeError, match="no more"):
        found.extend(record.at for record in session.advance(10))
    before = torch.get_rng_state()
    records = []
    session = Recipe(Breaks, PAIR, val_data=PAIR, batch_size=4).start(1e-2, seed=0)
    try:
        for record in session.advance(10):
            records.append(record.at)
    except RuntimeError:
        pass
    assert records == [0, 1, 2]
    assert torch.equal(torch.get_rng_state(), before)
