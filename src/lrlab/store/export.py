"""A study as one JSON document, to keep and to hand on, and back: nothing is lost on the way.

A record, an advance and an event have a line each. What is written is decided by the fields of the values in
``core``: whoever adds one raises ``VERSION``, so that an older lrlab refuses the file and does not lose the field.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lrlab.core import wire
from lrlab.core.answer import Answer
from lrlab.core.errors import ConflictError, SpecError, StoreError
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Event, Study
from lrlab.store.book import HELD_STATES

T = TypeVar("T")

VERSION = 2
_SCHEMA = "lrlab.export/"
_SCHEMA_HEAD = re.compile(rb'\s*\{\s*"schema"\s*:\s*"lrlab\.export/')
_DAMAGED = "Nothing was imported. Export the study again, or take another copy of the file."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    schema: str
    study: Study


def is_export(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a study that lrlab has exported."""
    return _SCHEMA_HEAD.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def study_json(study: Study, records: Callable[[Run], Iterable[Record]]) -> Iterator[str]:
    """The document, in pieces that end lines.

    Args:
        study: The study; one that runs, or rests, is written as interrupted, for nobody runs the copy.
        records: The records of each run; those that the study holds itself are not looked at.
    """
    if study.state in HELD_STATES:
        study = replace(study, state=StudyState.INTERRUPTED)
    answer = None if study.answer is None else replace(study.answer, runs=())
    head = wire.dumps(Study, replace(study, runs=(), advances=(), events=(), answer=answer))
    empty = '"runs":[],"advances":[],"events":[],'
    before, found, after = head.partition(empty)
    assert found, "the fields of Study stand in another order"
    yield f'{{"schema":"{_SCHEMA}{VERSION}","study":\n{before}\n"runs":['
    for index, run in enumerate(study.runs):
        row = wire.dumps(Run, replace(run, records=()))
        first, found, rest = row.partition('"records":[],')
        assert found, "the fields of Run stand in another order"
        yield f"{',' if index else ''}\n{first}\n" + '"records":['
        yield from _lines(Record, records(run))
        yield f"],\n{rest}"
    yield '\n],\n"advances":['
    yield from _lines(Advance, study.advances)
    yield '],\n"events":['
    yield from _lines(Event, study.events)
    yield f"],\n{after}}}\n"


def _lines(kind: type[T], values: Iterable[T]) -> Iterator[str]:
    empty = True
    for value in values:
        yield ("\n" if empty else ",\n") + wire.dumps(kind, value)
        empty = False
    if not empty:
        yield "\n"


def study_from_json(text: bytes, *, where: str) -> Study:
    """The study that ``study_json`` has written.

    Args:
        text: The whole file.
        where: Its name, for a message.

    Raises:
        ConflictError: If a newer lrlab has written it.
        SpecError: If it is no such file, or damaged; the sentence names the place.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        tree = wire.tree(text)
    except StoreError as error:
        raise SpecError(f"{where}: {error.what}", hint=_DAMAGED) from None
    _check_schema(tree, where)
    for path in _strangers(_Export, tree, ""):
        raise SpecError(
            f"{where}: {path} is nothing that a study has.",
            why="Leaving it out would lose something.",
            hint=_DAMAGED,
        )
    del tree  # as large as what comes now
    try:
        study = wire.loads(_Export, text).study
    except StoreError as error:
        place = str(error).partition("cannot be read, ")[2] or str(error)
        raise SpecError(f"{where}: is damaged at {place}", hint=_DAMAGED) from None
    except SpecError as error:
        raise SpecError(f"{where}: is damaged: {error}", hint=_DAMAGED) from None
    _check_runs(study, where)
    return study


def _check_schema(tree: object, where: str) -> None:
    schema = tree.get("schema") if isinstance(tree, Mapping) else None
    version = schema.removeprefix(_SCHEMA) if isinstance(schema, str) and schema.startswith(_SCHEMA) else ""
    if not (version.isascii() and version.isdecimal() and int(version) >= 1):
        said = f", and its schema is {schema!r:.60}" if schema is not None else ""
        raise SpecError(
            f"{where}: is no study that lrlab has exported{said}.",
            hint=f'Such a file begins with {{"schema":"{_SCHEMA}{VERSION}"; lrlab export STUDY -o FILE.json writes it.',
        )
    if int(version) > VERSION:
        raise ConflictError(
            f"{where}: was written by a newer lrlab.",
            why=f"(Its format is {version:.9}, this lrlab knows {VERSION}.)",
            hint="Upgrade with pip install -U lrlab.",
        )


def _strangers(kind: Any, tree: Any, path: str) -> Iterator[str]:
    """Paths of what stands in ``tree`` and has no place in a value of ``kind``."""
    if is_dataclass(kind) and isinstance(tree, Mapping):
        known = _members(kind)
        for name, part in tree.items():
            inner = f"{path}.{name}" if path else name
            if name not in known:
                yield inner
            else:
                yield from _strangers(known[name], part, inner)
    elif get_origin(kind) is tuple and isinstance(tree, list) and is_dataclass(get_args(kind)[0]):
        inside = get_args(kind)[0]
        for index, part in enumerate(tree):
            if inside is Record and isinstance(part, dict) and part.keys() <= _RECORD:
                continue  # nearly everything is one
            yield from _strangers(inside, part, f"{path}.{index}")
    elif get_origin(kind) is UnionType:
        for choice in get_args(kind):
            yield from _strangers(choice, tree, path)


_RECORD = frozenset(field.name for field in fields(Record))
_MEMBERS: dict[Any, dict[str, Any]] = {}


def _members(kind: Any) -> dict[str, Any]:
    if kind not in _MEMBERS:
        hints = get_type_hints(kind)
        _MEMBERS[kind] = {field.name: hints[field.name] for field in fields(kind)}
    return _MEMBERS[kind]


def _check_runs(study: Study, where: str) -> None:
    """Refuse what fits the types and can be no study."""
    seen = set()
    for index, run in enumerate(study.runs):
        if run.key in seen:
            raise SpecError(
                f"{where}: is damaged: study.runs.{index} is a second run with {run.key}.", hint=_DAMAGED
            )
        seen.add(run.key)
        whole = max((int(record.at) for record in run.records if record.ends_unit), default=0)
        if whole > run.units:
            raise SpecError(
                f"{where}: is damaged: study.runs.{index} has done {run.units} units, and its records reach {whole}.",
                hint=_DAMAGED,
            )
    if isinstance(study.answer, Answer) and study.answer.runs:
        raise SpecError(f"{where}: is damaged: study.answer.runs must be empty.", hint=_DAMAGED)
