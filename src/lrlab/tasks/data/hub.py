"""Data sets of the Hugging Face hub, or of a folder that its ``datasets`` package reads, as rows of text cells."""

from pathlib import Path
from typing import Any

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import Cells, load_package

PREFIX = "hf:"
_PARTS = {"train": "train", "validation": "val", "valid": "val", "val": "val", "dev": "val", "test": "test"}


def hub_cells(path: str) -> Cells:
    """Rows of ``hf:NAME`` or ``hf:NAME:CONFIG``, with the parts that its makers have.

    The package fetches it where it is not on this machine; ``NAME`` may be a folder. Columns of text, numbers and
    classes are kept; a class is given by its name.

    Raises:
        NotFoundError: If the package is not installed.
        SpecError: If it cannot be loaded, or has no part to train on.
    """
    loaded, known = hub_parts(path)
    features = loaded["train"].features
    header = tuple(column for column in features if _is_plain(features[column]))
    rows: list[list[str]] = []
    parts: list[str] = []
    cautions = _left_out(
        path, [split for split in loaded if split not in known], [c for c in features if c not in header]
    )
    for split, part in known.items():
        columns = [_texts(loaded[split], column) for column in header]
        own = list(map(list, zip(*columns, strict=True)))
        rows += own
        parts += [part] * len(own)
    return Cells(
        where=path,
        header=header,
        rows=rows,
        lines=list(range(1, len(rows) + 1)),
        warnings=cautions,
        parts=tuple(parts) if len(set(parts)) > 1 else (),
        counted="row",
    )


def hub_parts(path: str) -> tuple[Any, dict[str, str]]:
    """What ``hf:NAME`` or ``hf:NAME:CONFIG`` has, by the name of its splits; which of them are ``train``, ``val``, ``test``.

    Raises:
        NotFoundError: If the package is not installed.
        SpecError: If it cannot be loaded, or has no part to train on.
    """
    name, _, config = path.removeprefix(PREFIX).partition(":")
    if not name:
        raise SpecError(f"{path}: expected the name of a data set.", hint="Such as hf:imdb or hf:glue:sst2.")
    loaded = _loaded(path, name, config or None)
    known = {split: _PARTS[split] for split in loaded if split in _PARTS}
    if "train" not in known.values():
        raise SpecError(
            f"{path}: expected a part called train, got {', '.join(map(repr, loaded)) or 'none'}.",
            hint="Save what is to be trained on as a file, and name that.",
        )
    return loaded, known


def full_name(path: str) -> str:
    """The same from any working folder."""
    name, colon, config = path.removeprefix(PREFIX).partition(":")
    return f"{PREFIX}{Path(name).absolute()}{colon}{config}" if name and Path(name).is_dir() else path


def _loaded(path: str, name: str, config: str | None) -> Any:
    package = load_package("datasets", "datasets", path)
    shown = not package.are_progress_bars_disabled()
    package.disable_progress_bars()
    try:
        return package.load_dataset(name, config)
    except Exception as error:  # what a network, a hub and a parser can raise
        causes = [each for each in (error, error.__cause__) if each is not None]
        said = "; ".join(
            str(each).strip().partition("\n")[0].rstrip(".") or type(each).__name__ for each in causes
        )
        raise SpecError(
            f"{path}: the datasets package cannot load it: {said}.",
            hint="Check the name, a configuration behind a second colon, and the network.",
        ) from None
    finally:
        if shown:
            package.enable_progress_bars()


def _is_plain(feature: Any) -> bool:
    """A column of classes, texts or numbers; no list, picture or sound."""
    return type(feature).__name__ in ("Value", "ClassLabel")


def _texts(part: Any, column: str) -> list[str]:
    names = getattr(part.features[column], "names", None)
    values = part[column]
    if names is not None:
        return [
            names[value] if value is not None and value >= 0 else "" for value in values
        ]  # -1: kept secret
    return ["" if value is None else str(value).strip() for value in values]


def _left_out(path: str, splits: list[str], columns: list[str]) -> tuple[Caution, ...]:
    said = []
    if splits:
        said.append(f"Parts of {path} that are not used: {', '.join(splits)}.")
    if columns:
        said.append(f"Columns of {path} that are neither text, number nor class: {', '.join(columns)}.")
    return tuple(Caution(code="LEFT_OUT", text=text) for text in said)
