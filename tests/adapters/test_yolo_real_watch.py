"""``lrlab.watch`` on the installed Ultralytics, in its own environment, beside what its results.csv tells."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lrlab.adapters.yolo import find_program
from lrlab.core.errors import NotFoundError

try:
    PYTHON = Path(find_program()).resolve().with_name("python")
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)
Image = pytest.importorskip("PIL.Image")

pytestmark = [pytest.mark.yolo, pytest.mark.slow]
SOURCE = Path(__file__).parents[2] / "src"
SCRIPT = """
import csv, json, sys
import torch
from ultralytics import YOLO
import lrlab

torch.set_num_threads(1)
model = YOLO("yolo11n-cls.yaml")
watcher = None
if sys.argv[2] != "alone":
    watcher = lrlab.watch(model, telemetry=1, every=4)
    if sys.argv[2] == "broken":
        watcher.put = None
result = model.train(data=sys.argv[1], epochs=3, imgsz=32, batch=8, nbs=16, device="cpu", workers=0, optimizer="SGD",
                     lr0=0.02, project=".", name="run", exist_ok=True, plots=False, amp=False, seed=1)
rows = [{k.strip(): float(v) for k, v in row.items()} for row in csv.DictReader(open(model.trainer.csv))]
told = {"rows": [{k: v for k, v in row.items() if k != "time"} for row in rows]}
if watcher is not None:
    found = watcher.checkup()
    tracks = watcher._run._tracks
    told |= {"steps": found.steps, "total": found.total_steps, "optimizer": found.optimizer, "rates": watcher.rates,
             "lr": found.lr, "columns": found.columns,
             "val": [row[1] for row in tracks["val_loss"].blocks()] if "val_loss" in tracks else [],
             "loss": [row[1] for row in tracks["loss"].blocks()] if "loss" in tracks else [],
             "hooks": len(model.trainer.optimizer._optimizer_step_post_hooks)}
print("TOLD" + json.dumps(told))
"""


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark and bright squares to classify."""
    root = tmp_path_factory.mktemp("drawn") / "tones"
    for part, count in (("train", 32), ("val", 8)):
        for name, value in (("dark", 20), ("light", 240)):
            (root / part / name).mkdir(parents=True)
            for index in range(count // 2):
                pixels = np.full((32, 32, 3), value, dtype=np.uint8)
                pixels[index, :] = 128
                Image.fromarray(pixels).save(root / part / name / f"{index}.png")
    return root


def trained(tones: Path, folder: Path, how: str) -> tuple[dict, str]:
    """What the script tells of a training that is watched, alone, or watched by something broken."""
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    own = {
        "YOLO_CONFIG_DIR": str(folder),
        "YOLO_OFFLINE": "true",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(SOURCE),
    }
    done = subprocess.run(
        [PYTHON, "script.py", tones, how],
        cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("TOLD")]
    return json.loads(line.removeprefix("TOLD")), done.stderr


def test_what_is_watched_is_what_the_log_tells(tones: Path, tmp_path: Path) -> None:
    alone, _ = trained(tones, tmp_path / "alone", "alone")
    watched, _ = trained(tones, tmp_path / "watched", "watched")
    assert watched["rows"] == alone["rows"]  # the training is what it is without
    rows = watched["rows"]
    assert watched["val"] == pytest.approx([row["val/loss"] for row in rows], rel=1e-4)
    per_epoch = np.reshape(watched["loss"], (3, 4)).mean(axis=1)
    assert per_epoch == pytest.approx([row["train/loss"] for row in rows], rel=1e-4)
    assert watched["rates"] == pytest.approx(
        [rows[-1][f"lr/pg{k}"] for k in range(len(watched["rates"]))], rel=1e-4
    )
    assert {"loss", "val_loss", "val_acc", "lr", "update_ratio", "grad_norm"} <= set(watched["columns"])
    assert (watched["optimizer"], watched["hooks"]) == ("momentum", 0)
    assert watched["steps"] <= 12
    assert watched["total"] == watched["steps"]


def test_what_breaks_reaches_no_training(tones: Path, tmp_path: Path) -> None:
    told, said = trained(tones, tmp_path / "broken", "broken")
    assert len(told["rows"]) == 3
    assert said.count("watching has ended by an error, and the training goes on") == 1
