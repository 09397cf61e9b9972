"""What a reader of logs gives: rows of numbers, as far as the file has grown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a log tells of one moment.

    Args:
        metrics: Column to value, by the log's own names and, where they have one, by lrlab's (``val_loss`` for
            ``eval_loss``); values that are not finite are kept, empty cells are left out.
        epoch: The epoch column as it stands there, counted from 0 or from 1.
        step: The step column, a whole number.
        place: Where it stands, such as ``line 12``.
    """

    metrics: Mapping[str, float]
    epoch: float | None = None
    step: int | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What has come since the last look.

    Args:
        rows: The new rows, in order.
        anew: Whether the file was replaced or cut, so that ``rows`` start from its beginning again.
        total_steps: Optimizer steps of the whole training, where the log has its plan; None elsewhere, and while nothing came.
    """

    rows: tuple[Row, ...] = ()
    anew: bool = False
    total_steps: int | None = None


class Reader(Protocol):
    """Reads a log that may still grow; it remembers where it was."""

    @property
    def source(self) -> str:
        """What is read, as a sentence names it: a path, or ``the output``."""
        ...

    @property
    def found(self) -> bool:
        """Whether the log exists yet."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """Every column seen so far, by the log's own names, texts left out."""
        ...

    @property
    def epochs_from(self) -> int | None:
        """1 where the format's epoch is the number of epochs done; None where the log may count from 0 or 1."""
        ...

    def read(self, *, final: bool = False) -> Reading:
        """The rows that have come since the last call; none while the log does not exist.

        Args:
            final: Nothing will be written any more, so that a last line without its end counts as well.

        Raises:
            SpecError: If the log is malformed; the sentence names file, line, column, and what was expected.
        """
        ...
