"""Trainers as tasks: the traps that transformers sets."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import (  # noqa: E402
    BertForSequenceClassification,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import lrlab  # noqa: E402
from lrlab.adapters import huggingface_watcher  # noqa: E402
from lrlab.adapters.huggingface import huggingface  # noqa: E402
from lrlab.core.metric import Metric  # noqa: E402
from lrlab.core.outcome import Outcome  # noqa: E402
from lrlab.tasks import checkpoint  # noqa: E402
from tests.adapters.tiny_transformers import (  # noqa: E402
    _quick_collection,  # noqa: F401 - a fixture
    classifier,
    trainer,
)
from tests.adapters.trainer_runs import LR, ends, keys, run_of, with_arguments, with_parts  # noqa: E402

pytestmark = pytest.mark.torch


def test_nan_is_told_although_transformers_filters_it():
    def broken(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        return torch.nn.functional.cross_entropy(outputs.logits, labels) * math.nan

    assert TrainingArguments(use_cpu=True).logging_nan_inf_filter  # the trap is there
    records = run_of(with_parts(compute_loss_func=broken))
    assert math.isnan(next(record.metrics["loss"] for record in records if record.at))


def test_a_nan_stays_data_where_the_metric_cannot_be_computed():
    def broken(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        return torch.nn.functional.cross_entropy(outputs.logits, labels) * (math.nan if hot[0] else 1)

    def scored(told: Any) -> dict[str, float]:
        if not bool((told.predictions == told.predictions).all()):
            raise ValueError("Input contains NaN.")
        return {"accuracy": 0.5}

    hot = [False]

    def make(run: Any) -> Trainer:
        hot[0] = run.lr > 1e-2
        return trainer(run, compute_loss_func=broken, compute_metrics=scored)

    answer = lrlab.sweep(
        huggingface(make), lr=(1e-4, 1.0), searcher="grid:4", workers=0, store="memory", max_cost=4
    )
    outcomes = {run.lr: run.outcome for run in answer.runs}
    assert [outcomes[lr] for lr in sorted(outcomes)][-2:] == [Outcome.DIVERGED, Outcome.DIVERGED]
    assert Outcome.FAILED not in outcomes.values()
    assert answer.lr < 1e-2


def test_nothing_is_written_or_shown(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for place in ("own", None):
        task = with_arguments(save_strategy="steps", save_steps=1, **({"output_dir": place} if place else {}))
        capfd.readouterr()
        session = task.start(LR, seed=0)
        list(session.advance(4))
        assert list(Path(session._folder).iterdir()) == []
        session.close()
        assert capfd.readouterr() == ("", "")
    assert [path for path in tmp_path.rglob("*") if path.name != "own"] == []


def test_no_tracker_is_asked_unless_it_is_named():
    seen: list[list[str]] = []

    class Looks(TrainerCallback):
        def on_train_begin(self, args, state, control, **_):
            seen.append([type(callback).__name__ for callback in made[-1].callback_handler.callbacks])

    made: list[Trainer] = []

    def make(run: Any) -> Trainer:
        made.append(trainer(run, callbacks=[Looks()]))
        return made[-1]

    run_of(huggingface(make))
    assert seen == [["DefaultFlowCallback", "Looks", "Watcher"]]


def stops_early(run: Any) -> Trainer:
    arguments = {
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "num_train_epochs": 8,
    }
    return trainer(run, arguments=arguments, callbacks=[EarlyStoppingCallback(2, 1.0)])


def test_early_stopping_ends_a_run_and_its_patience_is_stored(tmp_path):
    task = huggingface(stops_early)
    assert (task.budget, task.resumes) == (8, "exact")
    records = run_of(task)
    assert 1 < ends(records)[-1] < 8
    session = task.start(LR, seed=0)
    told = [*session.advance(0), *session.advance(2)]
    checkpoint.save(tmp_path / "state", session.state(), about={})
    session.close()
    session = task.start(LR, seed=0)
    session.restore(checkpoint.load(tmp_path / "state", about={}))
    told.extend(session.advance(8))
    assert keys(told) == keys(records)
    session.close()


def test_weights_from_a_folder_pass_through(tmp_path):
    torch.manual_seed(9)
    classifier().save_pretrained(tmp_path / "pretrained")

    def make(run: Any) -> Trainer:
        return trainer(
            run,
            model=BertForSequenceClassification.from_pretrained(
                tmp_path / "pretrained", local_files_only=True
            ),
        )

    task = huggingface(make)
    firsts = [run_of(task, seed=seed)[0] for seed in (0, 1)]
    assert keys(firsts[:1]) == keys(firsts[1:])
    assert keys(firsts[:1]) != keys(run_of(with_arguments())[:1])


def test_a_callback_of_ours_costs_little():
    """Under 1 % of a step of 20 ms."""
    watcher = huggingface_watcher.Watcher(
        by_epoch=True,
        metric=Metric("eval_loss"),
        units=0,
        emit=lambda record: None,
        freeze=lambda *, whole: None,
        check=lambda: None,
    )
    model = classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    state = SimpleNamespace(global_step=1, max_steps=100, epoch=0.5)
    control = SimpleNamespace(should_log=False, should_evaluate=False)
    events: tuple[Callable[..., object], ...] = (
        watcher.on_step_begin, watcher.on_pre_optimizer_step, watcher.on_optimizer_step, watcher.on_step_end,
    )  # fmt: skip
    known = dict.fromkeys(
        ("model", "processing_class", "lr_scheduler", "train_dataloader", "eval_dataloader")
    )
    best = math.inf
    for _ in range(200):
        began = time.perf_counter()
        for event in events:
            event(None, state, control, optimizer=optimizer, **known)
        best = min(best, time.perf_counter() - began)
    assert best < 0.01 * 0.020
