"""``lrlab.watch(trainer)``: each step's loss, evaluations, the applied rate; and the training is what it is without."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import Trainer, TrainerCallback  # noqa: E402

import lrlab  # noqa: E402
from tests.adapters.tiny_transformers import (  # noqa: E402
    WORDS,
    Sentences,
    _quick_collection,  # noqa: F401 - a fixture
    trainer,
    writer,
)

pytestmark = pytest.mark.torch
MEAN = 1  # the column of a block's mean


def made(folder: Path, *, lr: float = 1e-2, arguments: dict[str, Any] | None = None, **parts: Any) -> Trainer:
    torch.manual_seed(0)
    run = SimpleNamespace(folder=folder, lr=lr, seed=0)
    settings = {"disable_tqdm": True, "report_to": "none", "save_strategy": "no", **(arguments or {})}
    return trainer(run, arguments=settings, **parts)


def weights(trained: Trainer) -> list[Any]:
    return [weight.detach().clone() for weight in trained.model.parameters()]


class Losses(TrainerCallback):
    """What the Trainer logs each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if "loss" in logs:
            self.losses.append(logs["loss"])


def test_nothing_is_changed_and_the_hooks_are_gone(tmp_path: Path) -> None:
    alone = made(tmp_path)
    alone.train()
    watched = made(tmp_path)
    watcher = lrlab.watch(watched, quiet=True, every=3, telemetry=2)
    watched.train()
    assert all(torch.equal(a, b) for a, b in zip(weights(alone), weights(watched), strict=True))
    assert not watched.optimizer.optimizer._optimizer_step_post_hooks
    assert watcher.steps == watched.state.global_step == 16


def test_each_steps_loss_is_read_though_few_are_logged(tmp_path: Path) -> None:
    told = Losses()
    every = made(tmp_path, arguments={"logging_steps": 1})
    every.add_callback(told)
    every.train()
    few = made(tmp_path, arguments={"logging_steps": 500})
    watcher = lrlab.watch(few, quiet=True)
    few.train()
    read = watcher._run._tracks["loss"].blocks()[:, MEAN]
    assert read.tolist() == pytest.approx(told.losses, abs=2e-4)  # the Trainer rounds


def test_accumulated_batches_make_one_step(tmp_path: Path) -> None:
    arguments = {"gradient_accumulation_steps": 2, "logging_steps": 3}
    made_one = made(tmp_path, arguments=arguments)
    watcher = lrlab.watch(made_one, quiet=True)
    made_one.train()
    found = watcher.checkup()
    assert (found.steps, found.total_steps) == (8, 8)
    assert watcher._run._tracks["loss"].count == 8


def test_a_language_model_with_evaluations_and_its_schedule(tmp_path: Path) -> None:
    arguments = {"eval_strategy": "epoch", "lr_scheduler_type": "cosine", "optim": "adamw_torch"}
    model = writer()
    one = made(
        tmp_path, model=model, train_dataset=Sentences(WORDS[:32]), eval_dataset=Sentences(WORDS[32:]),
        compute_metrics=None, arguments=arguments,
    )  # fmt: skip
    watcher = lrlab.watch(one, quiet=True, schedule="cosine", lr=1e-2, telemetry=1)
    one.train()
    found = watcher.checkup()
    layers = {"layer_grad_min", "layer_grad_min_at"}
    assert set(found.columns) == {"loss", "val_loss", "grad_norm", "update_ratio", "lr"} | layers
    assert (found.optimizer, found.total_steps, found.lr) == ("adamw", 16, pytest.approx(1e-2))
    assert found.found("not_as_planned") is None
    assert watcher._run._tracks["val_loss"].count == 4


def test_another_schedule_than_the_planned_one_is_told(tmp_path: Path) -> None:
    one = made(tmp_path, arguments={"lr_scheduler_type": "constant"})
    watcher = lrlab.watch(one, quiet=True, schedule="cosine", every=4)
    one.train()
    assert "not_as_planned" in [alert.verdict.symptom for alert in watcher.alerts]


def test_it_goes_on_where_a_checkpoint_was_made(tmp_path: Path) -> None:
    arguments = {"save_strategy": "epoch", "save_only_model": False}
    made(tmp_path, arguments=arguments).train()
    half = sorted(tmp_path.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))[1]
    one = made(tmp_path, arguments=arguments)
    watcher = lrlab.watch(one, quiet=True)
    one.train(resume_from_checkpoint=str(half))
    assert (watcher.checkup().steps, watcher._run._tracks["lr"].count) == (16, 8)


def test_a_second_training_begins_anew(tmp_path: Path) -> None:
    one = made(tmp_path)
    watcher = lrlab.watch(one, quiet=True)
    one.train()
    one.train()
    assert (watcher.checkup().steps, watcher._run._tracks["lr"].count) == (16, 16)


def test_a_loss_that_the_trainer_hides_is_seen(tmp_path: Path) -> None:
    """``logging_nan_inf_filter`` puts a mean in its place."""
    one = made(tmp_path, lr=math.inf, arguments={"max_grad_norm": 0, "logging_steps": 500})
    watcher = lrlab.watch(one, quiet=True, telemetry=1, every=2)
    one.train()
    assert one.args.logging_nan_inf_filter
    assert [alert.verdict.symptom for alert in watcher.alerts] == ["diverged"]


def test_without_the_sum_of_losses_the_logged_mean_counts(tmp_path: Path) -> None:
    one = made(tmp_path)
    watcher = lrlab.watch(one, quiet=True)
    [callback] = [c for c in one.callback_handler.callbacks if type(c).__name__ == "WatchCallback"]
    callback._trainer = None  # as in transformers 4, which has no such attribute
    one.train()
    assert watcher._run._tracks["loss"].count == 8


def test_an_error_reaches_no_training(tmp_path: Path) -> None:
    one = made(tmp_path)
    watcher = lrlab.watch(one, quiet=True)
    watcher.expect = None
    with pytest.warns(
        RuntimeWarning, match="watching has ended by an error, and the training goes on"
    ) as said:
        one.train()
    ours = [warning for warning in said if "lrlab" in str(warning.message)]
    assert (len(ours), one.state.global_step) == (1, 16)
