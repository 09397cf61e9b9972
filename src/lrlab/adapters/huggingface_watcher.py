"""The callback that turns what a Trainer tells into records, and says where it may be frozen.

A unit ends with an evaluation. It is told at the first event after it (the next epoch's or step's beginning, or the end
of training): by then the Trainer has stepped a plateau scheduler and compared with its best, so that nothing is half done.
"""

import math
import numbers
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from transformers import TrainerCallback

from lrlab.core.metric import Metric
from lrlab.core.record import Record
from lrlab.readers.names import Names, is_clock
from lrlab.tasks import random_state
from lrlab.tasks.random_state import RandomState

_HAND_OVER_S = 0.2  # a long unit shows what it logged this often
_NO_METRICS = ("epoch", "learning_rate", "total_flos", "num_input_tokens_seen")
_RATES = ("lr", "initial_lr", "max_lr")


class Frozen(Protocol):
    """What a training calls where it may be frozen.

    Args:
        whole: Whether a state can be taken here.
    """

    def __call__(self, *, whole: bool) -> None: ...


class Watcher(TrainerCallback):  # type: ignore[misc]  # transformers is Any to mypy
    """Makes the records of one training; the last of its trainer's callbacks.

    Args:
        by_epoch: Whether an epoch is the unit; else an optimizer step is.
        metric: What is compared; told under its own name where ``compute_metrics`` has it without ``eval_``.
        units: Units that are done already.
        emit: Takes each record.
        freeze: Called where the training may be frozen.
        check: Called before each step; raises where the training is to end.
    """

    def __init__(
        self,
        *,
        by_epoch: bool,
        metric: Metric,
        units: int,
        emit: Callable[[Record], None],
        freeze: Frozen,
        check: Callable[[], None],
    ) -> None:
        self.units = units
        self.epoch_random: RandomState | None = None  # as the epoch began, where that is no longer now
        self.restored_random: RandomState | None = None  # the same, of a stored run, for its first epoch
        self._by_epoch = by_epoch
        self._metric = metric.name
        self._emit = emit
        self._freeze = freeze
        self._check = check
        self._held: dict[str, float] = {}  # belongs to the end of the unit
        self._held_at = (0.0, 0)
        self._evaluated = False
        self._epoch_over = False
        self._logged = False  # something inside the unit, since the last hand-over
        self._handed_over = time.monotonic()
        self._lr: float | None = None

    def evaluation(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """The numbers of an evaluation, by transformers' names and by lrlab's."""
        told = _numbers(metrics)
        prefixed = f"eval_{self._metric}"
        return {**told, self._metric: told[prefixed]} if prefixed in told else told

    def flush(self) -> None:
        """Tell the loss that waits for an evaluation which failed."""
        if self._held:
            epoch, step = self._held_at
            at = math.nextafter(self.units + 1, 0) if self._by_epoch and epoch > self.units else step - 0.5
            self._emit(Record(at, self._held, step))
            self._held = {}

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.epoch_random = None
        self._settle(state)
        self._epoch_over = False
        if self.restored_random is not None:
            random_state.restore(self.restored_random)
            self.restored_random = None
        if not self._by_epoch:
            self.epoch_random = random_state.capture()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._check()
        if self._evaluated:
            self._settle(state)
        elif self._logged and time.monotonic() - self._handed_over > _HAND_OVER_S:
            self._hand_over(whole=False)

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any
    ) -> None:
        # After the step is too late: another callback may have set a rate by then, which the scheduler will overwrite.
        self._lr = max(float(group["lr"]) for group in optimizer.param_groups)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if not self._by_epoch and state.global_step >= state.max_steps:
            control.should_evaluate = True
        # What the log averages starts anew with each unit, so that a stored run has no part of it to remember.
        control.should_log = control.should_log or control.should_evaluate
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        self._epoch_over = True
        if self._by_epoch:
            control.should_evaluate = control.should_log = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if (
            not logs or "loss" not in logs
        ):  # an evaluation, which on_evaluate tells, or a summary of the whole
            return
        told = _numbers(logs) | ({} if self._lr is None else {"lr": self._lr})
        last = float(state.epoch).is_integer() or state.global_step >= state.max_steps
        ends = control.should_evaluate or (self._by_epoch and last)
        if ends:
            self._held |= told
            self._held_at = (float(state.epoch), state.global_step)
        else:
            at = float(state.epoch) if self._by_epoch else state.global_step - 0.5
            self._emit(Record(at, told, state.global_step))
            self._logged = True

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        self._held |= self.evaluation(metrics or {})
        self._evaluated = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._settle(state, last=True)

    def _settle(self, state: Any, *, last: bool = False) -> None:
        """Tell the evaluation that was made, if any; it ends a unit."""
        if not self._evaluated:
            return
        ends = self._epoch_over or not self._by_epoch  # another callback may evaluate in between
        at = (self.units + 1 if self._by_epoch else state.global_step) if ends else float(state.epoch)
        told = self._held | ({} if self._lr is None else {"lr": self._lr})
        self._held, self._evaluated = {}, False
        if ends:
            self.units = int(at)
        self._emit(Record(at, told, state.global_step))
        if ends and not last:
            self._hand_over(whole=True)

    def _hand_over(self, *, whole: bool) -> None:
        self._freeze(whole=whole)
        self._logged = False
        self._handed_over = time.monotonic()


def peak_rate(optimizer: Any) -> float:
    """The largest rate that an optimizer's schedule may reach, from its groups."""
    return max(float(group[key]) for group in optimizer.param_groups for key in _RATES if key in group)


def _is_number(value: object) -> bool:
    """Whether ``value`` is one real number; a truth value is none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among ``logs`` that say how the training goes, with lrlab's names beside transformers'."""
    kept = {
        name: float(value)
        for name, value in logs.items()
        if _is_number(value) and name not in _NO_METRICS and not is_clock(name)
    }
    return dict(Names({}).row(kept, place="log", where="the Trainer's log").metrics)
