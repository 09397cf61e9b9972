"""Images as arrays, with a label each: what every source comes to, and ``.npz`` files."""

import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.image_pixels import check_raw_bytes

_PAIRS = (("x", "y"), ("images", "labels"))
_DIVIDED = (("{}_images", "{}_labels"), ("x_{}", "y_{}"))  # of medmnist; of Keras
_PARTS = ("train", "val", "test")
# What NumPy and zipfile raise at an archive that is damaged, lies about a size, or is under a password (RuntimeError).
_UNREADABLE = (
    OSError, ValueError, EOFError, MemoryError, RuntimeError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Images of one size with a label each.

    Args:
        where: What they come from, for errors.
        pixels: ``(n, height, width, channels)``, ``uint8`` or ``float32``; 1 or 3 channels.
        labels: ``(n,)`` whole numbers or texts.
        parts: ``train``, ``val`` or ``test`` for each where their makers divide them, else ().
        original: Sizes that they had, in words.
        names: Names of labels that are numbers, where they are known.
        warnings: What a reader must know.
    """

    where: str
    pixels: NDArray[Any]
    labels: NDArray[Any]
    parts: tuple[str, ...] = ()
    original: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    warnings: tuple[Caution, ...] = ()


def as_images(
    where: str,
    parts: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    *,
    names: Mapping[int, str] | None = None,
) -> Images:
    """Arrays of images and labels by part, checked and put together.

    Args:
        where: What they come from.
        parts: ``train``, ``val`` and ``test`` as there are, or "" for data that is not divided; images
            ``(n, height, width)``, ``(n, height, width, channels)`` or ``(n, channels, height, width)``, labels ``(n,)``
            or ``(n, 1)``.
        names: Names of the labels.

    Raises:
        SpecError: If shapes or types are others; the sentence says which part.
    """
    pixels, labels, belong = [], [], []
    for part, (images, own) in parts.items():
        place = f"{where}, {part} part" if part else where
        checked = _checked_images(place, images)
        labels.append(_checked_labels(place, own, len(checked)))
        pixels.append(checked)
        belong += [part] * len(checked)
    shapes = {each.shape[1:] for each in pixels}
    if len(shapes) > 1:
        said = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes))
        raise SpecError(
            f"{where}: the parts have images of different shapes, {said}.", hint="Save all in one."
        )
    if len({each.dtype.kind == "U" for each in labels}) > 1:
        raise SpecError(
            f"{where}: labels are numbers in one part and texts in another.", hint="Use one of them."
        )
    height, width = pixels[0].shape[1:3]
    return Images(
        where=where,
        pixels=pixels[0] if len(pixels) == 1 else np.concatenate(pixels),
        labels=np.concatenate(labels),
        parts=tuple(belong) if len(parts) > 1 else (),
        original=f"{width}x{height}",
        names=names or {},
    )


def read_npz(file: Path) -> Images:
    """A NumPy archive with ``x`` and ``y``, ``images`` and ``labels``, or one of each for parts that its makers have.

    Parts are named ``train_images``, ``train_labels``, ``val_images`` and so on, as in MedMNIST, or ``x_train``,
    ``y_train`` and so on, as in Keras. Pickled objects are never read.

    Raises:
        SpecError: If it is no such archive.
    """
    where = file.name
    try:
        with file.open("rb") as opened:  # closed here: a damaged archive would leave it open
            archive = np.load(opened, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise SpecError(
                    f"{where}: expected a NumPy archive (.npz), got a single array.",
                    hint="Save images and labels together: numpy.savez(file, x=images, y=labels).",
                )
            sizes = {info.filename: info.file_size for info in zipfile.ZipFile(opened).infolist()}
            wanted = _members(where, archive.files)
            check_raw_bytes(where, sum(sizes.get(f"{names[0]}.npy", 0) for names in wanted.values()))
            return as_images(where, {part: _pair(where, archive, names) for part, names in wanted.items()})
    except _UNREADABLE as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(
            f"{where}: cannot be read as a NumPy archive: {_said(error)}.",
            hint="Write it again with numpy.savez; pickled objects are never read.",
        ) from None


def _members(where: str, keys: list[str]) -> dict[str, tuple[str, str]]:
    """Names of images and labels by part; "" where there is one pair."""
    for images, labels in _DIVIDED:
        if images.format("train") not in keys:
            continue
        found = {
            part: (images.format(part), labels.format(part)) for part in _PARTS if images.format(part) in keys
        }
        for names in found.values():
            if names[1] not in keys:
                raise SpecError(f"{where}: there is {names[0]!r} and no {names[1]!r}.", hint="Save both.")
        return found
    for names in _PAIRS:
        if set(names) <= set(keys):
            return {"": names}
    raise SpecError(
        f"{where}: expected arrays 'x' and 'y', 'images' and 'labels', or 'train_images', 'train_labels' and so on, got "
        f"{', '.join(map(repr, keys[:8])) or 'none'}.",
        hint="Name them so: numpy.savez(file, x=images, y=labels).",
    )


def _pair(where: str, archive: Any, names: tuple[str, str]) -> tuple[NDArray[Any], NDArray[Any]]:
    arrays = []
    for name in names:
        try:
            arrays.append(np.asarray(archive[name]))
        except _UNREADABLE as error:
            raise SpecError(
                f"{where}: the array {name!r} cannot be read: {_said(error)}.",
                hint="Write it again with numpy.savez as numbers; pickled objects are never read.",
            ) from None
    return arrays[0], arrays[1]


def _said(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _checked_images(place: str, images: NDArray[Any]) -> NDArray[Any]:
    """Images as ``(n, height, width, channels)`` of ``uint8`` or ``float32``."""
    if images.dtype.kind not in "buif":
        raise SpecError(
            f"{place}: images must be numbers, got an array of {images.dtype}.", hint="Save pixels."
        )
    whole = images[..., None] if images.ndim == 3 else images
    if whole.ndim == 4 and whole.shape[-1] not in (1, 3) and whole.shape[1] in (1, 3):
        whole = np.moveaxis(whole, 1, -1)
    if whole.ndim != 4 or whole.shape[-1] not in (1, 3) or not whole.size:
        raise SpecError(
            f"{place}: expected images as (n, height, width) or (n, height, width, channels) with 1 or 3 channels, got "
            f"the shape {images.shape}.",
            hint="Save them so; volumes and transparency are not read.",
        )
    if whole.dtype.kind == "f" and not np.isfinite(whole).all():
        first = int(np.flatnonzero(~np.isfinite(whole).all(axis=(1, 2, 3)))[0])
        raise SpecError(
            f"{place}, image {first}: a pixel is no finite number.", hint="Replace it, such as with 0."
        )
    if whole.dtype == np.uint8:
        return whole
    if whole.dtype.kind == "b" or (whole.dtype.kind in "iu" and whole.min() >= 0 and whole.max() <= 255):
        return whole.astype(np.uint8)
    with np.errstate(over="ignore"):
        real = whole.astype(np.float32)
    if not (np.abs(real) < 1e15).all():  # its square must be a number too
        raise SpecError(f"{place}: pixels are too large to compute with.", hint="Give them in another unit.")
    return real


def _checked_labels(place: str, labels: NDArray[Any], count: int) -> NDArray[Any]:
    """Labels as ``(n,)``."""
    if labels.dtype.kind not in "biuU":
        raise SpecError(
            f"{place}: labels must be whole numbers or texts, got an array of {labels.dtype}.",
            hint="Save the number of each image's class, such as with labels.astype(int).",
        )
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise SpecError(
            f"{place}: expected one label an image, got {labels.shape[1]}: several classes at once are not learnt.",
            hint="Save one of them; of one-hot labels save labels.argmax(1).",
        )
    if labels.ndim not in (1, 2):
        raise SpecError(
            f"{place}: expected labels as (n,), got the shape {labels.shape}.", hint="Save one an image."
        )
    if len(labels) != count:
        raise SpecError(
            f"{place}: there are {count} images and {len(labels)} labels.", hint="Save one label an image."
        )
    flat = labels.reshape(-1)
    return flat.astype(np.int64) if flat.dtype.kind != "U" else flat
