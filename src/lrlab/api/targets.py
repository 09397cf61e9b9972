"""Training targets that a command can name, and build again when a study is resumed."""

import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

from lrlab.api.data import from_target as data_from_target
from lrlab.api.import_table import refuse
from lrlab.core.errors import NotFoundError, SpecError, TaskError
from lrlab.core.metric import Metric
from lrlab.core.question import whole_number
from lrlab.tasks.command import CommandTask
from lrlab.tasks.command import as_target as command_as_target
from lrlab.tasks.command import from_target as command_from_target
from lrlab.tasks.function import task as function_task
from lrlab.tasks.protocol import Task


def target_of(task: Task) -> dict[str, object]:
    """How the task can be built again, where it tells that itself; else nothing."""
    return command_as_target(task) if isinstance(task, CommandTask) else {}


def in_place(task: Task, runs_folder: Path | None) -> Task:
    """The task with a place for its runs' files, where it needs one and has none.

    Args:
        task: Any task.
        runs_folder: The study's place for them; None where it keeps no files: they go to a temporary folder.
    """
    if not isinstance(task, CommandTask) or task.runs_folder:
        return task
    return replace(task, runs_folder=str(runs_folder or tempfile.mkdtemp(prefix="lrlab-runs-")))


def load_object(ref: str) -> object:
    """What ``MODULE:NAME`` or ``path/to/file.py:NAME`` names; modules are looked for in the working folder too.

    Raises:
        SpecError: If the text has not that form.
        NotFoundError: If there is no such module or name.
        TaskError: If the module fails while it is imported.
    """
    place, colon, name = ref.rpartition(":")
    if not colon or not place or not name:
        raise SpecError(f"target: expected MODULE:NAME or FILE.py:NAME, got {ref!r}.")
    try:
        module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    except (NotFoundError, SpecError):
        raise
    except Exception as error:
        raise TaskError(
            f"target: {place} fails while it is imported: {type(error).__name__}: {error}"
        ) from error
    found: object = module
    for part in name.split("."):
        if not hasattr(found, part):
            public = ", ".join(sorted(n for n in vars(module) if not n.startswith("_"))[:12])
            raise NotFoundError(
                f"target: {place} has no {name!r}.", hint=f"It has: {public}." if public else ""
            )
        found = getattr(found, part)
    return found


def _load_module(name: str) -> object:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # behind the target's own folder, which goes first
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise NotFoundError(
                f"target: there is no module {name!r} here.",
                hint="Start lrlab in its folder, or name FILE.py:NAME.",
            ) from None
        raise


def _load_file(path: Path) -> object:
    if not path.is_file():
        raise NotFoundError(f"target: there is no file {str(path)!r}.")
    if path.stem in sys.stdlib_module_names:
        raise SpecError(
            f"target: a file called {path.name} would hide Python's own module {path.stem}.",
            hint="Rename it.",
        )
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # a worker finds it by the same name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SpecError(f"target: {path} cannot be imported as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def as_task(
    target: object, *, budget: int | None = None, metric: "str | Metric | None" = None, **hints: str
) -> Task:
    """A task from whatever a person hands over: a task, or a function ``train(run)``.

    Args:
        target: A task; a function (which needs a budget).
        budget: Length of a full run in units; overrides the task's own.
        metric: What is compared; overrides the task's own, and is ``val_loss`` for a function.
        hints: ``unit``, ``name``, ``optimizer`` and ``schedule`` for a function.

    Raises:
        SpecError: If nothing can be trained with it.
    """
    if is_task(target):
        return _overridden(target, budget=budget, metric=metric)
    if not callable(target) or isinstance(target, type):
        raise SpecError(f"sweep: expected a task or a function train(run), got {target!r:.80}.")
    if budget is None:
        raise SpecError(
            "sweep: a function needs budget=... (--budget), the number of units in a full training."
        )
    return function_task(target, budget=budget, metric="val_loss" if metric is None else metric, **hints)


def is_task(target: object) -> bool:
    """Whether ``target`` has what a ``Task`` has."""
    return not isinstance(target, type) and all(
        hasattr(target, name) for name in ("start", "budget", "metric", "name")
    )


def _overridden(target: Any, *, budget: int | None, metric: "str | Metric | None") -> Task:
    changes: dict[str, object] = {}
    if budget is not None and whole_number("budget", budget, 1) != target.budget:
        changes["budget"] = int(budget)
    if metric is not None and Metric.parse(metric) != target.metric:
        changes["metric"] = Metric.parse(metric)
    if changes and not (is_dataclass(target) and {f.name for f in fields(target)} >= set(changes)):
        names = " and ".join(changes)
        raise SpecError(
            f"sweep: the {names} of {target.name} cannot be changed here.", hint="Make the task with it."
        )
    return replace(target, **changes) if changes else target  # type: ignore[no-any-return]


def _changed(recipe: Any, changes: Mapping[str, object]) -> object:
    """A recipe with another optimizer, schedule or batch size."""
    if not is_dataclass(recipe) or not {field.name for field in fields(recipe)} >= set(changes):
        raise SpecError(f"target: {recipe.name} has no {' and no '.join(changes)} to change.")
    return replace(recipe, **changes)  # type: ignore[type-var]


def build(target: Mapping[str, object]) -> "Task | dict[str, Task]":
    """The task that a stored study was asked about, or its arms' tasks by name.

    Args:
        target: ``{"kind": "python" | "recipe", "ref": "MODULE:NAME", "folder": ..., "budget": ..., "metric": ...}``,
            what ``target_of`` tells, or ``{"kind": "arms", "arms": {name: target}}``.

    Raises:
        SpecError: If the study came from a program of its own and only that can build the task.
    """
    refuse(target, "resume")
    if target.get("kind") == "arms":
        own: Any = target["arms"]
        return {name: cast("Task", build(arm)) for name, arm in own.items()}
    kind, ref = target.get("kind"), str(target.get("ref", ""))
    if kind == "command":
        return command_from_target(target)
    if kind == "data":
        return cast("Task", data_from_target(target))
    if kind not in ("python", "recipe"):
        raise SpecError(
            "resume: this study was started from Python, and only its own program can build its task.",
            hint='Run that program again with lrlab.sweep(..., study="NAME").',
        )
    folder = str(target.get("folder", ""))
    if folder and folder not in sys.path:
        sys.path.insert(0, folder)
    if ref.partition(":")[0].endswith(".py") and folder:
        ref = str(Path(folder) / ref)
    found = load_object(ref)
    if not is_task(found) and kind == "recipe" and callable(found):
        found = found()  # a function that builds the recipe
    if kind == "recipe" and not is_task(found):
        raise SpecError(
            f"target: {ref} is no recipe but {type(found).__name__}.", hint="Use: lrlab sweep python."
        )
    changes = {name: target[name] for name in ("optimizer", "schedule", "batch_size") if target.get(name)}
    if kind == "recipe" and changes:
        found = _changed(found, changes)
    budget: Any = target.get("budget")
    metric: Any = target.get("metric")
    hints = {
        name: str(target[name]) for name in ("unit", "name", "optimizer", "schedule") if target.get(name)
    }
    return as_task(found, budget=budget, metric=metric, **({} if is_task(found) else hints))
