"""Task and Session: the contract that everything in lrlab rests on."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from lrlab.core.metric import Metric
from lrlab.core.question import Resumes
from lrlab.core.record import Record

SessionState = Mapping[str, object]


@runtime_checkable
class Session(Protocol):
    """One run, alive. Not advancing it costs nothing but memory."""

    def advance(self, until: int) -> Iterable[Record]:
        """Train on, and yield each record as it is made.

        Args:
            until: Units counted from the start of the run. 0 yields the untrained record where the task can
                make one. Units that are done already are not trained again and yield nothing.

        Returns:
            The new records, in order; ends at ``until`` units or when training ends by itself.
        """
        ...

    def state(self) -> SessionState:
        """Everything that continuing needs: tensors, arrays, numbers, strings, bytes and None in nested dicts
        and lists.

        Raises:
            NoStateError: If the state lives only in this process.
        """
        ...

    def restore(self, state: SessionState, /) -> None:
        """Take over a ``state()`` of a session that was started with the same arguments; call it before
        ``advance``. What follows is what would have followed there, to the bit."""
        ...

    def close(self) -> None:
        """Give everything back; calling it twice is fine."""
        ...


@runtime_checkable
class Task(Protocol):
    """Something that can be trained at any learning rate.

    Further attributes are optional and read with a default: ``optimizer`` and ``schedule`` (names, hints to the
    searcher), ``warnings`` (tuple of ``Caution`` that every answer repeats), ``fingerprint`` (a hash of code and
    settings; a study is only continued where it is the same), ``planned`` (the rates that it means to apply, a
    ``lrlab.schedules.plan.RatePlan``; a finished run that applied others is told), ``fixed_lr`` (the only rate that it is
    trained at, where its optimizer needs none).

    Attributes:
        name: How studies and reports name it.
        budget: Units in a full run, at least 1.
        unit: ``"epoch"`` or ``"step"``.
        metric: What is compared.
        resumes: ``"exact"``: ``state()`` is complete; ``"live"``: a frozen run lives only in its process;
            ``"restart"``: it starts again.
    """

    @property
    def name(self) -> str: ...
    @property
    def budget(self) -> int: ...
    @property
    def unit(self) -> str: ...
    @property
    def metric(self) -> Metric: ...
    @property
    def resumes(self) -> Resumes: ...

    def start(self, lr: float, *, seed: int) -> Session:
        """A new run; the same arguments give the same curve.

        Args:
            lr: Learning rate, absolute: the largest that any parameter has at multiplier 1.
            seed: Seed of weights, data order and every other random choice.
        """
        ...
