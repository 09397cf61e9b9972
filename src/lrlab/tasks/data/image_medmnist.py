"""Data sets of MedMNIST, by the ``medmnist`` package where it is installed; it fetches what is not on this machine."""

import contextlib
import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import load_package
from lrlab.tasks.data.image_arrays import Images, as_images

PREFIX = "medmnist:"
_PARTS = ("train", "val", "test")
_LONGEST_NAME = 24


def read_medmnist(path: str) -> Images:
    """``medmnist:NAME``, with the parts and the names of classes that its makers have.

    Raises:
        NotFoundError: If the package is not installed.
        SpecError: If there is no such set, it cannot be fetched, or its images have several classes each.
    """
    package = load_package("medmnist", "medmnist", path)
    name = path.removeprefix(PREFIX)
    known: Mapping[str, Any] = package.INFO
    if name not in known:
        raise SpecError(
            f"{path}: expected one of {', '.join(known)}, got {name!r}.", hint="Such as medmnist:pathmnist."
        )
    about = known[name]
    if "multi-label" in str(about.get("task", "")):
        raise SpecError(
            f"{path}: its images have several classes at once, and here each has one.",
            hint="Name another set.",
        )
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the package tells what it fetches
            made = [getattr(package, about["python_class"])(split=part, download=True) for part in _PARTS]
            parts = {
                part: (np.asarray(each.imgs), np.asarray(each.labels))
                for part, each in zip(_PARTS, made, strict=True)
            }
    except Exception as error:  # what a network, a folder and a package of another version can raise
        said = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise SpecError(
            f"{path}: the medmnist package cannot load it: {said}.", hint="Check the network and ~/.medmnist."
        ) from None
    return as_images(
        path, parts, names={int(key): _short(text) for key, text in about.get("label", {}).items()}
    )


def _short(name: str) -> str:
    """A class's name in a few words."""
    words = re.sub(r"\s+", " ", str(name)).strip()
    return words if len(words) <= _LONGEST_NAME else words[: _LONGEST_NAME - 1].rstrip() + "…"
