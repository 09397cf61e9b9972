"""lrlab: which learning rate, and which schedule, for this model, this data and this optimizer?

The names below are resolved when they are first used, so that ``import lrlab`` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrlab import torch as torch
    from lrlab.adapters.huggingface import huggingface as huggingface
    from lrlab.adapters.yolo import yolo as yolo
    from lrlab.api.diagnose import Checkup as Checkup
    from lrlab.api.diagnose import diagnose as diagnose
    from lrlab.api.prove import Proof as Proof
    from lrlab.api.prove import prove as prove
    from lrlab.api.results import Answer as Answer
    from lrlab.api.schedule import schedule as schedule
    from lrlab.api.sweep import resume as resume
    from lrlab.api.sweep import sweep as sweep
    from lrlab.api.watch import watch as watch
    from lrlab.core.errors import LrlabError as LrlabError
    from lrlab.core.errors import RunClosed as RunClosed
    from lrlab.core.metric import Metric as Metric
    from lrlab.core.record import Record as Record
    from lrlab.core.run import Run as Run
    from lrlab.tasks.command import command as command
    from lrlab.tasks.function import task as task

__version__ = "0.1.0"

_HOMES = {
    "Answer": "lrlab.api.results",
    "Checkup": "lrlab.api.diagnose",
    "LrlabError": "lrlab.core.errors",
    "Metric": "lrlab.core.metric",
    "Proof": "lrlab.api.prove",
    "Record": "lrlab.core.record",
    "Run": "lrlab.core.run",
    "RunClosed": "lrlab.core.errors",
    "command": "lrlab.tasks.command",
    "diagnose": "lrlab.api.diagnose",
    "huggingface": "lrlab.adapters.huggingface",
    "prove": "lrlab.api.prove",
    "resume": "lrlab.api.sweep",
    "schedule": "lrlab.api.schedule",
    "sweep": "lrlab.api.sweep",
    "task": "lrlab.tasks.function",
    "watch": "lrlab.api.watch",
    "yolo": "lrlab.adapters.yolo",
}

__all__ = [*sorted(_HOMES), "torch"]  # noqa: PLE0604 - the names are strings


def __getattr__(name: str) -> object:
    if name == "torch":
        return import_module("lrlab.torch")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lrlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
