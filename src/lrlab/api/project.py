"""``lrlab.toml``: the training targets of a project, by name."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lrlab.api.data import KINDS as DATA_KINDS
from lrlab.api.data import OPTIONS as DATA_OPTIONS
from lrlab.api.data import as_target as data_as_target
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric

FILE = "lrlab.toml"
RESERVED = (
    "python",
    "recipe",
    "yolo",
    *DATA_KINDS,
)  # kinds of the command line, which no target may be called
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_ELSEWHERE = re.compile(r"(sklearn|hf|medmnist):")  # data that is no file of the project
_LARGEST_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTarget:
    """One target of a project.

    Args:
        name: What ``lrlab sweep NAME`` calls it.
        kind: ``python``, ``recipe``, ``command`` or ``data``; "" where it is broken before that is known.
        ref: ``MODULE:NAME`` or ``FILE.py:NAME``; the path of data, absolute; "" for a command.
        words: Of a command.
        data: Kind of the data, such as ``table``; else "".
        settings: What the task is made with, by the argument's name.
        search: What a sweep of it asks, by the argument of ``lrlab.sweep``; ``lr``, ``seeds``, ...
        folder: Folder of the project.
        problem: What is wrong with it as it is written; "" for nothing.
    """

    name: str
    kind: str = ""
    ref: str = ""
    words: tuple[str, ...] = ()
    data: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    search: Mapping[str, object] = field(default_factory=dict)
    folder: Path
    problem: str = ""

    @property
    def what(self) -> str:
        """What is trained, in a few words."""
        return " ".join(self.words) if self.kind == "command" else self.ref

    def build_from(self) -> dict[str, object]:
        """What ``lrlab.api.targets.build`` takes.

        Raises:
            SpecError: If it is broken.
        """
        if self.problem:
            raise SpecError(self.problem)
        if self.kind == "data":
            return data_as_target(self.data, self.ref, self.settings)
        own: dict[str, object] = {"words": list(self.words)} if self.kind == "command" else {"ref": self.ref}
        return {"kind": self.kind, **own, "folder": str(self.folder), **self.settings}


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The targets of one ``lrlab.toml``, in its order.

    Args:
        path: The file, absolute.
        targets: What it names.
    """

    path: Path
    targets: tuple[NamedTarget, ...] = ()

    def target(self, name: str) -> NamedTarget:
        """The target of that name.

        Raises:
            NotFoundError: If there is none; the hint lists near ones.
        """
        names = [target.name for target in self.targets]
        if name not in names:
            raise NotFoundError(f"{self.path}: there is no target {name!r}.", hint=_near(name, names))
        return self.targets[names.index(name)]


def find_project(folder: Path) -> Path | None:
    """The ``lrlab.toml`` of this folder, or of the nearest one above; None where there is none."""
    whole = folder.absolute()
    return next((place / FILE for place in (whole, *whole.parents) if (place / FILE).is_file()), None)


def read_project(path: Path) -> Project:
    """The targets of a file. One that is written wrong tells its ``problem``; the others can be used.

    Raises:
        SpecError: If the file cannot be read, is no TOML, or holds something else than targets.
    """
    document = _parsed(path)
    for key in document:
        if key != "target":
            raise SpecError(f"{path}: unknown key {key!r} at the top.", hint=_near(key, ["target"]) or _SHAPE)
    targets = document.get("target", {})
    if not isinstance(targets, dict) or not all(isinstance(table, dict) for table in targets.values()):
        raise SpecError(f"{path}: target must hold tables.", hint=_SHAPE)
    folder = path.absolute().parent
    return Project(
        path=path.absolute(),
        targets=tuple(_checked(name, table, folder, path) for name, table in targets.items()),
    )


_SHAPE = 'A target is written [target.NAME], with run = "train.py:train" below it.'


def _parsed(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror or error}.") from None
    if len(raw) > _LARGEST_BYTES:
        raise SpecError(f"{path}: is larger than 1 MiB, and no list of targets is.")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SpecError(f"{path}, line {line}: is no UTF-8.", hint="Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        said = re.sub(r" \(at (.*)\)$", "", str(error))
        place = re.search(r"at line (\d+), column (\d+)\)$", str(error))
        where = f", line {place[1]}, column {place[2]}" if place else ", at its end"
        raise SpecError(f"{path}{where}: is no TOML: {said}.", hint=_SHAPE) from None
    except RecursionError:
        raise SpecError(f"{path}: is nested too deeply.", hint=_SHAPE) from None


def _checked(name: str, table: Mapping[str, Any], folder: Path, path: Path) -> NamedTarget:
    try:
        return _target(name, table, folder)
    except SpecError as error:
        hint = f" {error.hint}" if error.hint else ""
        return NamedTarget(name=name, folder=folder, problem=f"{path}, [target.{name}]: {error.what}{hint}")


# --- keys ----------------------------------------------------------------------------------------------------

_ONE_OF = {"run": "python", "recipe": "recipe", "command": "command", "data": "data"}


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, str) for part in value)


def _pairs(value: object) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _range(value: object) -> bool:
    return _text(value) or (isinstance(value, list) and len(value) == 2 and all(map(_number, value)))


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that may stand in a target.

    Args:
        fits: Whether a value is one.
        like: An example, in TOML.
        argument: The argument's name; "" if it is the key's.
    """

    fits: Callable[[object], bool]
    like: str
    argument: str = ""


_COMMON = {
    "budget": _Key(_whole, "20"),
    "metric": _Key(_text, '"val_loss:min"'),
    "optimizer": _Key(_text, '"adamw"'),
}
_SEARCH = {
    "lr": _Key(_range, '"1e-5:1e-1"'),
    "current_lr": _Key(_number, "3e-4"),
    "seed": _Key(_whole, "0"),
    "seeds": _Key(_whole, "3"),
    "max_cost": _Key(_number, "4"),
    "max_time": _Key(_number, "3600"),
    "tolerance": _Key(_number, "0.02"),
    "reduce": _Key(_text, '"best"'),
    "searcher": _Key(_text, '"race"'),
}
_UNIT = {"unit": _Key(_text, '"epoch"')}
_OF_COMMANDS = {
    "read": _Key(_text, '"log.csv"'),
    "columns": _Key(_pairs, '{lr = "step size"}'),
    "epochs_from": _Key(_whole, "1"),
    "timeout": _Key(_number, "600", "timeout_s"),
    "freeze": _Key(_flag, "false"),
    "in_dir": _Key(_flag, "true"),
    "weights": _Key(_text, '"best.pt"'),
    "guide": _Key(_text, '"train/*loss"'),
}
_OF_DATA = {
    "model": _Key(_text, '"mlp"'),
    "batch_size": _Key(_whole, "32"),
    "split_seed": _Key(_whole, "0"),
}
_KEYS = {
    "python": _COMMON | _UNIT,
    "recipe": {name: key for name, key in _COMMON.items() if name != "optimizer"},  # it has its own
    "command": _COMMON | _UNIT | _OF_COMMANDS,
    "data": _COMMON | _OF_DATA,
}
_DATA_VALUES = {
    "leave_out": _Key(_texts, '["id"]'),
    "threshold": _Key(_number, "4"),
    "image_size": _Key(_whole, "32"),
}
_DATA_TEXT = _Key(_text, '"NAME"')


def _target(name: str, table: Mapping[str, Any], folder: Path) -> NamedTarget:
    if not _NAME.fullmatch(name) or name in RESERVED:
        what = "a kind of the command line is called so" if name in RESERVED else f"got {name!r:.60}"
        raise SpecError(
            f"a target's name has 1 to 100 letters, digits, '_', '.' or '-', and {what}.", hint="Rename it."
        )
    kinds = [key for key in _ONE_OF if key in table]
    if len(kinds) != 1:
        told = "none" if not kinds else " and ".join(kinds)
        unknown = [key for key in table if key not in _every_key()]
        hint = _near(unknown[0], list(_ONE_OF)) if unknown and not kinds else ""
        raise SpecError(
            f"exactly one of run, recipe, command and data must stand here, got {told}.", hint=hint or _SHAPE
        )
    key = kinds[0]
    kind, said = _ONE_OF[key], table[key]
    rest = {name: value for name, value in table.items() if name != key}
    settings = _values(rest, _KEYS[kind] | _SEARCH, what=f"a target with {key}")
    search = {name: settings.pop(name) for name in _SEARCH if name in settings}
    if "metric" in settings:
        Metric.parse(str(settings["metric"]))
    if "lr" in search:
        LRRange.parse(search["lr"])  # type: ignore[arg-type]
    made: dict[str, Any] = {"ref": said}
    if kind == "command":
        made = {"words": tuple(_fitting(key, said, _Key(_texts, '["python", "train.py", "--lr", "{lr}"]')))}
    elif kind == "data":
        more = dict(
            _fitting(key, said, _Key(_is_table, '{kind = "table", path = "data.csv", target = "label"}'))
        )
        made = _data(more, folder)
        settings |= more
    else:
        _fitting(key, said, _Key(_is_ref, '"train.py:train"'))
    return NamedTarget(name=name, kind=kind, settings=settings, search=search, folder=folder, **made)


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_ref(value: object) -> bool:
    return isinstance(value, str) and all(value.rpartition(":"))


def _data(said: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Kind and path of data; takes them out of ``said``, which keeps the other options."""
    kind = said.pop("kind", None)
    if kind not in DATA_KINDS:
        raise SpecError(
            f"data: kind must be one of {', '.join(DATA_KINDS)}, got {kind!r}.", hint=_near(kind, DATA_KINDS)
        )
    path = _fitting("data: path", said.pop("path", None), _Key(_text, '"data.csv"'))
    own = {name: _DATA_VALUES.get(name, _DATA_TEXT) for name in DATA_OPTIONS[kind]}
    misplaced = next((name for name in said if name in _KEYS["data"] | _SEARCH), None)
    if misplaced is not None:
        raise SpecError(
            f"data: {misplaced} does not belong inside data.", hint="Write it on a line of its own."
        )
    _values(said, own, what=f"data of kind {kind}")
    return {"data": kind, "ref": path if _ELSEWHERE.match(path) else str(folder / Path(path).expanduser())}


def _values(table: Mapping[str, Any], keys: Mapping[str, _Key], *, what: str) -> dict[str, object]:
    """The values of a table, by the argument's name, each checked.

    Raises:
        SpecError: If a key is unknown or a value does not fit.
    """
    values = {}
    for name, value in table.items():
        if name not in keys:
            others = [kind for kind, own in _KEYS.items() if name in own]
            hint = (
                _near(name, list(keys)) if not others else f"It is for {' and '.join(others)}. Leave it out."
            )
            if not others and any(name in own for own in DATA_OPTIONS.values()):
                hint = f'It belongs inside data: data = {{kind = "table", path = "data.csv", {name} = ...}}.'
            raise SpecError(f"unknown key {name!r} in {what}.", hint=hint)
        values[keys[name].argument or name] = _fitting(name, value, keys[name])
    return values


def _fitting(name: str, value: Any, key: _Key) -> Any:
    if not key.fits(value):
        raise SpecError(f"{name} must be like {key.like}, got {value!r:.60}.")
    return value


def _every_key() -> set[str]:
    return {*_SEARCH, *(name for own in _KEYS.values() for name in own)}


def _near(name: object, known: Iterable[str]) -> str:
    """A sentence with the names that are near, or else with all."""
    names = list(known)
    near = get_close_matches(str(name), names, n=2, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    return f"There are: {', '.join(names)}." if names else "There is none."
