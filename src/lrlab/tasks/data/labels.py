"""The column that is to be predicted: rows that know it, and its values as classes or numbers."""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import Cells, is_number

FEW_NUMBERS = 20  # whole numbers of at most so many values are classes
_COMMA = re.compile(r"[+-]?(\d*),(\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}


def is_missing(text: str) -> bool:
    """Whether a cell says that its value is not known."""
    return text.lower() in _MISSING


def with_points(texts: list[str]) -> list[str]:
    """A column with ``1.5`` for ``1,5``, where commas are decimal: ``1,234`` alone may be a thousand, ``0,234`` is not."""
    found = [_COMMA.fullmatch(text) for text in texts]
    if not any(match and (len(match[2]) != 3 or match[1] in ("", "0")) for match in found):
        return texts
    return [text.replace(",", ".") if match else text for text, match in zip(texts, found, strict=True)]


def number(text: str) -> float:
    """A cell as a number; NaN where it is none, or too large to compute with."""
    value = float(text) if is_number(text) else math.nan
    return value if abs(value) < 1e30 else math.nan  # its square must be a number too


def are_few_whole(texts: list[str]) -> bool:
    """Whether they are whole numbers of few values: classes rather than quantities."""
    values = {number(text) for text in texts}
    return len(values) <= FEW_NUMBERS and all(
        math.isfinite(value) and value == int(value) for value in values
    )


def known_rows(cells: Cells, own: int, *, option: str) -> Cells:
    """The rows whose value in column ``own`` is known, and a caution about the others.

    Raises:
        SpecError: If most are not.
    """
    kept = [i for i, row in enumerate(cells.rows) if not is_missing(row[own])]
    gone = len(cells.rows) - len(kept)
    if not gone:
        return cells
    first = next(i for i, row in enumerate(cells.rows) if is_missing(row[own]))
    if gone > len(kept):
        raise SpecError(
            f"{cells.place(first, own)}: the value to predict is missing here and in {gone} of {len(cells.rows)} rows.",
            hint=f"Name another column with {option}.",
        )
    text = (
        f"Left out without a value of {cells.header[own]!r}: {gone} of {len(cells.rows)} rows (the first is "
        f"{cells.counted} {cells.lines[first]})."
    )
    return cells.take(kept, warnings=(Caution(code="LEFT_OUT", text=text),))


def as_classes(cells: Cells, own: int, *, hint: str) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Names of the classes of a column, and the class of each row.

    Raises:
        SpecError: If there are too many.
    """
    texts = with_points([row[own] for row in cells.rows])
    if all(map(is_number, texts)):
        texts = [f"{float(text):g}" for text in texts]  # 1 and 1.0 are one class
        names = sorted(set(texts), key=lambda text: (float(text), text))
    else:
        names = sorted(set(texts))
    if len(names) > 2 and 3 * len(names) > len(texts):
        raise SpecError(
            f"{cells.where}, column {cells.header[own]!r}: {len(names)} different classes in {len(texts)} rows are too "
            f"many to learn, such as {names[0]!r}.",
            hint=hint,
        )
    places = {name: index for index, name in enumerate(names)}
    return tuple(names), np.array([places[text] for text in texts], dtype=np.int64)
