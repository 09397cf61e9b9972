"""``lrlab.watch``: a training looks after its learning rate while it runs."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrlab.adapters import watcher as adapters
from lrlab.adapters.watcher import warned
from lrlab.api import alarms
from lrlab.api.diagnose import Checkup
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import positive_rate
from lrlab.core.question import whole_number
from lrlab.diagnosis.alerts import Alert
from lrlab.diagnosis.live import EVERY
from lrlab.diagnosis.signals import Floats
from lrlab.schedules.evaluate import values
from lrlab.schedules.spec import ScheduleLike, resolve

_SAMPLE_EVERY = 17  # the same as torch_watch.SAMPLE_EVERY, which is not imported for a default


class Watcher(adapters.Watcher):
    """Watches one training: ``log``, ``checkup``, ``alerts``, ``rates``, ``close``; may be used in ``with``."""

    def checkup(self) -> Checkup:
        """What ``lrlab.diagnose`` would say by now; printed, it shows itself."""
        return Checkup.of(super().checkup(), self.curve())


def watch(
    training: Any,
    optimizer: Any = None,
    *,
    total_steps: int | None = None,
    lr: float | None = None,
    schedule: ScheduleLike | None = None,
    warmup: float = 0,
    telemetry: int = _SAMPLE_EVERY,
    every: int = EVERY,
    level: str = "note",
    alerts: "str | Path | None" = None,
    on_alert: "str | Sequence[str] | Callable[[Alert], object] | None" = None,
    quiet: bool = False,
) -> Watcher:
    """Watch a training from inside, and say when its learning rate is wrong.

    Every 200 steps or so the run is diagnosed as ``lrlab.diagnose`` would; what two looks in a row agree on is told once,
    on stderr. Nothing of the training is changed, and an error in here ends the watching with one warning, never the
    training.

    Args:
        training: A PyTorch model together with ``optimizer``; a YOLO model of Ultralytics, before its ``train``; or a
            Trainer of Hugging Face, before its ``train``. The last two get callbacks.
        optimizer: The optimizer of a loop of your own, with which each step is counted.
        total_steps: Optimizer steps of the whole training; YOLO and the Trainer tell it by themselves.
        lr: The planned peak rate, where a schedule is given.
        schedule: The planned schedule, such as ``"cosine"``: the applied rate of each group is compared with it.
        warmup: The planned warm-up: a share of the training, or steps.
        telemetry: Steps from one look at weights and gradient to the next; 0 for none.
        every: Steps between diagnoses at least; in a long run 5 % of what was seen.
        level: The least severity that is told: ``note``, ``warn`` or ``error``.
        alerts: A file to append each alert to, as a JSON line.
        on_alert: A command that each alert starts, which reads it as JSON from its input and from ``LRLAB_ALERT_*``; or a
            function of an alert.
        quiet: Nothing on stderr.

    Returns:
        The watcher: ``log(loss=..., val_loss=...)`` after a step of your own loop, ``checkup()``, ``alerts``, ``close()``;
        it may be used in ``with``.

    Raises:
        SpecError: If there is nothing to watch, or an argument breaks its rule.
        NotFoundError: If there is no such command.

    Example:
        ``watcher = lrlab.watch(model, optimizer, total_steps=10_000)``, then ``watcher.log(loss=loss)`` in the loop.
    """
    form = _form(training, optimizer)
    total = None if total_steps is None else whole_number("watch: total_steps", total_steps, 1)
    sampled = whole_number("watch: telemetry", telemetry, 0)
    plan = _plan(form, schedule, warmup, total)
    listeners = _listeners(alerts, on_alert, quiet=quiet)
    watcher = Watcher(
        tell=listeners,
        source=f"the training of {type(training).__name__}",
        every=whole_number("watch: every", every, 1),
        level=level,
        plan=plan,
        lr=None if lr is None else positive_rate(lr, "watch: lr"),
        total=total,
    )
    watcher.at_end(listeners.close)
    _attach(form, training, optimizer, watcher, sampled)
    return watcher


def _form(training: Any, optimizer: Any) -> str:
    """What kind of training it is, by what it can do: no framework is imported to know."""
    if hasattr(optimizer, "register_step_post_hook") and hasattr(optimizer, "param_groups"):
        _check_weights(training, optimizer)
        return "torch"
    if optimizer is not None:
        raise SpecError(
            f"watch: optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}.",
            hint="Name the optimizer whose step() the loop calls; one that wraps it has it as .optimizer.",
        )
    if hasattr(training, "add_callback"):
        return "huggingface" if hasattr(training, "callback_handler") else "yolo"
    if isinstance(training, str | Path):
        raise SpecError(
            f"watch: {str(training)!r} is watched from the command line.", hint=f"lrlab watch {training}"
        )
    raise SpecError(
        f"watch: expected a model with its optimizer, a YOLO model or a Trainer, got {type(training).__name__}.",
        hint="A loop of your own: lrlab.watch(model, optimizer).",
    )


def _check_weights(model: Any, optimizer: Any) -> None:
    """Refuse a model that the optimizer does not train."""
    if not hasattr(model, "parameters"):
        raise SpecError(
            f"watch: expected a PyTorch model beside the optimizer, got {type(model).__name__}.",
            hint="lrlab.watch(model, optimizer)",
        )
    trained = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    if not any(id(weight) in trained for weight in model.parameters()):
        raise SpecError(
            "watch: the optimizer trains none of the model's weights.",
            hint="Build the optimizer from this model's parameters(), after moving it to its device.",
        )


def _attach(form: str, training: Any, optimizer: Any, watcher: Watcher, every: int) -> None:
    if form == "torch":
        from lrlab.adapters.torch_watch import OptimizerHooks, name_of

        watcher.begin(optimizer=name_of(optimizer), total=None)
        OptimizerHooks(optimizer, watcher, every=every, model=training)
    elif form == "yolo":
        from lrlab.adapters.yolo_watch import YoloCallbacks

        YoloCallbacks(training, watcher, every=every)
    else:
        from lrlab.adapters.huggingface_watch import WatchCallback

        training.add_callback(WatchCallback(training, watcher, every=every))


def _plan(
    form: str, schedule: ScheduleLike | None, warmup: float, total: int | None
) -> Callable[[int], Floats] | None:
    """The length of a training to its planned multipliers; what is wrong with it is said before the training."""
    if schedule is None:
        if warmup:
            raise SpecError(
                f"watch: warmup belongs to a schedule, got {warmup!r} alone.", hint="Give schedule too."
            )
        return None
    if form == "yolo":
        raise SpecError(
            "watch: schedule cannot be compared for a YOLO model, which changes its rate by epoch.",
            hint="Leave it out.",
        )
    if form == "torch" and total is None:
        raise SpecError(
            "watch: schedule needs total_steps, the length that it is planned for.",
            hint="Give the number of optimizer steps of the whole training.",
        )
    given = schedule
    resolve(given, total_steps=total or 10**6, warmup=warmup)
    return lambda length: values(resolve(given, total_steps=length, warmup=warmup), np.arange(length))


def _listeners(alerts: "str | Path | None", on_alert: Any, *, quiet: bool) -> alarms.Listeners:
    """Everybody who is told."""
    found: list[Callable[[Alert], object]] = []
    if not quiet:
        found.append(alarms.to_stream(sys.stderr))
    if alerts is not None:
        found.append(alarms.to_file(alerts))
    if callable(on_alert):
        found.append(on_alert)
    elif on_alert is not None:
        found.append(alarms.Command(on_alert, complain=warned))
    return alarms.Listeners(found, complain=warned)
