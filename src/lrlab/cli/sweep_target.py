"""What ``lrlab sweep`` trains: the target that its words name, with the options that were typed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from lrlab.cli import data_options
from lrlab.cli.yolo_target import yolo_target
from lrlab.core.errors import SpecError

_KINDS = ("python", "recipe")
_OF_COMMANDS = {
    "read": "--read",
    "columns": "--column",
    "epochs_from": "--epochs-from",
    "timeout_s": "--timeout",
    "freeze": "--no-freeze",
    "in_dir": "--in-dir",
    "weights": "--weights",
    "guide": "--guide",
}


def sweep_target(
    kind: str | None,
    target: str | None,
    more: Sequence[str],
    *,
    words: Sequence[str] | None,
    given: Mapping[str, object],
) -> tuple[dict[str, object], Mapping[str, object]]:
    """The target, in the form that ``lrlab.api.targets.build`` takes, and what ``lrlab.toml`` asks of it.

    Args:
        kind: KIND, or the name of a target in ``lrlab.toml``.
        target: TARGET.
        more: Words behind TARGET.
        words: The command behind ``--``; None where there is none.
        given: Options that were typed, by the argument's name.

    Raises:
        NotFoundError: If something that is named is not there.
        SpecError: If something is missing, doubled, or an option is for something else.
    """
    if kind == "yolo" and words is None:
        return yolo_target(target, more, given), {}
    if more:
        raise SpecError(f"sweep: {more[0]!r} is one word too many.", hint="Options begin with --.")
    if words is not None:
        return _command(kind, words, given, folder=Path.cwd()), {}
    if kind in data_options.KINDS:
        return data_options.data_target(kind, target, given), {}
    if kind is not None and kind not in _KINDS and target is None and ":" not in kind:
        return _named(kind, given)
    return _python(kind, target, given, folder=Path.cwd()), {}


def typed(context: typer.Context, own: Mapping[str, object], **search: object) -> dict[str, object]:
    """What a sweep asks: what was typed, else what the target says itself, else the default."""
    defaults = {
        name for name in own if getattr(context.get_parameter_source(name), "name", "DEFAULT") == "DEFAULT"
    }
    return search | {name: own[name] for name in defaults}


def _named(name: str, given: Mapping[str, object]) -> tuple[dict[str, object], Mapping[str, object]]:
    """A target of ``lrlab.toml``; what was typed overrides what stands there."""
    from lrlab.api.project import FILE, find_project, read_project

    path = find_project(Path.cwd())
    if path is None:
        raise SpecError(
            f'sweep: KIND must be "python" or "recipe", got {name!r}, and no {FILE} here or above names it.',
            hint=_HINT,
        )
    target = read_project(path).target(name)
    if target.problem:
        raise SpecError(target.problem)
    settings = {**target.settings, **given}
    if target.kind == "data":
        return data_options.data_target(target.data, target.ref, settings), target.search
    if target.kind == "command":
        return _command(None, target.words, settings, folder=target.folder), target.search
    return _python(target.kind, target.ref, settings, folder=target.folder), target.search


_HINT = "python: a function train(run); recipe: an lrlab.torch.Recipe; table, text, images: data; any program: behind --."


def _python(
    kind: str | None, target: str | None, given: Mapping[str, object], *, folder: Path
) -> dict[str, object]:
    """A target of Python, with its settings.

    Raises:
        SpecError: If none is named, or an option is given that only commands have.
    """
    if kind is None:
        raise SpecError(
            "sweep: what is to be trained? Name KIND and TARGET, or a command behind --.", hint=_HINT
        )
    if kind not in _KINDS:
        swapped = f" Did you mean: lrlab sweep python {kind}?" if ":" in kind else ""
        raise SpecError(f'sweep: KIND must be "python" or "recipe", got {kind!r}.{swapped}', hint=_HINT)
    if target is None:
        raise SpecError(f"sweep: which {kind}? Name MODULE:NAME or FILE.py:NAME behind it.")
    if "imgsz" in given:
        raise SpecError(f"sweep: --imgsz is for yolo, and this is a {kind}.", hint="Leave it out.")
    for name, option in _OF_COMMANDS.items():
        if name in given:
            raise SpecError(
                f"sweep: {option} is for a command behind --, and this is a {kind}.", hint="Leave it out."
            )
    data_options.refuse_data_options(kind, given)
    return {"kind": kind, "ref": target, "folder": str(folder), **given}


def _command(
    kind: str | None, words: Sequence[str], given: Mapping[str, object], *, folder: Path
) -> dict[str, object]:
    """A command, with its settings.

    Raises:
        SpecError: If another target is named too, or the budget is missing.
    """
    if kind is not None:
        raise SpecError(f"sweep: train {kind!r}, or the command behind --? Name one of them.")
    if "budget" not in given:
        raise SpecError(
            "sweep: a command needs --budget, the number of units in a full training.",
            hint="Where its words take the number of epochs, write {budget}.",
        )
    if "imgsz" in given:
        raise SpecError("sweep: --imgsz is for yolo; a command takes it among its own words.")
    data_options.refuse_data_options("command", given)
    return {"kind": "command", "words": list(words), "folder": str(folder), **given}
