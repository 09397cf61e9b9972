"""One run of a Trainer, frozen inside its callbacks."""

import math
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lrlab.adapters.huggingface_thread import TrainingThread
from lrlab.adapters.huggingface_trainer import (
    TrainerFacts,
    build,
    evaluate_untrained,
    look,
    resume,
    set_up,
    state_of,
)
from lrlab.adapters.huggingface_watcher import Watcher
from lrlab.core.errors import NoStateError, SpecError
from lrlab.core.metric import Metric
from lrlab.core.record import Record
from lrlab.tasks import random_state
from lrlab.tasks.protocol import SessionState
from lrlab.tasks.random_state import RandomState
from lrlab.tasks.torch_best import BestWeights, load_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerRun:
    """What ``make(run)`` is given.

    Args:
        lr: The learning rate to use, absolute: the peak of the schedule.
        seed: The seed; Python's, NumPy's and torch's global random states are set from it already.
        folder: An empty folder of this run, for ``output_dir``; it goes when the run does.
    """

    lr: float
    seed: int
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerPlan:
    """What every run of a task shares.

    Args:
        make: Makes the Trainer of a run.
        facts: What it is about to do.
        metric: What is compared.
        untrained: Whether to evaluate before training.
    """

    make: Callable[[TrainerRun], object]
    facts: TrainerFacts
    metric: Metric
    untrained: bool


class TrainerSession:
    """One training; see ``Session``.

    Args:
        plan: What it shares with the other runs.
        lr: Learning rate.
        seed: Seed of weights, data order, dropout and everything else that is drawn.
    """

    def __init__(self, plan: TrainerPlan, *, lr: float, seed: int) -> None:
        self._plan = plan
        self._lr = lr
        self._seed = seed
        self._thread = TrainingThread(self._train, name=f"lr {lr:g}")
        self._closed = False
        self._trainer: Any = None
        self._watcher: Watcher | None = None
        self._best = BestWeights(plan.metric)
        self._folder = ""
        self._outbox: deque[Record] = deque()  # made, and not handed over yet
        self._told = 0  # units whose ends were handed over
        self._begun = False  # whether it was evaluated untrained, or that was left out
        self._whole = False  # whether a state can be taken where it stands
        self._restored: Any = None

    def advance(self, until: int) -> Iterable[Record]:
        """Train on until ``until`` units are done; see ``Session``. Where the unit is a step, training goes on to the
        first evaluation at or after ``until``.

        Raises:
            SpecError: If the session is closed, or ``make(run)`` returns no Trainer that can be trained.
            UnusableTaskError: If ``make(run)`` raises.
        """
        if self._closed:
            raise SpecError("advance: the run is closed; start a new one.")
        return self._advance(min(until, self._plan.facts.budget))

    def _advance(self, until: int) -> Iterator[Record]:
        thread = self._thread
        while not self._closed:
            while self._outbox and (self._told < until or self._outbox[0].at == 0):
                record = self._outbox.popleft()
                if record.ends_unit:
                    self._told = int(record.at)
                yield record
            if thread.error is not None:
                raise thread.error
            if self._outbox or thread.over or (self._begun and self._told >= until):
                return
            thread.go_on()

    def state(self) -> SessionState:
        """Model, optimizer, scheduler, the Trainer's and its callbacks' state, random states, and the records that are
        not handed over yet. Where a unit is under way, it is trained to its end first.

        Raises:
            NoStateError: If the session is closed, or its training broke off.
        """
        thread = self._thread
        if self._restored is not None and self._trainer is None:
            return {**self._restored, "told": self._told, "outbox": _as_data(self._outbox)}
        while not (self._closed or self._whole or thread.over):
            thread.go_on()
        if self._closed or thread.error is not None:
            raise NoStateError("The run is closed." if self._closed else "The run broke off.")
        watcher, trained = self._watcher, self._trainer.optimizer is not None
        epoch_random = watcher.epoch_random if watcher else None
        return {
            "told": self._told,
            "outbox": _as_data(self._outbox),
            "over": thread.over,
            "units": watcher.units if watcher else 0,
            "random": thread.own.random.as_data() if thread.own else None,
            "epoch_random": epoch_random.as_data() if epoch_random else None,
            "best": self._best.state(),
            "training": state_of(self._trainer) if trained and watcher and watcher.units else None,
        }

    def restore(self, state: SessionState, /) -> None:
        """Continue from ``state``; see ``Session``."""
        if self._closed or self._trainer is not None:
            raise SpecError("restore: the run has begun already; restore a new session.")
        self._restored = stored = dict(state)
        self._told = int(stored["told"])  # type: ignore[call-overload]
        self._outbox = deque(Record(*parts) for parts in stored["outbox"])  # type: ignore[attr-defined]
        self._best.restore(stored["best"])  # type: ignore[arg-type]
        self._begun = True
        self._thread.over = bool(stored["over"])

    def close(self) -> None:
        """Give back the model, the optimizer and the run's folder."""
        self._closed = True
        self._thread.close()
        self._trainer = self._watcher = self._restored = None
        self._best.weights = None
        self._outbox.clear()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    # The training's side: everything below runs in the run's thread.

    def _train(self) -> None:
        plan, stored = self._plan, self._restored
        self._folder = tempfile.mkdtemp(prefix="lrlab-hf-")
        random_state.seed_everything(self._seed)
        trainer = build(plan.make, TrainerRun(lr=self._lr, seed=self._seed, folder=self._folder))
        set_up(trainer, seed=self._seed, folder=self._folder)
        # Whatever seed the Trainer's own arguments had, data order and dropout are the run's.
        random_state.seed_everything(self._seed)
        self._trainer = trainer
        watcher = Watcher(
            by_epoch=plan.facts.unit == "epoch",
            metric=plan.metric,
            units=int(stored["units"]) if stored else 0,
            emit=self._emit,
            freeze=self._freeze,
            check=self._thread.check,
        )
        if not self._begun and plan.untrained:
            self._outbox.append(Record(0, watcher.evaluation(evaluate_untrained(trainer)), 0))
        self._watcher = watcher
        trainer.add_callback(watcher)
        if not self._begun:
            self._begun = True
            self._freeze(whole=True)
        try:
            self._run(trainer, watcher, stored)
        except Exception:
            watcher.flush()
            raise

    def _run(self, trainer: Any, watcher: Watcher, stored: Any) -> None:
        if not stored or stored["training"] is None:
            trainer.train()
            return
        random = RandomState.from_data(stored["random"])
        watcher.restored_random = (
            RandomState.from_data(stored["epoch_random"]) if stored["epoch_random"] else random
        )
        resume(
            trainer,
            stored["training"],
            folder=self._folder,
            restore_random=lambda: random_state.restore(random),
        )

    def _emit(self, record: Record) -> None:
        self._outbox.append(record)
        if record.ends_unit:
            self._best.see(record.metrics.get(self._plan.metric.name, math.nan), self._trainer.model)

    def _freeze(self, *, whole: bool) -> None:
        self._whole = whole
        self._thread.hand_over()
        self._whole = False


def facts_of(make: Callable[[TrainerRun], object], *, lr: float) -> TrainerFacts:
    """What the Trainers of ``make`` are about to do; one is made for it, and given back.

    Raises:
        SpecError: If ``make(run)`` returns no Trainer that can be trained here.
        UnusableTaskError: If it raises.
    """
    found: list[TrainerFacts] = []

    def body() -> None:
        with tempfile.TemporaryDirectory(prefix="lrlab-hf-") as folder:
            random_state.seed_everything(0)
            found.append(look(build(make, TrainerRun(lr=lr, seed=0, folder=folder)), asked_lr=lr))

    thread = TrainingThread(body, name="a look at the Trainer")
    thread.go_on()  # there, the caller's random states and accelerate's state are kept apart
    if thread.error is not None:
        raise thread.error
    return found[0]


def trained_model(make: Callable[[TrainerRun], object], state: SessionState, *, lr: float, best: bool) -> Any:
    """The model that a session's ``state()`` holds, on the CPU and in evaluation mode; see ``load_model``."""
    training: Any = state.get("training")
    if training is None:
        raise NoStateError("The run was not trained yet.")
    found: list[Any] = []

    def body() -> None:
        with tempfile.TemporaryDirectory(prefix="lrlab-hf-") as folder:
            found.append(build(make, TrainerRun(lr=lr, seed=0, folder=folder)).model)

    thread = TrainingThread(body, name="a model")
    thread.go_on()
    if thread.error is not None:
        raise thread.error
    model = found[0].cpu()
    kept: Any = state.get("best") if best else None
    load_weights(model, kept or training)
    return model.eval()


def _as_data(records: Iterable[Record]) -> list[list[object]]:
    return [[record.at, dict(record.metrics), record.step] for record in records]
