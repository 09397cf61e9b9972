"""Images and labels in pairs of IDX files, as MNIST has them: packed with gzip, or not."""

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import NotFoundError, SpecError
from lrlab.tasks.data.image_arrays import Images, as_images
from lrlab.tasks.data.image_pixels import check_raw_bytes

_NAME = re.compile(r"images?[-_.]?idx\d|images?[-_.]ubyte", re.IGNORECASE)
_TEST = re.compile(r"t10k|test", re.IGNORECASE)
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4


def is_idx(name: str) -> bool:
    """Whether a file is one of images in IDX by its name, such as ``train-images-idx3-ubyte.gz``."""
    return bool(_NAME.search(name))


def idx_files(folder: Path) -> list[Path]:
    """Files of images in a folder, one where it is there packed and unpacked; none where there is no IDX."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and is_idx(file.name)]
    return [file for file in files if file.suffix != ".gz" or file.with_suffix("") not in files]


def read_idx(path: Path) -> Images:
    """A pair of files, and one called ``t10k`` or ``test`` in place of ``train``, where it is there, as the test part.

    Args:
        path: The file of images, or a folder with one to train on. Labels lie beside them, called ``labels`` in place
            of ``images``.

    Raises:
        NotFoundError: If there are no labels.
        SpecError: If a file is damaged, or not what its name says.
    """
    if path.is_dir():
        found = [file for file in idx_files(path) if not _TEST.search(file.name)]
        if len(found) != 1:
            names = ", ".join(file.name for file in found) or "none but t10k or test"
            raise SpecError(
                f"{path}: expected one file of images to train on, got {names}.",
                hint="Name the file in place of its folder.",
            )
        path = found[0]
    if "train" not in path.name:
        return as_images(path.name, {"": _pair(path)})
    judged = [path.with_name(path.name.replace("train", part, 1)) for part in ("t10k", "test")]
    parts = {"train": _pair(path)}
    if test := next((file for file in map(_present, judged) if file is not None), None):
        parts["test"] = _pair(test)
    return as_images(path.name, parts)


def _pair(images: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    name = re.sub(
        "images?", lambda found: "labels" if found[0].endswith("s") else "label", images.name, count=1
    )
    wanted = images.with_name(re.sub(r"idx\d", "idx1", name))
    labels = _present(wanted)
    if labels is None:
        raise NotFoundError(
            f"{images.name}: expected its labels beside it, in {wanted.name}, and they are not there.",
            hint="Put the file there, or rename it.",
        )
    return _array(images), _array(labels)


def _present(file: Path) -> Path | None:
    """The file, or the same packed or unpacked."""
    other = file.with_suffix("") if file.suffix == ".gz" else file.with_name(file.name + ".gz")
    return next((each for each in (file, other) if each.is_file()), None)


def _array(file: Path) -> NDArray[Any]:
    """The array that a file holds."""
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                return _unpacked(file.name, raw)
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _unpacked(file.name, unpacked)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise SpecError(
            f"{file.name}: cannot be unpacked: {str(error).rstrip('.') or type(error).__name__}.",
            hint="The file is damaged: fetch it again.",
        ) from None


def _unpacked(name: str, opened: BinaryIO) -> NDArray[Any]:
    begin = opened.read(4)
    known = (
        len(begin) == 4 and begin[:2] == b"\0\0" and begin[2] in _TYPES and 1 <= begin[3] <= _MOST_DIMENSIONS
    )
    if not known:
        raise SpecError(
            f"{name}: expected an IDX file, which begins with 00 00, a type and the number of dimensions, got "
            f"{begin.hex(' ') or 'an empty file'}.",
            hint="Check that it is the file that its name says; images begin with 00 00 08 03.",
        )
    kind, dimensions = np.dtype(_TYPES[begin[2]]), begin[3]
    lengths = opened.read(4 * dimensions)
    shape = struct.unpack(f">{dimensions}I", lengths) if len(lengths) == 4 * dimensions else (0,)
    needed = kind.itemsize * math.prod(shape)
    check_raw_bytes(name, needed)
    content = opened.read(needed + 1)
    if len(content) != needed or not needed:
        said = "more" if len(content) > needed else str(len(content))
        raise SpecError(
            f"{name}: expected {needed} bytes of {'x'.join(map(str, shape))} values, got {said}.",
            hint="The file is cut off or damaged: fetch it again.",
        )
    return np.frombuffer(content, kind).reshape(shape)
