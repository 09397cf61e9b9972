"""A side branch of a recipe's run: a copy with another rate, which ends in a short decay to zero."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar

import torch

from lrlab.schedules.protocol import Schedule
from lrlab.tasks import random_state
from lrlab.tasks.branch import Branch
from lrlab.tasks.random_state import RandomState
from lrlab.tasks.torch_data import Batch
from lrlab.tasks.torch_loop import Loop, Plan

_ENDLESS = 10**9  # steps in a unit: a branch ends no unit, evaluates nothing and tells every step's loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Faded:
    """A schedule that falls to zero in a line.

    Args:
        schedule: The planned one.
        begins: First step of the fall.
        ends: Step at which nothing would be left.
    """

    schedule: Schedule
    begins: int
    ends: int
    name: ClassVar[str] = "faded"

    def __call__(self, step: int) -> float:
        """The multiplier at an optimizer step."""
        left = (self.ends - step) / (self.ends - self.begins + 1) if step >= self.begins else 1.0
        return self.schedule(step) * max(left, 0.0)


def branched(
    plan: Plan,
    state: Mapping[str, Any],
    *,
    lr: float,
    seed: int,
    factor: float,
    steps: int,
    fade: int,
    ahead: int,
    judged: int,
) -> Branch:
    """Train and judge a branch of a session's ``state()``; see ``Branching.branch``.

    Its batches, and what dropout draws, are those that the run would have had. The process's random states are put back.
    """
    begin = int(state["progress"]["steps"])
    short = replace(
        plan,
        schedule=Faded(schedule=plan.schedule, begins=begin + steps - fade, ends=begin + steps),
        val_data=None,
        budget=_ENDLESS,
        eval_every=_ENDLESS,
        log_every=1,
    )
    mine = random_state.capture()
    try:
        loop = Loop(short, lr=lr * factor, seed=seed)
        loop.restore({**state, "progress": {**state["progress"], "over": False}})
        random_state.restore(RandomState.from_data(state["random"]))
        with torch.enable_grad():
            trained = tuple(record.metrics["loss"] for record in islice(loop.records(), steps))
        losses = tuple(_judged(loop, state["progress"], seed=seed, ahead=ahead, count=judged))
    finally:
        random_state.restore(mine)
    return Branch(factor=factor, trained=trained, judged=losses)


def _judged(loop: Loop, progress: Mapping[str, int], *, seed: int, ahead: int, count: int) -> Iterator[float]:
    """The loss of each batch, in evaluation mode and without a gradient."""
    plan, model = loop.plan, loop.model
    model.eval()
    first = progress["batch"] + ahead * plan.accumulate
    with torch.no_grad():
        for batch in islice(_onward(plan, progress["epoch"], first, seed), count):
            yield loop.loss(batch).item()


def _onward(plan: Plan, epoch: int, skip: int, seed: int) -> Iterator[Batch]:
    """Training batches from one of an epoch on, through as many epochs as are asked for."""
    if plan.data.length:
        epoch, skip = epoch + skip // plan.data.length, skip % plan.data.length
    while True:
        met = False
        for batch, _ in plan.data.epoch(seed, epoch, skip=skip):
            met = True
            yield batch
        if not met and not skip:
            return
        epoch, skip = epoch + 1, 0
