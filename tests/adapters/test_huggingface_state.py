"""Trainers as tasks: frozen, stored, given back, and what cannot be."""

import gc
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments  # noqa: E402

from lrlab.adapters import huggingface_watcher  # noqa: E402
from lrlab.adapters.huggingface import HuggingFaceTask, huggingface  # noqa: E402
from lrlab.core.errors import NoStateError, SpecError  # noqa: E402
from lrlab.core.record import Record  # noqa: E402
from lrlab.tasks import checkpoint  # noqa: E402
from tests.adapters.tiny_transformers import (  # noqa: E402
    WORDS,
    Rows,
    _quick_collection,  # noqa: F401 - a fixture
    classifier,
    trainer,
)
from tests.adapters.trainer_runs import LR, ends, keys, run_of, with_arguments, with_parts  # noqa: E402

pytestmark = pytest.mark.torch


def stored_at_every_unit(task: HuggingFaceTask, folder: Path) -> list[Record]:
    """A run that is stored, closed and begun anew from its checkpoint at the end of each unit."""
    session = task.start(LR, seed=0)
    records = list(session.advance(0))
    for unit in range(1, task.budget + 1):
        records.extend(session.advance(unit))
        checkpoint.save(folder / "state", session.state(), about={})
        session.close()
        session = task.start(LR, seed=0)
        session.restore(checkpoint.load(folder / "state", about={}))
    session.close()
    return records


def own_optimizer(run: Any) -> Trainer:
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=run.lr, momentum=0.9)
    return trainer(run, model=model, optimizers=(optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 5)))


def plateau(run: Any) -> Trainer:
    return trainer(
        run,
        arguments={
            "lr_scheduler_type": "reduce_lr_on_plateau",
            "lr_scheduler_kwargs": {"patience": 0, "threshold": 0.5},
            "metric_for_best_model": "eval_loss",
            "eval_strategy": "epoch",
        },
    )


def initialised(run: Any) -> Trainer:
    """``model_init`` builds the model again when training begins."""
    settings = {**trainer(run).args.to_dict(), "seed": 42}
    args = TrainingArguments(**{name: settings[name] for name in ("learning_rate", "num_train_epochs", "use_cpu", "seed")},
                             output_dir=run.folder, per_device_train_batch_size=16)  # fmt: skip
    return Trainer(
        model_init=classifier, args=args, train_dataset=Rows(WORDS[:32]), eval_dataset=Rows(WORDS[32:])
    )


def grouped(run: Any) -> Trainer:
    """The order is drawn from the global random state, so the epoch's beginning matters in its middle."""
    arguments = {"train_sampling_strategy": "group_by_length", "eval_strategy": "steps", "eval_steps": 3}
    return trainer(run, arguments={**arguments, "num_train_epochs": 2})


@pytest.mark.parametrize("make", [own_optimizer, plateau, initialised, grouped])
def test_a_stored_run_goes_on_to_the_bit(make, tmp_path):
    task = huggingface(make)
    assert task.resumes == "exact"
    assert keys(stored_at_every_unit(task, tmp_path)) == keys(run_of(task))


def test_an_optimizer_and_a_scheduler_of_ones_own():
    task = huggingface(own_optimizer)
    records = run_of(task)
    assert (task.optimizer, task.schedule, task.warnings) == ("sgd", "", ())
    assert records[-1].metrics["lr"] == pytest.approx(LR * 1e-3)


def test_a_plateau_scheduler_has_seen_the_evaluation_before_the_run_is_frozen():
    rates = [record.metrics["lr"] for record in run_of(huggingface(plateau)) if record.ends_unit]
    assert rates[0] == pytest.approx(LR)
    assert rates[-1] < LR


def test_every_seed_is_another_training_whatever_the_arguments_say():
    task = with_arguments(seed=42)
    assert keys(run_of(task, seed=1)) != keys(run_of(task, seed=2))
    assert keys(run_of(task, seed=1)) == keys(run_of(with_arguments(), seed=1))


def test_inside_a_unit_a_run_is_handed_over_and_goes_on(tmp_path, monkeypatch):
    """A long unit shows its logs; whoever leaves there finds the run whole at the unit's end."""
    monkeypatch.setattr(huggingface_watcher, "_HAND_OVER_S", 0.0)
    task = with_arguments(logging_steps=1)
    whole = keys(run_of(task))
    for stop in range(1, 7):
        session = task.start(LR, seed=0)
        records = list(session.advance(0))
        for record in session.advance(task.budget):
            records.append(record)
            if len(records) == stop:
                break
        torch.rand(3)  # the caller's own
        checkpoint.save(tmp_path / "state", session.state(), about={})
        session.close()
        session = task.start(LR, seed=0)
        session.restore(checkpoint.load(tmp_path / "state", about={}))
        records.extend(session.advance(task.budget))
        session.close()
        assert keys(records) == whole


def test_runs_that_take_turns_inside_an_accumulated_step_do_not_meet():
    """accelerate keeps gradient accumulation once for the whole process."""
    task = with_arguments(
        eval_strategy="steps", eval_steps=1, gradient_accumulation_steps=3, num_train_epochs=2
    )
    sessions = [task.start(lr, seed=0) for lr in (LR, LR / 10)]
    records: list[list[Record]] = [list(session.advance(0)) for session in sessions]
    for unit in range(1, task.budget + 1):
        for session, told in zip(sessions, records, strict=True):
            told.extend(session.advance(unit))
    for session in sessions:
        session.close()
    assert keys(records[0]) == keys(run_of(task))
    assert keys(records[1]) == keys(run_of(task, lr=LR / 10))


def test_a_trainer_of_the_callers_own_is_not_disturbed(tmp_path):
    class Meanwhile(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            list(frozen.advance(min(state.global_step // 4 + 1, 4)))

    def train(*callbacks: TrainerCallback) -> list[float]:
        own = trainer(
            SimpleNamespace(lr=LR, seed=1, folder=str(tmp_path)),
            arguments={"eval_strategy": "epoch", "save_strategy": "no", "gradient_accumulation_steps": 2},
            callbacks=list(callbacks),
        )
        own.train()
        return [log["eval_loss"] for log in own.state.log_history if "eval_loss" in log]

    torch.manual_seed(1)
    alone = train()
    frozen = with_arguments().start(LR, seed=0)
    torch.manual_seed(1)
    assert train(Meanwhile()) == alone
    frozen.close()


def test_closing_a_frozen_run_frees_its_model_and_its_folder(tmp_path):
    models: list[weakref.ref[Any]] = []
    folders: list[str] = []

    def make(run: Any) -> Trainer:
        made = trainer(run)
        models.append(weakref.ref(made.model))
        folders.append(run.folder)
        return made

    task = huggingface(make)
    assert task.budget == 4
    session = task.start(LR, seed=0)
    list(session.advance(2))
    session.state()
    assert models[-1]() is not None
    assert Path(folders[-1]).is_dir()
    session.close()
    gc.collect()
    assert [model() for model in models] == [None, None]
    assert not any(Path(folder).exists() for folder in folders)


def test_a_run_that_is_closed_says_so():
    session = with_arguments().start(LR, seed=0)
    list(session.advance(1))
    with pytest.raises(SpecError, match="restore: the run has begun already"):
        session.restore({})
    session.close()
    with pytest.raises(SpecError, match="advance: the run is closed"):
        session.advance(2)
    with pytest.raises(NoStateError, match="The run is closed"):
        session.state()


class Counts(TrainerCallback):
    """A callback with a memory that nobody can see."""

    def __init__(self) -> None:
        self.steps = 0


def test_what_cannot_be_stored_is_live():
    def masked(rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        batch["input_ids"] = torch.where(torch.rand(batch["input_ids"].shape) < 0.2, 1, batch["input_ids"])
        return batch

    assert with_parts(callbacks=[Counts()]).resumes == "live"
    assert with_parts(callbacks=[EarlyStoppingCallback(2)]).resumes == "exact"
    assert with_parts(data_collator=masked).resumes == "exact"  # at an epoch's end nothing is loaded ahead
    steps = {"eval_strategy": "steps", "eval_steps": 2}
    assert with_parts(data_collator=masked, arguments=steps).resumes == "live"
    assert with_arguments(dataloader_num_workers=1, dataloader_persistent_workers=True).resumes == "live"


def test_data_without_a_length_is_live_and_counted_in_steps():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return (Rows(WORDS)[index] for index in range(32))

    task = with_parts(
        train_dataset=Stream(), arguments={"eval_strategy": "steps", "eval_steps": 4, "max_steps": 6}
    )
    assert (task.unit, task.budget, task.resumes) == ("step", 6, "live")
    assert ends(run_of(task)) == [4, 6]
