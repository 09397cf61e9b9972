"""Images of the Hugging Face hub, or of a folder that its ``datasets`` package reads."""

import io
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import load_package
from lrlab.tasks.data.hub import hub_parts
from lrlab.tasks.data.image_arrays import Images
from lrlab.tasks.data.image_pixels import read_all


def read_hub(path: str, *, image_size: int | None) -> Images:
    """``hf:NAME`` or ``hf:NAME:CONFIG`` with one column of images and one of classes, and the parts of its makers.

    Args:
        path: Which.
        image_size: Pixels a side; by default the median of the shorter sides, within 8 and 32.

    Raises:
        NotFoundError: If a package is not installed.
        SpecError: If it cannot be loaded, or has other columns.
    """
    loaded, known = hub_parts(path)
    features = loaded["train"].features
    image = _only(path, features, "Image", "images")
    label = _only(path, features, "ClassLabel", "classes")
    as_bytes = load_package("datasets", "datasets", path).Image(decode=False)
    files, shown, labels, parts = [], [], [], []
    for split, part in known.items():
        rows = loaded[split].cast_column(image, as_bytes)
        names = rows.features[label].names
        for index, row in enumerate(rows):
            if row[image] is None or row[label] is None or row[label] < 0:
                raise SpecError(
                    f"{path}, {split}, row {index}: expected an image and its class, and one is missing.",
                    hint="Save the images that have both as files, in a folder a class.",
                )
            files.append(partial(_file, row[image]))
            shown.append(f"{path}, {split}, row {index}")
            labels.append(names[row[label]])
            parts.append(part)
    pixels, original = read_all(path, files, shown, image_size=image_size)
    return Images(
        where=path,
        pixels=pixels,
        labels=np.array(labels),
        parts=tuple(parts) if len(set(parts)) > 1 else (),
        original=original,
    )


def _only(path: str, features: Any, kind: str, what: str) -> str:
    """The one column of a kind."""
    found = [str(name) for name in features if type(features[name]).__name__ == kind]
    if len(found) != 1:
        has = ", ".join(f"{name!r} ({type(features[name]).__name__})" for name in features)
        raise SpecError(
            f"{path}: expected one column of {what}, got {len(found)}: it has {has}.",
            hint="Save the images as files, in a folder a class, and name that folder.",
        )
    return found[0]


def _file(cell: dict[str, Any]) -> Path | BinaryIO:
    """The file of an image, which is in the data or named there."""
    return Path(cell["path"]) if cell["bytes"] is None else io.BytesIO(cell["bytes"])
