"""Watch a training of Ultralytics YOLO by callbacks on the model object that is given; nothing here imports it.

What its trainer does, as of Ultralytics 8.4: ``on_fit_epoch_end`` comes once more after the last epoch, and not after one
whose loss was not finite, which is trained again from the last checkpoint; the events of an optimizer step are never told,
so hooks on the optimizer count them; several batches may make one step, in the warm-up fewer; gradients are clipped to a
length of 10 before the step. On several devices the training goes on in processes of its own, for which the callbacks are
pickled: a copy watches in the first of them. Older versions drop the callbacks there.
"""

import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from lrlab.adapters.watcher import Watcher, warned

_ACCURACY = "metrics/accuracy_top1"
_EVENTS = (
    "on_train_start",
    "on_train_epoch_start",
    "on_train_batch_end",
    "on_fit_epoch_end",
    "on_train_end",
)


class YoloCallbacks:
    """What is told to a watcher of the next training of a YOLO model.

    Args:
        model: Anything with ``add_callback(event, function)``; None where it is elsewhere, in another process.
        watcher: Is told.
        every: Steps from one sample of the weights to the next; 0 for none.
    """

    def __init__(self, model: Any, watcher: Watcher, *, every: int) -> None:
        self._model = model
        self._watcher = watcher
        self._every = every
        self._hooked: Any = None
        self._unhook: Callable[[], None] = lambda: None
        self._batches = 0  # of this epoch
        self._accumulate = 0  # batches a step
        self._epoch = -1  # the last one that was validated
        self._travels: bool | None = None  # whether a copy can go to another process, once that is known
        if model is not None:
            for event in _EVENTS:
                model.add_callback(event, _Callback(self, event))

    def tell(self, event: str, trainer: Any) -> None:
        """An event of the trainer; nothing that goes wrong in here reaches it."""
        self._watcher.guard(getattr(self, event), trainer)

    def on_train_start(self, trainer: Any) -> None:
        """The optimizer is there."""
        from lrlab.adapters.torch_watch import name_of

        if os.environ.get("RANK", "0") not in ("0", "-1"):
            self._watcher.close()  # the first process watches for all
            return
        self._epoch, self._batches, self._accumulate = -1, 0, 0
        self._watcher.begin(optimizer=name_of(trainer.optimizer), total=None)
        self._hook(trainer)

    def on_train_epoch_start(self, trainer: Any) -> None:
        """After a lack of memory the optimizer may be another one, and the epochs may have other lengths."""
        self._batches, self._accumulate = 0, 0
        self._hook(trainer)

    def on_train_batch_end(self, trainer: Any) -> None:
        """The loss of the batch."""
        self._batches += 1
        accumulate = getattr(trainer, "accumulate", 1)
        if accumulate != self._accumulate:  # only then will the training take another number of steps
            self._accumulate = accumulate
            left = (trainer.epochs - trainer.epoch) * len(trainer.train_loader) - self._batches
            steps = math.ceil(max(left, 0) / max(int(accumulate), 1))
            self._watcher.expect(max(self._watcher.steps + steps, 1))
        self._watcher.put("loss", _total(trainer.loss_items))

    def on_fit_epoch_end(self, trainer: Any) -> None:
        """What the epoch's validation came to."""
        if not self._epoch < trainer.epoch < trainer.epochs:
            return
        self._epoch = trainer.epoch
        told = trainer.metrics or {}
        losses = [
            float(value) for name, value in told.items() if name.startswith("val/") and name.endswith("loss")
        ]
        if losses:
            self._watcher.put("val_loss", sum(losses))
        if _ACCURACY in told:
            self._watcher.put("val_acc", float(told[_ACCURACY]))

    def on_train_end(self, trainer: Any) -> None:
        """No step will come any more."""
        self._watcher.expect(max(self._watcher.steps, 1))
        self._watcher.look()
        self._unhook()
        self._hooked = None

    def _hook(self, trainer: Any) -> None:
        from lrlab.adapters.torch_watch import OptimizerHooks

        if trainer.optimizer is not self._hooked:
            self._unhook()
            model = getattr(trainer, "model", None)
            hooks = OptimizerHooks(trainer.optimizer, self._watcher, every=self._every, model=model)
            self._unhook = hooks.remove
            self._hooked = trainer.optimizer

    # Processes of its own.

    def __getstate__(self) -> dict[str, Any]:
        """A copy for another process begins anew."""
        return {"watcher": self._watcher.anew(), "every": self._every}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(None, state["watcher"], every=state["every"])  # type: ignore[misc]

    def leaves(self) -> bool:
        """The trainer sends its callbacks to other processes: whether a copy can go along. Said once."""
        if self._watcher.closed:
            return False
        if self._travels is None:
            self._travels, why = _travels(self)
            log = Path(getattr(getattr(self._model, "trainer", None), "save_dir", "."), "results.csv")
            here = f"and in this one the watcher stays empty. The log tells it too: lrlab watch {log}"
            if self._travels:
                warned(f"the training goes on in processes of its own. The first of them is watched, {here}")
            else:
                warned(
                    f"the training goes on in processes of its own, where nothing is watched ({why}), {here}"
                )
        return self._travels


class _Callback:
    """One callback on a model.

    Args:
        callbacks: Are told.
        event: Of what.
    """

    def __init__(self, callbacks: YoloCallbacks, event: str) -> None:
        self._callbacks = callbacks
        self._event = event

    def __call__(self, trainer: Any) -> None:
        self._callbacks.tell(self._event, trainer)

    def __deepcopy__(self, _: Any) -> "_Callback":
        return self  # a copy of the model is watched like the model

    def __reduce__(self) -> tuple[Any, ...]:
        """What is pickled: where lrlab cannot follow, something that does nothing, for no training may end by it."""
        return (_Callback, (self._callbacks, self._event)) if self._callbacks.leaves() else (partial, (id,))


def _travels(callbacks: YoloCallbacks) -> tuple[bool, str]:
    """Whether what hears the alerts can be sent to another process, and why not."""
    try:
        pickle = import_module("cloudpickle")  # which Ultralytics pickles with
        pickle.loads(pickle.dumps(callbacks))
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"
    return True, ""


def _total(items: Any) -> Any:
    """The sum of a batch's losses, by name or as one tensor; of those on another device a tensor there."""
    if not isinstance(items, Mapping):
        return items.sum()
    parts = list(items.values())
    near = all(part.device.type == "cpu" for part in parts if hasattr(part, "device"))
    return sum(map(float, parts)) if near else sum(parts)
