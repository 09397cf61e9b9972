"""A run of a recipe that can be frozen: its random states are its own, and it is whole between records."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from lrlab.core.errors import NoStateError, SpecError
from lrlab.core.record import Record
from lrlab.tasks import random_state
from lrlab.tasks.branch import Branch
from lrlab.tasks.protocol import SessionState
from lrlab.tasks.random_state import RandomState
from lrlab.tasks.torch_branch import branched
from lrlab.tasks.torch_loop import Loop, Plan

# Records wait for each other this long: a hand-over swaps all random states, which takes longer than a small step.
_LONGEST_WAIT_S = 0.1


class TorchSession:
    """One training of a recipe; see ``Session``.

    Args:
        plan: What it is made of.
        lr: Learning rate of the group that has the largest.
        seed: Seed of the weights, the order of batches, dropout and everything else that is drawn.
    """

    def __init__(self, plan: Plan, *, lr: float, seed: int) -> None:
        mine = random_state.capture()
        try:
            random_state.seed_everything(seed)
            self._loop: Loop | None = Loop(plan, lr=lr, seed=seed)
            self._random = random_state.capture()  # the run's own, while it is frozen
        finally:
            random_state.restore(mine)
        self._plan, self._lr, self._seed = plan, lr, seed
        self._budget = plan.budget
        self._training = self._loop.records()
        self._outbox: deque[Record] = deque()  # made, and not handed over yet
        self._told = 0  # units whose ends were handed over
        self._error: BaseException | None = None

    def advance(self, until: int) -> Iterable[Record]:
        """Train on until ``until`` units are done; see ``Session``.

        The untrained record comes first, whatever ``until`` is. Where the unit is a step, training goes on to the
        first evaluation at or after ``until``.

        Raises:
            SpecError: If the session is closed.
        """
        if self._loop is None:
            raise SpecError("advance: the run is closed; start a new one.")
        return self._advance(self._loop, min(until, self._budget))

    def _advance(self, loop: Loop, until: int) -> Iterator[Record]:
        done = loop.progress
        while self._loop is not None:
            while self._outbox and (self._told < until or self._outbox[0].at == 0):
                record = self._outbox.popleft()
                if record.ends_unit:
                    self._told = int(record.at)
                yield record
            if self._error is not None:
                raise self._error
            if self._outbox or done.over or (done.begun and done.units >= until):
                return
            self._train(loop, until)

    def _train(self, loop: Loop, until: int) -> None:
        """Train on into the outbox, for a moment at most; an error waits there until the records are handed over."""
        mine = random_state.capture()
        random_state.restore(self._random)
        wake = time.monotonic() + _LONGEST_WAIT_S
        done = loop.progress
        try:
            with torch.enable_grad():  # whatever the caller has switched off
                if not done.begun:
                    self._outbox.extend(loop.begin())
                while not done.over and done.units < until and time.monotonic() < wake:
                    self._outbox.append(next(self._training))
        except BaseException as error:
            self._error = error
            if not isinstance(error, Exception):
                raise
        finally:
            self._random = random_state.capture()
            random_state.restore(mine)

    def state(self) -> SessionState:
        """Model, optimizer, progress, random states, and the records that are not handed over yet.

        Raises:
            NoStateError: If the session is closed, or an error or a signal broke a step off.
        """
        if self._loop is None or self._error is not None:
            raise NoStateError(
                "The run is closed." if self._loop is None else "The run broke off inside a step."
            )
        return {
            **self._loop.state(),
            "random": self._random.as_data(),
            "told": self._told,
            "outbox": [[record.at, dict(record.metrics), record.step] for record in self._outbox],
        }

    def restore(self, state: SessionState, /) -> None:
        """Continue from ``state``; see ``Session``."""
        if self._loop is None:
            raise SpecError("restore: the run is closed; start a new one.")
        stored: Any = state
        self._loop.restore(stored)
        self._random = RandomState.from_data(stored["random"])
        self._training = self._loop.records()
        self._told = stored["told"]
        self._outbox = deque(Record(*parts) for parts in stored["outbox"])

    @property
    def steps(self) -> int:
        """Optimizer steps done.

        Raises:
            NoStateError: If the session is closed.
        """
        if self._loop is None:
            raise NoStateError("The run is closed.")
        return self._loop.progress.steps

    @property
    def total_steps(self) -> int | None:
        """Optimizer steps of the whole training; None where the data does not tell its number of batches."""
        plan = self._plan
        if plan.eval_every is not None:
            return plan.budget
        return None if plan.data.length is None else plan.budget * -(-plan.data.length // plan.accumulate)

    def branch(self, factor: float, *, steps: int, fade: int, ahead: int, judged: int) -> Branch:
        """Try another rate on a copy; see ``Branching``. This run stays as it is.

        Raises:
            NoStateError: If the session has no state to copy.
            SpecError: If its optimizer sets its own rate.
        """
        if self._plan.optimizer.fixed_lr is not None:
            raise SpecError(
                f"branch: {self._plan.optimizer.name} sets its own rate, so there is no other one to try.",
                hint="Use an optimizer with a learning rate, such as adamw.",
            )
        return branched(
            self._plan,
            self.state(),
            lr=self._lr,
            seed=self._seed,
            factor=factor,
            steps=steps,
            fade=fade,
            ahead=ahead,
            judged=judged,
        )

    def close(self) -> None:
        """Give back the model, the optimizer and the data's workers."""
        self._training.close()
        self._outbox.clear()
        self._loop = None
