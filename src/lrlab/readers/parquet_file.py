"""Logs as Parquet: tables that somebody has kept, read at once."""

import importlib
from pathlib import Path
from typing import Any

from lrlab.core.errors import NotFoundError, SpecError
from lrlab.readers.cells import number
from lrlab.readers.names import Names
from lrlab.readers.protocol import Row


def parquet_rows(path: Path, *, names: Names) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of a table, and the names of its columns of numbers.

    Null is no value; NaN and infinities stay. Truth values, dates and lists are left out.

    Args:
        path: The file.
        names: What the columns are called in lrlab.

    Raises:
        NotFoundError: If pyarrow is not installed.
        SpecError: If the file cannot be read so.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise NotFoundError(
            f"{path}: Parquet needs pyarrow, which is not installed.",
            hint="Install it with: pip install 'lrlab[data]'",
        ) from None
    try:
        columns: dict[str, list[object]] = parquet.read_table(path).to_pydict()
    except Exception as error:  # pyarrow has many
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(f"{path}: cannot be read as Parquet: {said}", hint="Write the file again.") from None
    kept = {
        name: cells for name, cells in columns.items() if any(_number(cell) is not None for cell in cells)
    }
    rows = []
    for index, cells in enumerate(zip(*kept.values(), strict=True), start=1):
        told = {
            name: value
            for name, cell in zip(kept, cells, strict=True)
            if (value := _number(cell)) is not None
        }
        if told:
            place = f"row {index}"
            rows.append(names.row(told, place=place, where=f"{path}, {place}"))
    return rows, tuple(kept)


def _number(cell: object) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return float(cell)
    return number(cell) if isinstance(cell, str) else None
