"""Trainers as tasks: a wrong use is refused, with a sentence."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import Adafactor, Trainer  # noqa: E402

import lrlab  # noqa: E402
from lrlab.adapters.huggingface import huggingface  # noqa: E402
from lrlab.core.errors import LrlabError, SpecError, TaskError, UnusableTaskError  # noqa: E402
from tests.adapters.tiny_transformers import (  # noqa: E402
    _quick_collection,  # noqa: F401 - a fixture
    classifier,
    trainer,
)
from tests.adapters.trainer_runs import run_of, with_arguments, with_parts  # noqa: E402

pytestmark = pytest.mark.torch


def two(run: Any, other: Any) -> None: ...
async def later(run: Any) -> None: ...
def yields(run: Any) -> Any:
    yield run


WRONG: list[tuple[Callable[[], object], type[LrlabError], str]] = [
    (lambda: huggingface("train"), SpecError, "expected a function make.run. that returns a Trainer, got 'train'"),
    (lambda: huggingface(type("MyTrainer", (), {})()), SpecError, "got a Trainer that is made already"),
    (lambda: huggingface(Trainer), SpecError, "expected a function make.run. that returns a Trainer, got <class"),
    (lambda: huggingface(two), SpecError, "two must take one argument, the run"),
    (lambda: huggingface(lambda: None), SpecError, "must take one argument, the run .too many positional"),
    (lambda: huggingface(later), SpecError, "later must be a plain function, not async"),
    (lambda: huggingface(yields), SpecError, "yields must be a plain function, not async and without yield"),
    (lambda: huggingface(trainer, metric="nonsense"), SpecError, 'cannot tell from the name .nonsense'),
    (lambda: huggingface(trainer, metric=3), SpecError, "metric: expected a name such as val_loss, got 3"),
    (lambda: huggingface(trainer, untrained="no"), SpecError, "untrained must be True or False, got 'no'"),
    (lambda: huggingface(trainer, name=""), SpecError, "name must be a word, got ''"),
    (lambda: huggingface(trainer, lr="1:0"), SpecError, "lr"),
    (lambda: with_arguments().start(0.0, seed=0), SpecError, "lr"),
    (lambda: huggingface(lambda run: None).budget, SpecError, "must return a transformers.Trainer, got NoneType"),
    (lambda: huggingface(lambda run: trainer(run).args).budget, SpecError, "must return a transformers.Trainer, got Tr"),
    (lambda: huggingface(lambda run: 1 / 0).budget, UnusableTaskError, "failed at lr=1e-4: ZeroDivisionError"),
    (lambda: with_arguments(no_such=1).budget, UnusableTaskError, "no_such"),
    (lambda: with_arguments(push_to_hub=True).budget, LrlabError, "push_to_hub"),
    (lambda: with_arguments(auto_find_batch_size=True).budget, SpecError, "a Trainer with auto_find_batch_size"),
    (lambda: with_parts(train_dataset=None).budget, SpecError, "the Trainer has no train_dataset, so there is nothing to"),
    (lambda: with_parts(eval_dataset=None).budget, SpecError, "the Trainer has no eval_dataset, so there is nothing to"),
    (lambda: huggingface(chooses).budget, SpecError, "the optimizer Adafactor chooses its rate by itself, so there is none"),
    (lambda: with_arguments(num_train_epochs=0).budget, SpecError, "trains 0 epochs; at least one is needed"),
    (lambda: lrlab.sweep(with_arguments(), budget=9), SpecError, "the budget of tiny cannot be changed here"),
    (lambda: run_of(huggingface(fails_later)), UnusableTaskError, "failed at lr=1e-2: ValueError: too high"),
    (
        lambda: lrlab.sweep(with_arguments(), metric="eval_f1", lr=(1e-3, 1e-2), workers=0, store="memory"),
        TaskError,
        "(?s)No such metric: eval_f1.*eval_accuracy, eval_loss",
    ),
]  # fmt: skip


def chooses(run: Any) -> Trainer:
    model = classifier()
    return trainer(run, model=model, optimizers=(Adafactor(model.parameters(), lr=None), None))


def fails_later(run: Any) -> Trainer:
    if run.lr > 1e-3:
        raise ValueError("too high")
    return trainer(run)


@pytest.mark.parametrize(("use", "error", "says"), WRONG, ids=[says[:40] for *_, says in WRONG])
def test_a_wrong_use_is_refused(use, error, says, monkeypatch):
    monkeypatch.setattr(
        "transformers.trainer.Trainer.init_hf_repo", lambda self: None
    )  # it would ask the hub
    with pytest.raises(error, match=says):
        use()


def test_epochs_of_data_without_a_length_are_refused():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(())

    task = with_parts(train_dataset=Stream(), arguments={"max_steps": 4})
    with pytest.raises(
        SpecError, match=r"does not tell its length, so epochs cannot be counted.*eval_strategy"
    ):
        assert task.budget


def test_a_missing_package_is_named(monkeypatch):
    from lrlab.adapters import huggingface as module

    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "accelerate" else object())
    with pytest.raises(
        SpecError, match=r"needs the package accelerate, which is not installed.*lrlab\[huggingface\]"
    ):
        huggingface(trainer)
