"""What a function ``train(run)`` is given."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class Stateful(Protocol):
    """Anything whose state can be taken and put back: models, optimizers, schedulers, scalers, loaders."""

    def state_dict(self) -> Mapping[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> object: ...


class Driver(Protocol):
    """The session behind a ``TrainingRun``."""

    lr: float
    seed: int
    units: int
    budget: int

    def iterate(self) -> Iterator[int]: ...
    def log(self, metrics: Mapping[str, float], *, step: int | None, at: float | None) -> None: ...
    def report(self, metrics: Mapping[str, float], *, step: int | None) -> None: ...
    def track(self, objects: Mapping[str, Stateful]) -> None: ...


class TrainingRun:
    """What a function ``train(run)`` is given.

    Attributes:
        lr: The learning rate to use, absolute.
        seed: The seed; Python's, NumPy's and torch's global random states are set from it already.
        budget: Units in a full run.
    """

    def __init__(self, session: Driver) -> None:
        self._session = session
        self.lr = session.lr
        self.seed = session.seed
        self.budget = session.budget

    def __repr__(self) -> str:
        return f"TrainingRun(lr={self.lr:g}, seed={self.seed}, unit {self._session.units} of {self.budget})"

    def units(self) -> Iterator[int]:
        """Indices of the units that are left: 0 to ``budget - 1``, or from where the run was frozen.

        Raises:
            TaskError: If a unit ends without ``run.report``.
        """
        return self._session.iterate()

    def log(self, *, step: int | None = None, at: float | None = None, **metrics: float) -> None:
        """Record numbers inside a unit; never blocks.

        Args:
            step: Optimizer steps done so far.
            at: Progress in units; by default spread evenly by the number of logs in the unit before. ``at=0``
                before training tells the untrained score.
            metrics: Name to number; values that are not finite are kept.
        """
        self._session.log(metrics, step=step, at=at)

    def report(self, *, step: int | None = None, **metrics: float) -> None:
        """End a unit with its numbers; here the run may freeze, for as long as the study likes.

        Args:
            step: Optimizer steps done so far.
            metrics: Name to number; the study's metric must be among them.

        Raises:
            SpecError: If a value is no number.
            RunClosed: If the run is over; let it pass.
        """
        self._session.report(metrics, step=step)

    def track(self, **objects: Stateful) -> None:
        """Name the objects that make up the training's state, so that it can be stored and continued exactly.

        Call it once, before ``units()``: a run that continues gets its state back here. The state is taken inside
        ``report``, so step schedulers before it.

        Args:
            objects: Name to model, optimizer, scheduler or anything else with ``state_dict``.

        Raises:
            SpecError: If one has no ``state_dict`` and ``load_state_dict``.
        """
        self._session.track(objects)
