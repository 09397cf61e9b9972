"""Schedule: how the learning rate changes over a training, as a pure value."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Schedule(Protocol):
    """A multiplier of the learning rate for every optimizer step.

    A schedule is a frozen value: hashable, equal where its name and fields are equal, and without any state, so
    that it can be drawn, stored, resumed and tested without a model. Ours are dataclasses whose fields are numbers
    or further schedules, so that they can be written as JSON.

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
