"""A run of a recipe that can be frozen: its random states are its own, and it is whole between records."""

import time
from collections import deque
from collections.abc import Iterable

from lrlab.core.errors import NoStateError
from lrlab.core.record import Record
from lrlab.tasks import random_state
from lrlab.tasks.protocol import SessionState
from lrlab.tasks.random_state import RandomState
from lrlab.tasks.torch_loop import Loop, Plan

_LONGEST_WAIT_S = (
    0.05  # records inside a unit wait for each other this long: each hand-over swaps random states
)


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
        self._training = self._loop.records()
        self._outbox: deque[Record] = deque()

    def advance(self, until: int) -> Iterable[Record]:
        """Train on until ``until`` units are done; see ``Session``.

        The untrained record comes first, whatever ``until`` is. Where the unit is a step, training goes on to the
        first evaluation at or after ``until``.
        """
        while self._loop is not None:
            done = self._loop.progress
            if not self._outbox and (done.over or (done.begun and done.units >= until)):
                return
            error = None if self._outbox else self._train(self._loop)
            while self._outbox:
                yield self._outbox.popleft()
            if error is not None:
                raise error

    def _train(self, loop: Loop) -> Exception | None:
        """Train to the next unit's end, or for a moment; what stopped it, if it failed."""
        mine = random_state.capture()
        random_state.restore(self._random)
        until = time.monotonic() + _LONGEST_WAIT_S
        try:
            for record in self._training:
                self._outbox.append(record)
                if record.at == int(record.at) or time.monotonic() > until:
                    return None
            loop.progress.over = True
        except Exception as error:
            loop.progress.over = True
            return error
        finally:
            self._random = random_state.capture()
            random_state.restore(mine)
        return None

    def state(self) -> SessionState:
        """Model, optimizer, progress and random states; whole after each record that ends a unit.

        Raises:
            NoStateError: If the session is closed.
        """
        if self._loop is None:
            raise NoStateError("The run is closed.")
        return {**self._loop.state(), "random": self._random.as_data()}

    def restore(self, state: SessionState, /) -> None:
        """Continue from ``state``; see ``Session``."""
        if self._loop is not None:
            self._loop.restore(state)
            self._random = RandomState.from_data(state["random"])  # type: ignore[arg-type]
            self._training = self._loop.records()

    def close(self) -> None:
        """Give back the model, the optimizer and the data's workers."""
        self._training.close()  # type: ignore[attr-defined]
        self._outbox.clear()
        self._loop = None
