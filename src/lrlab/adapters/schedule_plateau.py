"""The schedule with feedback as each framework has it."""

from collections.abc import Mapping
from typing import Any

from lrlab.core.errors import SpecError
from lrlab.schedules.plateau import Plateau
from lrlab.schedules.protocol import AnyFeedback

Written = Mapping[str, Any]


def reduce_on_plateau_arguments(rule: Plateau) -> dict[str, object]:
    """The arguments of PyTorch's ``ReduceLROnPlateau`` but ``min_lr``, which is an absolute rate."""
    return {
        "mode": rule.direction,
        "factor": rule.by,
        "patience": rule.patience,
        "threshold": rule.threshold,
        "threshold_mode": {"relative": "rel", "absolute": "abs"}[rule.measured],
        "cooldown": rule.cooldown,
        "eps": 0.0,
    }


def plateau_code(rule: AnyFeedback, target: str, *, lr: float | None, title: str) -> Written:
    """The code of a plateau, as ``text`` and ``notes``.

    Raises:
        SpecError: If the framework cannot have it.
    """
    if not isinstance(rule, Plateau):
        raise SpecError(f"export: {rule.name} is not one of lrlab's own schedules, which alone have code.")
    if target not in _CODE:
        raise SpecError(
            f"export: plateau looks at a metric, so {target} cannot have it: {_WHY_NOT[target]}.",
            hint=f"It can be exported to {', '.join(_CODE)}, json.",
        )
    return {"text": f"# {title}\n{_CODE[target](rule, lr)}"}


def _call(arguments: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


def _torch(rule: Plateau, lr: float | None) -> str:
    return f"""from torch.optim.lr_scheduler import ReduceLROnPlateau


def make_scheduler(optimizer):
    # Call scheduler.step(metric) after each validation. Every group ends at its own floor.
    floors = [{rule.floor!r} * group["lr"] for group in optimizer.param_groups]
    return ReduceLROnPlateau(optimizer, {_call(reduce_on_plateau_arguments(rule))}, min_lr=floors)
"""


def _lightning(rule: Plateau, lr: float | None) -> str:
    return f"""{_torch(rule, lr)}

def lr_scheduler_config(optimizer, monitor="val_loss"):
    return {{"scheduler": make_scheduler(optimizer), "monitor": monitor, "interval": "epoch"}}
"""


def _huggingface(rule: Plateau, lr: float | None) -> str:
    if rule.floor > 0.0 and lr is None:
        raise SpecError(
            f"export: the floor of {rule.floor:g} is an absolute rate there, and the peak is not known.",
            hint="Give it: --lr 3e-4.",
        )
    arguments = reduce_on_plateau_arguments(rule) | {"min_lr": rule.floor * (lr or 0.0)}
    rate = "" if lr is None else f"\n        learning_rate={lr!r},"
    return f"""from transformers import TrainingArguments


def training_arguments(output_dir, **others):
    # It is given metric_for_best_model (by default eval_loss) after each evaluation.
    return TrainingArguments(
        output_dir,{rate}
        lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={arguments!r},
        **{{"eval_strategy": "epoch", **others}},
    )
"""


def _keras(rule: Plateau, lr: float | None) -> str:
    if rule.measured == "relative" and rule.threshold > 0.0:
        raise SpecError(
            "export: Keras measures how much better a value is in absolute numbers, and threshold is relative.",
            hint=f"Write it so: plateau threshold {rule.threshold:g} absolute.",
        )
    if rule.floor > 0.0 and lr is None:
        raise SpecError(
            f"export: the floor of {rule.floor:g} is an absolute rate there, and the peak is not known.",
            hint="Give it: --lr 3e-4.",
        )
    arguments = {
        "factor": rule.by,
        "patience": rule.patience + 1,  # reduces at the value that reaches it, not at the one after
        "mode": rule.direction,
        "min_delta": rule.threshold,
        "cooldown": rule.cooldown + 1 if rule.cooldown else 0,  # its last value of a cool-down counts again
        "min_lr": rule.floor * (lr or 0.0),
    }
    return f"""import keras


def make_callback(monitor="val_loss"):
    # model.fit(..., callbacks=[make_callback()])
    return keras.callbacks.ReduceLROnPlateau(monitor=monitor, {_call(arguments)})
"""


def _optax(rule: Plateau, lr: float | None) -> str:
    if rule.direction == "max" or rule.threshold == 0.0 or rule.by == 1.0:
        raise SpecError(
            "export: optax reduces on plateaus of a value that should fall, by a factor below 1, with a threshold "
            f"above 0; got {rule.direction}, by {rule.by:g}, threshold {rule.threshold:g}.",
            hint="Write the metric with its sign turned, and a threshold such as 0.0001.",
        )
    relative = rule.measured == "relative"
    arguments = {
        "factor": rule.by,
        "patience": rule.patience + 1,  # reduces at the value that reaches it, not at the one after
        "rtol": rule.threshold if relative else 0.0,
        "atol": 0.0 if relative else rule.threshold,
        "cooldown": rule.cooldown,
        "min_scale": rule.floor,
    }
    return f"""import optax


def make_transform():
    # optax.chain(optax.adamw(peak), make_transform()); tx.update(grads, state, params, value=metric) reads the metric
    # at every update: give accumulation_size= the updates between two validations, or keep the state and apply it there.
    return optax.contrib.reduce_on_plateau({_call(arguments)})
"""


_CODE = {
    "torch": _torch,
    "huggingface": _huggingface,
    "lightning": _lightning,
    "keras": _keras,
    "optax": _optax,
}
_WHY_NOT = {
    "timm": "its own plateau scheduler is deprecated and forgets its state at a resume; use torch's with timm",
    "yolo": "none of its arguments reduces the rate when a metric stops getting better",
    "csv": "its rates are known only while a training runs",
}
