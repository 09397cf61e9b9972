"""A training that is a function ``train(run)``: any framework, frozen inside ``run.report``.

Each run has a thread of its own, and only one of them runs at a time: at every switch the global random states of
Python, NumPy and torch are swapped, so that interleaved runs give the curves that they give apart.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lrlab.core.errors import NoStateError, RunClosed, SpecError, TaskError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Resumes, whole_number
from lrlab.core.record import Record, as_number
from lrlab.tasks import random_state
from lrlab.tasks.code_hash import code_hash
from lrlab.tasks.protocol import SessionState
from lrlab.tasks.source import check_signature, load_frameworks, name_of
from lrlab.tasks.training_run import Stateful, TrainingRun

TrainFunction = Callable[[TrainingRun], object]
_LOOK_S = 0.2  # how often a waiting ``advance`` looks for records that were logged inside a unit


def task(
    train: TrainFunction,
    *,
    budget: int,
    metric: str | Metric = "val_loss",
    unit: str = "epoch",
    name: str | None = None,
    optimizer: str = "",
    schedule: str = "",
    lr: "str | tuple[float, float] | None" = None,
) -> "FunctionTask":
    """Make a task of a function that trains.

    Args:
        train: Called as ``train(run)`` once per run; see ``TrainingRun`` for what ``run`` offers.
        budget: Units in a full run, at least 1.
        metric: What is compared: a name that ``run.report`` is given, ``NAME:min`` or ``NAME:max``.
        unit: ``"epoch"`` or ``"step"``: what one ``run.report`` ends.
        name: How studies and reports name it; by default the function's name.
        optimizer: Name of the optimizer, a hint to the searcher.
        schedule: Name of the schedule, a hint to the searcher.
        lr: Range to search where a sweep is given none; ``1e-5:10`` by default.

    Raises:
        SpecError: If an argument breaks its rule.

    Example:
        >>> def train(run):
        ...     weight = 1.0
        ...     for _ in run.units():
        ...         weight -= run.lr * 2 * weight
        ...         run.report(val_loss=weight**2)
        >>> task(train, budget=5).name
        'train'
    """
    if not callable(train):
        raise SpecError(f"task: expected a function train(run), got {type(train).__name__}.")
    check_signature(train)
    if unit not in ("epoch", "step"):
        raise SpecError(f'task: unit must be "epoch" or "step", got {unit!r}.')
    return FunctionTask(
        train=train,
        budget=whole_number("budget", budget, 1, hint="It is the length of a full training, in units."),
        metric=Metric.parse(metric),
        unit=unit,
        name=name or name_of(train),
        optimizer=optimizer,
        schedule=schedule,
        default_lr_range=LRRange.parse(lr) if lr is not None else LRRange(1e-5, 10.0),
        code=code_hash(train),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTask:
    """A function ``train(run)`` as a task; make it with ``lrlab.task``."""

    train: TrainFunction
    budget: int
    metric: Metric
    unit: str
    name: str
    optimizer: str
    schedule: str
    default_lr_range: LRRange
    code: str  # hash of the function's code: taken where its source text can be seen, which a worker may not

    @property
    def resumes(self) -> Resumes:
        """``live``: without ``run.track`` a frozen run lives only in its process."""
        return "live"

    @property
    def fingerprint(self) -> str:
        """Hash of the function's code, the budget, the unit and the metric."""
        return code_hash(self.code, self.budget, self.unit, str(self.metric))

    def start(self, lr: float, *, seed: int) -> "FunctionSession":
        """A new run; the function is called when it is first advanced."""
        return FunctionSession(self, lr=lr, seed=seed)


class FunctionSession:
    """One call of a training function, in a thread of its own."""

    def __init__(self, task: FunctionTask, *, lr: float, seed: int) -> None:
        self.task = task
        self.lr = lr
        self.seed = seed
        self.budget = task.budget
        self.units = 0
        self._turn = threading.Condition()
        self._training = False  # whose turn it is: the training's, or the caller's
        self._thread: threading.Thread | None = None
        self._outbox: deque[Record] = deque()
        self._unit_logs: list[tuple[dict[str, float], int | None]] = []
        self._logged = 0  # logs so far in this unit
        self._logs_per_unit = 0  # and in the unit before
        self._tracked: Mapping[str, Stateful] = {}
        self._random: random_state.RandomState | None = None  # the run's own, while it is frozen
        self._restored: SessionState | None = None
        self._over = False
        self._closing = False
        self._error: BaseException | None = None

    # The caller's side.

    def advance(self, until: int) -> Iterable[Record]:
        """Train on until ``until`` units are done; see ``Session``. 0 yields nothing: a function trains at once."""
        until = min(until, self.task.budget)
        # After the last unit the function has one more turn, for what stands behind its loop.
        while not self._over and (self.units < until or self.units >= self.budget):
            yield from self._let_train()
            if self._error is not None:
                raise self._error
        yield from self._drain()
        if self._over and self._thread is not None:
            self._thread.join()

    def _let_train(self) -> Iterator[Record]:
        """Give the training its turn, until it has ended a unit or is over."""
        mine = random_state.capture()
        self._training = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._call, name=f"lr {self.lr:g}", daemon=True)
            self._thread.start()
        with self._turn:
            self._turn.notify_all()
        waiting = True
        while waiting:
            with self._turn:
                waiting = not self._turn.wait_for(lambda: not self._training, timeout=_LOOK_S)
            if not waiting:  # swap first: the caller's code runs at every yield
                self._random = random_state.capture()
                random_state.restore(mine)
            yield from self._drain()

    def _drain(self) -> Iterator[Record]:
        while self._outbox:
            yield self._outbox.popleft()

    def state(self) -> SessionState:
        """The state of the tracked objects, the random states and the position.

        Raises:
            NoStateError: If the function tracks nothing.
        """
        if not self._tracked:
            raise NoStateError(
                "A function's run lives only in its process.",
                hint="Call run.track(model=..., optimizer=...) to make it storable.",
            )
        return {
            "units": self.units,
            "logs_per_unit": self._logs_per_unit,
            "random": self._random.as_data() if self._random is not None else None,
            "tracked": {name: dict(thing.state_dict()) for name, thing in self._tracked.items()},
        }

    def restore(self, state: SessionState, /) -> None:
        """Continue from ``state``: the function starts again, and goes on from there in ``units()``."""
        if self._thread is not None:
            raise SpecError("restore: the run has begun already; restore a new session.")
        self._restored = state
        self.units = int(state["units"])  # type: ignore[call-overload]
        self._logs_per_unit = int(state["logs_per_unit"])  # type: ignore[call-overload]
        self._over = self.units >= self.task.budget

    def close(self) -> None:
        """End the function by ``RunClosed`` out of its ``report``."""
        self._closing = True
        thread, self._thread = self._thread, None
        self._over = True
        if thread is None or not thread.is_alive():
            return
        mine = random_state.capture()
        with self._turn:
            self._training = True
            self._turn.notify_all()
        thread.join(timeout=5)  # one that computes on without a report is left to die with the process
        if not thread.is_alive():
            random_state.restore(mine)

    # The training's side: everything below runs in the run's thread.

    def _call(self) -> None:
        load_frameworks(self.task.train)
        random_state.seed_everything(self.seed)
        try:
            self.task.train(TrainingRun(self))
            if self.units == 0 and not self._closing:
                raise TaskError(
                    f"{self.task.name}(run) returned without calling run.report.",
                    hint="Call run.report(val_loss=...) at the end of each unit.",
                )
        except RunClosed:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._flush_logs()
            self._over = True
            with self._turn:
                self._training = False
                self._turn.notify_all()

    def _freeze(self) -> None:
        """Hand the turn to the caller and wait to get it back."""
        with self._turn:
            self._training = False
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._training)
        if self._closing:
            raise RunClosed
        if self._random is not None:
            random_state.restore(self._random)

    def iterate(self) -> Iterator[int]:
        if self._restored is not None:
            self._put_back(self._restored)
        for unit in range(self.units, self.task.budget):
            yield unit
            if self.units != unit + 1:
                raise TaskError(
                    f"{self.task.name}(run): unit {unit} ended after {self.units - unit} calls of run.report.",
                    hint="Call it exactly once for each index of run.units().",
                )

    def _put_back(self, state: SessionState) -> None:
        tracked: Any = state["tracked"]
        missing = set(tracked) - set(self._tracked)
        if missing:
            raise TaskError(
                f"{self.task.name}(run): a stored run cannot go on, {', '.join(sorted(missing))} is not tracked.",
                hint="Call run.track before run.units(), with the same names every time.",
            )
        for name, thing in self._tracked.items():
            thing.load_state_dict(tracked[name])
        random: Any = state["random"]
        random_state.restore(random_state.RandomState.from_data(random))
        self._restored = None

    def track(self, objects: Mapping[str, Stateful]) -> None:
        for name, thing in objects.items():
            if not (hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")):
                raise SpecError(
                    f"track: {name} ({type(thing).__name__}) has no state_dict and load_state_dict.",
                    hint="Track models, optimizers, schedulers and the like.",
                )
        self._tracked = {**self._tracked, **objects}

    def log(self, metrics: Mapping[str, float], *, step: int | None, at: float | None) -> None:
        if self._closing:
            raise RunClosed
        if not metrics:
            raise SpecError("log: give at least one number, such as run.log(loss=0.5).")
        if at is not None:
            self._outbox.append(Record(at, metrics, step))
            return
        numbers = {name: as_number(name, value) for name, value in metrics.items()}
        self._logged += 1
        self._unit_logs.append((numbers, step))
        # Where the length of a unit is not known yet, its logs wait for its end.
        if self._logs_per_unit >= self._logged:
            self._flush_logs(of=self._logs_per_unit)

    def _flush_logs(self, of: int = 0) -> None:
        of = max(of, self._logged)
        first = self._logged - len(self._unit_logs) + 1
        for index, (metrics, step) in enumerate(self._unit_logs, start=first):
            self._outbox.append(Record(self.units + index / (of + 1), metrics, step))
        self._unit_logs.clear()

    def report(self, metrics: Mapping[str, float], *, step: int | None) -> None:
        if self._closing or self.units >= self.task.budget:
            raise RunClosed
        if self._restored is not None:
            raise TaskError(
                f"{self.task.name}(run): run.track was used without run.units().",
                hint="Loop over run.units(), so that a stored run can go on where it was.",
            )
        if not metrics:
            raise SpecError("report: give at least the study's metric, such as run.report(val_loss=0.5).")
        record = Record(self.units + 1, {**self._applied_lr(), **metrics}, step)
        self._flush_logs(of=max(self._logs_per_unit, self._logged))
        self._outbox.append(record)
        self._logs_per_unit, self._logged = self._logged, 0
        self.units += 1
        self._freeze()

    def _applied_lr(self) -> dict[str, float]:
        """The largest rate of the tracked optimizers' groups: what was applied, not what was asked for."""
        groups = [group for thing in self._tracked.values() for group in getattr(thing, "param_groups", ())]
        rates = [float(group["lr"]) for group in groups if isinstance(group, Mapping) and "lr" in group]
        return {"lr": max(rates)} if rates else {}
