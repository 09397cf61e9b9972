"""What Ultralytics does where a loss is not finite, and what lrlab makes of it; the installed version, drawn images.

After the first epoch it goes on. Later it trains the epoch again from ``last.pt``, three times at most, and then gives up.
"""

import csv
import math
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import lrlab
from lrlab.adapters.yolo import find_program
from lrlab.core.errors import DivergedError, NotFoundError
from lrlab.core.outcome import Outcome

try:
    find_program()
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)

from tests.adapters.real_yolo import SMALL, told, wrapped
from tests.adapters.test_yolo_real import drawn, environment, folder_of  # noqa: F401 - fixtures

pytestmark = [pytest.mark.yolo, pytest.mark.slow]


def task(drawn: Path, tmp_path: Path, kind: str = "classify", **settings: Any) -> Any:  # noqa: F811
    data = drawn / ("tones" if kind == "classify" else "boxes/data.yaml")
    return lrlab.yolo(kind, data, program=wrapped(tmp_path), **{"epochs": 3, **SMALL, **settings})


def test_a_loss_that_recovers_leaves_one_row_an_epoch(
    drawn: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No row is repeated and none has the NaN: results.csv does not know of it, only the output does."""
    monkeypatch.setenv("NAN_FROM", "1")
    monkeypatch.setenv("NAN_ONCE", "1")
    with closing(task(drawn, tmp_path).start(0.01, seed=0)) as session:
        records = list(session.advance(3))
        folder = folder_of(session)
        with (folder.path / "train/results.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["1", "2", "3"]
        assert [record.at for record in records] == [1, 2, 3]
        assert all(math.isfinite(value) for record in records for value in record.metrics.values())
        assert folder.log().count("Loss NaN/Inf detected (attempt 1/3), recovering from last.pt") == 1
        # Its rate is that of the epoch, not one later.
        assert [record.metrics["lr"] for record in records[2:]] == pytest.approx([0.01 * (1 - 0.99 * 2 / 3)])


def test_a_loss_that_does_not_recover_is_a_divergence(
    drawn: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAN_FROM", "1")
    with closing(task(drawn, tmp_path).start(0.01, seed=0)) as session:
        assert [record.at for record in session.advance(1)] == [1]
        with pytest.raises(DivergedError, match="after 1 epochs") as caught:
            list(session.advance(3))
        assert "Training failed: NaN persisted for 4 epochs" in str(caught.value)


def test_a_detector_whose_loss_is_nan_at_first_is_a_divergence(
    drawn: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its mAP is 0, which is finite: the losses tell."""
    monkeypatch.setenv("NAN_FROM", "0")
    monkeypatch.setenv("NAN_ABOVE", "0.05")
    made = task(drawn, tmp_path, "detect", epochs=2)
    answer = lrlab.sweep(made, lr="1e-3:1e-1", searcher="grid:2", workers=0, store=tmp_path / "studies")
    ends = {run.lr: run for run in answer.runs}
    assert {lr: run.outcome for lr, run in ends.items()} == {
        1e-3: Outcome.FINISHED,
        1e-1: Outcome.DIVERGED,
    }
    assert ends[1e-1].detail.startswith("loss became nan at unit 1")
    assert ends[1e-1].records[-1].metrics["metrics/mAP50-95(B)"] == 0
    assert answer.lr == 1e-3


WATCHED = """
import json, math, sys
import torch
from ultralytics import YOLO
import lrlab

model, poisoned, ends = YOLO("yolo11n-cls.yaml"), [], []


def poison(trainer):
    if trainer.epoch == 1 and not poisoned:
        poisoned.append(True)
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(math.nan)


model.add_callback("on_train_epoch_start", poison)
model.add_callback("on_fit_epoch_end", lambda trainer: ends.append(trainer.epoch))
watcher = lrlab.watch(model, telemetry=1, every=2)
model.train(data=sys.argv[1], epochs=4, imgsz=32, batch=4, nbs=4, device="cpu", workers=0, optimizer="SGD", lr0=0.01,
            warmup_epochs=0, project=".", name="run", exist_ok=True, plots=False)
found, tracks = watcher.checkup(), watcher._run._tracks
print("TOLD " + json.dumps({
    "alerts": [[alert.change, alert.verdict.symptom] for alert in watcher.alerts], "ends": ends, "steps": found.steps,
    "total": found.total_steps, "val": tracks["val_loss"].count, "bad": tracks["loss"].bad_count,
    "hooks": len(model.trainer.optimizer._optimizer_step_post_hooks),
}))
"""


def test_a_watcher_tells_it_at_once_and_goes_on(drawn: Path, tmp_path: Path) -> None:  # noqa: F811
    seen, _ = told(WATCHED, drawn / "tones", folder=tmp_path)
    assert ["appeared", "diverged"] in seen["alerts"]
    assert seen["ends"] == [
        0,
        1,
        2,
        3,
        4,
    ]  # the epoch that was trained twice is told once; one comes at the end
    assert seen["val"] == 4
    assert seen["bad"] == 4  # the batches of the epoch that was lost
    assert (seen["steps"], seen["total"]) == (20, 20)  # five epochs of four steps were trained
    assert seen["hooks"] == 0
