"""Tasks out of a tiny Trainer with other parts, and runs of them."""

from typing import Any

from lrlab.adapters.huggingface import HuggingFaceTask, huggingface
from lrlab.core.record import Record
from tests.adapters.tiny_transformers import trainer

LR = 1e-2


def with_arguments(**arguments: Any) -> HuggingFaceTask:
    return huggingface(lambda run: trainer(run, arguments=arguments), name="tiny")


def with_parts(**parts: Any) -> HuggingFaceTask:
    return huggingface(lambda run: trainer(run, **parts), name="tiny")


def run_of(task: HuggingFaceTask, *, lr: float = LR, seed: int = 0) -> list[Record]:
    """A whole run."""
    session = task.start(lr, seed=seed)
    records = [*session.advance(0), *session.advance(task.budget)]
    session.close()
    return records


def keys(records: list[Record]) -> list[tuple[object, ...]]:
    return [record.key() for record in records]


def ends(records: list[Record]) -> list[float]:
    return [record.at for record in records if record.ends_unit]
