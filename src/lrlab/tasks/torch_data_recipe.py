"""A recipe made from data alone, with the part that judges its winner."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.dataset import Dataset
from lrlab.tasks.torch_image_models import cnn, resnet
from lrlab.tasks.torch_losses import MetricFunction, accuracy, default_loss
from lrlab.tasks.torch_models import linear, mlp
from lrlab.tasks.torch_recipe import Recipe
from lrlab.tasks.torch_scores import auroc, balanced_accuracy, macro_f1, mean_absolute_error
from lrlab.tasks.torch_text_models import bag, gru, transformer

MODELS: dict[str, dict[str, Callable[..., nn.Module]]] = {
    "table": {"mlp": mlp, "linear": linear},
    "text": {"bag": bag, "gru": gru, "transformer": transformer},
    "images": {"cnn": cnn, "resnet": resnet},
}


@dataclass(frozen=True, eq=False)
class DataRecipe(Recipe):
    """A ``Recipe`` that knows its data's own words, and a part that no training and no search sees.

    Args:
        test_data: ``(x, y)`` to judge the winner with; it stays in the process that loaded it.
        description: What the data is.
        cautions: What every answer about it repeats.
    """

    test_data: Any = field(default=None, kw_only=True)
    description: str = field(default="", kw_only=True)
    cautions: tuple[Caution, ...] = field(default=(), kw_only=True)

    @property
    def warnings(self) -> tuple[Caution, ...]:
        """See ``Recipe``."""
        return (*super().warnings, *self.cautions)

    def __getstate__(self) -> dict[str, object]:
        """What a worker gets: everything but the test part."""
        return {**super().__getstate__(), "test_data": None}

    def test_scores(self, model: nn.Module) -> dict[str, float]:
        """How a trained model does on the test part: ``test_loss``, and each metric as ``test_NAME``.

        Args:
            model: Such as ``answer.load_model(recipe)``.

        Raises:
            SpecError: If this is a worker's copy, which has no test part.
        """
        if self.test_data is None:
            raise SpecError(
                "test_scores: this copy of the recipe has no test part.", hint="Load the data again."
            )
        x, y = (torch.as_tensor(part) for part in self.test_data)
        model.eval()
        with torch.inference_mode():
            output = model(x)
            scores = {"test_loss": float(default_loss(output, y))}
            if not y.is_floating_point():
                scores["test_acc"] = float(accuracy(output, y))
            for name, metric in self.metrics.items():
                scores[name.replace("val_", "test_")] = float(metric(output, y))
        return scores


def data_recipe(kind: str, dataset: Dataset, *, model: str | None, name: str, **settings: Any) -> DataRecipe:
    """The recipe of a small model on data.

    Args:
        kind: One of ``MODELS``.
        dataset: What to train on.
        model: Name of the model; None takes the first of ``MODELS[kind]``.
        name: How studies name it.
        settings: ``optimizer``, ``schedule``, ``budget``, ``batch_size``, ``metric`` and so on of ``Recipe``.

    Raises:
        SpecError: If there is no such model.
    """
    known = MODELS[kind]
    if model is not None and model not in known:
        raise SpecError(f"model: for {kind} it must be {' or '.join(map(repr, known))}, got {model!r}.")
    return DataRecipe(
        _model(kind, model or next(iter(known)), dataset),
        dataset.train,
        val_data=dataset.val,
        val_batch_size=len(dataset.val[1]),  # whole: F1 and AUROC are no means over batches
        metrics=_metrics(dataset),
        name=name,
        test_data=dataset.test,
        description=dataset.description,
        cautions=dataset.warnings,
        **settings,
    )


def _model(kind: str, name: str, dataset: Dataset) -> "partial[nn.Module]":
    build = partial(MODELS[kind][name], outputs=1 if dataset.classes is None else len(dataset.classes))
    width = dataset.train[0].shape[1]
    if kind == "text":
        own = {"length": width} if name == "transformer" else {}
        return partial(build, vocabulary=len(dataset.features), **own)
    if kind == "images":
        return partial(build, channels=width, size=dataset.train[0].shape[-1], augment=dataset.augment)
    return partial(build, inputs=width)


def _metrics(dataset: Dataset) -> dict[str, MetricFunction]:
    if dataset.classes is None:
        return {"val_mae": partial(mean_absolute_error, scale=dataset.target_scale)}
    known: dict[str, MetricFunction] = {"val_balanced_acc": balanced_accuracy, "val_f1": macro_f1}
    return known | ({"val_auroc": auroc} if len(dataset.classes) == 2 else {})
