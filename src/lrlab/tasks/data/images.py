"""Images with a class each: one size for all, normalised by the training part, copies of an image kept together."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.core.answer import Caution
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.tasks.data.dataset import Arrays, Dataset, class_balance, sizes
from lrlab.tasks.data.hub import PREFIX as HUB
from lrlab.tasks.data.image_arrays import Images, read_npz
from lrlab.tasks.data.image_folders import read_folder
from lrlab.tasks.data.image_hub import read_hub
from lrlab.tasks.data.image_idx import idx_files, is_idx, read_idx
from lrlab.tasks.data.image_medmnist import PREFIX as MEDMNIST
from lrlab.tasks.data.image_medmnist import read_medmnist
from lrlab.tasks.data.image_pixels import (
    check_memory,
    check_size,
    chosen_size,
    scaled,
    without_idle_channels,
)
from lrlab.tasks.data.splits import Indices, Split, split

AUGMENTS = {
    "none": "used as they are",
    "shift": "moved at random by up to an eighth of their size",
    "flip": "mirrored at random",
    "shift+flip": "moved at random by up to an eighth of their size, and mirrored at random",
}
_FORMS = "a folder of class folders, an .npz file, a pair of IDX files, medmnist:NAME or hf:NAME"
_CHUNK = 256  # images


class _Divided(NamedTuple):
    parts: Split
    distinct: NDArray[np.int64]  # class of each image that differs from all others
    warnings: tuple[Caution, ...]


def load_images(
    path: str, *, image_size: int | None = None, augment: str = "shift", seed: int = 0
) -> Dataset:
    """Images with a class each, ``x`` as ``float32`` ``(n, channels, size, size)``.

    Each channel has mean 0 and deviation 1 over the training part. Parts that the makers of the data have are used as
    they are; where lrlab divides, all copies of an image are in one part.

    Args:
        path: A folder of class folders, or of ``train``, ``val`` and ``test`` folders of those; an ``.npz`` file; a
            file of images in IDX, or its folder; ``medmnist:NAME``; ``hf:NAME`` with a column of images.
        image_size: Pixels a side; by default the median of the shorter sides, within 8 and 32.
        augment: How training images are varied: ``none``, ``shift``, ``flip`` or ``shift+flip``.
        seed: Seed of the three parts.

    Raises:
        NotFoundError: If the path, or a package that reads it, is not there.
        SpecError: If it cannot be read so; the sentence names the file, what was expected, and what to do.
    """
    check_size(image_size)
    if augment not in AUGMENTS:
        raise SpecError(f"augment: must be {' or '.join(map(repr, AUGMENTS))}, got {augment!r}.")
    images = _of_one_size(_read(path, image_size), image_size)
    classes, y = _classes(images)
    divided = _divided(images, y, seed)
    missing = set(range(len(classes))) - set(y[divided.parts.train].tolist())
    if missing:
        raise SpecError(
            f"{images.where}: no image of the class {classes[min(missing)]!r} is in the training part.",
            hint="Give each class some to train on.",
        )
    balance, unequal = class_balance(images.where, y, classes, distinct=divided.distinct)
    train, val, test = _normalised(images, y, divided.parts)
    return Dataset(
        train=train,
        val=val,
        test=test,
        classes=classes,
        description=f"{_about(images)}, {balance}; {sizes(divided.parts)}. "
        f"Training images are {AUGMENTS[augment]}.",
        warnings=images.warnings + divided.warnings + unequal,
        augment=augment,
    )


def _read(path: str, image_size: int | None) -> Images:
    if path.startswith(MEDMNIST):
        return read_medmnist(path)
    if path.startswith(HUB):
        return read_hub(path, image_size=image_size)
    if path.startswith("sklearn:"):
        raise SpecError(
            f"{path}: images are read from {_FORMS}.", hint="Save the images as files, in a folder a class."
        )
    place = Path(path)
    if not place.exists():
        raise NotFoundError(f"{path}: expected {_FORMS}, and it is not there.", hint="Check the path.")
    try:
        if place.is_dir():
            return read_idx(place) if idx_files(place) else read_folder(path, image_size=image_size)
        if place.suffix.lower() == ".npz":
            return read_npz(place)
        if is_idx(place.name):
            return read_idx(place)
    except OSError as error:
        raise SpecError(
            f"{path}: cannot be read: {error.strerror or error}.", hint="Check who may read it."
        ) from None
    raise SpecError(
        f"{path}: expected {_FORMS}, got a file of another kind.",
        hint="Name the folder that holds the images.",
    )


def _of_one_size(images: Images, image_size: int | None) -> Images:
    """Scaled to the size that is trained on, which the images of a folder have."""
    count, height, width, _ = images.pixels.shape
    size = chosen_size([min(height, width)], image_size)
    pixels = without_idle_channels(images.pixels)
    check_memory(images.where, count, size=size, channels=pixels.shape[-1])
    return Images(
        where=images.where,
        pixels=scaled(pixels, size=size, where=images.where),
        labels=images.labels,
        parts=images.parts,
        original=images.original,
        names=images.names,
        warnings=images.warnings,
    )


def _classes(images: Images) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the classes, and the class of each image."""
    found, y = np.unique(images.labels, return_inverse=True)
    labels = found.tolist()
    if len(labels) > 2 and 3 * len(labels) > len(y):
        raise SpecError(
            f"{images.where}: {len(labels)} different classes of {len(y)} images are too many to learn, such as "
            f"{labels[0]!r}.",
            hint="Give more images of each class; labels must be classes, not numbers of images.",
        )
    if all(isinstance(label, str) and label.isdecimal() for label in labels):
        order = sorted(range(len(labels)), key=lambda place: (int(labels[place]), labels[place]))
        labels, y = [labels[place] for place in order], np.argsort(order)[y]  # 10 behind 9
    return tuple(images.names.get(label, str(label)) for label in labels), y.reshape(-1).astype(np.int64)


def _divided(images: Images, y: NDArray[np.int64], seed: int) -> _Divided:
    """Three parts; where lrlab cuts one, all copies of an image are in it."""
    belong = images.parts or ("",) * len(y)
    hashes = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images.pixels]
    places: dict[tuple[str, bytes], int] = {}
    group = [places.setdefault(key, len(places)) for key in zip(belong, hashes, strict=True)]
    members: list[list[int]] = [[] for _ in places]
    for image, place in enumerate(group):
        members[place].append(image)
    first = np.array([own[0] for own in members])
    apart = split(
        len(first),
        seed=seed,
        classes=y[first],
        parts=[images.parts[i] for i in first] if images.parts else (),
        where=images.where if len(first) == len(y) else f"{images.where}, copies counted once",
    )
    parts = Split(*(np.array([i for place in part.tolist() for i in members[place]]) for part in apart))
    return _Divided(parts, y[first], _copies(hashes, y, parts, len(y) - len(first)))


def _copies(hashes: list[bytes], y: NDArray[np.int64], parts: Split, together: int) -> tuple[Caution, ...]:
    """What a reader must know of images that occur more than once."""
    said = []
    if together:
        said.append(f"Copies of other images: {together} of {len(y)}; all copies are in one part.")
    seen: set[bytes] = set()
    for name, part in zip(("training", "validation", "test"), parts, strict=True):
        own = {hashes[i] for i in part.tolist()}
        if again := sum(hashes[i] in seen for i in part.tolist()):
            said.append(
                f"Images of the {name} part that a part before has too: {again} of {len(part)}; its scores flatter."
            )
        seen |= own
    labels: dict[bytes, int] = {}
    mixed = {
        key for key, label in zip(hashes, y.tolist(), strict=True) if labels.setdefault(key, label) != label
    }
    if mixed:
        said.append(f"Images whose copies have different classes: {len(mixed)}.")
    return (Caution(code="DUPLICATES", text=" ".join(said)),) if said else ()


def _normalised(images: Images, y: NDArray[np.int64], parts: Split) -> list[Arrays]:
    """The parts, each channel with mean 0 and deviation 1 over the training part."""
    mean, deviation = _moments(images.pixels, parts.train)
    deviation[deviation == 0] = 1  # a channel that is idle
    made: list[Arrays] = []
    for own in parts:
        x = np.empty((len(own), images.pixels.shape[-1], *images.pixels.shape[1:3]), np.float32)
        for place, index in enumerate(own.tolist()):
            x[place] = np.moveaxis((images.pixels[index] - mean) / deviation, -1, 0)
        made.append((x, y[own]))
    return made


def _moments(pixels: NDArray[Any], train: Indices) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each channel, with room for a chunk of images at a time."""
    count = len(train) * pixels.shape[1] * pixels.shape[2]
    chunks = [train[begin : begin + _CHUNK] for begin in range(0, len(train), _CHUNK)]
    mean = sum(pixels[own].sum(axis=(0, 1, 2), dtype=np.float64) for own in chunks) / count
    squares = sum(((pixels[own] - mean) ** 2).sum(axis=(0, 1, 2)) for own in chunks)
    return mean, np.sqrt(squares / count)


def _about(images: Images) -> str:
    """What they are, in words."""
    count, size, _, channels = images.pixels.shape
    colour = "in colour" if channels == 3 else "in gray"
    was = "" if images.original == f"{size}x{size}" else f", scaled from {images.original}"
    own = ", divided by their makers" if images.parts else ""
    return f"{images.where}: {count} images of {size}x{size} {colour}{was}{own}"
