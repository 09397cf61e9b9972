"""Schedule: how the learning rate changes over a training, as a pure value."""

from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

Steps = npt.ArrayLike  # whole numbers of any shape; 0-based optimizer steps
Values = npt.NDArray[np.float64]  # a multiplier for each of them, in their shape
State = TypeVar("State")


@runtime_checkable
class Schedule(Protocol):
    """A multiplier of the learning rate for every optimizer step.

    A schedule is a frozen value: hashable, equal where its name and fields are equal, and without any state, so
    that it can be drawn, stored, resumed and tested without a model. Ours are dataclasses whose fields are numbers
    or further schedules, so that they can be written as JSON and as text (``spec``).

    Attributes:
        name: Short word for people and hints, such as ``cosine``.
    """

    @property
    def name(self) -> str: ...

    def __call__(self, step: int, /) -> float:
        """The multiplier of optimizer step ``step``.

        Args:
            step: 0-based; counts optimizer steps, not micro-batches. Every step has a value, also after the end.

        Returns:
            What the learning rate is multiplied by; finite and at least 0.
        """
        ...


@runtime_checkable
class ClosedForm(Schedule, Protocol):
    """A schedule that tells about itself; all of lrlab's are such, and they take fractions of a step too.

    Attributes:
        bounds: The least and the largest multiplier that it may have, at any step.
        end: A step from which on the multiplier no longer changes; None where it goes on changing.
    """

    @property
    def bounds(self) -> tuple[float, float]: ...

    @property
    def end(self) -> int | None: ...

    def __call__(self, step: float, /) -> float: ...

    def values(self, steps: Steps, /) -> Values:
        """The multipliers of many steps at once.

        Args:
            steps: Optimizer steps, of any shape.

        Returns:
            Multipliers in the same shape: the very bits of the scalar form where the formula has only arithmetic
            and square roots; where it has a cosine, a power or a tanh, which NumPy and Python may round otherwise,
            within 1e-15 of the peak.
        """
        ...

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """Steps in ``[1, until)`` where the curve over real time jumps; everywhere else it is continuous."""
        ...


@runtime_checkable
class Feedback(Protocol[State]):
    """A schedule that looks at a metric: its memory is a frozen value that is handed in and out.

    A training that is stored keeps the state and goes on from it; nothing is hidden in the schedule.

    Attributes:
        name: Short word for people and hints, such as ``plateau``.
    """

    @property
    def name(self) -> str: ...

    def start(self) -> State:
        """The state before any metric."""
        ...

    def next(self, state: State, metric: float, /) -> State:
        """The state after one more value of the metric; ``state`` stays as it is."""
        ...

    def multiplier(self, state: State, /) -> float:
        """What the learning rate is multiplied by in that state; finite and at least 0."""
        ...

    def dump(self, state: State, /) -> str:
        """The state as JSON text."""
        ...

    def load(self, text: str, /) -> State:
        """The state that ``dump`` wrote.

        Raises:
            StoreError: If the text holds something else.
        """
        ...


AnyFeedback = Feedback[Any]
