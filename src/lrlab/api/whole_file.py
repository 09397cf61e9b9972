"""Files that a person asked for: the whole of them, or what was there before."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from lrlab.core.errors import StoreError


def write_file(path: Path, content: bytes) -> None:
    """Write a file that a person asked for; what was there before is replaced by the whole of it or not at all.

    Raises:
        StoreError: If it cannot be written; the sentence says why.
    """
    with in_place_of(path) as draft:
        draft.write_bytes(content)


@contextlib.contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """A file that takes the place of ``path`` when the block has ended well, and is gone otherwise.

    Raises:
        StoreError: If it cannot be written; the sentence says why.
    """
    place = path.resolve()  # a link stays a link
    if place.exists() and not place.is_file():  # a pipe or a device, such as /dev/stdout
        draft = place
    else:
        draft = place.with_name(f".{place.name[:200]}.{os.getpid()}.part")
    try:
        yield draft
        if draft != place:
            draft.replace(place)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written: {error.strerror or error}.", hint="Name another place."
        ) from None
    finally:
        if draft != place:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
