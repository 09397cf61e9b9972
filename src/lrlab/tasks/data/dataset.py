"""Data from files, as arrays: three parts, what they are, and what a reader must know about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.splits import Split

Arrays = tuple[NDArray[Any], NDArray[Any]]
_IMBALANCED = 3.0  # largest class over smallest; above, the accuracy flatters
_SHOWN_CLASSES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Samples and targets, cut into three parts that share no sample.

    Args:
        train: ``(x, y)`` to train on; ``y`` is ``int64`` classes, or ``float32`` numbers of mean 0 and deviation 1.
        val: To choose by.
        test: To judge with, once, at the end; no search sees it.
        classes: Names by class; None where the targets are numbers.
        description: What it is, in a sentence or two.
        warnings: What a reader of an answer must know.
        features: What the numbers of a sample stand for: columns of a table, words of a vocabulary; () for images.
        target_scale: What one unit of ``y`` is in the target's own unit; 1 for classes.
        augment: How a model of images varies what it trains on; see ``load_images``.
    """

    train: Arrays
    val: Arrays
    test: Arrays
    classes: tuple[str, ...] | None
    description: str
    warnings: tuple[Caution, ...] = ()
    features: tuple[str, ...] = ()
    target_scale: float = 1.0
    augment: str = "none"

    def __post_init__(self) -> None:
        for name in ("train", "val", "test"):
            x, y = getattr(self, name)
            if len(x) != len(y) or not len(x):
                raise SpecError(f"data: the {name} part has {len(x)} samples and {len(y)} targets.")


def class_balance(
    where: str, y: NDArray[Any], classes: Sequence[str], *, distinct: NDArray[Any] | None = None
) -> tuple[str, tuple[Caution, ...]]:
    """How often each class occurs, in words, and a caution where that makes the accuracy flatter.

    Args:
        where: What the samples come from.
        y: ``(n,)`` classes of all samples.
        classes: Their names.
        distinct: Classes of the samples that may be in different parts, where copies may not; by default ``y``.

    Raises:
        SpecError: If there is only one class.
    """
    counts = np.bincount(y, minlength=len(classes))
    if len(classes) < 2:
        raise SpecError(
            f"{where}: every sample is of the class {classes[0]!r}, so there is nothing to learn.",
            hint="Two classes are needed.",
        )
    by_count = sorted(zip(counts.tolist(), classes, strict=True), key=lambda pair: -pair[0])
    shown = ", ".join(f"{name} {count}" for count, name in by_count[:_SHOWN_CLASSES])
    more = f", {len(classes) - _SHOWN_CLASSES} more" if len(classes) > _SHOWN_CLASSES else ""
    cautions = []
    apart = np.bincount(y if distinct is None else distinct, minlength=len(classes))
    rare = [name for name, count in zip(classes, apart.tolist(), strict=True) if count < 3]
    if rare:
        cautions.append(
            Caution(
                code="RARE_CLASS",
                text=f"Fewer than three samples each have {_listed(rare)}: they are trained on, and not judged.",
            )
        )
    most, name = by_count[0]
    if most > _IMBALANCED * by_count[-1][0]:
        cautions.append(
            Caution(
                code="IMBALANCED",
                text=f"The classes are unequal: answering {name!r} always is right {100 * most / len(y):.0f} % of the "
                "time. Look at the balanced accuracy and F1 rather than at the accuracy.",
            )
        )
    return f"{len(classes)} classes ({shown}{more})", tuple(cautions)


def sizes(parts: Split) -> str:
    """How many samples each part has, in words."""
    return f"{len(parts.train)} to train on, {len(parts.val)} to choose by, {len(parts.test)} to judge with at the end"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN_CLASSES]))
    return shown + (f" and {len(names) - _SHOWN_CLASSES} more" if len(names) > _SHOWN_CLASSES else "")
