"""A watched YOLO model whose trainer sends its callbacks to other processes, as it does for several devices.

The installed Ultralytics makes the file that those processes would run, and one of them runs it, without other devices.
"""

from pathlib import Path

import pytest

from lrlab.adapters.yolo import find_program
from lrlab.core.errors import NotFoundError

try:
    find_program()
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)

from tests.adapters.real_yolo import told
from tests.adapters.test_yolo_real import drawn  # noqa: F401 - a fixture

pytestmark = [pytest.mark.yolo, pytest.mark.slow]

SENT = """
import json, math, subprocess, sys, threading, warnings
import torch
from ultralytics import YOLO
from ultralytics.models.yolo.classify import ClassificationTrainer
from ultralytics.utils.dist import ddp_cleanup, generate_ddp_file
from ultralytics.utils.patches import torch_load
import lrlab


def poison(trainer):
    if trainer.epoch == 1:
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(math.nan)


def trainer_of(model):
    model.trainer = ClassificationTrainer(_callbacks=model.callbacks, overrides=dict(
        model="yolo11n-cls.yaml", data=sys.argv[1], epochs=2, imgsz=32, batch=8, nbs=8, device="cpu", project=".",
        name="run", exist_ok=True, plots=False, optimizer="SGD"))
    return model.trainer


lock = threading.Lock()
told = {}
for kind, settings in (("goes", {"alerts": "alerts.jsonl", "every": 2}), ("stays", {"on_alert": lambda alert: lock})):
    model = YOLO("yolo11n-cls.yaml")
    watcher = lrlab.watch(model, **settings)
    model.add_callback("on_train_epoch_start", poison)
    trainer = trainer_of(model)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        file = generate_ddp_file(trainer)
    found = {"said": [str(one.message) for one in said if "lrlab" in str(one.message)]}
    sent = torch_load(file[:-3] + ".pt", map_location="cpu")["callbacks"]["on_train_batch_end"][-1]
    found["kind"] = type(sent).__name__
    if kind == "goes":
        done = subprocess.run([sys.executable, file], capture_output=True, text=True)
        found["alerts"] = [json.loads(line)["symptom"] for line in open("alerts.jsonl")]
        found["end"] = done.stderr.strip().splitlines()[-1]
        found["here"] = [watcher.steps, len(watcher.alerts)]
        found["heard"] = "diverged" in done.stderr
    else:
        found["called"] = type(sent(trainer)).__name__
    ddp_cleanup(trainer, file)
    told[kind] = found
print("TOLD " + json.dumps(told))
"""


def test_a_copy_watches_there_and_what_cannot_go_is_left(drawn: Path, tmp_path: Path) -> None:  # noqa: F811
    seen, _ = told(SENT, drawn / "tones", folder=tmp_path)
    goes, stays = seen["goes"], seen["stays"]
    [said] = goes["said"]  # five callbacks, one warning
    assert "goes on in processes of its own. The first of them is watched" in said
    assert "lrlab watch " in said
    assert said.endswith("results.csv")
    assert goes["kind"] == "_Callback"
    assert goes["alerts"] == ["diverged"]
    assert goes["heard"]  # on its stderr
    assert "NaN persisted" in goes["end"]  # the training's own end, and no error of lrlab's
    assert goes["here"] == [0, 0]
    [said] = stays["said"]
    assert "where nothing is watched (TypeError: cannot pickle '_thread.lock' object)" in said
    assert (stays["kind"], stays["called"]) == ("partial", "int")  # it needs no lrlab, and does nothing
