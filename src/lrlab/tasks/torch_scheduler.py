"""A schedule as a real scheduler of PyTorch."""

from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lrlab.core.errors import SpecError
from lrlab.schedules.evaluate import tells
from lrlab.schedules.one_cycle import Momentum
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
        momentum: Also sets every group's momentum (Adam: beta1) to its values; None leaves it alone.

    Raises:
        SpecError: If ``schedule`` is none, or the optimizer has no momentum to set.

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

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        last_epoch: int = -1,
        *,
        momentum: Momentum | None = None,
    ) -> None:
        if not isinstance(schedule, Schedule):
            raise SpecError(
                f"scheduler: expected a schedule, got {schedule!r:.60}.",
                hint='Such as lrlab.schedule("cosine").torch(optimizer, total_steps=1000).',
            )
        if momentum is not None and not all(_has_momentum(group) for group in optimizer.param_groups):
            raise SpecError(
                f"scheduler: momentum needs an optimizer with momentum or betas, got {type(optimizer).__name__}.",
                hint="PyTorch's SGD takes momentum=0.9; or leave momentum out.",
            )
        self.schedule, self.momentum = schedule, momentum
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the step that comes next, by group."""
        multiplier = self.schedule(self.last_epoch)
        if self.momentum is not None:  # here, as in PyTorch's OneCycleLR: it is asked at every change
            _set_momentum(self.optimizer, self.momentum(self.last_epoch))
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
    optimizer: torch.optim.Optimizer,
    schedule: Schedule | AnyFeedback,
    *,
    momentum: tuple[float, float] | None = None,
) -> ScheduleLR | ReduceLROnPlateau:
    """A scheduler of PyTorch with the values of ``schedule``.

    Args:
        optimizer: Whose rates it sets.
        schedule: A function of the step; or a plateau, which becomes a ``ReduceLROnPlateau``.
        momentum: For ``one-cycle``: the momentum at the peak and at the ends, as ``schedules.one_cycle.momentum`` takes them.

    Raises:
        SpecError: If it looks at a metric and is no plateau, or ``momentum`` is given for another schedule or breaks its
            rule.
    """
    moved = None if momentum is None else _momentum(schedule, momentum)
    if not isinstance(schedule, Feedback):
        return ScheduleLR(optimizer, schedule, momentum=moved)
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


def _momentum(schedule: Schedule | AnyFeedback, given: tuple[float, float]) -> Momentum:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise SpecError(
            f"scheduler: momentum takes the lowest and the highest, got {given!r:.60}.",
            hint="Such as momentum=(0.85, 0.95).",
        )
    return Momentum(schedule=schedule, low=given[0], high=given[1])  # type: ignore[arg-type]


def _has_momentum(group: dict[str, Any]) -> bool:
    # SGD made without a momentum keeps no buffer to begin from, and PyTorch's OneCycleLR sets it all the same.
    return "betas" in group or "momentum" in group


def _set_momentum(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


def _text(schedule: Schedule) -> str | None:
    """The schedule's text; None for one of the user's own."""
    try:
        return str(spec_of(schedule)) if tells(schedule) else None
    except SpecError:
        return None
