"""A study as a file for other programs: CSV, Parquet, or JSON that keeps everything."""

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, Any

from lrlab.api.whole_file import in_place_of
from lrlab.core.errors import ConflictError, SpecError
from lrlab.core.study import Study
from lrlab.report.points import RUN_COLUMNS, Cell, Column, Records, point_columns, point_rows, run_rows
from lrlab.store.export import study_json
from lrlab.tasks.data.cells import load_package

FORMATS = ("csv", "json", "parquet")
WHAT = ("points", "runs")
_SUFFIXES = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".pq": "parquet"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be exported, checked.

    Args:
        form: One of ``FORMATS``.
        what: One of ``WHAT``; JSON is always the whole study.
    """

    form: str
    what: str = "points"


def plan(path: "str | Path | None", *, form: str | None = None, what: str | None = None) -> Plan:
    """Which form a file gets.

    Args:
        path: The file, whose suffix tells the form; None where there is none: CSV by default.
        form: The form, where the suffix does not tell it.
        what: ``points`` or ``runs``; ``points`` by default.

    Raises:
        SpecError: If the form is unknown, or a choice is not for it.
    """
    suffix = Path(path).suffix.lower() if path is not None else ""
    chosen = form or (_SUFFIXES.get(suffix, "") if path is not None else "csv")
    if form is not None and form not in FORMATS:
        raise SpecError(f"export: the format must be csv, json or parquet, got {form!r}.")
    if chosen not in FORMATS:
        raise SpecError(
            f"export: the file must end in .csv, .json or .parquet, got {Path(str(path)).name!r}.",
            hint="Or name the format: --format csv.",
        )
    if what is not None and what not in WHAT:
        raise SpecError(f"export: what must be points or runs, got {what!r}.")
    if what is not None and chosen == "json":
        raise SpecError(
            f"export: {what} cannot be chosen for JSON, which is always the whole study.",
            hint="Leave --what out, or write CSV or Parquet.",
        )
    return Plan(form=chosen, what=what or "points")


def export_study(
    study: Study,
    path: "str | Path",
    *,
    plan: Plan,
    records: Records = lambda run: run.records,
    force: bool = False,
) -> Path:
    """Write a study into a file: whole, or not at all.

    Args:
        study: The study.
        path: The file.
        plan: What is written.
        records: The records of each run, as often as they are asked for; by default those that the study holds.
        force: Whether a file that is there may be replaced.

    Returns:
        The file.

    Raises:
        ConflictError: If the file is there already.
        NotFoundError: If Parquet is asked for, and pyarrow is not installed.
        SpecError: If the path is none of a file.
        StoreError: If it cannot be written.
    """
    target = Path(path)
    _check_free(target, force=force)
    with in_place_of(target) as draft:
        if plan.form == "parquet":
            _write_parquet(study, records, plan.what, draft)
        else:
            with draft.open("w", encoding="utf-8", newline="") as file:
                _write_text(study, records, plan, file)
        _check_free(target, force=force)
    return target


def write_study(study: Study, file: IO[bytes], *, plan: Plan, records: Records) -> None:
    """Write a study as CSV or JSON to where bytes go; arguments as in ``export_study``.

    Raises:
        SpecError: If Parquet is asked for, which is no text.
    """
    if plan.form == "parquet":
        raise SpecError(
            "export: Parquet is no text for a terminal or a pipe.", hint="Name a file: -o FILE.parquet."
        )
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        _write_text(study, records, plan, text)
        text.flush()
    finally:
        with contextlib.suppress(OSError):
            text.detach()


def _write_text(study: Study, records: Records, plan: Plan, file: IO[str]) -> None:
    if plan.form == "json":
        file.writelines(study_json(study, records))
        return
    columns, rows = _table(study, records, plan.what)
    texts = [index for index, column in enumerate(columns) if column.kind == "text"]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_harmless(column.name) for column in columns])
    for row in rows:
        for index in texts:
            row[index] = _harmless(row[index])
        writer.writerow(row)


def _table(study: Study, records: Records, what: str) -> tuple[Sequence[Column], Iterator[list[Cell]]]:
    if what == "runs":
        return RUN_COLUMNS, run_rows(study, records)
    columns = point_columns(study, records)
    return columns, point_rows(study, records, columns)


def _harmless(text: Cell) -> Cell:
    """A text that no program of tables takes for a formula."""
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def need_pyarrow() -> Any:
    """The package that reads and writes Parquet.

    Raises:
        NotFoundError: If it is not installed.
    """
    load_package("pyarrow.parquet", "pyarrow", "export: Parquet")
    return import_module("pyarrow")


def _write_parquet(study: Study, records: Records, what: str, draft: Path) -> None:
    pyarrow = need_pyarrow()
    columns, rows = _table(study, records, what)
    kinds = {"text": pyarrow.string(), "whole": pyarrow.int64(), "number": pyarrow.float64()}
    schema = pyarrow.schema([(column.name, kinds[column.kind]) for column in columns])
    with pyarrow.parquet.ParquetWriter(draft, schema) as writer:
        for part in _parts(rows):
            arrays = [
                pyarrow.array(cells, type=field.type, from_pandas=False)
                for cells, field in zip(zip(*part, strict=True), schema, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _parts(rows: Iterable[list[Cell]]) -> Iterator[list[list[Cell]]]:
    every = iter(rows)
    while part := list(islice(every, _ROWS_AT_ONCE)):
        yield part


def _check_free(target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise SpecError(f"export: {target} is a folder.", hint="Name a file in it.")
    if not target.exists():
        return
    if not target.is_file():
        raise SpecError(f"export: {target} is no plain file.", hint="Write -o - for the output.")
    if not force:
        raise ConflictError(
            f"export: {target} is there already.", hint="Name another file, or replace it with --force."
        )
