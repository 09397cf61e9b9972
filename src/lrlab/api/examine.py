"""Whether the targets of a project can be trained: looked at, not tried."""

import contextlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lrlab.api.project import NamedTarget
from lrlab.api.targets import build
from lrlab.core.errors import LrlabError
from lrlab.tasks.protocol import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A target, as far as it could be looked at.

    Args:
        target: The target.
        budget: Units of a full training; None where its kind's default holds, or it is broken.
        metric: What is compared; "" where it is broken.
        problem: What is wrong with it, a sentence; "" if nothing was found.
    """

    target: NamedTarget
    budget: int | None = None
    metric: str = ""
    problem: str = ""


def examine(target: NamedTarget) -> Examined:
    """Look whether a target's function can be imported, its program and files are there, its metric has a direction.

    Nothing is trained and no data is loaded, but modules are imported; what they print goes to stderr.
    """
    told = {"metric": str(target.settings.get("metric", "" if target.problem else "val_loss"))}
    budget = target.settings.get("budget")
    whole = budget if isinstance(budget, int) else None
    problem = target.problem or _missing(target)
    if problem:
        return Examined(target=target, budget=whole, problem=problem, metric=told["metric"])
    if target.kind == "data":
        return Examined(target=target, budget=whole, metric=told["metric"])
    try:
        with contextlib.redirect_stdout(sys.stderr):
            task = cast("Task", build(target.build_from()))  # one target, so no arms
    except LrlabError as error:
        return Examined(target=target, budget=whole, metric=told["metric"], problem=str(error))
    except SystemExit:
        problem = f"target: {target.ref.rpartition(':')[0]} ends the program while it is imported."
        hint = "Put what a script does behind: if __name__ == '__main__':"
        return Examined(target=target, budget=whole, metric=told["metric"], problem=f"{problem} {hint}")
    return Examined(target=target, budget=task.budget, metric=str(task.metric))


def _missing(target: NamedTarget) -> str:
    """The sentence for a file that is not there; "" where nothing is missing."""
    if target.kind == "data":
        path = Path(target.ref)
        return "" if not path.is_absolute() or path.exists() else f"data: there is no {target.ref}."
    if target.kind != "command":
        return ""
    program, *rest = target.words
    if "{" not in program and not (shutil.which(program) or shutil.which(str(target.folder / program))):
        return f"command: there is no program {program!r} here."
    for word in rest:
        script = word.endswith((".py", ".sh")) and not word.startswith("-") and "{" not in word
        if script and not (target.folder / word).is_file():
            return f"command: there is no file {word!r} in {target.folder}."
    return ""
