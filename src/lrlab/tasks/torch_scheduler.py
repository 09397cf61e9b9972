"""A schedule as a real scheduler of PyTorch."""

from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lrlab.core.errors import SpecError
from lrlab.schedules.evaluate import tells
from lrlab.schedules.plateau import Plateau
from lrlab.schedules.protocol import AnyFeedback, Feedback, Schedule
from lrlab.schedules.written import spec_of

_TEXT = "schedule"  # key of the state that tells which schedule it belongs to


class ScheduleLR(LRScheduler):
    """Sets the rate of every group to its own peak times the multiplier of the step, in closed form.

    Nothing is chained: after ``load_state_dict`` the rates are those of the step, in whatever order optimizer and
    scheduler are loaded, and also where the optimizer's state was not.

    Args:
        optimizer: Each group's ``lr`` (or ``initial_lr``, where it has one) is its peak, so that groups keep their
            ratios.
        schedule: From an optimizer step, counted from 0, to a multiplier.
        last_epoch: The step before the one to begin with, as in PyTorch; -1 begins.

    Raises:
        SpecError: If ``schedule`` is none.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
        >>> scheduler = ScheduleLR(optimizer, linear(4))
        >>> for _ in range(3):
        ...     optimizer.step()
        ...     scheduler.step()  # once after each optimizer step
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: Schedule, last_epoch: int = -1) -> None:
        if not isinstance(schedule, Schedule):
            raise SpecError(
                f"scheduler: expected a schedule, got {schedule!r:.60}.",
                hint='Such as lrlab.schedule("cosine").torch(optimizer, total_steps=1000).',
            )
        self.schedule = schedule
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the step that comes next, by group."""
        multiplier = self.schedule(self.last_epoch)
        return [base * multiplier for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Numbers, lists and texts only: the step, the peaks, and the schedule's text where it has one."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs), _TEXT: _text(self.schedule)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state, and set the optimizer's rates to those of its step.

        Raises:
            SpecError: If it is the state of another schedule or of another number of groups.
        """
        missing = [key for key in ("last_epoch", "base_lrs") if key not in state_dict]
        if missing:
            raise SpecError(
                f"scheduler: the state has no {missing[0]}; it is not one of a schedule of PyTorch's."
            )
        if len(state_dict["base_lrs"]) != len(self.optimizer.param_groups):
            raise SpecError(
                f"scheduler: the state is of {len(state_dict['base_lrs'])} parameter groups, "
                f"and the optimizer has {len(self.optimizer.param_groups)}."
            )
        theirs, mine = state_dict.get(_TEXT), _text(self.schedule)
        if theirs is not None and theirs != mine:
            raise SpecError(
                f"scheduler: the state is of another schedule, {theirs!r:.200}, and this one is {mine!r:.200}.",
                hint="Make it with that one, or begin a new schedule at its step: last_epoch.",
            )
        self.last_epoch = int(state_dict["last_epoch"])
        self.base_lrs = list(state_dict["base_lrs"])
        for group, peak in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["initial_lr"] = peak
        self.last_epoch -= 1
        self._update_lr()


def torch_scheduler(
    optimizer: torch.optim.Optimizer, schedule: Schedule | AnyFeedback
) -> ScheduleLR | ReduceLROnPlateau:
    """A scheduler of PyTorch with the values of ``schedule``.

    Args:
        optimizer: Whose rates it sets.
        schedule: A function of the step; or a plateau, which becomes a ``ReduceLROnPlateau``.

    Raises:
        SpecError: If it looks at a metric and is no plateau.
    """
    if not isinstance(schedule, Feedback):
        return ScheduleLR(optimizer, schedule)
    if not isinstance(schedule, Plateau):
        raise SpecError(f"scheduler: PyTorch has no schedule with feedback but plateau, got {schedule.name}.")
    return ReduceLROnPlateau(
        optimizer,
        mode=schedule.direction,  # type: ignore[arg-type]
        factor=schedule.by,
        patience=schedule.patience,
        threshold=schedule.threshold,
        threshold_mode="rel" if schedule.measured == "relative" else "abs",
        cooldown=schedule.cooldown,
        min_lr=[schedule.floor * float(group["lr"]) for group in optimizer.param_groups],
        eps=0.0,
    )


def _text(schedule: Schedule) -> str | None:
    """The schedule's text; None for one of the user's own."""
    try:
        return str(spec_of(schedule)) if tells(schedule) else None
    except SpecError:
        return None
