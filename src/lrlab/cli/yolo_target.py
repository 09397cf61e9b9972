"""``lrlab sweep yolo TASK DATA [argument=value ...]``: the target that it names."""

from collections.abc import Mapping, Sequence
from typing import Any

from lrlab.core.errors import SpecError

_OPTIONS = ("budget", "metric", "optimizer", "schedule", "model", "imgsz", "batch_size")
# lrlab's names to yolo's.
_NAMES = {"budget": "epochs", "batch_size": "batch", "schedule": "cos_lr"}
_SCHEDULES = {"linear": False, "cosine": True}


def yolo_target(task: str | None, words: Sequence[str], given: Mapping[str, object]) -> dict[str, object]:
    """A target of Ultralytics YOLO: a command, with its settings.

    Args:
        task: What is trained, such as ``detect``.
        words: The data, and arguments of yolo.
        given: Options that were typed, by the argument's name.

    Raises:
        NotFoundError: If the program, the data or the weights are not here.
        SpecError: If something is missing, or not for YOLO.
    """
    from lrlab.adapters.yolo import TASKS, YoloWords, yolo
    from lrlab.tasks.command import as_target

    if task is None:
        raise SpecError(
            f"sweep: which task of YOLO? Name one of {', '.join(TASKS)}, and the data behind it.",
            hint="Such as: lrlab sweep yolo detect data.yaml --epochs 60 imgsz=160",
        )
    for name in given:
        if name not in _OPTIONS:
            option = "--" + name.removesuffix("_s").replace("_", "-")
            raise SpecError(
                f"sweep: {option} is not for yolo.", hint="Its own arguments are written argument=value."
            )
    said = YoloWords.parse(list(words))
    if given.get("schedule", "linear") not in _SCHEDULES:
        raise SpecError(
            f"sweep: the schedule of yolo must be linear or cosine, got {given['schedule']!r}.",
            hint="Its end is lrf=0.01, its warm-up warmup_epochs=3.",
        )
    typed = {
        _NAMES.get(name, name): _SCHEDULES[str(value)] if name == "schedule" else value
        for name, value in given.items()
    }
    doubled = [name for name in said.arguments if name in typed]
    if doubled:
        raise SpecError(f"sweep: {doubled[0]} is given twice, as an option and as {doubled[0]}=...")
    settings: dict[str, Any] = {**said.arguments, **typed}
    epochs = settings.pop("epochs", None)
    if isinstance(epochs, str) and epochs.isdigit():
        epochs = int(epochs)
    return as_target(yolo(task, said.data, epochs=epochs, **settings))
