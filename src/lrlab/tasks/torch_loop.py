"""The training loop of a recipe: it makes records, and knows nothing of freezing."""

import copy
import math
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch
from torch import nn

from lrlab.core.errors import SpecError
from lrlab.core.metric import Metric
from lrlab.core.record import Record
from lrlab.schedules.protocol import AnyFeedback, Schedule
from lrlab.tasks.torch_best import BestWeights, copied, copied_weights, load_weights
from lrlab.tasks.torch_data import Batch, Batches, no_batch, to_device
from lrlab.tasks.torch_losses import Objective
from lrlab.tasks.torch_optimizers import OptimizerChoice, set_mode

_AS_IT_IS = nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a training is made of.

    Args:
        build_model: Makes the model; seeded by the caller.
        optimizer: Makes the optimizer.
        objective: How the model is judged on a batch.
        data: Batches to train on.
        val_data: Batches to evaluate on, if any.
        schedule: Multiplier of the rate by optimizer step.
        feedback: A further multiplier, by the metric at the end of each unit.
        metric: What is compared; training ends where it is not finite.
        budget: Units in a full run.
        eval_every: Optimizer steps from one evaluation to the next where the unit is a step; None: it is an epoch.
        log_every: Optimizer steps from one training loss to the next; 0 for none inside a unit.
        accumulate: Batches in an optimizer step.
        clip_norm: Largest norm of the gradient, if any.
        device: Where to train.
        autocast: Half precision where the device is good at it.
    """

    build_model: Callable[[], object]
    optimizer: OptimizerChoice
    objective: Objective
    data: Batches
    val_data: Batches | None
    schedule: Schedule
    feedback: AnyFeedback | None
    metric: Metric
    budget: int
    eval_every: int | None
    log_every: int
    accumulate: int
    clip_norm: float | None
    device: torch.device
    autocast: bool

    def end_of_unit(self, steps: int) -> int:
        """Where the unit's end after ``steps`` optimizer steps lies, if the unit is a step."""
        every = self.eval_every or 1
        return min((steps // every + 1) * every, self.budget)


@dataclass(slots=True)
class Progress:
    """How far a training is; all that its loop knows outside of model and optimizer."""

    begun: bool = False  # whether the untrained model was evaluated
    over: bool = False
    units: int = 0
    steps: int = 0  # optimizer steps
    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    unit_steps: int = 0
    unit_loss: float = 0.0  # sum over the unit's samples
    unit_samples: int = 0


class Loop:
    """One training, from its first step or from a stored state.

    Args:
        plan: What it is made of.
        lr: Learning rate of the group that has the largest.
        seed: Seed of the order of batches; the global random states are the caller's to seed.

    Raises:
        SpecError: If the plan's functions make no model or no optimizer.
    """

    def __init__(self, plan: Plan, *, lr: float, seed: int) -> None:
        self.plan = plan
        self.progress = Progress()
        self._seed = seed
        self.model = _built_model(plan)
        self._optimizer, self._rates = plan.optimizer.build(self.model, lr)
        self._weights = [weight for group in self._optimizer.param_groups for weight in group["params"]]
        self._multiplier: float | None = None  # the one that the groups have
        self._watched: Any = plan.feedback.start() if plan.feedback else None  # the state of the feedback
        self._precision = torch.float16
        if plan.autocast and torch.cuda.is_bf16_supported():
            self._precision = torch.bfloat16
        scales = plan.autocast and self._precision is torch.float16
        self._scaler = torch.amp.GradScaler(plan.device.type) if scales else None
        self._on_host = plan.device.type == "cpu"  # where reading a number makes nobody wait
        self._losses: list[Any] = []  # since the last flush; they stay on the device until then
        self._sizes: list[int] = []
        self._norm: torch.Tensor | None = None
        self._unit_end = plan.end_of_unit(0)
        self._best = BestWeights(plan.metric)

    def begin(self) -> list[Record]:
        """The untrained record, or none where there is nothing to evaluate on; before ``records``."""
        self.progress.begun = True
        if self.plan.val_data is None:
            return []
        with self._evaluating():
            return [Record(0, self._evaluation(), 0)]

    def records(self) -> Generator[Record, None, None]:
        """Train to the end; ``progress`` and ``state`` are whole at every record."""
        done = self.progress
        self.model.train()
        set_mode(self._optimizer, training=True)
        while done.units < self.plan.budget and not done.over:
            yield from self._epoch()

    def state(self) -> dict[str, object]:
        """Copies of everything but the random states, in the host's memory."""
        return {
            "progress": asdict(self.progress),
            **copied_weights(self.model),
            "best": self._best.state(),
            "optimizer": copied(self._optimizer.state_dict()),
            "scaler": self._scaler.state_dict() if self._scaler else None,
            **({"feedback": self.plan.feedback.dump(self._watched)} if self.plan.feedback else {}),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` returned; before the first record."""
        load_weights(self.model, state)
        self._best.restore(state.get("best"))
        # A copy: PyTorch takes tensors over as they are, and two runs may start from one state.
        self._optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if self._scaler:
            self._scaler.load_state_dict(state["scaler"])
        if self.plan.feedback:
            self._watched = self.plan.feedback.load(state["feedback"])
        self.progress = Progress(**state["progress"])
        self._unit_end = self.plan.end_of_unit(self.progress.steps)
        self._multiplier = None

    def _epoch(self) -> Iterator[Record]:
        """Train to the end of the epoch, or of the budget."""
        plan, done = self.plan, self.progress
        by_epoch = plan.eval_every is None
        batches = plan.data.epoch(self._seed, done.epoch, skip=done.batch)
        length = plan.data.length
        while group := list(islice(batches, plan.accumulate)):
            done.batch += len(group)
            ends_epoch = by_epoch and done.batch == length
            self._step(group, ends_unit=ends_epoch or (not by_epoch and done.steps + 1 == self._unit_end))
            if not by_epoch and done.steps == self._unit_end:
                self._unit_end = plan.end_of_unit(done.steps)
                yield self._unit(done.steps)
            elif not ends_epoch and self._is_logged():
                yield self._log()
            if done.over or done.units >= plan.budget:
                return
        if done.batch == 0:
            raise no_batch("data", done.epoch)
        done.epoch += 1
        done.batch = 0
        if by_epoch:
            yield self._unit(done.epoch)

    def _step(self, group: list[tuple[Batch, int]], *, ends_unit: bool) -> None:
        """One optimizer step; the group's gradient is that of the mean over all of its samples."""
        plan, optimizer, scaler = self.plan, self._optimizer, self._scaler
        multiplier = plan.schedule(self.progress.steps)
        if plan.feedback:
            multiplier *= plan.feedback.multiplier(self._watched)
        if multiplier != self._multiplier:
            self._set_rates(multiplier)
        optimizer.zero_grad(set_to_none=True)
        samples = group[0][1] if len(group) == 1 else sum(size for _, size in group)
        for batch, size in group:
            loss = self.loss(batch)
            self._losses.append(loss.item() if self._on_host else loss.detach())
            self._sizes.append(size)
            if size != samples:
                loss = loss * (size / samples)
            if scaler:
                loss = scaler.scale(loss)
            loss.backward()  # type: ignore[no-untyped-call]
        if plan.clip_norm is not None or ends_unit:
            self._norm = self._clipped_norm()
        if scaler:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
        self.progress.steps += 1
        self.progress.unit_steps += 1

    def _set_rates(self, multiplier: float) -> None:
        self._multiplier = multiplier
        # Groups are looked up anew: loading a state replaces them.
        for settings, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            if isinstance(settings["lr"], torch.Tensor):
                settings["lr"].fill_(rate * multiplier)
            else:
                settings["lr"] = rate * multiplier

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of one batch; with a gradient unless the caller has switched that off."""
        plan = self.plan
        if not self._on_host:
            batch = to_device(batch, plan.device)
        if not plan.autocast:
            return plan.objective.loss(self.model, batch)
        with self._autocast():
            return plan.objective.loss(self.model, batch)

    def _autocast(self) -> AbstractContextManager[Any]:
        plan = self.plan
        return torch.autocast(plan.device.type, dtype=self._precision) if plan.autocast else _AS_IT_IS

    def _clipped_norm(self) -> torch.Tensor | None:
        """Norm of the gradient before it is clipped."""
        if self._scaler:
            self._scaler.unscale_(self._optimizer)
        if self.plan.clip_norm is not None:
            return nn.utils.clip_grad_norm_(self._weights, self.plan.clip_norm)
        norms = [weight.grad.norm() for weight in self._weights if weight.grad is not None]
        return torch.stack(norms).norm() if norms else None

    def _is_logged(self) -> bool:
        """Whether the step that was made is to be told: each so many, and one that lost its way."""
        every = self.plan.log_every
        if every and self.progress.unit_steps % every == 0:
            return True
        return self._on_host and math.isnan(self._losses[-1])

    def _flush(self) -> float:
        """Read the losses since the last flush, add them to the unit's, and return their mean."""
        values = _numbers(self._losses)
        total, samples = _weighted_sum(values, self._sizes), sum(self._sizes)
        self._losses, self._sizes = [], []
        self.progress.unit_loss += total
        self.progress.unit_samples += samples
        return total / samples

    def _log(self) -> Record:
        """A record inside the unit: the mean training loss since the last one."""
        done, length = self.progress, self.plan.data.length
        loss = self._flush()
        done.over = math.isnan(loss)
        if self.plan.eval_every is None:
            # An iterable may have more batches than it tells; the unit's end comes after all of them.
            at = done.epoch + (min(done.batch, length - 0.5) / length if length else 0.5)
        else:
            at = done.steps - 0.5  # only an evaluated step may look like a unit's end
        return Record(at, {"loss": loss}, done.steps)

    def _unit(self, units: int) -> Record:
        """The record that ends a unit."""
        plan, done = self.plan, self.progress
        if self._losses:
            self._flush()
        train_loss = done.unit_loss / done.unit_samples
        applied = self._applied_lr()
        with self._evaluating():
            metrics = {"train_loss": train_loss, **self._evaluation(), "lr": applied}
            value = metrics.get(plan.metric.name, 0.0)
            if plan.val_data is not None:
                self._best.see(value, self.model)
        if self._norm is not None:
            metrics["grad_norm"] = float(self._norm)
        done.units = units
        done.unit_steps, done.unit_loss, done.unit_samples = 0, 0.0, 0
        self._norm = None
        if plan.feedback:
            self._watched = plan.feedback.next(self._watched, value)
        done.over = math.isnan(train_loss) or not math.isfinite(value)
        return Record(units, metrics, done.steps)

    def _applied_lr(self) -> float:
        """The largest rate that stands in the optimizer: what was applied, not what was asked for."""
        return max(float(group["lr"]) for group in self._optimizer.param_groups)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Model and optimizer as they are judged, and back. A state is only ever taken as they are trained."""
        if self.plan.val_data is None:
            yield
            return
        self.model.eval()
        set_mode(self._optimizer, training=False)
        try:
            yield
        finally:
            set_mode(self._optimizer, training=True)
            self.model.train()

    def _evaluation(self) -> dict[str, float]:
        """Means over the validation data; empty where there is none."""
        plan = self.plan
        if plan.val_data is None:
            return {}
        values: defaultdict[str, list[Any]] = defaultdict(list)
        sizes: list[int] = []
        # Not inference_mode: what a model caches in its first evaluation could not be trained with.
        with torch.no_grad(), self._autocast():
            for batch, size in plan.val_data.epoch(0, 0):
                sizes.append(size)
                if not self._on_host:
                    batch = to_device(batch, plan.device)
                for name, value in plan.objective.scores(self.model, batch).items():
                    if value is not None:  # an accuracy where there are no classes
                        values[name].append(float(value) if self._on_host else value)
        if not sizes:
            raise no_batch("val_data", 0)
        values["val_loss"] = values.pop("loss")
        return {name: _weighted_sum(_numbers(given), sizes) / sum(sizes) for name, given in values.items()}


def _built_model(plan: Plan) -> nn.Module:
    model = plan.build_model()
    if not isinstance(model, nn.Module):
        raise SpecError(
            f"model: the function must return an nn.Module, got {type(model).__name__}.",
            hint="Such as lambda: nn.Linear(10, 2).",
        )
    return model.to(plan.device)


def _weighted_sum(values: list[float], weights: list[int]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def _numbers(values: list[Any]) -> list[float]:
    """The values as floats, with one transfer where they are tensors."""
    if all(isinstance(value, torch.Tensor) for value in values):
        read: list[float] = torch.stack([value.detach().reshape(()) for value in values]).tolist()
        return read
    return [float(value) for value in values]
