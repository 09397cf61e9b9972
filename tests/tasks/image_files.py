"""Small images, and the folders, archives and IDX files that hold them."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

DRAW = np.random.default_rng(0)
GRAY = DRAW.integers(0, 256, (60, 12, 12), dtype=np.uint8)
COLOUR = DRAW.integers(0, 256, (60, 12, 12, 3), dtype=np.uint8)
LABELS = np.arange(60) % 3


def folder_of(root: Path, images=GRAY, labels=LABELS, *, ending="png", **saving) -> str:
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = root / f"class{label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{index:03}.{ending}", **saving)
    return str(root)


def npz(root: Path, name="a.npz", **arrays) -> str:
    np.savez(root / name, **arrays)
    return str(root / name)


def idx(array: np.ndarray, kind=8, big=">u1") -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.astype(big).tobytes()


def whole(data) -> tuple[np.ndarray, np.ndarray]:
    """All samples, in an order and a scale that do not depend on the parts."""
    x, y = (np.concatenate(each) for each in zip(data.train, data.val, data.test, strict=True))
    x = (x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True)
    order = np.lexsort(x.reshape(len(x), -1).T)
    return x[order], y[order]


def encoded(ending: str) -> bytes:
    """One image in colour, as a file of the format holds it."""
    content = io.BytesIO()
    Image.fromarray(COLOUR[0]).save(content, format=ending)
    return content.getvalue()
