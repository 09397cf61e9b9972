"""Wrong parts of a recipe are refused when it is made: before any sweep, and before anything is written."""

import pytest

from lrlab.core.errors import SpecError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from lrlab.tasks.torch_recipe import Recipe  # noqa: E402

X = torch.zeros(8, 3)
Y = torch.zeros(8, dtype=torch.long)


def model():
    return torch.nn.Linear(3, 2)


def recipe(**settings):
    given = {"model": model, "data": (X, Y), "val_data": (X, Y)} | settings
    return Recipe(given.pop("model"), given.pop("data"), **given)


@pytest.mark.parametrize(
    ("settings", "culprit", "rule"),
    [
        ({"optimizer": "adm"}, "optimizer", "adamw"),
        ({"optimizer": 3}, "optimizer", "name"),
        ({"schedule": "cosin"}, "schedule", "cosine"),
        ({"metric": "val_f1"}, "metric", "it reports train_loss, val_loss, val_acc"),
        ({"metric": "quality"}, "metric", "quality:min"),
        ({"val_data": None}, "metric", "needs val_data"),
        ({"budget": 0}, "budget", "at least 1"),
        ({"budget": 2.5}, "budget", "whole number"),
        ({"unit": "minute"}, "unit", '"epoch" or "step"'),
        ({"batch_size": 0}, "batch_size", "at least 1"),
        ({"accumulate": 0}, "accumulate", "at least 1"),
        ({"warmup": -1}, "warmup", "-1"),
        ({"clip_norm": 0}, "clip_norm", "above 0"),
        ({"model": 3}, "model", "got int"),
        ({"data": (X, Y[:5])}, "data", "8"),
        ({"data": (X[:0], Y[:0])}, "data", "at least one sample"),
        ({"data": 3}, "data", "got int"),
        ({"device": "gpu"}, "device", "gpu"),
    ],
    ids=lambda value: str(next(iter(value))) if isinstance(value, dict) else "",
)
def test_a_wrong_part(settings, culprit, rule):
    with pytest.raises(SpecError) as caught:
        recipe(**settings)
    said = str(caught.value)
    assert culprit in said
    assert rule in said


def test_a_right_recipe_is_not_refused():
    assert recipe().budget == 10
