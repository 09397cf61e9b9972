"""Which arguments of the Hugging Face Trainer have exactly the values of a schedule; nothing here imports it."""

from lrlab.schedules.constant import Constant
from lrlab.schedules.cosine import Cosine
from lrlab.schedules.inverse_sqrt import InverseSqrt
from lrlab.schedules.join import Warmup
from lrlab.schedules.linear import Linear
from lrlab.schedules.polynomial import Polynomial
from lrlab.schedules.protocol import Schedule
from lrlab.schedules.restarts import Restarts
from lrlab.schedules.wsd import Wsd

Arguments = dict[str, object]
_DECAYS = {"linear": "linear", "cosine": "cosine", "sqrt": "1-sqrt"}


def trainer_arguments(schedule: Schedule, *, total_steps: int | None, lr: float | None) -> Arguments | None:
    """``lr_scheduler_type``, ``warmup_steps`` and ``lr_scheduler_kwargs`` with the same values; None if there are none.

    Args:
        schedule: Bound to a training of ``total_steps``.
        total_steps: Length of the training, ``max_steps``; None if not known.
        lr: The peak, which ``polynomial`` needs for its end; None if not known.

    References:
        ``get_*_schedule*`` of Transformers 5.24, ``optimization.py``.
    """
    warmup, inner = 0, schedule
    if isinstance(schedule, Warmup):
        if schedule.start != 0.0 or schedule.shape != "linear":
            return None
        warmup, inner = schedule.steps, schedule.schedule
    if isinstance(inner, Constant):
        return _as("constant_with_warmup" if warmup else "constant", warmup)
    if isinstance(inner, InverseSqrt) and not warmup:
        own = {} if inner.timescale == (inner.warmup or 10_000) else {"timescale": inner.timescale}
        return _as("inverse_sqrt", inner.warmup, **own)
    if total_steps is None:
        return None
    if isinstance(inner, Wsd) and not warmup:
        return _wsd(inner, total_steps)
    if isinstance(inner, Restarts):
        return _restarts(inner, warmup, total_steps - warmup)
    if getattr(inner, "steps", None) != total_steps - warmup:
        return None
    return _decay(inner, warmup, lr)


def arguments_code(schedule: Schedule, *, total_steps: int | None, lr: float | None) -> str | None:
    """A function that makes the ``TrainingArguments``; None where they do not suffice."""
    arguments = trainer_arguments(schedule, total_steps=total_steps, lr=lr)
    if arguments is None:
        return None
    given = {
        **({"max_steps": total_steps} if total_steps is not None else {}),
        **({"learning_rate": lr} if lr is not None else {}),
        **arguments,
    }
    lines = "".join(f"        {name}={value!r},\n" for name, value in given.items())
    return (
        "def training_arguments(output_dir, **others):\n"
        f"    return TrainingArguments(\n        output_dir,\n{lines}        **others,\n    )\n"
    )


def _as(name: str, warmup: int, **others: object) -> Arguments:
    return {
        "lr_scheduler_type": name,
        **({"warmup_steps": warmup} if warmup else {}),
        **({"lr_scheduler_kwargs": others} if others else {}),
    }


def _decay(inner: Schedule, warmup: int, lr: float | None) -> Arguments | None:
    if isinstance(inner, Linear) and inner.floor == 0.0:
        return _as("linear", warmup)
    if isinstance(inner, Cosine):
        if inner.floor == 0.0:
            return _as("cosine", warmup)
        return _as("cosine_with_min_lr", warmup, min_lr_rate=inner.floor)
    power = inner.power if isinstance(inner, Polynomial) else 1.0
    floor = inner.floor if isinstance(inner, Linear | Polynomial) else 1.0
    if floor == 1.0 or (floor > 0.0 and lr is None):
        return None  # the end is given in absolute rate, and must lie below the peak
    return _as("polynomial", warmup, lr_end=floor * (lr or 0.0), power=power)


def _wsd(inner: Wsd, total_steps: int) -> Arguments | None:
    # There the warm-up begins at the floor; here it begins at 0.
    if inner.steps != total_steps or inner.shape not in _DECAYS or (inner.floor > 0.0 and inner.warmup):
        return None
    floor = {"min_lr_ratio": inner.floor} if inner.floor > 0.0 else {}
    return _as(
        "warmup_stable_decay", inner.warmup, num_decay_steps=inner.decay, decay_type=_DECAYS[inner.shape], **floor
    )  # fmt: skip


def _restarts(inner: Restarts, warmup: int, rest: int) -> Arguments | None:
    if inner.times != 1 or inner.peak != 1.0 or inner.floor != 0.0 or rest % inner.every:
        return None
    cycles = rest // inner.every
    # It counts cycles in floating point: where a start is a hair too low, a step at the peak has a rate of 0.
    if any((cycles * (k * inner.every / rest)) % 1.0 for k in range(cycles)):
        return None
    return _as("cosine_with_restarts", warmup, num_cycles=cycles)
