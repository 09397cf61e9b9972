"""``lrlab import``: a study that lrlab has exported, or a table of trainings."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrlab.api.engines import open_lab
from lrlab.api.import_table import Table, study_of_table
from lrlab.core.errors import ConflictError, SpecError
from lrlab.core.metric import Metric
from lrlab.core.study import Study
from lrlab.store.export import is_export, study_from_json
from lrlab.store.names import checked_name
from lrlab.store.protocol import Store
from lrlab.studies.lab import Lab

_LOOK_BYTES = 256


def import_study(
    path: "str | Path",
    *,
    study: str | None = None,
    store: "str | Path | Store | None" = None,
    metric: "str | Metric | None" = None,
    **reading: Any,
) -> Study:
    """Take a file into the store: all of it, or nothing.

    Args:
        path: A ``.json`` file that ``lrlab export`` has written, or a table: ``.csv``, ``.tsv``, ``.jsonl``,
            ``.parquet``.
        study: Name; by default the exported study's own, or one made of the table's.
        store: As in ``sweep``.
        metric: Of a table, what is compared; ``val_loss`` by default.
        reading: Of a table: what ``Table`` takes.

    Returns:
        The study as it is in the store now.

    Raises:
        NotFoundError: If the file is not there.
        SpecError: If it is none that can be imported, or damaged; nothing was imported.
        ConflictError: If the name is taken, or a newer lrlab has written the file.
    """
    file, lab = Path(path), open_lab(store)
    name = checked_name(study) if study is not None else None
    given = {key: value for key, value in {"metric": metric, **reading}.items() if value is not None}
    if _is_export(file):
        made = _exported(file, name, given)
    else:
        table = Table(
            path=file, metric=Metric.parse("val_loss" if metric is None else metric), **_only(reading)
        )
        made = study_of_table(table, name=name or lab.free_name(file.stem))
    if made.name in lab.store.names():
        raise _taken(lab, made.name)
    lab.store.create(made).close()
    return lab.study(made.name)


def _is_export(file: Path) -> bool:
    if file.suffix.lower() in (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq") or not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            return file.suffix.lower() == ".json" or is_export(opened.read(_LOOK_BYTES))
    except OSError as error:
        raise SpecError(f"{file}: cannot be read: {error.strerror or error}.") from None


def _exported(file: Path, name: str | None, given: Mapping[str, object]) -> Study:
    if given:
        raise SpecError(
            f"import: {file.name} is a whole study, which takes no {' and no '.join(given)}.",
            hint="These are for tables; leave them out.",
        )
    made = study_from_json(file.read_bytes(), where=str(file))
    if name is None:
        return replace(made, name=checked_name(made.name))
    answer = None if made.answer is None else replace(made.answer, study=name)
    return replace(made, name=name, answer=answer)


def _only(reading: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reading.items() if value is not None}


def _taken(lab: Lab, name: str) -> ConflictError:
    return ConflictError(
        f'import: there is a study "{name}" already.',
        hint=f"Give this one another name: --study {lab.free_name(name)}",
    )
