"""A training from its parts: a model, data and a loss become a task that can be frozen and stored exactly."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from torch import nn

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange, positive_rate
from lrlab.core.metric import Metric
from lrlab.core.question import Resumes
from lrlab.schedules import spec
from lrlab.schedules.plan import RatePlan
from lrlab.schedules.protocol import Schedule
from lrlab.tasks import random_state
from lrlab.tasks.code_hash import code_hash
from lrlab.tasks.protocol import SessionState
from lrlab.tasks.torch_best import load_weights
from lrlab.tasks.torch_checks import checked
from lrlab.tasks.torch_data import Batches, batches
from lrlab.tasks.torch_loop import Plan
from lrlab.tasks.torch_losses import (
    ForwardFunction,
    LossFunction,
    MetricFunction,
    Objective,
    Supervised,
    Whole,
    accuracy,
    default_loss,
)
from lrlab.tasks.torch_optimizers import OptimizerChoice, OptimizerLike, choose, judged
from lrlab.tasks.torch_session import TorchSession

_CLOSEST_LOGS = 10  # steps; telling a loss costs as much as several small lines of a training
_ENDLESS = 10**9  # steps of a training whose length is not known, for schedules that need none
_ACCURACIES = ("val_acc", "accuracy")
_SAME_WEIGHTS = Caution(
    code="SAME_WEIGHTS",
    text="Every seed starts from the same weights, because the model was given as a module. "
    "Give a function that builds it to see how much the start matters.",
)
_TWO_SCHEDULES = Caution(
    code="TWO_SCHEDULES",
    text="schedule-free-adamw averages its weights in place of a schedule, and was given one besides: its rate follows both. "
    'Use schedule="constant" with it to see what it was made for.',
)


@dataclass(frozen=True, eq=False)
class Recipe:
    """A PyTorch training made of its parts.

    Every run builds its own model and optimizer. On the CPU a rate and a seed give the same bits, wherever and in how
    many slices the run is trained; Python's, NumPy's and PyTorch's global random states are seeded for the run and
    put back whenever it waits.

    Args:
        model: A function without arguments (or a class) that builds the model; it is seeded by lrlab. A module is
            copied for each run, so that every seed starts from its weights.
        data: What to train on: an ``(X, y)`` pair of tensors or arrays, a ``Dataset``, a ``DataLoader`` (its batch
            size, collation and workers are kept; its order becomes a function of seed and epoch), or a function
            ``(seed) -> iterable of batches``, called anew for each epoch, whose batches depend on the seed only.
        loss: ``loss(output, target)``, a mean over the batch; by default cross entropy where targets are whole
            numbers and the mean squared error where they are floats.
        val_data: What to evaluate on, in the forms of ``data``, in its own order; None only where the metric is
            ``train_loss``.
        optimizer: A name (``sgd``, ``momentum``, ``nesterov``, ``adam``, ``adamw``, ``rmsprop``, ``adagrad``), one that
            needs no rate (``prodigy``, ``schedule-free-adamw``, ``dadapt-adam``, ``dog``; extra ``lr-free``), an
            ``Optimizer`` class, or a function ``(params, lr) -> Optimizer`` or ``(model, lr) -> Optimizer``. Where it
            makes several groups, ``lr`` is the largest one's rate and their ratios are kept.
        schedule: A text such as ``"cosine"``, ``"wsd decay 20% to 0.01"`` or ``"warmup 5% then step every 30ep"`` (see
            docs/schedules.md), a schedule, or a function from the number of steps after the warm-up to a schedule. One
            that looks at a metric (``"plateau patience 3"``) is given ``metric`` at the end of each unit.
        warmup: Linear warm-up: a share of the training (below 1), or a number of optimizer steps.
        budget: Length of a full training in units.
        unit: ``"epoch"``, or ``"step"`` for optimizer steps. With ``"step"`` the model is evaluated every
            ``eval_every`` steps, and ``advance(until)`` goes on to the first evaluation at or after ``until``: the
            record's ``at`` tells where that was.
        metric: What is compared; one of the names that the records have (see below).
        metrics: Further validation metrics: name to ``metric(output, target)``, a mean over the batch.
        batch_size: Samples in a batch, for a pair and a ``Dataset``.
        val_batch_size: The same for ``val_data``; by default ``batch_size``.
        accumulate: Batches in an optimizer step; its gradient is that of the mean over all of their samples.
        clip_norm: Largest norm of the whole gradient.
        amp: Half precision on CUDA: bfloat16, or float16 with loss scaling where the device has no bfloat16.
            ``"auto"`` means on CUDA only; ``True`` is refused elsewhere.
        device: Such as ``"cuda:1"``; ``"auto"`` is CUDA where there is a device, else the CPU.
        eval_every: Optimizer steps between evaluations where the unit is a step; by default a fiftieth of the budget.
        log_every: Optimizer steps between training losses inside a unit; by default about four a unit, at
            least 10 steps apart.
        forward: ``forward(model, batch) -> loss`` for batches that are no ``(input, target)`` pairs; in place of
            ``loss``.
        name: How studies and reports name it; by default the model's name.

    Records: each unit ends with ``train_loss`` (the mean over the unit's samples), ``val_loss``, ``val_acc`` (also as
    ``accuracy`` where that is the metric; classification only), the ``metrics``, ``lr`` (the largest applied rate) and
    ``grad_norm`` (of the last step, before clipping). Inside a unit stands ``loss``, the mean since the record before.
    The untrained record at 0 has the validation's numbers. Training ends by itself where its loss is NaN or its metric
    is not finite.

    Raises:
        SpecError: If an argument breaks its rule.

    Example:
        >>> import torch
        >>> X = torch.arange(8.0)[:, None]
        >>> recipe = Recipe(lambda: torch.nn.Linear(1, 1), (X, 2 * X), val_data=(X, 2 * X), budget=2)
        >>> run = recipe.start(0.01, seed=0)
        >>> [record.at for record in run.advance(2)]
        [0.0, 1.0, 2.0]
    """

    model: Callable[[], nn.Module] | nn.Module
    data: Any
    loss: LossFunction | None = None
    _: KW_ONLY
    val_data: Any
    optimizer: OptimizerLike | OptimizerChoice = "adamw"
    schedule: spec.ScheduleLike = "constant"
    warmup: float = 0
    budget: int = 10
    unit: str = "epoch"
    metric: Metric | str = "val_loss"  # a Metric once it is made
    metrics: Mapping[str, MetricFunction] = field(default_factory=dict)
    batch_size: int = 32
    val_batch_size: int | None = None
    accumulate: int = 1
    clip_norm: float | None = None
    amp: bool | Literal["auto"] = False
    device: str | torch.device = "auto"
    eval_every: int | None = None
    log_every: int | None = None
    forward: ForwardFunction | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        for name, value in checked(self).items():
            object.__setattr__(self, name, value)
        self._check_metric()
        self._check_feedback()

    @property
    def resumes(self) -> Resumes:
        """``exact``: a session's state is complete."""
        return "exact"

    @property
    def default_lr(self) -> float | None:
        """The optimizer's own default rate in PyTorch, where it has one."""
        return self._optimizer.default_lr

    @property
    def fixed_lr(self) -> float | None:
        """The only rate that it is trained at, where its optimizer needs none; else None."""
        return self._optimizer.fixed_lr

    @property
    def default_lr_range(self) -> LRRange | None:
        """Rates to search where a sweep is given none, at least five decades; None where there are none to search."""
        return self._optimizer.lr_range

    @property
    def planned(self) -> RatePlan | None:
        """The rates that it means to apply, by optimizer step; None where they follow from a metric.

        Raises:
            SpecError: If the schedule needs a number of steps that ``data`` does not tell.
        """
        if spec.feedback(self.schedule) is not None:
            return None
        total, epoch_steps = self._lengths(batches(self.data, batch_size=self.batch_size, shuffle=True))
        return RatePlan(schedule=self._resolved(total, epoch_steps), length=total)

    @property
    def warnings(self) -> tuple[Caution, ...]:
        """What every answer about it repeats."""
        told = (_SAME_WEIGHTS,) if isinstance(self.model, nn.Module) else ()
        decays = str(self.schedule) != "constant" and self._optimizer.name == "schedule-free-adamw"
        return (*told, _TWO_SCHEDULES) if decays else told

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of the metrics that it reports at the end of a unit."""
        return tuple(dict.fromkeys(("train_loss", *self._validated)))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the code, the settings, and the data where it lies in arrays."""
        settings = [getattr(self, name) for name in _SETTINGS]
        choice = self._optimizer
        parts = (self.model, self.loss, self.forward, self.metrics, self.data, self.val_data)
        return code_hash(settings, choice.name, choice.make, self.schedule, *parts)

    def __getstate__(self) -> dict[str, object]:
        """Fields and fingerprint: hashed here, since a worker may not see the source text."""
        return {"fingerprint": self.fingerprint, **vars(self)}

    def start(self, lr: float, *, seed: int) -> TorchSession:
        """A new run, with its model built; see ``Task``.

        Raises:
            SpecError: If the model's or the optimizer's function returns something else, the device is not there, or
                the schedule needs a number of steps that ``data`` does not tell.
        """
        device = _device(self.device)
        if self.amp is True and device.type != "cuda":
            raise SpecError(
                f"amp: half precision is for CUDA, and this is {device}.",
                hint='amp="auto" uses it where it can.',
            )
        return TorchSession(self._plan(device), lr=positive_rate(lr), seed=seed)

    def load_model(self, state: SessionState, *, best: bool = False) -> nn.Module:
        """The model that a session's ``state()`` holds, on the CPU and in evaluation mode.

        Args:
            state: What ``state()`` returned, or its stored copy.
            best: The weights at the end of the unit with the best metric so far rather than the newest. Without
                validation data the newest are all there are.
        """
        mine = random_state.capture()
        try:
            model = self._build_model()
        finally:
            random_state.restore(mine)
        if not isinstance(model, nn.Module):
            raise SpecError(f"model: the function must return an nn.Module, got {type(model).__name__}.")
        kept: Any = state.get("best") if best else None
        load_weights(model, kept or state)
        if not kept:
            trained: Any = state
            judged(self._optimizer, model, trained["optimizer"])
        return model.eval()

    @cached_property
    def _optimizer(self) -> OptimizerChoice:
        given = self.optimizer
        return given if isinstance(given, OptimizerChoice) else choose(given)

    @property
    def _validated(self) -> tuple[str, ...]:
        """Names that an evaluation gives."""
        if self.val_data is None:
            return ()
        return ("val_loss", *self._accuracies, *self.metrics)

    @property
    def _accuracies(self) -> tuple[str, ...]:
        """Names under which the accuracy is reported; classification only."""
        if not self._may_classify or self.val_data is None:
            return ()
        wanted = ("val_acc", "accuracy") if getattr(self.metric, "name", "") == "accuracy" else ("val_acc",)
        return tuple(name for name in wanted if name not in self.metrics)

    @property
    def _may_classify(self) -> bool:
        """Whether targets are classes, or may be: a loader's are seen only when it is read."""
        if self.forward is not None:
            return False
        if isinstance(self.data, tuple) and self.data[1].is_floating_point():
            return False
        cross_entropy = isinstance(self.loss, nn.CrossEntropyLoss) or self.loss is nn.functional.cross_entropy
        return self.loss is None or cross_entropy

    def _check_metric(self) -> None:
        """The metric must be one that the records will have."""
        name = self.metric.name  # type: ignore[union-attr]
        if name == "train_loss" or name in self._validated:
            return
        if self.val_data is None:
            raise SpecError(
                f"metric: {name} needs val_data, got None.",
                hint='Give val_data=..., or metric="train_loss".',
            )
        why = "Accuracy needs classes. " if name in _ACCURACIES else ""
        raise SpecError(
            f"metric: {self.name} does not report {name}; it reports {', '.join(self.reported)}.",
            hint=f"{why}Name one of these, or add metrics={{{name!r}: function}}.",
        )

    def _check_feedback(self) -> None:
        """A schedule that looks at the metric must know whether small or large is good."""
        known = self.metric.direction  # type: ignore[union-attr]
        taken = getattr(spec.feedback(self.schedule), "direction", known)
        if taken != known:
            raise SpecError(
                f"schedule: {self.schedule} takes {'large' if taken == 'max' else 'small'} values for good, but of the "
                f"metric {self.metric} the {'large' if known == 'max' else 'small'} ones are.",
                hint=f"Write plateau ... {known}.",
            )

    def _build_model(self) -> object:
        return copy.deepcopy(self.model) if isinstance(self.model, nn.Module) else self.model()

    def _plan(self, device: torch.device) -> Plan:
        data = batches(self.data, batch_size=self.batch_size, shuffle=True)
        by_step = self.unit == "step"
        every = (self.eval_every or max(self.budget // 50, 1)) if by_step else None
        total, epoch_steps = self._lengths(data)
        val_data = None
        if self.val_data is not None:
            size = self.val_batch_size or self.batch_size
            val_data = batches(self.val_data, batch_size=size, shuffle=False)
        return Plan(
            build_model=self._build_model,
            optimizer=self._optimizer,
            objective=self._objective(device),
            data=data,
            val_data=val_data,
            schedule=self._resolved(total, epoch_steps),
            feedback=spec.feedback(self.schedule),
            metric=self.metric,  # type: ignore[arg-type]
            budget=self.budget,
            eval_every=every,
            log_every=self._logs_each(every if by_step else epoch_steps),
            accumulate=self.accumulate,
            clip_norm=self.clip_norm,
            device=device,
            autocast=self.amp is not False and device.type == "cuda",
        )

    def _lengths(self, data: Batches) -> tuple[int | None, int | None]:
        """Optimizer steps of the training and of an epoch, where they are known."""
        epoch_steps = None if data.length is None else -(-data.length // self.accumulate)
        if self.unit == "step":
            return self.budget, epoch_steps
        return epoch_steps and self.budget * epoch_steps, epoch_steps

    def _objective(self, device: torch.device) -> Objective:
        if self.forward is not None:
            return Whole(self.forward)
        loss = self.loss or default_loss
        if isinstance(loss, nn.Module):
            loss = copy.deepcopy(loss).to(device)  # its class weights
        return Supervised(loss, {**dict.fromkeys(self._accuracies, _class_accuracy), **self.metrics})

    def _logs_each(self, unit_steps: int | None) -> int:
        """Optimizer steps between losses inside a unit; 0: none."""
        if self.log_every is not None and unit_steps is None:
            raise SpecError(
                "log_every: the place inside an epoch is not known, since data does not tell its number of batches.",
                hint="Give its iterable a length, or leave log_every out.",
            )
        if unit_steps is None:
            return 0
        return self.log_every or max(math.ceil(unit_steps / 5), _CLOSEST_LOGS)

    def _resolved(self, total_steps: int | None, epoch_steps: int | None) -> Schedule:
        given = "constant" if spec.feedback(self.schedule) else self.schedule
        if total_steps is None and (spec.needs_length(given) or not isinstance(self.warmup, int)):
            raise SpecError(
                f"schedule: {self.schedule} needs the number of steps, and data does not tell its number of batches.",
                hint='Give its iterable a length, or count in steps: unit="step".',
            )
        return spec.resolve(
            given, total_steps=total_steps or _ENDLESS, warmup=self.warmup, steps_per_epoch=epoch_steps
        )


# Fields that change what a training gives, beside the code and the data; a name and a place to train do not.
_SETTINGS = (
    "warmup", "budget", "unit", "metric", "batch_size", "val_batch_size", "accumulate", "clip_norm", "amp",
    "eval_every", "log_every",
)  # fmt: skip


def _class_accuracy(output: Any, target: Any) -> torch.Tensor | None:
    """The accuracy where targets turn out to be classes."""
    return None if target.is_floating_point() else accuracy(output, target)


def _device(named: str | torch.device) -> torch.device:
    if named == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(named)
    if device.type == "cuda" and not (
        torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    ):
        raise SpecError(
            f"device: there is no {device} here; PyTorch sees {torch.cuda.device_count()} CUDA devices."
        )
    return device
