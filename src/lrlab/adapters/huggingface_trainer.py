"""What a Trainer is about to do: read, checked, and set up for a run of lrlab."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import transformers
from transformers.trainer import DEFAULT_PROGRESS_CALLBACK
from transformers.trainer_callback import ExportableState, PrinterCallback, ProgressCallback
from transformers.trainer_utils import IntervalStrategy, SaveStrategy

from lrlab.adapters.huggingface_watcher import Watcher, peak_rate
from lrlab.core.answer import Caution
from lrlab.core.errors import LrlabError, SpecError, UnusableTaskError
from lrlab.core.lr_range import LRRange, format_lr
from lrlab.core.question import Resumes
from lrlab.schedules import spec
from lrlab.schedules.inverse_sqrt import InverseSqrt
from lrlab.schedules.plan import RatePlan
from lrlab.tasks import random_state
from lrlab.tasks.torch_best import copied, copied_weights, load_weights

_STEEP = LRRange(1e-5, 10.0)  # rates of optimizers whose steps grow with the gradient
_NORMED = LRRange(1e-6, 0.1)  # and of those that divide by its size
_SAME = 1e-6  # share by which two equal rates may differ
# What cannot be trained here, how it is seen, and what to do instead.
_REFUSED: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("deepspeed", lambda args: bool(getattr(args, "deepspeed", None)), "Leave it out; lrlab trains one run a process."),
    ("fsdp", lambda args: bool(getattr(args, "fsdp", None)), "Leave it out; lrlab trains one run a process."),
    ("a distributed launcher", lambda args: args.world_size > 1, "Start without it, and give lrlab devices=... instead."),
    (
        "auto_find_batch_size",
        lambda args: bool(args.auto_find_batch_size),
        "Set the batch size: runs of different sizes cannot be compared.",
    ),
    ("push_to_hub", lambda args: bool(args.push_to_hub), "Leave it out; push the answer's model afterwards."),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerFacts:
    """What one look at a Trainer tells about every run.

    Args:
        unit: ``"epoch"``, or ``"step"`` where it evaluates by steps.
        budget: Length of its training, in units.
        optimizer: Name of its optimizer, in lower case.
        schedule: Name of its schedule; "" where it was given a scheduler.
        resumes: Whether a stored run can go on exactly.
        lr_range: Rates to search where a sweep is given none.
        warnings: What every answer repeats.
        planned: The rates that it means to apply; None where the schedule is its own, or none that lrlab has.
    """

    unit: str
    budget: int
    optimizer: str
    schedule: str
    resumes: Resumes
    lr_range: LRRange
    warnings: tuple[Caution, ...]
    planned: RatePlan | None


def build(make: Callable[[Any], object], run: Any) -> Any:
    """The Trainer that ``make(run)`` returns.

    Raises:
        UnusableTaskError: If it raises.
        SpecError: If it returns something else, or a Trainer that cannot be a run here.
    """
    try:
        trainer = make(run)
    except LrlabError:
        raise
    except Exception as error:
        raise UnusableTaskError(
            f"huggingface: {_name(make)}(run) failed at lr={format_lr(run.lr)}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(trainer, transformers.Trainer):
        raise SpecError(
            f"huggingface: {_name(make)}(run) must return a transformers.Trainer, got {type(trainer).__name__}.",
            hint="End it with: return Trainer(...)"
            if trainer is None
            else "Return the Trainer itself, not trained.",
        )
    _check(trainer)
    return trainer


def look(trainer: Any, *, asked_lr: float) -> TrainerFacts:
    """What ``trainer``, which was made for ``asked_lr`` and is not used again, tells about every run.

    Raises:
        SpecError: If the length of its training cannot be told in units.
    """
    args, given = trainer.args, trainer.lr_scheduler is not None
    by_epoch = args.eval_strategy != IntervalStrategy.STEPS
    loader = trainer.get_train_dataloader()
    length = _length(loader)
    trainer.create_optimizer()
    _check_rate(trainer.optimizer)
    optimizer = type(trainer.optimizer).__name__.lower()
    schedule = str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type))
    return TrainerFacts(
        unit="epoch" if by_epoch else "step",
        budget=_budget(args, length, by_epoch=by_epoch),
        optimizer=optimizer,
        schedule=""
        if given
        else schedule.removesuffix("_with_warmup"),  # constant_with_warmup, a constant one
        resumes="exact"
        if length is not None and _is_storable(trainer, loader, by_epoch=by_epoch)
        else "live",
        lr_range=_STEEP if "sgd" in optimizer else _NORMED,
        warnings=tuple(_cautions(trainer, asked_lr)),
        planned=None if given else _planned(trainer, schedule, length, asked_lr=asked_lr),
    )


def set_up(trainer: Any, *, seed: int, folder: str) -> None:
    """Make it silent, seeded, without checkpoints of its own, and evaluated at each unit's end."""
    args = trainer.args
    args.seed = seed
    args.output_dir = folder
    args.save_strategy = SaveStrategy.NO
    args.load_best_model_at_end = False
    args.logging_nan_inf_filter = False  # it would tell the mean of the losses before in place of NaN
    args.eval_on_start = False  # the untrained record is made before
    args.eval_delay = 0
    args.ignore_data_skip = False
    args.disable_tqdm = True
    if args.device.type == "cpu":
        args.dataloader_pin_memory = False  # there is nothing to pin for, and torch warns at every evaluation
    if args.eval_strategy == IntervalStrategy.NO:
        args.eval_strategy = IntervalStrategy.EPOCH
    for callback in list(trainer.callback_handler.callbacks):
        if isinstance(callback, ProgressCallback | PrinterCallback | DEFAULT_PROGRESS_CALLBACK):
            trainer.remove_callback(callback)


def evaluate_untrained(trainer: Any) -> dict[str, Any]:
    """The evaluation before training; no callback, log or random state knows of it."""
    handler = trainer.callback_handler
    kept, handler.callbacks = handler.callbacks, []
    before = random_state.capture()
    try:
        return dict(trainer.evaluate())
    finally:
        random_state.restore(before)
        handler.callbacks = kept


def state_of(trainer: Any) -> dict[str, object]:
    """Copies of all that a Trainer's training has changed, but the random states."""
    scaler = _scaler(trainer)
    return {
        "trainer": json.dumps(dataclasses.asdict(trainer.state), default=float),
        **copied_weights(trainer.model),
        "optimizer": copied(trainer.optimizer.state_dict()),
        "scheduler": copied(trainer.lr_scheduler.state_dict()),
        "scaler": scaler.state_dict() if scaler is not None else None,
        "callbacks": [dict(callback.state()["attributes"]) for callback in _stateful(trainer)],
    }


def resume(
    trainer: Any, state: Mapping[str, Any], *, folder: str, restore_random: Callable[[], None]
) -> None:
    """Train on from ``state``, to the end.

    The Trainer's own way is gone, from a folder that holds nothing but its ``trainer_state.json``: it finds the epoch and
    the batch. The places where it would read pickled files are handed what lrlab stored instead.

    Args:
        trainer: A new one, set up.
        state: What ``state_of`` returned.
        folder: A folder for the file.
        restore_random: Puts the random states back; called where the first batch is there.
    """

    def load_model(*_: Any, **__: Any) -> None:
        load_weights(trainer.model, state)

    def load_optimizer(*_: Any, **__: Any) -> None:
        # Copies: torch takes tensors over as they are, and two runs may start from one state.
        trainer.optimizer.load_state_dict(copied(state["optimizer"]))
        trainer.lr_scheduler.load_state_dict(copied(state["scheduler"]))
        scaler = _scaler(trainer)
        if scaler is not None and state["scaler"]:
            scaler.load_state_dict(state["scaler"])

    for callback, attributes in zip(_stateful(trainer), state["callbacks"], strict=True):
        for name, value in attributes.items():
            setattr(callback, name, value)
    with open(f"{folder}/trainer_state.json", "w", encoding="utf-8") as file:
        file.write(state["trainer"])
    trainer._load_from_checkpoint = load_model
    trainer._load_optimizer_and_scheduler = load_optimizer
    trainer._load_rng_state = lambda *_: restore_random()
    trainer.train(resume_from_checkpoint=folder)


def _check(trainer: Any) -> None:
    args, own = trainer.args, type(trainer)
    for what, holds, instead in _REFUSED:
        if holds(args):
            raise SpecError(f"huggingface: a Trainer with {what} cannot be a run of lrlab.", hint=instead)
    data = (
        ("train_dataset", "get_train_dataloader", "there is nothing to train on"),
        ("eval_dataset", "get_eval_dataloader", "there is nothing to compare rates by"),
    )
    for name, method, why in data:
        overridden = getattr(own, method) is not getattr(transformers.Trainer, method)
        if getattr(trainer, name) is None and not overridden:
            raise SpecError(
                f"huggingface: the Trainer has no {name}, so {why}.", hint=f"Give Trainer({name}=...)."
            )


def _check_rate(optimizer: Any) -> None:
    if any(group.get("lr") is None for group in optimizer.param_groups):
        raise SpecError(
            f"huggingface: the optimizer {type(optimizer).__name__} chooses its rate by itself, so there is none to search.",
            hint="Give it lr=run.lr; Adafactor needs relative_step=False with it.",
        )


def _length(loader: Any) -> int | None:
    """Batches in an epoch, where that is known."""
    try:
        return len(loader)
    except TypeError:
        return None


def _budget(args: Any, length: int | None, *, by_epoch: bool) -> int:
    if length is None and by_epoch:
        raise SpecError(
            "huggingface: the train_dataset does not tell its length, so epochs cannot be counted.",
            hint='Evaluate by steps: TrainingArguments(eval_strategy="steps", eval_steps=100, max_steps=...).',
        )
    epoch_steps = 1 if length is None else max(math.ceil(length / args.gradient_accumulation_steps), 1)
    if args.max_steps > 0:
        steps: int = args.max_steps
        units = steps if not by_epoch else math.ceil(steps / epoch_steps)
    else:
        units = math.ceil(args.num_train_epochs if by_epoch else args.num_train_epochs * epoch_steps)
    if units < 1:
        raise SpecError(
            f"huggingface: the Trainer trains {args.num_train_epochs:g} epochs; at least one is needed.",
            hint="Set TrainingArguments(num_train_epochs=...) or max_steps.",
        )
    return units


def _planned(trainer: Any, name: str, length: int | None, *, asked_lr: float) -> RatePlan | None:
    """The schedule that the Trainer makes for ``lr_scheduler_type`` by itself, where lrlab has its closed form.

    References:
        ``get_*_schedule*`` of Transformers 5.24, ``optimization.py``.
    """
    args, own = trainer.args, type(trainer)
    makes = ("create_scheduler", "create_optimizer_and_scheduler")
    if any(getattr(own, method) is not getattr(transformers.Trainer, method) for method in makes):
        return None
    if abs(peak_rate(trainer.optimizer) - asked_lr) > _SAME * asked_lr or args.lr_scheduler_kwargs:
        return None
    if args.max_steps > 0:
        steps = int(args.max_steps)
    elif length is None:
        return None
    else:
        epoch_steps = max(math.ceil(length / args.gradient_accumulation_steps), 1)
        steps = math.ceil(args.num_train_epochs * epoch_steps)
    rise = 0 if name == "constant" else int(args.get_warmup_steps(steps))
    if name == "inverse_sqrt":
        return RatePlan(schedule=InverseSqrt(warmup=rise, timescale=rise or 10_000), length=steps)
    text = {
        "constant": "constant",
        "constant_with_warmup": "constant",
        "linear": "linear",
        "cosine": "cosine",
    }.get(name)
    if text is None or rise >= steps:
        return None
    return RatePlan(schedule=spec.resolve(text, total_steps=steps, warmup=rise), length=steps)


def _is_storable(trainer: Any, loader: Any, *, by_epoch: bool) -> bool:
    """Whether all that changes in a training is seen here."""
    if trainer.args.dataloader_persistent_workers and trainer.args.dataloader_num_workers > 0:
        return False  # their random states live in processes of their own
    hidden = any(
        vars(callback) and not isinstance(callback, ExportableState)
        for callback in trainer.callback_handler.callbacks
        if not type(callback).__module__.startswith("transformers.")
    )
    # Inside an epoch one batch is loaded ahead, with random numbers that cannot be drawn again.
    return not hidden and (by_epoch or not _draws(loader))


def _draws(loader: Any) -> bool:
    """Whether loading samples and putting them together draws random numbers."""
    before = _drawn_from()
    loader.collate_fn([loader.dataset[index] for index in range(min(len(loader.dataset), 2))])
    return _drawn_from() != before


def _drawn_from() -> tuple[object, ...]:
    """The random states in a form that can be compared."""
    now = random_state.capture()
    return (now.python, now.numpy[1].tobytes(), now.numpy[2:], now.torch.numpy().tobytes())


def _cautions(trainer: Any, asked_lr: float) -> Iterator[Caution]:
    peak = peak_rate(trainer.optimizer)
    if abs(peak - asked_lr) > _SAME * asked_lr:
        yield Caution(
            code="RATE_CHANGED",
            text=f"Asked for the rate {format_lr(asked_lr)}, the Trainer's optimizer has {format_lr(peak)}, "
            f"{peak / asked_lr:.3g} times as much. The answer's rates are those asked for, as run.lr.",
        )


def _stateful(trainer: Any) -> list[Any]:
    return [
        callback
        for callback in trainer.callback_handler.callbacks
        if isinstance(callback, ExportableState) and not isinstance(callback, Watcher)
    ]


def _scaler(trainer: Any) -> Any:
    return getattr(trainer.accelerator, "scaler", None)


def _name(make: Callable[..., object]) -> str:
    while isinstance(make, functools.partial):
        make = make.func
    return getattr(make, "__name__", type(make).__name__).strip("<>")
