"""A training in a thread of its own that runs only while its caller waits.

transformers' loop cannot be left and entered again, so a run is frozen by blocking inside one of its callbacks. What is
global in a process is the run's own while it runs, and its caller's while it waits: the random states, and what
accelerate keeps once for all trainers (gradient accumulation, device, precision).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accelerate.state import AcceleratorState, GradientState, PartialState

from lrlab.core.errors import RunClosed
from lrlab.tasks import random_state
from lrlab.tasks.random_state import RandomState

_LONGEST_END_S = 5.0  # one that computes on without a callback is left to die with the process


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is global in this process, as it was at one moment."""

    random: RandomState
    shared: tuple[dict[str, Any], ...]

    @classmethod
    def capture(cls) -> "Surroundings":
        """Everything as it is now; about 15 microseconds."""
        return cls(random_state.capture(), tuple(dict(shared) for shared in _shared()))

    def restore(self) -> None:
        """Put it back."""
        random_state.restore(self.random)
        # In place: every Accelerator holds these very dictionaries.
        for shared, kept in zip(_shared(), self.shared, strict=True):
            shared.clear()
            shared.update(kept)


def _shared() -> tuple[dict[str, Any], ...]:
    return (PartialState._shared_state, AcceleratorState._shared_state, GradientState._shared_state)


class TrainingThread:
    """Takes turns with its caller: exactly one of the two runs.

    Args:
        body: The training; it calls ``hand_over`` wherever it may be frozen.
        name: Of the thread, for debuggers.
    """

    def __init__(self, body: Callable[[], None], *, name: str) -> None:
        self._body = body
        self._name = name
        self._turn = threading.Condition()
        self._training = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self.over = False
        self.error: BaseException | None = None
        self.own: Surroundings | None = None  # the training's, while it is frozen

    # The caller's side.

    def go_on(self) -> None:
        """Let it train until it hands over, or is over."""
        mine = Surroundings.capture()
        try:
            with self._turn:
                self._training = True
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()
                self._turn.notify_all()
                self._turn.wait_for(lambda: not self._training)
        except BaseException:  # Ctrl-C: it still trains, and must not go on to
            self._closing = True
            raise
        self.own = Surroundings.capture()
        mine.restore()

    def close(self) -> None:
        """End it by ``RunClosed`` out of ``hand_over``; harmless where it is over."""
        thread, self._thread = self._thread, None
        self._closing = True
        if thread is not None and thread.is_alive():
            mine = Surroundings.capture()
            with self._turn:
                self._training = True
                self._turn.notify_all()
            thread.join(timeout=_LONGEST_END_S)
            if not thread.is_alive():
                mine.restore()
        self.own = None

    # The training's side.

    def hand_over(self) -> None:
        """Be frozen, for as long as the caller likes.

        Raises:
            RunClosed: If there is nothing to go on for.
        """
        self.check()
        with self._turn:
            self._training = False
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._training)
        self.check()
        if self.own is not None:
            self.own.restore()

    def check(self) -> None:
        """Raise ``RunClosed`` where there is nothing to go on for."""
        if self._closing:
            raise RunClosed

    def _run(self) -> None:
        try:
            self._body()
        except RunClosed:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.over = True
            with self._turn:
                self._training = False
                self._turn.notify_all()
