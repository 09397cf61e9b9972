"""The alternatives of a study: one task each, all measured alike."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from lrlab.api.targets import as_task, in_place, target_of
from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Arm, Resumes
from lrlab.core.run import DEFAULT_ARM
from lrlab.tasks.protocol import Task

_ALIKE = ("budget", "unit", "metric", "guide", "settles")
_FREEZES: tuple[Resumes, ...] = ("exact", "live", "restart")  # the last one that an arm has holds for all


@dataclass(frozen=True, slots=True)
class Arms:
    """A task, or several by the name of their arm.

    Args:
        tasks: At least one; they agree in budget, unit, metric and guide.

    Raises:
        SpecError: If there is none, or they differ in what they are measured by.
    """

    tasks: Mapping[str, Task]

    def __post_init__(self) -> None:
        if not self.tasks:
            raise SpecError("sweep: there are no arms.", hint="Give at least one task.")
        for name in _ALIKE:
            told = {arm: getattr(task, name, "") for arm, task in self.tasks.items()}
            if len({str(value) for value in told.values()}) > 1:
                listed = ", ".join(f"{arm}: {value}" for arm, value in told.items())
                raise SpecError(f"sweep: arms must agree in their {name}, got {listed}.")

    @classmethod
    def of(cls, target: object, *, budget: int | None = None, metric: "str | Metric | None" = None) -> "Arms":
        """One arm of a task or function; or the arms of a mapping from names to them."""
        given = target if isinstance(target, Mapping) else {DEFAULT_ARM: target}
        return cls({str(arm): as_task(one, budget=budget, metric=metric) for arm, one in given.items()})

    @property
    def first(self) -> Task:
        """One that speaks for all in what they agree in."""
        return next(iter(self.tasks.values()))

    @property
    def name(self) -> str:
        """How studies name it."""
        return "-or-".join(dict.fromkeys(task.name for task in self.tasks.values()))

    @property
    def resumes(self) -> Resumes:
        """What every arm can do with a frozen run."""
        return max((task.resumes for task in self.tasks.values()), key=_FREEZES.index)

    @property
    def warnings(self) -> tuple[Caution, ...]:
        """What the tasks have to say, each sentence once."""
        every = (caution for task in self.tasks.values() for caution in getattr(task, "warnings", ()))
        return tuple(dict.fromkeys(every))

    @property
    def description(self) -> str:
        """What is trained, where a task tells."""
        return str(getattr(self.first, "description", ""))

    @property
    def fingerprint(self) -> str:
        """A hash of all arms and their code."""
        own = {arm: str(getattr(task, "fingerprint", "")) for arm, task in self.tasks.items()}
        if list(own) == [DEFAULT_ARM]:
            return own[DEFAULT_ARM]
        return hashlib.sha256(repr(sorted(own.items())).encode()).hexdigest()[:16]

    def target(self) -> dict[str, object]:
        """How they can be built again, where every one tells that itself; else nothing."""
        own = {arm: target_of(task) for arm, task in self.tasks.items()}
        if list(own) == [DEFAULT_ARM]:
            return own[DEFAULT_ARM]
        return {"kind": "arms", "arms": own} if all(own.values()) else {}

    def in_place(self, runs_folder: Path | None) -> dict[str, Task]:
        """The tasks, each with a place for its runs' files where it needs one."""
        if list(self.tasks) == [DEFAULT_ARM]:
            return {DEFAULT_ARM: in_place(self.first, runs_folder)}
        return {arm: in_place(task, runs_folder and runs_folder / arm) for arm, task in self.tasks.items()}

    def ranges(self, lr: "str | Sequence[float] | LRRange | None") -> tuple[LRRange, tuple[Arm, ...]]:
        """The range that holds all arms', and the arms with what a searcher may know of them.

        Raises:
            SpecError: If no range is given, and a task has none; or it is none that every task accepts; or no arm has a
                rate to search.
        """
        rates = {arm: getattr(task, "fixed_lr", None) for arm, task in self.tasks.items()}
        spans = {arm: _span(task, lr) for arm, task in self.tasks.items() if rates[arm] is None}
        if not spans:
            names = ", ".join(str(getattr(task, "optimizer", arm)) for arm, task in self.tasks.items())
            raise SpecError(
                f"sweep: {names} {'needs' if len(rates) == 1 else 'need'} no learning rate, so there is nothing to search.",
                hint="Compare with an optimizer that has one: --optimizer adamw besides, say.",
            )
        whole = LRRange(min(span.low for span in spans.values()), max(span.high for span in spans.values()))
        arms = tuple(
            Arm(
                name=arm,
                optimizer=str(getattr(task, "optimizer", "")),
                schedule=str(getattr(task, "schedule", "")),
                lr=None if spans.get(arm, whole) == whole else spans[arm],
                rate=rates[arm],
            )
            for arm, task in self.tasks.items()
        )
        return whole, arms


def alternatives(settings: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Every combination of settings that have several values, by a name that tells them apart.

    Example:
        >>> list(alternatives({"optimizer": ["sgd", "adamw"], "schedule": ["cosine"]}))
        ['sgd', 'adamw']
        >>> list(alternatives({"optimizer": ["sgd", "adamw"], "batch_size": [32, 64]}))
        ['sgd, batch size 32', 'sgd, batch size 64', 'adamw, batch size 32', 'adamw, batch size 64']
    """
    several = [name for name, values in settings.items() if len(values) > 1]
    found: dict[str, dict[str, Any]] = {}
    for values in product(*settings.values()):
        chosen = dict(zip(settings, values, strict=True))
        words = [
            str(chosen[name]) if isinstance(chosen[name], str) else f"{name.replace('_', ' ')} {chosen[name]}"
            for name in several
        ]
        found[", ".join(words) or DEFAULT_ARM] = chosen
    return found


def _span(task: Task, lr: "str | Sequence[float] | LRRange | None") -> LRRange:
    known = lr if lr is not None else getattr(task, "default_lr_range", None)
    if known is None:
        raise SpecError(
            f"sweep: {task.name} has no default range of rates.", hint="Give lr=(1e-5, 1e-1), say."
        )
    span, most = LRRange.parse(known), getattr(task, "highest_lr", None)
    if most is not None and span.high > most:
        raise SpecError(
            f"sweep: {task.name} accepts rates up to {most:g}, and the range goes to {span.high:g}.",
            hint=f"Give a range that ends there, such as --lr {LRRange(span.low, most)}."
            if span.low < most
            else "Give smaller rates.",
        )
    return span
