"""Texts with a label: words as numbers by a vocabulary of the training part, copies of a text kept together."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import Cells, is_number
from lrlab.tasks.data.dataset import Dataset, class_balance, sizes
from lrlab.tasks.data.hub import PREFIX, hub_cells
from lrlab.tasks.data.labels import are_few_whole, as_classes, known_rows, number, with_points
from lrlab.tasks.data.splits import Split, split
from lrlab.tasks.data.text_columns import find_columns
from lrlab.tasks.data.text_rows import read_rows
from lrlab.tasks.data.words import UNKNOWN, as_numbers, usual_length, vocabulary, words

Words = list[str]


class _Labels(NamedTuple):
    classes: tuple[str, ...]
    y: NDArray[np.int64]  # (rows,)


def load_text(
    path: str,
    *,
    text: str | int | None = None,
    label: str | int | None = None,
    threshold: float | None = None,
    encoding: str | None = None,
    seed: int = 0,
) -> Dataset:
    """A CSV, TSV or JSON lines file of texts, or ``hf:NAME``, as arrays.

    ``x`` are words as places in a vocabulary of the training part, padded with 0 to the length that 95 % of its texts
    do not exceed. All copies of a text are in one part, so that no text is judged that was trained on.

    Args:
        path: The file.
        text: Name of the column of texts, or its number from 1; by default the one column of several words.
        label: The same for what is to be predicted; by default the one called label, sentiment or alike, or the only
            other one.
        threshold: Makes two classes of a rating: below it, and at least it.
        encoding: Of the file; by default what it looks like.
        seed: Seed of the three parts.

    Raises:
        NotFoundError: If the file or a package is not there.
        SpecError: If it cannot be read so; the sentence names file, line, column, and what to do.
    """
    if threshold is not None and not (_is_real(threshold) and math.isfinite(threshold)):
        raise SpecError(f"threshold: must be a number, got {threshold!r}.", hint="Such as --threshold 0.")
    if path.startswith(PREFIX) and encoding is not None:
        raise SpecError(f"encoding: {path} is no text file, and has none.", hint="Leave --encoding out.")
    told = [str(column) for column in (text, label) if column is not None]
    cells = hub_cells(path) if path.startswith(PREFIX) else read_rows(path, encoding=encoding, named=told)
    at_text, at_label = find_columns(cells, text=text, label=label)
    cells = known_rows(cells, at_label, option="--label")
    cells, read = _with_words(cells, at_text)
    labels = _labels(cells, at_label, threshold)
    cells, read, labels = _without_leaks(cells, read, labels)
    parts, distinct, together = _divided(cells, read, labels.y, seed)
    known = vocabulary(read[i] for i in parts.train)
    length = usual_length([read[i] for i in parts.train])
    x = as_numbers(read, known, length=length)
    balance, unequal = class_balance(cells.where, labels.y, labels.classes, distinct=distinct)
    return Dataset(
        train=(x[parts.train], labels.y[parts.train]),
        val=(x[parts.val], labels.y[parts.val]),
        test=(x[parts.test], labels.y[parts.test]),
        classes=labels.classes,
        description=f"{cells.where}: {len(read)} texts in column {cells.header[at_text]!r}, label "
        f"{cells.header[at_label]!r}, {balance}; {sizes(parts)}. {_vocabulary(known, length, x[parts.val])}",
        warnings=(*cells.warnings, *together, *unequal),
        features=known,
    )


def _is_real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _vocabulary(known: Sequence[str], length: int, x: NDArray[np.int64]) -> str:
    unknown = float((x == UNKNOWN).sum() / max((x > 0).sum(), 1))
    return (
        f"A text is its first {length} words, out of {len(known) - 2} known ones; {100 * unknown:.0f} % of the words to "
        "choose by are unknown."
    )


def _with_words(cells: Cells, at_text: int) -> tuple[Cells, list[Words]]:
    """The rows that have a word, and their words."""
    read = [words(row[at_text]) for row in cells.rows]
    kept = [i for i, text in enumerate(read) if text]
    gone = len(read) - len(kept)
    if not gone:
        return cells, read
    first = next(i for i, text in enumerate(read) if not text)
    if gone > len(kept):
        raise SpecError(
            f"{cells.place(first, at_text)}: expected a text, got {cells.rows[first][at_text][:40]!r}, which has no word, as "
            f"{gone} of {len(read)} rows.",
            hint="Name another column with --text.",
        )
    said = f"Left out without a word: {gone} of {len(read)} rows (the first is {cells.counted} {cells.lines[first]})."
    warnings = (Caution(code="LEFT_OUT", text=said),)
    return cells.take(kept, warnings=warnings), [read[i] for i in kept]


def _labels(cells: Cells, own: int, threshold: float | None) -> _Labels:
    texts = with_points([row[own] for row in cells.rows])
    if threshold is not None:
        return _rated(cells, own, texts, threshold)
    if all(map(is_number, texts)) and not are_few_whole(texts):
        values = [number(text) for text in texts]
        middle = 0.0 if min(values) < 0 < max(values) else float(np.median(values))
        middle = middle if middle > min(values) else float(np.mean(values))  # else nothing would be below it
        raise SpecError(
            f"{cells.where}, column {cells.header[own]!r}: expected classes, got numbers from {min(values):.4g} to "
            f"{max(values):.4g}, {len(set(texts))} different ones.",
            hint=f"Make two classes of them, below a number and at least it, such as --threshold {middle:.4g}.",
        )
    return _Labels(*as_classes(cells, own, hint="Name another --label, or --threshold where it is numbers."))


def _rated(cells: Cells, own: int, texts: list[str], threshold: float) -> _Labels:
    values = np.array([number(text) for text in texts])
    wrong = np.flatnonzero(np.isnan(values))
    if len(wrong):
        raise SpecError(
            f"{cells.place(int(wrong[0]), own)}: a threshold is for numbers, got {texts[wrong[0]][:40]!r}.",
            hint="Leave --threshold out where the label is classes, else correct it.",
        )
    classes = (f"below {threshold:g}", f"at least {threshold:g}")
    y = (values >= threshold).astype(np.int64)
    if len(np.unique(y)) < 2:
        raise SpecError(
            f"{cells.where}, column {cells.header[own]!r}: every value is {classes[y[0]]}, so there is nothing to learn.",
            hint=f"They reach from {values.min():.4g} to {values.max():.4g}: name a --threshold between.",
        )
    return _Labels(classes, y)


def _without_leaks(cells: Cells, read: list[Words], labels: _Labels) -> tuple[Cells, list[Words], _Labels]:
    """Without texts of the makers' parts that occur in a later one too: what is judged was not trained on."""
    if not cells.parts:
        return cells, read, labels
    later = {"train": ("val", "test"), "val": ("test",), "test": ()}
    seen: dict[tuple[str, ...], set[str]] = {}
    for text, part in zip(read, cells.parts, strict=True):
        seen.setdefault(tuple(text), set()).add(part)
    kept = [i for i, text in enumerate(read) if not seen[tuple(text)].intersection(later[cells.parts[i]])]
    gone = len(read) - len(kept)
    if not gone:
        return cells, read, labels
    said = f"Left out, because they occur in a part that is chosen by or judged with too: {gone} of {len(read)} texts."
    rest = cells.take(kept, warnings=(Caution(code="DUPLICATES", text=said),))
    return rest, [read[i] for i in kept], labels._replace(y=labels.y[kept])


def _divided(
    cells: Cells, read: list[Words], y: NDArray[Any], seed: int
) -> tuple[Split, NDArray[Any], tuple[Caution, ...]]:
    """Three parts with all copies of a text in one; the class of each text that differs; what a reader must know."""
    places: dict[tuple[str, ...], int] = {}
    group = np.array([places.setdefault(tuple(text), len(places)) for text in read])
    _, first = np.unique(group, return_index=True)
    own = tuple(cells.parts[i] for i in first) if cells.parts else ()
    parts = split(len(first), seed=seed, classes=y[first], parts=own, where=cells.where)
    if len(first) == len(read):
        return parts, y, ()
    members: list[list[int]] = [[] for _ in first]
    for sample, place in enumerate(group.tolist()):
        members[place].append(sample)
    whole = Split(*(np.array([i for place in part.tolist() for i in members[place]]) for part in parts))
    said = f"Copies of other texts: {len(read) - len(first)} of {len(read)}. All copies of a text are in one part."
    mixed = sum(len({int(y[i]) for i in own}) > 1 for own in members)
    if mixed:
        said += f" Texts whose copies have different labels: {mixed}."
    return whole, y[first], (Caution(code="DUPLICATES", text=said),)
