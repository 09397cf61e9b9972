"""Data without code: a file of rows becomes a task, and its winner is judged at the end."""

import math
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.api.results import Answer
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.tasks.data.dataset import Dataset
from lrlab.tasks.data.hub import PREFIX as HUB
from lrlab.tasks.data.hub import full_name
from lrlab.tasks.data.image_medmnist import PREFIX as MEDMNIST
from lrlab.tasks.data.images import load_images
from lrlab.tasks.data.table import load_table
from lrlab.tasks.data.text import load_text

if TYPE_CHECKING:
    from lrlab.core.metric import Metric
    from lrlab.tasks.torch_data_recipe import DataRecipe

# Per kind: how it is loaded, the arguments that only it has, and the length of a full training in epochs.
_LOADERS: dict[str, Callable[..., Dataset]] = {"table": load_table, "text": load_text, "images": load_images}
OPTIONS = {
    "table": ("target", "task", "leave_out", "encoding"),
    "text": ("text", "label", "threshold", "encoding"),
    "images": ("image_size", "augment"),
}
_BUDGETS = {"table": 40, "text": 10, "images": 20}
KINDS = tuple(_LOADERS)


def data_task(
    kind: str,
    path: "str | Path",
    *,
    model: str | None = None,
    optimizer: str = "adamw",
    schedule: str = "constant",
    budget: int | None = None,
    batch_size: int = 32,
    metric: "str | Metric" = "val_loss",
    split_seed: int = 0,
    device: str = "auto",
    name: str | None = None,
    **options: Any,
) -> "DataRecipe":
    """A task from data alone.

    60 % of it are trained on, 20 % are what rates are compared on, and 20 % are kept for ``test_scores``.

    Args:
        kind: ``"table"``, ``"text"`` or ``"images"``.
        path: A file, a folder of images, ``sklearn:NAME``, ``hf:NAME`` or ``medmnist:NAME``; see the loader of its kind.
        model: ``mlp`` or ``linear`` for tables; ``bag``, ``gru`` or ``transformer`` for text; ``cnn`` or
            ``resnet`` for images; by default the first.
        optimizer: As in ``Recipe``.
        schedule: As in ``Recipe``.
        budget: Epochs in a full training; by default 40 for tables, 10 for text, 20 for images.
        batch_size: Samples in a batch.
        metric: ``val_loss``; for classes also ``val_acc``, ``val_balanced_acc``, ``val_f1`` and, with two classes,
            ``val_auroc``; for numbers ``val_mae``, in the target's own unit.
        split_seed: Seed of the three parts; seeds of runs do not change them.
        device: As in ``Recipe``.
        name: How studies name it; by default the file's name.
        options: Of the kind. Tables: ``target``, ``task``, ``leave_out``, ``encoding``. Text: ``text``, ``label``,
            ``threshold``, ``encoding``. Images: ``image_size``, ``augment``.

    Raises:
        NotFoundError: If the file, PyTorch or a package that reads it is not there.
        SpecError: If an argument breaks its rule, or the data cannot be read; the sentence says where and why.
    """
    if kind not in KINDS:
        raise SpecError(f"data: the kind must be {' or '.join(map(repr, KINDS))}, got {kind!r}.")
    unknown = [option for option in options if option not in OPTIONS[kind]]
    if unknown:
        raise SpecError(f"data: {kind} has no option {unknown[0]!r}; it has {', '.join(OPTIONS[kind])}.")
    if find_spec("torch") is None:
        raise NotFoundError(
            "data: PyTorch is not installed.", hint="Install it with: pip install 'lrlab[torch]'"
        )
    dataset = _LOADERS[kind](str(path), seed=split_seed, **options)
    from lrlab.tasks.torch_data_recipe import data_recipe

    return data_recipe(
        kind,
        dataset,
        model=model,
        name=name or _name(str(path)),
        optimizer=optimizer,
        schedule=schedule,
        budget=_BUDGETS[kind] if budget is None else budget,
        batch_size=batch_size,
        metric=metric,
        device=device,
    )


def from_target(target: Mapping[str, object]) -> "DataRecipe":
    """The task of a stored study.

    Args:
        target: ``{"kind": "data", "data": KIND, "ref": PATH}`` and the arguments of ``data_task``.
    """
    settings: dict[str, Any] = {k: v for k, v in target.items() if k not in ("kind", "data", "ref")}
    return data_task(str(target["data"]), str(target["ref"]), **settings)


def as_target(kind: str, path: str, settings: Mapping[str, object]) -> dict[str, object]:
    """How a command builds the task again, from any folder."""
    if path.startswith(HUB):
        ref = full_name(path)
    else:
        ref = path if path.startswith(("sklearn:", MEDMNIST)) else str(Path(path).absolute())
    return {"kind": "data", "data": kind, "ref": ref, **settings}


def winner_test_scores(answer: Answer, recipe: Any = None) -> dict[str, float] | None:
    """The winner of a study on data, on the part that no search saw; None where it is no such study.

    Args:
        answer: What ``sweep`` returned.
        recipe: The task that was swept; by default it is built again, where a command started the study.

    Raises:
        NotFoundError: If no trained model is kept.
    """
    target = answer._study.target if answer._study is not None else {}
    if target.get("kind") == "arms":
        target = target["arms"][answer.arm]  # type: ignore[index]
    if recipe is None and target.get("kind") == "data" and answer.found:
        recipe = from_target(target)
    if not hasattr(recipe, "test_scores") or not math.isfinite(answer.lr):
        return None
    scores: dict[str, float] = recipe.test_scores(answer.load_model(recipe))
    return scores


def _name(path: str) -> str:
    """A study's name out of a file's: letters, digits and dashes."""
    stem = (
        path.partition(":")[2] if path.startswith(("sklearn:", HUB, MEDMNIST)) else Path(path).absolute().stem
    )
    return "-".join(re.findall(r"[A-Za-z0-9]+", stem)).lower()[:40] or "data"
