"""Trainers as tasks: what they tell, and whole studies of them."""

from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from accelerate.state import AcceleratorState, GradientState, PartialState  # noqa: E402

import lrlab  # noqa: E402
from lrlab.adapters.huggingface import huggingface  # noqa: E402
from lrlab.core.errors import TaskError  # noqa: E402
from lrlab.core.metric import Metric  # noqa: E402
from lrlab.core.outcome import Outcome  # noqa: E402
from tests.adapters.tiny_transformers import (  # noqa: E402
    WORDS,
    Rows,
    _quick_collection,  # noqa: F401 - a fixture
    trainer,
)
from tests.adapters.trainer_runs import LR, ends, keys, run_of, with_arguments, with_parts  # noqa: E402

pytestmark = pytest.mark.torch


def test_every_record_has_the_trainers_names_and_lrlabs():
    records = run_of(with_arguments())
    untrained, *_ = records
    assert (untrained.at, untrained.step) == (0, 0)
    assert untrained.metrics["val_loss"] == untrained.metrics["eval_loss"]
    assert untrained.metrics["val_acc"] == untrained.metrics["eval_accuracy"]
    inside = [record for record in records if record.at and not record.ends_unit]
    assert [record.at for record in inside] == [0.5, 1.5, 2.5, 3.5]
    assert all(set(record.metrics) == {"loss", "grad_norm", "lr"} for record in inside)
    assert ends(records) == [1, 2, 3, 4]
    whole = {"loss", "grad_norm", "lr", "eval_loss", "val_loss", "eval_accuracy", "val_acc"}
    assert all(set(record.metrics) == whole for record in records if record.ends_unit)
    assert records[-1].step == 16


def test_it_is_the_training_that_transformers_does_alone(tmp_path):
    """Neither the callback, nor the untrained evaluation, nor the thread changes a bit."""
    alone = SimpleNamespace(lr=LR, seed=5, folder=str(tmp_path))
    torch.manual_seed(5)
    arguments = {"eval_strategy": "epoch", "save_strategy": "no", "disable_tqdm": True}
    theirs = trainer(alone, arguments=arguments)
    theirs.train()
    told = [log["eval_loss"] for log in theirs.state.log_history if "eval_loss" in log]
    ours = [record.metrics["eval_loss"] for record in run_of(with_arguments(), seed=5) if record.ends_unit]
    assert ours == told


def test_the_rate_is_the_one_that_was_applied():
    """The linear schedule's multiplier at each step, not the one that the scheduler has moved on to."""
    records = run_of(with_arguments(logging_steps=1))
    told = [record.metrics["lr"] for record in records if record.at]
    assert told == pytest.approx([LR * (1 - step / 16) for step in range(16)], rel=1e-12)


def test_an_evaluation_before_training_can_be_left_out():
    task = huggingface(trainer, untrained=False)
    bare = run_of(task)
    assert bare[0].at > 0
    assert keys(bare) == keys(run_of(with_arguments())[1:])


@pytest.mark.parametrize(
    "metric", ["eval_loss", "val_loss", "accuracy", "eval_accuracy", "val_acc", "eval_loss:max"]
)
def test_names_of_the_metric(metric):
    task = huggingface(trainer, metric=metric)
    records = run_of(task)
    assert task.metric == Metric.parse(metric)
    assert all(task.metric.name in record.metrics for record in records if record.at == int(record.at))


def test_steps_are_the_unit_where_evaluations_are_made_by_steps():
    task = with_arguments(eval_strategy="steps", eval_steps=5)
    records = run_of(task)
    assert (task.unit, task.budget) == ("step", 16)
    assert ends(records) == [5, 10, 15, 16]
    assert [record.at for record in records if not record.ends_unit] == [0, 1.5, 3.5, 5.5, 7.5, 11.5, 13.5]
    session = task.start(LR, seed=0)
    assert ends(list(session.advance(6))) == [5, 10]
    session.close()


@pytest.mark.parametrize(
    ("arguments", "unit", "budget", "last_step"),
    [
        ({"num_train_epochs": 2}, "epoch", 2, 8),
        ({"num_train_epochs": 1.5}, "epoch", 2, 6),
        ({"max_steps": 6}, "epoch", 2, 6),
        ({"max_steps": 6, "eval_strategy": "steps", "eval_steps": 0.5}, "step", 6, 6),
        ({"num_train_epochs": 2, "gradient_accumulation_steps": 3}, "epoch", 2, 4),
        ({"num_train_epochs": 3, "eval_delay": 2}, "epoch", 3, 12),
        ({"num_train_epochs": 2, "eval_on_start": True}, "epoch", 2, 8),
        ({"num_train_epochs": 2, "logging_strategy": "no"}, "epoch", 2, 8),
        (
            {"num_train_epochs": 2, "dataloader_drop_last": True, "per_device_train_batch_size": 9},
            "epoch",
            2,
            6,
        ),
    ],
)
def test_the_length_is_the_trainers_own(arguments, unit, budget, last_step):
    task = with_arguments(**arguments)
    assert (task.unit, task.budget) == (unit, budget)
    records = run_of(task)
    assert records[-1].step == last_step
    assert records[-1].at == budget
    assert len(ends(records)) == (budget if unit == "epoch" else 2)
    assert all("loss" in record.metrics for record in records if record.ends_unit)


def test_several_evaluation_sets_make_one_unit():
    sets = {"near": Rows(WORDS[32:44]), "far": Rows(WORDS[44:])}
    task = huggingface(lambda run: trainer(run, eval_dataset=sets), metric="eval_far_loss")
    records = run_of(task)
    assert ends(records) == [1, 2, 3, 4]
    assert all({"eval_near_loss", "eval_far_loss"} <= set(r.metrics) for r in records if r.at == int(r.at))


def test_a_dataset_of_hugging_face_is_data():
    datasets = pytest.importorskip("datasets")

    def rows(words: Any) -> Any:
        labels = [int(row[0] < 15) for row in words]
        return datasets.Dataset.from_dict(
            {"input_ids": words.tolist(), "labels": labels, "text": ["unused"] * len(words)}
        )

    task = with_parts(train_dataset=rows(WORDS[:32]), eval_dataset=rows(WORDS[32:]))
    assert keys(run_of(task)) == keys(run_of(with_arguments()))


def test_hints_are_read_from_the_trainer():
    task = with_arguments(lr_scheduler_type="cosine")
    assert (task.optimizer, task.schedule, task.resumes) == ("adamw", "cosine", "exact")
    assert (str(task.default_lr_range), task.warnings, task.name) == ("1e-6:1e-1", (), "tiny")
    assert with_arguments(lr_scheduler_type="constant_with_warmup").schedule == "constant"
    assert str(with_arguments(optim="sgd").default_lr_range) == "1e-5:10"


def test_a_look_leaves_the_callers_process_as_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    shared = [dict(kind._shared_state) for kind in (PartialState, AcceleratorState, GradientState)]
    assert with_arguments().budget == 4
    assert torch.equal(torch.get_rng_state(), before)
    assert [dict(kind._shared_state) for kind in (PartialState, AcceleratorState, GradientState)] == shared


def test_a_study_is_the_same_with_any_number_of_workers():
    task = with_arguments()
    answers = [
        lrlab.sweep(task, lr=(1e-4, 1e-1), searcher="grid:3", workers=workers, store="memory")
        for workers in (0, 1, 2)
    ]
    first, *others = answers
    assert [str(run.outcome) for run in first.runs].count(str(Outcome.FINISHED)) == 3
    for other in others:
        assert (other.lr, other.score, other.interval, other.cost) == (
            first.lr, first.score, first.interval, first.cost,
        )  # fmt: skip
        curves = [{run.lr: keys(list(run.records)) for run in answer.runs} for answer in (first, other)]
        assert curves[0] == curves[1]


def test_the_winner_can_be_had(tmp_path):
    task = huggingface(trainer, metric="eval_loss")
    answer = lrlab.sweep(task, lr=(1e-3, 3e-2), workers=0, store=tmp_path, max_cost=4)
    assert 1e-3 <= answer.lr <= 3e-2
    model = answer.load_model(task)
    rows = Rows(WORDS[32:])
    batch = {name: torch.stack([rows[index][name] for index in range(len(rows))]) for name in rows[0]}
    with torch.no_grad():
        loss = float(model(**batch).loss)
    assert loss == pytest.approx(answer.score, rel=1e-5)


def test_a_rate_that_is_ignored_ends_the_study():
    task = with_arguments(learning_rate=1e-3)
    with pytest.raises(TaskError, match="ignores the learning rate"):
        lrlab.sweep(task, lr=(1e-5, 1e-1), workers=0, store="memory")


def test_a_rate_that_is_changed_is_told():
    task = huggingface(lambda run: trainer(run, arguments={"learning_rate": 3 * run.lr}))
    (caution,) = task.warnings
    assert caution.code == "RATE_CHANGED"
    assert "Asked for the rate 1e-4, the Trainer's optimizer has 3e-4, 3 times as much" in caution.text
    answer = lrlab.sweep(task, lr=(1e-3, 1e-1), searcher="grid:2", workers=0, store="memory")
    assert caution in answer.warnings


def test_the_public_name():
    assert lrlab.huggingface is huggingface
