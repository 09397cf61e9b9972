"""Schedules as files for other programs: working code without lrlab, arguments, or values."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from lrlab.adapters.schedule_huggingface import arguments_code
from lrlab.adapters.schedule_plateau import plateau_code
from lrlab.adapters.schedule_yolo import yolo_arguments
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import positive_rate
from lrlab.schedules.evaluate import values
from lrlab.schedules.lengths import LengthNeeded
from lrlab.schedules.protocol import AnyFeedback, Feedback, Schedule
from lrlab.schedules.source import JAX, KERAS, NUMBERS, source
from lrlab.schedules.written import Spec

_MOST_ROWS = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be exported.

    Args:
        spec: The schedule as it is written.
        lr: The peak rate; None where the framework's own optimizer has it.
        total_steps: Length of the training in optimizer steps; None if not known.
        steps_per_epoch: Optimizer steps in an epoch; None if not known.

    Raises:
        SpecError: If the rate is none.
        LengthNeeded: If the schedule needs a length that is not given.
    """

    spec: Spec
    lr: float | None = None
    total_steps: int | None = None
    steps_per_epoch: int | None = None

    def __post_init__(self) -> None:
        if self.lr is not None:
            object.__setattr__(self, "lr", positive_rate(self.lr))
        self.bound()

    def bound(self) -> Schedule | AnyFeedback:
        """The schedule in that training."""
        return self.spec.bind(total_steps=self.total_steps, steps_per_epoch=self.steps_per_epoch)

    @property
    def schedule(self) -> Schedule:
        """The same, where it is known to be a function of the step."""
        bound = self.bound()
        assert isinstance(bound, Schedule)
        return bound

    @property
    def title(self) -> str:
        """What it is, for the first line of a file."""
        length = f", {self.total_steps} optimizer steps" if self.total_steps is not None else ""
        peak = f", peak rate {self.lr!r}" if self.lr is not None else ""
        return f"Learning-rate schedule: {self.spec}{length}{peak}. Written by lrlab; it needs no lrlab."


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A schedule for one framework.

    Args:
        target: Its name.
        text: The file.
        notes: What a reader must know, a sentence each.
    """

    target: str
    text: str
    notes: tuple[str, ...] = ()


def export_schedule(
    spec: Spec,
    target: str,
    *,
    lr: float | None = None,
    total_steps: int | None = None,
    steps_per_epoch: int | None = None,
) -> Exported:
    """A schedule as code, arguments or values.

    Args:
        spec: The schedule.
        target: One of ``TARGETS``: ``torch``, ``huggingface``, ``lightning``, ``keras``, ``optax``, ``timm``, ``yolo``,
            ``csv``, ``json``.
        lr: Peak rate; above 0.
        total_steps: Length of the training, in optimizer steps.
        steps_per_epoch: Optimizer steps in an epoch.

    Raises:
        SpecError: If the framework cannot have it, or an argument is missing or breaks its rule.

    Example:
        >>> from lrlab.schedules.text import parse
        >>> print(export_schedule(parse("cosine to 0.01"), "yolo", lr=0.01, total_steps=900, steps_per_epoch=30).text)
        epochs=30 lr0=0.01 lrf=0.01 cos_lr=True warmup_epochs=0
        <BLANKLINE>
    """
    if target not in TARGETS:
        near = get_close_matches(target, TARGETS, n=1)
        raise SpecError(
            f"export: there is no {target!r:.40}; there are {', '.join(TARGETS)}.",
            hint=f"Perhaps {near[0]} is meant." if near else "",
        )
    request = Request(spec=spec, lr=lr, total_steps=total_steps, steps_per_epoch=steps_per_epoch)
    bound = request.bound()
    if isinstance(bound, Feedback) and target != "json":
        return Exported(target=target, **plateau_code(bound, target, lr=request.lr, title=request.title))
    return Exported(target=target, **_WRITERS[target](request))


Written = Mapping[str, Any]


def _torch(request: Request) -> Written:
    body = f"""
from torch.optim.lr_scheduler import LambdaLR


{source(request.schedule)}

def make_scheduler(optimizer):
    # Call scheduler.step() once after each optimizer.step(), not once an epoch.
    # Every group keeps the rate that it has in the optimizer as its own peak.
    return LambdaLR(optimizer, multiplier)
"""
    return {"text": _module(request, NUMBERS.imports, body), "notes": _peak_note(request)}


def _lightning(request: Request) -> Written:
    body = f"""
from torch.optim.lr_scheduler import LambdaLR


{source(request.schedule)}

def lr_scheduler_config(optimizer):
    # In the LightningModule:
    #     def configure_optimizers(self):
    #         optimizer = torch.optim.AdamW(self.parameters(), lr={request.lr or "PEAK"})
    #         return {{"optimizer": optimizer, "lr_scheduler": lr_scheduler_config(optimizer)}}
    return {{"scheduler": LambdaLR(optimizer, multiplier), "interval": "step", "frequency": 1}}
"""
    return {"text": _module(request, NUMBERS.imports, body), "notes": _peak_note(request)}


def _timm(request: Request) -> Written:
    body = f"""
from timm.scheduler.scheduler import Scheduler


{source(request.schedule)}

class Schedule(Scheduler):
    def __init__(self, optimizer):
        super().__init__(optimizer, "lr", t_in_epochs=False)
        self.step_update(0)  # timm's own leave the first update at the peak unless they warm up

    def _get_lr(self, t):
        return [lr * multiplier(t) for lr in self.base_values]


def make_scheduler(optimizer):
    # Call scheduler.step_update(num_updates) after each update, with the number of updates done so far.
    return Schedule(optimizer)
"""
    return {"text": _module(request, NUMBERS.imports, body), "notes": _peak_note(request)}


def _huggingface(request: Request) -> Written:
    arguments = arguments_code(request.schedule, total_steps=request.total_steps, lr=request.lr)
    if arguments is not None:
        body = f"""
from transformers import TrainingArguments


{arguments}"""
        return {"text": _module(request, "", body)}
    body = f"""
from torch.optim.lr_scheduler import LambdaLR


{source(request.schedule)}

def make_scheduler(optimizer):
    # trainer = Trainer(model, arguments, optimizers=(optimizer, make_scheduler(optimizer)), ...)
    # The Trainer steps it itself, once after each optimizer step.
    return LambdaLR(optimizer, multiplier)
"""
    note = (
        "No lr_scheduler_type of TrainingArguments has these values: give the Trainer the optimizer and this."
    )
    return {"text": _module(request, NUMBERS.imports, body), "notes": (note, *_peak_note(request))}


def _optax(request: Request) -> Written:
    body = f"""

{source(request.schedule, dialect=JAX)}

def make_schedule({_peak_argument(request)}):
    # optax.adamw(learning_rate=make_schedule(...)); it is given the number of updates done.
    def schedule(count):
        return peak_lr * multiplier(jnp.asarray(count, jnp.float32))

    return schedule
"""
    return {"text": _module(request, JAX.imports, body)}


def _keras(request: Request) -> Written:
    body = f"""

{source(request.schedule, dialect=KERAS)}

@keras.saving.register_keras_serializable(package="lrlab", name={_slug(request)!r})
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    # keras.optimizers.AdamW(learning_rate=Schedule(...)); Keras gives it the number of updates done.
    def __init__(self, {_peak_argument(request)}):
        super().__init__()
        self.peak_lr = peak_lr

    def __call__(self, step):
        return self.peak_lr * multiplier(ops.cast(step, "float32"))

    def get_config(self):
        return {{"peak_lr": self.peak_lr}}


def make_schedule({_peak_argument(request)}):
    return Schedule(peak_lr)
"""
    return {"text": _module(request, KERAS.imports, body)}


def _slug(request: Request) -> str:
    """A name of its own, so that Keras finds the right one among several in a process."""
    length = "" if request.total_steps is None else f" {request.total_steps}"
    return re.sub(r"[^a-z0-9]+", "_", f"{request.spec}{length}").strip("_")


def _yolo(request: Request) -> Written:
    return yolo_arguments(
        request.schedule, request.spec, lr=request.lr, total_steps=request.total_steps,
        steps_per_epoch=request.steps_per_epoch,
    )  # fmt: skip


def _csv(request: Request) -> Written:
    steps = _steps(request)
    curve = values(request.schedule, np.arange(steps)).tolist()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if request.lr is None:
        writer.writerow(["step", "multiplier"])
        writer.writerows(enumerate(curve))
    else:
        writer.writerow(["step", "multiplier", "lr"])
        writer.writerows((step, value, request.lr * value) for step, value in enumerate(curve))
    return {"text": file.getvalue()}


def _steps(request: Request) -> int:
    if request.total_steps is None:
        raise LengthNeeded("export: a table has a row a step, and the number of steps is not known.")
    if request.total_steps > _MOST_ROWS:
        raise SpecError(
            f"export: a table has at most {_MOST_ROWS} rows, got {request.total_steps} steps.",
            hint="Export code or JSON instead.",
        )
    return request.total_steps


def _json(request: Request) -> Written:
    known = {"lr": request.lr, "total_steps": request.total_steps, "steps_per_epoch": request.steps_per_epoch}
    whole = {"schema": "lrlab.schedule-text/1", "text": str(request.spec), "schedule": request.spec.to_json(),
             **{name: value for name, value in known.items() if value is not None}}  # fmt: skip
    return {"text": json.dumps(whole, indent=2, allow_nan=False) + "\n"}


def _module(request: Request, imports: str, body: str) -> str:
    """A Python file; ``math`` is imported only where it is used."""
    lines = [
        line
        for line in imports.splitlines()
        if line != "import math" or "math." in body.replace("import math", "")
    ]
    head = "\n".join(lines).strip("\n")
    return f"# {request.title}\n{head + chr(10) if head else ''}{body if head else body.lstrip(chr(10))}"


def _peak_argument(request: Request) -> str:
    return "peak_lr" if request.lr is None else f"peak_lr={request.lr!r}"


def _peak_note(request: Request) -> tuple[str, ...]:
    return () if request.lr is None else (f"Make the optimizer with lr={request.lr!r}: it is the peak.",)


_WRITERS: dict[str, Callable[[Request], Written]] = {
    "torch": _torch,
    "huggingface": _huggingface,
    "lightning": _lightning,
    "keras": _keras,
    "optax": _optax,
    "timm": _timm,
    "yolo": _yolo,
    "csv": _csv,
    "json": _json,
}
TARGETS = tuple(_WRITERS)
