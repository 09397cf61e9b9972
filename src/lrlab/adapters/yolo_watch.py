"""Watch a training of Ultralytics YOLO by callbacks on the model object that is given; nothing here imports it.

What its trainer does, as of Ultralytics 8.4: ``on_fit_epoch_end`` comes once more after the last epoch; the events of an
optimizer step are never told, so hooks on the optimizer count them; several batches may make one step, in the warm-up
fewer; gradients are clipped before the step. Of a training on several GPUs the callbacks are lost: watch its results.csv.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lrlab.adapters.watcher import Watcher

_ACCURACY = "metrics/accuracy_top1"


class YoloCallbacks:
    """What is told to a watcher of the next training of a YOLO model.

    Args:
        model: Anything with ``add_callback(event, function)``.
        watcher: Is told.
        every: Steps from one sample of the weights to the next; 0 for none.
    """

    def __init__(self, model: Any, watcher: Watcher, *, every: int) -> None:
        self._watcher = watcher
        self._every = every
        self._hooked: Any = None
        self._unhook: Callable[[], None] = lambda: None
        self._batches = 0  # of this epoch
        self._epoch = -1  # the last one that was validated
        for event in (
            "on_train_start",
            "on_train_epoch_start",
            "on_train_batch_end",
            "on_fit_epoch_end",
            "on_train_end",
        ):
            model.add_callback(event, self._guarded(getattr(self, event)))

    def _guarded(self, work: Callable[[Any], None]) -> Callable[[Any], None]:
        return lambda trainer: self._watcher.guard(work, trainer)

    def on_train_start(self, trainer: Any) -> None:
        """The optimizer is there."""
        from lrlab.adapters.torch_watch import name_of

        self._epoch = -1
        self._watcher.begin(optimizer=name_of(trainer.optimizer), total=None)
        self._hook(trainer)

    def on_train_epoch_start(self, trainer: Any) -> None:
        """After a lack of memory the optimizer may be another one."""
        self._batches = 0
        self._hook(trainer)

    def on_train_batch_end(self, trainer: Any) -> None:
        """The loss of the batch."""
        self._batches += 1
        left = (trainer.epochs - trainer.epoch) * len(trainer.train_loader) - self._batches
        steps = math.ceil(max(left, 0) / max(int(getattr(trainer, "accumulate", 1)), 1))
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
        self._watcher.look()
        self._unhook()
        self._hooked = None

    def _hook(self, trainer: Any) -> None:
        from lrlab.adapters.torch_watch import OptimizerHooks

        if trainer.optimizer is not self._hooked:
            self._unhook()
            self._unhook = OptimizerHooks(trainer.optimizer, self._watcher, every=self._every).remove
            self._hooked = trainer.optimizer


def _total(items: Any) -> Any:
    """The sum of a batch's losses, by name or as one tensor."""
    return sum(items.values()) if isinstance(items, Mapping) else items.sum()
