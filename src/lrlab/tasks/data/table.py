"""A table with a target column: numbers standardised, categories one-hot, missing values filled in and told."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import Cells, is_number, read_cells
from lrlab.tasks.data.dataset import Dataset, class_balance, sizes
from lrlab.tasks.data.hub import PREFIX, hub_cells
from lrlab.tasks.data.labels import (
    FEW_NUMBERS,
    are_few_whole,
    as_classes,
    is_missing,
    known_rows,
    number,
    with_points,
)
from lrlab.tasks.data.splits import Indices, Split, split

Purpose = Literal["classification", "regression"]
_MOST_CATEGORIES = 50
_MOSTLY = 0.8  # share of numbers from which a text among many values is a slip, and no category


class _Block(NamedTuple):
    """One column of the file as columns of numbers."""

    names: tuple[str, ...]
    values: NDArray[np.float64]  # (rows, columns)
    cautions: tuple[Caution, ...] = ()


def load_table(
    path: str,
    *,
    target: str | None = None,
    task: Purpose | None = None,
    leave_out: Sequence[str] = (),
    encoding: str | None = None,
    seed: int = 0,
) -> Dataset:
    """A CSV, TSV or Parquet file, ``sklearn:NAME`` or ``hf:NAME``, as arrays.

    Numbers have mean 0 and deviation 1 over the training part, missing ones the median of that part; a column of at
    most 50 texts becomes a column for each. The target is classes where it is text or few whole numbers.

    Args:
        path: The file.
        target: Name of the column that is to be predicted; a set of scikit-learn has its own.
        task: ``"classification"`` or ``"regression"``; by default what the target looks like.
        leave_out: Columns that are not used.
        encoding: Of a text file; by default what it looks like.
        seed: Seed of the three parts.

    Raises:
        NotFoundError: If the file or a package is not there.
        SpecError: If it cannot be read so; the sentence names file, line, column, and what to do.
    """
    if task not in (None, "classification", "regression"):
        raise SpecError(f'task: must be "classification" or "regression", got {task!r}.')
    if path.startswith(PREFIX) and encoding is not None:
        raise SpecError(f"encoding: {path} is no text file, and has none.", hint="Leave --encoding out.")
    cells = hub_cells(path) if path.startswith(PREFIX) else read_cells(path, encoding=encoding)
    if target is None and path.startswith("sklearn:"):
        target = "target"
    if target is None:
        raise SpecError(
            f"{cells.where}: which column is to be predicted?",
            why=f"It has {', '.join(map(repr, cells.header[:12]))}{', ...' if len(cells.header) > 12 else ''}.",
            hint="Name it with --target COLUMN.",
        )
    own = cells.index(target, option="--target")
    unused = {cells.index(name, option="--leave-out") for name in leave_out}
    if own in unused:
        raise SpecError(f"leave_out: {target!r} is the target.", hint="Name other columns.")
    cells = known_rows(cells, own, option="--target")
    texts = with_points([row[own] for row in cells.rows])
    like_numbers = all(map(is_number, texts)) and not are_few_whole(texts)
    classes, y = _targets(cells, own, task or ("regression" if like_numbers else "classification"))
    strata = None if classes is None else y
    parts = split(len(y), seed=seed, classes=strata, parts=cells.parts, where=cells.where)
    blocks = [_block(cells, i, parts.train) for i in range(len(cells.header)) if i != own and i not in unused]
    if not any(block.names for block in blocks):
        raise SpecError(
            f"{cells.where}: beside the target {target!r} there is no column to learn from.",
            hint="Give columns that differ between rows.",
        )
    x = np.concatenate([block.values for block in blocks], axis=1).astype(np.float32)
    features = tuple(name for block in blocks for name in block.names)
    cautions = cells.warnings + tuple(caution for block in blocks for caution in block.cautions)
    what = f"{cells.where}: {len(y)} rows, {len(features)} numbers a row"
    if classes is None:
        return _regression(x, y, parts, what=f"{what}, target {target}", features=features, cautions=cautions)
    balance, unequal = class_balance(cells.where, y, classes)
    return Dataset(
        **_parts(x, y, parts),
        classes=classes,
        description=f"{what}, {balance}; {sizes(parts)}.",
        warnings=cautions + unequal,
        features=features,
    )


def _parts(x: NDArray[Any], y: NDArray[Any], parts: Split) -> dict[str, Any]:
    return {name: (x[own], y[own]) for name, own in parts._asdict().items()}


def _regression(
    x: NDArray[np.float32],
    y: NDArray[np.float64],
    parts: Split,
    *,
    what: str,
    features: tuple[str, ...],
    cautions: tuple[Caution, ...],
) -> Dataset:
    mean, deviation = float(y[parts.train].mean()), float(y[parts.train].std())
    if not (math.isfinite(deviation) and deviation > 0):
        raise SpecError(
            f"{what}: the targets of the training part are all the same, or too large to compute with.",
            hint="Give targets that differ, in another unit.",
        )
    spread = f"{y.min():.4g} to {y.max():.4g}, mean {mean:.4g}"
    return Dataset(
        **_parts(x, ((y - mean) / deviation).astype(np.float32), parts),
        classes=None,
        description=f"{what} ({spread}); {sizes(parts)}.",
        warnings=cautions,
        features=features,
        target_scale=deviation,
    )


def _targets(cells: Cells, own: int, purpose: Purpose) -> tuple[tuple[str, ...] | None, NDArray[Any]]:
    """Names of the classes and the class of each row; or None and its number."""
    if purpose == "regression":
        values, _ = _numbers(cells, own)
        return None, values
    return as_classes(cells, own, hint="Name another --target, or --task regression where it is numbers.")


def _block(cells: Cells, column: int, train: Indices) -> _Block:
    """One column as numbers, by what the training part knows."""
    name = cells.header[column]
    texts = with_points([row[column] for row in cells.rows])
    known = [text for text in texts if not is_missing(text)]
    distinct = set(known)
    numeric = sum(is_number(text) for text in known)
    if len(distinct) < 2 and len(known) in (0, len(texts)):
        said = "is empty" if not known else f"has the value {known[0]!r} in every row"
        return _left_out(len(texts), f"Column {name!r} {said} and is left out.")
    if numeric == len(known) or (numeric >= _MOSTLY * len(known) and len(distinct) > FEW_NUMBERS):
        return _numeric(cells, column, train)
    return _categories(cells, column, train, texts, distinct)


def _left_out(rows: int, text: str) -> _Block:
    return _Block((), np.empty((rows, 0)), (Caution(code="LEFT_OUT", text=text),))


def _numeric(cells: Cells, column: int, train: Indices) -> _Block:
    name = cells.header[column]
    values, missing = _numbers(cells, column)
    cautions: tuple[Caution, ...] = ()
    if missing.any():
        seen = values[train][~missing[train]]
        if not len(seen):
            return _left_out(len(values), f"Column {name!r} is empty in the training part and is left out.")
        median = float(np.median(seen))
        values[missing] = median
        text = f"Column {name!r}: {missing.sum()} of {len(values)} values are missing; the median {median:.4g} stands in."
        cautions = (Caution(code="IMPUTED", text=text),)
    mean, deviation = float(values[train].mean()), float(values[train].std())
    if deviation == 0:
        return _left_out(len(values), f"Column {name!r} has one value in the training part and is left out.")
    values = (values - mean) / deviation
    return _Block((name,), values[:, None], cautions)


def _categories(cells: Cells, column: int, train: Indices, texts: list[str], distinct: set[str]) -> _Block:
    """A column for each category that the training part has; a missing value is a category too."""
    name = cells.header[column]
    if len(distinct) > _MOST_CATEGORIES:
        line = next(i for i, text in enumerate(texts) if not is_missing(text) and not is_number(text))
        raise SpecError(
            f"{cells.place(line, column)}: expected numbers, or at most {_MOST_CATEGORIES} different texts, got "
            f"{texts[line][:40]!r} and {len(distinct) - 1} others.",
            hint=f"Leave it out with --leave-out {name!r}, or correct it; thousands have no comma.",
        )
    known = ["" if is_missing(text) else text for text in texts]
    seen = sorted({known[i] for i in train})
    values = np.array([[text == category for category in seen] for text in known], dtype=np.float64)
    return _Block(tuple(f"{name}={category or 'missing'}" for category in seen), values)


def _numbers(cells: Cells, column: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column as numbers, and where they are missing (0 stands there).

    Raises:
        SpecError: If a cell is no finite number of a size to compute with.
    """
    texts = with_points([row[column] for row in cells.rows])
    values = np.array([0.0 if is_missing(text) else number(text) for text in texts])
    wrong = np.flatnonzero(np.isnan(values))
    if len(wrong):
        raise SpecError(
            f"{cells.place(int(wrong[0]), column)}: expected a number, got {texts[wrong[0]][:40]!r}.",
            hint="Correct it, leave the cell empty where it is not known, or leave the column out with --leave-out.",
        )
    return values, np.array([is_missing(text) for text in texts])
