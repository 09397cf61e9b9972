"""A short side branch of a run at another rate: what ``lrlab.prove`` trains, and the seam for it."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """How a branch went.

    Args:
        factor: Its rate over the run's.
        trained: Loss of each of its steps, on the batches that the run itself would have had next.
        judged: Loss of each batch that it was judged on afterwards, which no branch has trained on; the same batches
            for every branch of a state.
    """

    factor: float
    trained: tuple[float, ...]
    judged: tuple[float, ...]


@runtime_checkable
class Branching(Protocol):
    """A session that can try another rate without being changed."""

    @property
    def steps(self) -> int:
        """Optimizer steps done."""
        ...

    @property
    def total_steps(self) -> int | None:
        """Optimizer steps of the whole training; None where that is not known."""
        ...

    def branch(self, factor: float, *, steps: int, fade: int, ahead: int, judged: int) -> Branch:
        """Copy the run, train the copy for a moment at another rate, and judge it. The run stays as it is.

        Args:
            factor: What the planned rate is multiplied by.
            steps: Optimizer steps to train; 0 judges the run as it stands.
            fade: Of these, the last ones, over which the rate falls to zero in a line.
            ahead: How many optimizer steps from now on the first batch to judge on lies; at least ``steps``.
            judged: Batches to judge on.
        """
        ...
