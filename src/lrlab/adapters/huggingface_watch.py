"""Watch a training by transformers' Trainer: one callback on the object that is given.

The Trainer tells its callbacks a loss once in ``logging_steps``, 500 by default. It sums up each step's in ``_tr_loss``,
which is read where it is there (transformers 5); else the logged mean is what there is. Both leave out a loss that is not
finite as long as ``logging_nan_inf_filter`` is on; weights that are not finite show all the same.
"""

from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback

from lrlab.adapters.torch_watch import OptimizerHooks, name_of
from lrlab.adapters.watcher import Watcher
from lrlab.diagnosis.live import COLUMNS
from lrlab.readers.names import Names


class WatchCallback(TrainerCallback):  # type: ignore[misc]  # transformers is Any to mypy
    """Tells a watcher of a Trainer's training; in its main process only.

    Args:
        trainer: The Trainer that it is added to.
        watcher: Is told.
        every: Steps from one sample of the weights to the next; 0 for none.
    """

    def __init__(self, trainer: Any, watcher: Watcher, *, every: int) -> None:
        self._trainer = trainer
        self._watcher = watcher
        self._every = every
        self._hooks: OptimizerHooks | None = None
        self._sum: Any = 0.0  # of the losses, as it stood at the last step
        self._each_step = False  # whether each step's loss can be read

    def on_train_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        self._watcher.guard(self._begin, state, optimizer)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._hooks is not None:
            self._watcher.guard(self._step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if self._hooks is not None:
            self._watcher.guard(self._logged, logs or {})

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        if self._hooks is not None:
            self._watcher.guard(self._evaluated, metrics or {})

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._hooks is not None:
            self._watcher.guard(self._watcher.look)
            self._hooks.remove()
            self._hooks = None

    def _begin(self, state: Any, optimizer: Any) -> None:
        if not state.is_world_process_zero:
            return
        if self._hooks is not None:
            self._hooks.remove()  # after a lack of memory it begins anew, with smaller batches
        inner = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
        self._watcher.begin(optimizer=name_of(inner), total=state.max_steps, step=state.global_step)
        model = getattr(self._trainer, "model", None)
        self._hooks = OptimizerHooks(inner, self._watcher, every=self._every, model=model)
        self._sum = 0.0
        self._each_step = hasattr(getattr(self._trainer, "_tr_loss", None), "detach")

    def _step(self) -> None:
        if self._each_step:
            total = self._trainer._tr_loss.detach().clone()
            self._watcher.put("loss", total - self._sum)
            self._sum = total

    def _logged(self, logs: Mapping[str, Any]) -> None:
        if "loss" in logs:
            self._sum = 0.0  # the Trainer begins to sum up anew
            if not self._each_step:
                self._watcher.put("loss", float(logs["loss"]))

    def _evaluated(self, metrics: Mapping[str, Any]) -> None:
        numbers = {name: float(value) for name, value in metrics.items() if isinstance(value, float | int)}
        numbers.pop("epoch", None)
        told = Names({}).row(numbers, place="", where="").metrics
        for name in COLUMNS:
            if name in told and name.startswith("val_"):
                self._watcher.put(name, told[name])
