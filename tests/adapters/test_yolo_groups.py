"""Optimizers of Ultralytics with several groups, and loading with workers; the installed version, drawn images."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

import lrlab
from lrlab.adapters.yolo import find_program
from lrlab.core.errors import NotFoundError
from lrlab.core.outcome import Outcome
from lrlab.core.run import Run
from lrlab.studies.planned_rate import deviates

try:
    find_program()
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)

from tests.adapters.real_yolo import SMALL, told, wrapped
from tests.adapters.test_yolo_real import drawn, environment, folder_of, rows  # noqa: F401 - fixtures

pytestmark = [pytest.mark.yolo, pytest.mark.slow]


def test_musgd_has_eight_groups_and_the_asked_rate_is_that_of_the_plain_ones(drawn: Path) -> None:  # noqa: F811
    """Of each kind of weight one group has three times the rate, and the first one is of these."""
    task = lrlab.yolo(
        "detect", drawn / "boxes/data.yaml", epochs=2, optimizer="MuSGD", warmup_epochs=0, **SMALL
    )
    with closing(task.start(0.01, seed=0)) as session:
        records = tuple(session.advance(2))
        told_rates = rows(folder_of(session).path)
    assert list(told_rates[0]) == [
        "epoch", "train/box_loss", "train/cls_loss", "train/dfl_loss", "metrics/precision(B)", "metrics/recall(B)",
        "metrics/mAP50(B)", "metrics/mAP50-95(B)", "val/box_loss", "val/cls_loss", "val/dfl_loss",
        *(f"lr/pg{k}" for k in range(8)),
    ]  # fmt: skip
    assert records[0].metrics["loss"] == pytest.approx(
        sum(value for name, value in told_rates[0].items() if name.startswith("train/"))
    )
    for epoch, row in enumerate(told_rates):
        rate = 0.01 * (1 - 0.99 * epoch / 2)
        assert [row[f"lr/pg{k}"] for k in range(8)] == pytest.approx([3 * rate, rate] * 4, rel=1e-4)
        assert records[epoch].metrics["lr"] == pytest.approx(rate, rel=1e-4)
    run = Run(lr=0.01, records=records, units=2, outcome=Outcome.FINISHED)
    assert task.planned is not None
    assert deviates(run, task.planned) is None


def test_biases_have_a_rate_of_their_own_in_the_warmup_and_are_not_read(drawn: Path) -> None:  # noqa: F811
    task = lrlab.yolo("classify", drawn / "tones", epochs=2, warmup_epochs=1, **SMALL)
    with closing(task.start(0.001, seed=0)) as session:
        records = list(session.advance(1))
        first = rows(folder_of(session).path)[0]
    assert first["lr/pg2"] > 0.04  # on the way from 0.1 down to 0.001
    assert records[0].metrics["lr"] == first["lr/pg1"] <= 0.001


def test_a_rate_reaches_the_optimizer_to_its_last_digit(drawn: Path) -> None:  # noqa: F811
    """Ultralytics' own tuner rounds to five decimals, which leaves 0.00001 of this."""
    task = lrlab.yolo("classify", drawn / "tones", epochs=1, warmup_epochs=0, **SMALL)
    with closing(task.start(1.23456e-5, seed=0)) as session:
        [record] = session.advance(1)
    assert record.metrics["lr"] == pytest.approx(
        1.23456e-5, rel=1e-6
    )  # of which results.csv writes six digits


def running(program: str) -> list[psutil.Process]:
    """Every process of a program, those that it has started included."""
    below = psutil.Process().children(recursive=True)
    alive = [process for process in below if process.status() != psutil.STATUS_ZOMBIE]
    return [process for process in alive if program in " ".join(process.cmdline())]


WATCHED = """
import json, sys
from ultralytics import YOLO
import lrlab

seen, model = [], YOLO("yolo11n.yaml")


def groups(trainer):
    seen.append([[group.get("param_group"), sum(p.numel() for p in group["params"]), group["lr"], group["initial_lr"]]
                 for group in trainer.optimizer.param_groups])


model.add_callback("on_train_batch_end", groups)
watcher = lrlab.watch(model, telemetry=1)
model.train(data=sys.argv[1], epochs=1, imgsz=32, batch=8, nbs=8, device="cpu", workers=0, optimizer="MuSGD", lr0=0.01,
            warmup_epochs=0, cls=1e6, project=".", name="run", exist_ok=True, plots=False)
tracks = watcher._run._tracks
print("TOLD " + json.dumps({
    "groups": seen[-1], "rates": watcher.rates, "lr": watcher.checkup().lr, "norm": tracks["grad_norm"].blocks()[:, 1].max(),
    "loss": tracks["loss"].blocks()[:, 1].min(),
}))
"""


def test_a_watcher_takes_the_group_of_most_weights_and_sees_clipped_gradients(
    drawn: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    seen, _ = told(WATCHED, drawn / "boxes/data.yaml", folder=tmp_path)
    kinds, sizes, rates, initial = zip(*seen["groups"], strict=True)
    assert kinds == tuple(kind for kind in ("weight", "bn", "bias", "muon") for _ in range(2))
    assert initial == pytest.approx([0.03, 0.01] * 4)
    assert seen["rates"] == pytest.approx(rates)
    assert sizes[7] == max(sizes)
    assert seen["lr"] == pytest.approx(0.01)
    # The loss is a million times too large; what is told of the gradient is what is left after clipping to 10.
    assert seen["loss"] > 1e4
    assert 9 < seen["norm"] < 10.01


def test_workers_that_load_are_frozen_with_the_training(
    drawn: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a CPU Ultralytics loads in its own process whatever ``workers`` says; on a device it does not."""
    monkeypatch.setenv("WORKERS", "2")
    program = wrapped(tmp_path)

    def task(name: str) -> Any:
        made = lrlab.yolo("detect", drawn / "boxes/data.yaml", epochs=3, program=program, **SMALL)
        return lrlab.command(
            made.words, budget=3, metric=made.metric, read=made.read, runs_folder=tmp_path / name
        )

    with (
        closing(task("whole").start(0.01, seed=4)) as whole,
        closing(task("parts").start(0.01, seed=4)) as parts,
    ):
        records = list(whole.advance(3))
        assert "Using 2 dataloader workers" in folder_of(whole).log()
        first = list(parts.advance(1))
        training = running(program)
        stopped = [process for process in training if process.status() == psutil.STATUS_STOPPED]
        assert len(training) == len(stopped) >= 3  # the training itself and two that load
        before = [process.cpu_times()[:2] for process in stopped]
        time.sleep(2)
        assert [process.cpu_times()[:2] for process in stopped] == before
        assert [*first, *parts.advance(3)] == records
        assert rows(folder_of(parts).path) == rows(folder_of(whole).path)
        assert not running(program)
