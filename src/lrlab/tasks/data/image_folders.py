"""Images in folders that are named for their classes, with or without folders of parts around them."""

import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.image_arrays import Images
from lrlab.tasks.data.image_pixels import read_all

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
_NO_CLASSES = {"__macosx", "__pycache__"}
_NO_FILES = {"thumbs.db", "desktop.ini"}
_PARTS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


class _Found(NamedTuple):
    """Image files of one folder of class folders."""

    files: list[Path]
    classes: list[str]  # of each file
    others: list[Path]  # files that are no images by name


def read_folder(path: str, *, image_size: int | None) -> Images:
    """All images below ``path``, scaled to one size.

    Args:
        path: A folder of class folders, or of the folders ``train``, ``val`` and ``test`` (or names alike) that hold
            class folders. Files and folders whose name begins with a dot are left out.
        image_size: Pixels a side; by default the median of the shorter sides, within 8 and 32.

    Raises:
        NotFoundError: If Pillow is not installed.
        SpecError: If there is no class folder, one is empty, or an image cannot be read.
    """
    root = Path(path)
    where = root.absolute().name or path
    by_part = _found_by_part(where, root)
    files = [file for found in by_part.values() for file in found.files]
    shown = [f"{where}/{file.relative_to(root).as_posix()}" for file in files]
    pixels, original = read_all(where, [partial(Path, file) for file in files], shown, image_size=image_size)
    names = [name for found in by_part.values() for name in found.classes]
    parts = [part for part, found in by_part.items() for _ in found.files]
    return Images(
        where=where,
        pixels=pixels,
        labels=np.array(names),
        parts=tuple(parts) if len(by_part) > 1 else (),
        original=original,
        warnings=_left_out(root, by_part),
    )


def _found_by_part(where: str, root: Path) -> dict[str, _Found]:
    folders = _folders(root)
    known = {_PARTS.get(folder.name.lower()) for folder in folders}
    if not folders or None in known:
        return {"": _found(where, root, folders)}
    if "train" not in known:
        raise SpecError(
            f"{where}: there are folders {', '.join(repr(folder.name) for folder in folders)} and none called train.",
            hint="Add one with what is to be trained on.",
        )
    if len(known) < len(folders):
        raise SpecError(
            f"{where}: two of the folders {', '.join(repr(folder.name) for folder in folders)} are the same part.",
            hint="Keep one of them, such as train, val and test.",
        )
    parts = {}
    for folder in folders:
        part = str(_PARTS[folder.name.lower()])
        parts[part] = _found(f"{where}/{folder.name}", folder, _folders(folder))
    return {part: parts[part] for part in ("train", "val", "test") if part in parts}


def _found(where: str, root: Path, folders: list[Path]) -> _Found:
    """The images of the class folders of ``root``, in the order of their names."""
    loose = [file for file in _entries(root) if file.is_file()]
    if not folders:
        images = sum(file.suffix.lower() in ENDINGS for file in loose)
        held = f"{images} image{'s' * (images > 1)} and no folder" if images else "no folder"
        raise SpecError(
            f"{where}: expected a folder for each class, such as {root.name}/cat and {root.name}/dog, got {held}.",
            hint="Put the images of each class into a folder of its name.",
        )
    files: list[Path] = []
    classes: list[str] = []
    others = loose
    for folder in folders:
        inside = _walk(folder)
        own = [file for file in inside if file.suffix.lower() in ENDINGS]
        if not own:
            raise SpecError(
                f"{where}/{folder.name}: expected images ({', '.join(ENDINGS)}) of the class {folder.name!r}, got none.",
                hint="Put some in, or take the folder out.",
            )
        files += own
        classes += [folder.name] * len(own)
        others += [file for file in inside if file.suffix.lower() not in ENDINGS]
    if len(folders) == 1:
        deeper = len(_folders(folders[0])) > 1
        raise SpecError(
            f"{where}: there is one class folder, {folders[0].name!r}, and two classes are needed.",
            hint=f"Name the folder inside: {folders[0]}." if deeper else "Add a folder with another class.",
        )
    return _Found(files, classes, others)


def _entries(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise SpecError(
            f"{folder}: cannot be read: {error.strerror}.", hint="Check who may read it."
        ) from None
    return [file for file in entries if file.name[0] != "." and file.name.lower() not in _NO_FILES]


def _folders(folder: Path) -> list[Path]:
    return [each for each in _entries(folder) if each.is_dir() and each.name.lower() not in _NO_CLASSES]


def _walk(folder: Path) -> list[Path]:
    """Files below a folder that are not hidden, in the order of their names; linked folders inside are not entered."""
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and name.lower() not in _NO_CLASSES)
        files += [Path(place, n) for n in sorted(names) if n[0] != "." and n.lower() not in _NO_FILES]
    return files


def _left_out(root: Path, by_part: dict[str, _Found]) -> tuple[Caution, ...]:
    others = [file for found in by_part.values() for file in found.others]
    if not others:
        return ()
    text = f"Files that are no images by their name, or lie in no class folder: {len(others)}, such as "
    return (Caution(code="LEFT_OUT", text=f"{text}{others[0].relative_to(root).as_posix()}."),)
