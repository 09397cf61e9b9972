"""From a batch to a loss and to scores."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from lrlab.core.errors import TaskError  # noqa: E402
from lrlab.tasks.torch_losses import Supervised, Whole, accuracy, default_loss  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_whole_numbers_mean_cross_entropy(dtype: torch.dtype) -> None:
    scores, target = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    assert default_loss(scores, target.to(dtype)) == nn.functional.cross_entropy(scores, target)


def test_cross_entropy_over_positions() -> None:
    scores, target = torch.randn(5, 3, 7), torch.randint(3, (5, 7))
    assert default_loss(scores, target) == nn.functional.cross_entropy(scores, target)
    assert accuracy(scores, target) == (scores.argmax(1) == target).float().mean()


def test_floats_mean_the_squared_error_without_broadcasting() -> None:
    output, target = torch.randn(5, 1), torch.randn(5)
    expected = ((output[:, 0] - target) ** 2).mean()
    assert default_loss(output, target).item() == pytest.approx(expected.item())
    assert default_loss(output[:, 0], target).item() == pytest.approx(expected.item())


@pytest.mark.parametrize(
    ("output", "target", "told"),
    [
        (torch.zeros(5, 1), torch.zeros(5, dtype=torch.long), r"output of shape \(5, 1\) has no scores"),
        (torch.zeros(5), torch.zeros(5, dtype=torch.long), r"output of shape \(5,\) has no scores"),
        (torch.zeros(5, 2), torch.zeros(5), r"output \(5, 2\) and target \(5,\) have different sizes"),
    ],
)
def test_shapes_that_fit_no_default_are_told(output: torch.Tensor, target: torch.Tensor, told: str) -> None:
    with pytest.raises(TaskError, match=told):
        default_loss(output, target)


def test_accuracy_is_the_share_of_right_answers() -> None:
    scores = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    assert accuracy(scores, torch.tensor([1, 0, 0, 0])) == 0.75


class Adder(nn.Module):
    def forward(self, a: Any, b: Any = 0) -> Any:
        return a + b


one, two = torch.ones(2), torch.full((2,), 2.0)


@pytest.mark.parametrize("inputs", [two, [one, one], (one, one), {"a": one, "b": one}], ids=str)
def test_inputs_of_every_form_reach_the_model(inputs: Any) -> None:
    assert Supervised(default_loss, {}).loss(Adder(), (inputs, two)) == 0
    assert Supervised(default_loss, {}).loss(Adder(), [inputs, two]) == 0


def test_scores_hold_the_loss_and_every_metric() -> None:
    objective = Supervised(default_loss, {"worst": lambda output, target: (output - target).abs().max()})
    scores = objective.scores(Adder(), (one, two))
    assert {name: float(value) for name, value in scores.items()} == {"loss": 1.0, "worst": 1.0}


def test_a_function_may_take_whole_batches() -> None:
    objective = Whole(lambda model, batch: model(batch["x"]).mean())
    assert objective.loss(Adder(), {"x": two}) == 2
    assert set(objective.scores(Adder(), {"x": two})) == {"loss"}


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ((one, one, one), "a batch must be a pair of inputs and targets, got a tuple of 3 parts"),
        ({"x": one, "y": one, "z": one}, "got a dict of 3 parts"),
        (5, "got a int"),
    ],
)
def test_a_batch_that_is_no_pair_is_told(batch: Any, told: str) -> None:
    with pytest.raises(TaskError, match=f"{told}.*forward="):
        Supervised(default_loss, {}).loss(Adder(), batch)


@pytest.mark.parametrize("loss", [torch.ones(3), 0.5, None], ids=str)
def test_a_loss_that_is_no_single_number_is_told(loss: Any) -> None:
    with pytest.raises(TaskError, match="must be a single number in a tensor"):
        Whole(lambda model, batch: loss).loss(Adder(), one)
