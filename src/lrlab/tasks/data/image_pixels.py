"""Sizes and pixels of images: one square size for all, gray or RGB, and no more memory than there should be."""

import importlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import NotFoundError, SpecError

SMALLEST, LARGEST = 8, 224  # pixels a side
_USUAL = 32  # pixels a side by default, at most: a training of minutes on two cores
_MOST_BYTES = 4 * 2**30
_DEEP = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}  # Pillow's names of more than 8 bits a pixel
_GRAY = {"1", "L"} | _DEEP
_SIXTEEN_BITS = 257.0  # 65535 / 255


class Header(NamedTuple):
    """What a file says of its image before its pixels are read."""

    width: int
    height: int
    mode: str  # Pillow's name of how a pixel is stored


def check_size(image_size: int | None) -> None:
    """Refuse a size that no model here is for.

    Raises:
        SpecError: If it is no whole number from 8 to 224.
    """
    if image_size is None:
        return
    if isinstance(image_size, bool) or not isinstance(image_size, int):
        raise SpecError(f"image_size: must be a whole number of pixels, got {image_size!r}.")
    if not SMALLEST <= image_size <= LARGEST:
        raise SpecError(
            f"image_size: must be from {SMALLEST} to {LARGEST} pixels, got {image_size}.",
            hint="Name another --image-size, or leave it out.",
        )


def chosen_size(shorter: Iterable[int], image_size: int | None) -> int:
    """Pixels a side that all images are brought to.

    Args:
        shorter: The shorter side of each image.
        image_size: What was asked for; None: the median of the shorter sides, within 8 and 32.
    """
    if image_size is not None:
        return image_size
    return int(min(max(np.median(list(shorter)), SMALLEST), _USUAL))


def check_memory(where: str, count: int, *, size: int, channels: int) -> None:
    """Refuse images that need more than 4 GiB as ``float32``.

    Raises:
        SpecError: If they do; it says which size fits.
    """
    needed = 4 * count * channels * size**2
    if needed > _MOST_BYTES:
        fits = int((_MOST_BYTES / (4 * count * channels)) ** 0.5)
        smaller = f"--image-size {fits} fits" if fits >= SMALLEST else "Give fewer images"
        raise SpecError(
            f"{where}: {count} images of {size}x{size} with {channels} channels need {needed / 2**30:.1f} GiB, and "
            f"{_MOST_BYTES >> 30} GiB are the bound.",
            hint=f"{smaller}.",
        )


def check_raw_bytes(where: str, needed: int) -> None:
    """Refuse an array of more than 4 GiB before it is read.

    Raises:
        SpecError: If it is larger.
    """
    if needed > _MOST_BYTES:
        raise SpecError(
            f"{where}: the images need {needed / 2**30:.1f} GiB, and {_MOST_BYTES >> 30} GiB are the bound.",
            hint="Save fewer or smaller ones; as a folder of files they are made smaller while they are read.",
        )


def pillow(why: str) -> tuple[Any, Any]:
    """Pillow's ``Image`` and ``ImageOps``.

    Args:
        why: What needs it.

    Raises:
        NotFoundError: If it is not installed.
    """
    try:
        return importlib.import_module("PIL.Image"), importlib.import_module("PIL.ImageOps")
    except ImportError:
        raise NotFoundError(
            f"{why}: Pillow is not installed, and it reads and scales images.",
            hint="Install it with: pip install 'lrlab[data]'",
        ) from None


def header(file: Path | BinaryIO, *, shown: str) -> Header:
    """Size and mode of the image in a file; its pixels are not read.

    Raises:
        NotFoundError: If Pillow is not installed.
        SpecError: If it is no image.
    """
    image_type, _ = pillow(shown)
    with _no_chatter(image_type), _opened(image_type, file, shown) as image:
        return Header(image.width, image.height, image.mode)


def decoded(file: Path | BinaryIO, *, shown: str, size: int) -> NDArray[Any]:
    """The pixels of a file, ``(size, size, channels)``: ``uint8``, or ``float32`` where it has more than 8 bits.

    The first picture of an animation, turned as a camera says, transparent parts white, stretched to a square. 16 bits
    are brought to 0 to 255 without rounding; floating-point pixels stay as they are.

    Raises:
        SpecError: If it cannot be read to its end.
    """
    image_type, operations = pillow(shown)
    bilinear = image_type.Resampling.BILINEAR
    with _no_chatter(image_type), _opened(image_type, file, shown) as image:
        try:
            image.draft(None, (size, size))  # a large JPEG is decoded at a fraction of its size
            whole = operations.exif_transpose(image)
            if whole.mode in _DEEP:
                values = np.asarray(whole, dtype=np.float32) / (1 if whole.mode == "F" else _SIXTEEN_BITS)
                return np.asarray(image_type.fromarray(values).resize((size, size), bilinear))[..., None]
            plain = _opaque(image_type, whole)
            array = np.asarray(plain.resize((size, size), bilinear))
        except Exception as error:  # what decoders of many formats can raise
            raise _unreadable(shown, error) from None
    return array[..., None] if array.ndim == 2 else array


def shape_of_all(where: str, headers: Iterable[Header]) -> tuple[int, type[Any]]:
    """Channels and type of an array that holds all these images.

    Raises:
        SpecError: If some have floating-point pixels and others have not: they share no scale.
    """
    modes = {each.mode for each in headers}
    if "F" in modes and len(modes) > 1:
        raise SpecError(
            f"{where}: some images have floating-point pixels and others have not, so they share no scale.",
            hint="Save all of them in one format.",
        )
    return 1 if modes <= _GRAY else 3, np.float32 if modes & _DEEP else np.uint8


def sizes_in_words(headers: Sequence[Header]) -> str:
    """How large images are: ``28x28``, or ``10x12 to 640x480``."""
    sizes = sorted({(each.width * each.height, each.width, each.height) for each in headers})
    (_, *smallest), (_, *largest) = sizes[0], sizes[-1]
    least, most = ("x".join(map(str, size)) for size in (smallest, largest))
    return least if len(sizes) == 1 else f"{least} to {most}"


def read_all(
    where: str,
    files: Sequence[Callable[[], Path | BinaryIO]],
    shown: Sequence[str],
    *,
    image_size: int | None,
) -> tuple[NDArray[Any], str]:
    """Files of images as ``(n, size, size, channels)``, and the sizes that they had, in words.

    Args:
        where: What they come from.
        files: How each is opened.
        shown: What each is called in errors.
        image_size: Pixels a side; None as in ``chosen_size``.

    Raises:
        NotFoundError: If Pillow is not installed.
        SpecError: If one cannot be read, or they need too much memory.
    """
    named = list(zip(files, shown, strict=True))
    headers = [header(file(), shown=name) for file, name in named]
    size = chosen_size((min(each.width, each.height) for each in headers), image_size)
    channels, kind = shape_of_all(where, headers)
    check_memory(where, len(files), size=size, channels=channels)
    pixels = np.empty((len(files), size, size, channels), kind)
    for index, (file, name) in enumerate(named):
        pixels[index] = decoded(file(), shown=name, size=size)
    return without_idle_channels(pixels), sizes_in_words(headers)


def scaled(images: NDArray[Any], *, size: int, where: str) -> NDArray[Any]:
    """Images ``(n, height, width, channels)`` of ``uint8`` or ``float32`` as ``(n, size, size, channels)``.

    Raises:
        NotFoundError: If they have another size and Pillow is not installed.
    """
    count, height, width, channels = images.shape
    if height == width == size:
        return images
    image_type, _ = pillow(f"{where}, images of {width}x{height} as {size}x{size}")
    result = np.empty((count, size, size, channels), images.dtype)
    for index, image in enumerate(images):
        for channel in range(channels):
            plane = image_type.fromarray(np.ascontiguousarray(image[..., channel]))
            result[index, ..., channel] = plane.resize((size, size), image_type.Resampling.BILINEAR)
    return result


def without_idle_channels(images: NDArray[Any]) -> NDArray[Any]:
    """Gray images that are stored as RGB, with one channel."""
    if images.shape[-1] == 3 and all(
        np.array_equal(images[..., channel], images[..., 0]) for channel in (1, 2)
    ):
        return images[..., :1]
    return images


def _opaque(image_type: Any, image: Any) -> Any:
    """The image as 8 bits gray or RGB, transparent parts white."""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        ground = image_type.new("RGBA", seen.size, "white")
        ground.alpha_composite(seen)
        return ground.convert("RGB")
    return image.convert("L" if image.mode in _GRAY else "RGB")


@contextmanager
def _no_chatter(image_type: Any) -> Iterator[None]:
    """Pillow's remarks about metadata are left out; an image of a size that only an attack has is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", image_type.DecompressionBombWarning)
        yield


def _opened(image_type: Any, file: Path | BinaryIO, shown: str) -> Any:
    try:
        return image_type.open(file)
    except Exception as error:  # what decoders of many formats can raise
        raise _unreadable(shown, error) from None


def _unreadable(shown: str, error: Exception) -> SpecError:
    said = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    if type(error).__name__ == "UnidentifiedImageError":
        said = "its content is no image"
    elif isinstance(error, OSError) and error.strerror:
        said = error.strerror
    return SpecError(
        f"{shown}: expected an image that can be read to its end: {said}.",
        hint="Save it again, or take it out of the folder.",
    )
