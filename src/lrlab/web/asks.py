"""What the form New study asks for, checked, as the words of ``lrlab sweep``; no path, program or module comes in.

A target is one that ``lrlab.toml`` names, data is a file or folder inside the folder that the page was started with.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrlab.api.data import KINDS, OPTIONS
from lrlab.api.engines import make_searcher
from lrlab.api.project import FILE, NamedTarget, find_project, read_project
from lrlab.core.errors import LrlabError, NotFoundError, SpecError
from lrlab.core.lr_range import LRRange, positive_rate
from lrlab.core.metric import Metric
from lrlab.core.question import is_real, whole_number
from lrlab.store.names import checked_name

_SUFFIXES = {
    "table": (".csv", ".tsv", ".parquet", ".jsonl"),
    "text": (".csv", ".tsv", ".jsonl", ".parquet", ".txt"),
    "images": (".npz", ".npy"),
}
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
_DEPTH, _MOST_FILES, _MOST_LOOKED_AT = 3, 200, 5_000


class FormError(SpecError):
    """Values of a form that break their rules.

    Args:
        errors: Field and sentence, for every field.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("new study: " + " ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A study that can be started.

    Args:
        stem: What its name may begin with.
        words: What follows ``lrlab``, but for the study's name and the store.
    """

    stem: str
    words: tuple[str, ...]


def targets(folder: Path) -> tuple[NamedTarget, ...]:
    """The targets of the project that ``folder`` belongs to; none where there is no ``lrlab.toml``.

    Raises:
        SpecError: If the file cannot be read.
    """
    path = find_project(folder)
    return read_project(path).targets if path is not None else ()


def data_files(folder: Path) -> list[str]:
    """Files and folders of images below ``folder`` that may be data, as paths seen from it."""
    known = {suffix for own in _SUFFIXES.values() for suffix in own}
    found: list[str] = []
    for looked_at, (place, folders, files) in enumerate(_walk(folder)):
        if looked_at > _MOST_LOOKED_AT or len(found) >= _MOST_FILES:
            break
        found += [os.path.join(place, name) for name in files if Path(name).suffix.lower() in known]
        if place and any(Path(name).suffix.lower() in _PICTURES for name in files):
            found.append(os.path.dirname(place) or place)
        del folders
    return sorted(dict.fromkeys(found))[:_MOST_FILES]


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for place, folders, files in os.walk(folder):
        inside = os.path.relpath(place, folder)
        depth = 0 if inside == "." else inside.count(os.sep) + 1
        folders[:] = sorted(n for n in folders if not n.startswith((".", "__")) and n != "node_modules")
        if depth >= _DEPTH:
            folders[:] = []
        yield ("" if inside == "." else inside), folders, sorted(n for n in files if not n.startswith("."))


def data_path(folder: Path, text: str) -> Path:
    """The data that a path inside ``folder`` names.

    Raises:
        SpecError: If it leads out of the folder.
        NotFoundError: If there is nothing.
    """
    root = folder.resolve()
    try:
        place = (root / text).resolve()
    except (OSError, ValueError):
        raise SpecError(f"path: {text!r:.80} is no path.") from None
    if not text.strip() or os.path.isabs(text) or not place.is_relative_to(root):
        raise SpecError(
            f"path: must lie inside the page's folder, got {text!r:.80}.",
            hint="Start the page in its folder: lrlab ui --folder FOLDER.",
        )
    if not place.exists():
        raise NotFoundError(f"path: there is no {text!r:.80} in the page's folder.")
    return place


def ask(form: Mapping[str, Any], folder: Path) -> Ask:
    """The words of a sweep.

    Args:
        form: What was filled in, by the field's name; None and "" are left out.
        folder: The page's folder.

    Raises:
        FormError: If a value breaks its rule; every one that does is named.
    """
    given = {name: value for name, value in form.items() if value not in (None, "")}
    errors: dict[str, str] = {}
    words = ["sweep"]
    stem = "study"
    try:
        own, stem = _what(given, folder)
        words += own
    except LrlabError as error:
        errors["target" if "target" in given else "path"] = str(error)
    kind = given.get("kind", "") if "target" not in given else ""
    for name, rule in _RULES.items():
        if name not in given:
            continue
        if (kinds := _FOR.get(name)) and kind not in kinds:
            errors[name] = f"{name}: is for {' and '.join(kinds)}. Leave it out."
            continue
        try:
            words.append(f"--{_OPTION.get(name, name.replace('_', '-'))}={rule(given[name])}")
        except LrlabError as error:
            errors[name] = str(error)
    if errors:
        raise FormError(errors)
    return Ask(stem=stem, words=tuple(words))


def _what(given: Mapping[str, Any], folder: Path) -> tuple[list[str], str]:
    if "target" in given:
        names = {target.name: target for target in targets(folder)}
        wanted = str(given["target"])
        if wanted not in names:
            raise NotFoundError(
                f"target: {FILE} names no target {wanted!r:.80}.",
                hint=f"It names: {', '.join(names) or 'none'}.",
            )
        if names[wanted].problem:
            raise SpecError(names[wanted].problem)
        return [wanted], wanted
    kind = given.get("kind")
    if kind not in KINDS:
        raise SpecError(f"kind: choose a target, or the kind of data: {', '.join(KINDS)}; got {kind!r:.40}.")
    place = data_path(folder, str(given.get("path", "")))
    inside = str(place.relative_to(folder.resolve()))
    return [kind, inside if not inside.startswith("-") else f"./{inside}"], place.stem


# --- fields ---------------------------------------------------------------------------------------------------


def _word(name: str) -> Callable[[Any], str]:
    def rule(value: Any) -> str:
        text = str(value).strip()
        if not text or len(text) > 200 or not text.isprintable():
            raise SpecError(f"{name}: must be a line of at most 200 characters, got {text!r:.60}.")
        return text

    return rule


def _whole(name: str, least: int) -> Callable[[Any], str]:
    return lambda value: str(whole_number(name, _number(name, value), least))


def _real(name: str, *, above: float, below: float | None = None) -> Callable[[Any], str]:
    def rule(value: Any) -> str:
        number = _number(name, value)
        if not (is_real(number) and number > above and (below is None or number < below)):
            to = f" and below {below:g}" if below is not None else ""
            raise SpecError(f"{name}: must be above {above:g}{to}, got {value!r:.40}.")
        return repr(number)

    return rule


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise SpecError(f"{name}: must be a number, got {value!r:.40}.") from None


def _metric(value: Any) -> str:
    Metric.parse(str(value))
    return str(value)


def _searcher(value: Any) -> str:
    make_searcher(str(value))
    return str(value)


_RULES: dict[str, Callable[[Any], str]] = {
    "lr": lambda value: str(LRRange.parse(str(value))),
    "budget": _whole("budget", 1),
    "metric": _metric,
    "seeds": _whole("seeds", 1),
    "seed": _whole("seed", 0),
    "searcher": _searcher,
    "current_lr": lambda value: repr(positive_rate(value, "current_lr")),
    "max_cost": _real("max_cost", above=0.999),
    "tolerance": _real("tolerance", above=0, below=1),
    "workers": _whole("workers", 0),
    "optimizer": _word("optimizer"),
    "model": _word("model"),
    "batch_size": _whole("batch_size", 1),
    "target_column": _word("target_column"),
    "text": _word("text"),
    "label": _word("label"),
    "image_size": _whole("image_size", 8),
    "study": checked_name,
}
_OPTION = {"target_column": "target"}
_FOR: dict[str, tuple[str, ...]] = {
    "model": KINDS,
    "batch_size": KINDS,
    "target_column": ("table",),
    **{name: ("text",) for name in OPTIONS["text"] if name in ("text", "label")},
    "image_size": ("images",),
}
FIELDS = tuple(_RULES)
