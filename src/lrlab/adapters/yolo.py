"""Ultralytics YOLO, trained by its own ``yolo`` command in a process of its own; nothing here imports it.

What it does with its rate, and what of it is set here so that the rate asked for is the rate applied:

- ``optimizer=auto``, its default, ignores ``lr0``; so the optimizer is always named.
- The schedule depends on the number of epochs, so a run is started with all of them and frozen, never shortened.
- The mAP of random weights is 0 for many epochs, and so is that of their running average, which is validated; until it
  moves the training losses tell rates apart.
- ``lr0`` must lie in 0 to 1; ``results.csv`` tells the applied rates as ``lr/pg0``, ... at each epoch's end.

References:
    https://docs.ultralytics.com/usage/cfg/, and Ultralytics 8.4 as installed.
"""

import math
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.metric import Metric
from lrlab.core.question import whole_number
from lrlab.tasks.command import CommandTask, command

PROGRAM = "LRLAB_YOLO"  # environment variable: the yolo program to use
_METRICS = {
    "detect": "metrics/mAP50-95(B):max",
    "segment": "metrics/mAP50-95(M):max",
    "pose": "metrics/mAP50-95(P):max",
    "obb": "metrics/mAP50-95(B):max",
    "classify": "metrics/accuracy_top1:max",
}
_MODELS = {
    "detect": "yolo11n.yaml",
    "segment": "yolo11n-seg.yaml",
    "pose": "yolo11n-pose.yaml",
    "obb": "yolo11n-obb.yaml",
    "classify": "yolo11n-cls.yaml",
}
TASKS = tuple(_METRICS)
_STEEP = (1e-5, 1.0)  # rates of optimizers whose steps grow with the gradient
_NORMED = (1e-6, 0.1)  # and of those that divide by its size
_OPTIMIZERS = {
    "SGD": _STEEP, "MuSGD": _STEEP, "Adam": _NORMED, "Adamax": _NORMED, "AdamW": _NORMED, "NAdam": _NORMED,
    "RAdam": _NORMED, "RMSProp": _NORMED,
}  # fmt: skip
# What is set here, and whose business it is.
_OWN = {
    "lr0": "lrlab searches it: give the range instead (lr=, --lr)",
    "optimizer": "give it as optimizer= (--optimizer)",
    "epochs": "give it as epochs= (--epochs)",
    "model": "give it as model= (--model)",
    "data": "it is the second argument",
    "seed": "each run has its own",
    "project": "each run writes into a folder of its own",
    "name": "each run writes into a folder of its own",
    "exist_ok": "each run writes into a folder of its own",
    "save_dir": "each run writes into a folder of its own",
    "resume": "a run that was frozen goes on by itself",
    "save": "without its weights a run cannot end",
    "val": "without a validation there is nothing to compare",
    "time": "it would change the number of epochs, and with it the schedule",
    "mode": "it is train",
    "task": "it is the first argument",
    "cfg": "give its settings one by one, so that lrlab sees them",
}
# Not in a run's environment, or there already: no downloads, no installations, no call home.
_OFFLINE = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
_FOLDER = "train"
_WARMUP_EPOCHS = 3.0
_LRF = 0.01
_PLAIN_GROUP = "lr/pg1"  # no biases in any version, and not the one whose rate MuSGD triples


def yolo(
    task: str,
    data: "str | Path",
    *,
    model: "str | Path | None" = None,
    epochs: int | None = None,
    optimizer: str = "SGD",
    metric: "str | Metric | None" = None,
    program: str | None = None,
    name: str | None = None,
    folder: "str | Path | None" = None,
    **arguments: object,
) -> CommandTask:
    """A training of Ultralytics YOLO as a task.

    Each run is the ``yolo`` program with all the epochs and its own ``lr0``, frozen by signal between slices. The rate is
    ``lr0``; ``lrf``, ``cos_lr`` and the ``warmup_*`` arguments stay what they are. The winner's ``best.pt`` is the answer's
    checkpoint.

    Args:
        task: ``detect``, ``segment``, ``pose``, ``obb`` or ``classify``.
        data: The YAML file of the data, or for ``classify`` the folder.
        model: A YAML of an architecture, which Ultralytics has by name and which starts from random weights, or a file of
            weights that is here; by default the smallest YOLO11 without weights.
        epochs: Epochs in a full training; 100, as in Ultralytics, by default.
        optimizer: SGD, MuSGD, Adam, Adamax, AdamW, NAdam, RAdam or RMSProp; ``auto`` would ignore the rate.
        metric: A column of results.csv to compare; by default mAP50-95, or the top-1 accuracy for ``classify``.
        program: The ``yolo`` program; by default ``$LRLAB_YOLO``, the one beside this Python, or the one on the PATH.
        name: How studies name it; by default the names of data and model.
        folder: What relative paths start from; the working folder by default.
        arguments: Any other argument of ``yolo``, such as ``imgsz=160`` or ``cos_lr=True``.

    Raises:
        NotFoundError: If the program, the data or the weights are not here; nothing is downloaded.
        SpecError: If an argument is none of ``yolo``'s business here; the sentence says what to do.

    Example:
        ``lrlab.sweep(lrlab.yolo("detect", "data.yaml", epochs=60, imgsz=160, device="cpu"))``
    """
    if task not in TASKS:
        raise SpecError(f"yolo: the task must be {', '.join(TASKS)}, got {task!r}.")
    here = Path(folder or ".").absolute()
    where = _data(task, data, here)
    architecture = _model(str(model or _MODELS[task]), here)
    chosen = _optimizer(optimizer)
    for key in arguments:
        _check_argument(key)
    settings = {
        "data": str(where),
        "model": architecture,
        "epochs": "{budget}",
        "optimizer": chosen,
        "lr0": "{lr}",
        "seed": "{seed}",
        "project": "{dir}",
        "name": _FOLDER,
        "exist_ok": True,
        "plots": False,
    } | arguments
    environment = [f"{key}={value}" for key, value in _OFFLINE.items() if key not in os.environ]
    low, high = _OPTIMIZERS[chosen]
    budget = whole_number("epochs", 100 if epochs is None else epochs, 1)
    return command(
        [
            "env",
            *environment,
            program or find_program(),
            task,
            "train",
            *(f"{key}={_text(value, braces=key in _PLACED)}" for key, value in settings.items()),
        ],
        budget=budget,
        metric=_METRICS[task] if metric is None else metric,
        read=f"{_FOLDER}/results.csv",
        epochs_from=1,
        folder=here,
        name=name or _name(where, architecture),
        optimizer=chosen.lower(),
        schedule=_schedule(arguments),
        weights=f"{_FOLDER}/weights/best.pt",
        guide="train/*loss",
        settles=_settles(arguments.get("warmup_epochs", _WARMUP_EPOCHS), budget),
        lr=(low, high),
        highest_lr=1.0,
        plan=_plan(arguments),
        plan_column=_PLAIN_GROUP,
    )


_PLACED = ("epochs", "lr0", "seed", "project")


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloWords:
    """What a command line says of a YOLO training.

    Args:
        data: The YAML file, or the folder.
        arguments: ``argument=value`` in yolo's own way.
    """

    data: str
    arguments: Mapping[str, str]

    @classmethod
    def parse(cls, words: "list[str]") -> "YoloWords":
        """The words behind ``lrlab sweep yolo TASK``.

        Raises:
            SpecError: If there is no data, or more than one place.
        """
        pairs = dict(word.split("=", 1) for word in words if "=" in word and not Path(word).exists())
        places = [word for word in words if word.partition("=")[0] not in pairs]
        given = [*places, *([pairs.pop("data")] if "data" in pairs else [])]
        if len(given) != 1:
            what = f"got {len(given)}: {', '.join(given)}" if given else "got none"
            raise SpecError(
                f"yolo: one place of data is needed, {what}.",
                hint="Such as: lrlab sweep yolo detect data.yaml --epochs 60 imgsz=160",
            )
        return cls(data=given[0], arguments=pairs)


def find_program() -> str:
    """The ``yolo`` program: ``$LRLAB_YOLO``, the one beside this Python, or the first on the PATH.

    Raises:
        NotFoundError: If there is none.
    """
    named = os.environ.get(PROGRAM, "")
    if named:
        found = shutil.which(named)
        if found is None:
            raise NotFoundError(
                f"yolo: {PROGRAM} names {named!r}, which is no program.", hint="Correct it, or unset it."
            )
        return found
    found = shutil.which(str(Path(sys.executable).with_name("yolo"))) or shutil.which("yolo")
    if found is None:
        raise NotFoundError(
            "yolo: the program yolo is not here.",
            hint="Install Ultralytics (pip install ultralytics; its licence is AGPL-3.0), or name the program in "
            f"{PROGRAM}.",
        )
    return found


def _data(task: str, data: "str | Path", here: Path) -> Path:
    where = here / Path(data).expanduser()
    kind = "a folder with train and val" if task == "classify" else "the YAML file of the data"
    if not where.exists():
        raise NotFoundError(
            f"yolo: there is no {str(data)!r} here; {task} needs {kind}.",
            hint="lrlab downloads no data: fetch it first, and name its place.",
        )
    if (task == "classify") != where.is_dir():
        what = "a folder" if where.is_dir() else "a file"
        raise SpecError(f"yolo: {task} needs {kind}, and {str(data)!r} is {what}.")
    if task == "classify" and not (where / "train").is_dir():
        raise SpecError(
            f"yolo: {task} needs {kind}, and {str(data)!r} has no train.",
            hint="Ultralytics would split it in every run anew, under the eyes of those that read it. Split it once, and name "
            "the folder that it makes: ultralytics.data.split.split_classify_dataset(folder).",
        )
    return where


def _model(model: str, here: Path) -> str:
    """A model that nothing has to be downloaded for."""
    path = here / Path(model).expanduser()
    if path.is_file():
        return str(path)
    if Path(model).suffix in (".yaml", ".yml") and Path(model).name == model:
        return model  # an architecture that Ultralytics has by name
    hint = "lrlab downloads no weights: fetch them first, or start from random weights with a YAML, such as yolo11n.yaml."
    raise NotFoundError(f"yolo: there is no model {model!r} here.", hint=hint)


def _optimizer(name: str) -> str:
    """The optimizer as Ultralytics writes it."""
    known = {own.lower(): own for own in _OPTIMIZERS}
    if name.lower() in known:
        return known[name.lower()]
    if name.lower() == "auto":
        raise SpecError(
            "yolo: optimizer=auto ignores lr0 and chooses a rate by itself, so there is nothing to search.",
            hint=f"Name one: {', '.join(_OPTIMIZERS)}.",
        )
    near = get_close_matches(name.lower(), known, 1)
    guess = f" Did you mean {known[near[0]]}?" if near else ""
    raise SpecError(f"yolo: the optimizer must be {', '.join(_OPTIMIZERS)}, got {name!r}.{guess}")


def _check_argument(key: str) -> None:
    if key in _OWN:
        raise SpecError(f"yolo: {key} cannot be given here: {_OWN[key]}.", hint="Leave it out.")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        raise SpecError(f"yolo: {key!r} is no argument of yolo.", hint="Write argument=value.")


def _settles(warmup_epochs: object, budget: int) -> int:
    """Whole epochs of the warm-up, in which the biases have a rate of their own."""
    try:
        epochs = float(str(warmup_epochs))
    except ValueError:
        raise SpecError(f"yolo: warmup_epochs must be a number, got {warmup_epochs!r}.") from None
    return min(max(math.ceil(epochs), 0), budget - 1)


def _schedule(arguments: Mapping[str, object]) -> str:
    return "cosine" if str(arguments.get("cos_lr")).lower() == "true" else "linear"


def _plan(arguments: Mapping[str, object]) -> str:
    """Its rate by epoch, stepped at each one's beginning; "" where ``lrf`` is none that yolo takes."""
    try:
        floor = float(str(arguments.get("lrf", _LRF)))
    except ValueError:
        return ""
    return f"{_schedule(arguments)} to {floor!r}" if 0 <= floor <= 1 else ""


def _text(value: object, *, braces: bool) -> str:
    """A value in yolo's own way; braces that are no placeholder are doubled."""
    text = str(value)
    return text if braces else text.replace("{", "{{").replace("}", "}}")


def _name(data: Path, model: str) -> str:
    """Such as ``bccd-yolo11n``: the file's name says little where it is data.yaml."""
    stem = data.parent.name if data.stem in ("data", "dataset") else data.stem
    return f"{stem}-{Path(model).stem}"
