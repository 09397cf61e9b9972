"""More of what the adapter relies on and what it avoids, each seen in the installed Ultralytics; nothing is downloaded.

Where one of these fails after an upgrade, Ultralytics has changed, and so must what ``lrlab.adapters.yolo`` says and does.
"""

from pathlib import Path
from typing import Any

import pytest

from lrlab.adapters import yolo
from lrlab.adapters.yolo import find_program
from lrlab.core.errors import NotFoundError

try:
    find_program()
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)

from tests.adapters.real_yolo import told
from tests.adapters.test_yolo_real import drawn  # noqa: F401 - a fixture

pytestmark = [pytest.mark.yolo, pytest.mark.slow]

# What needs no training.
LOOKED_AT = """
import json, socket, subprocess, sys
from pathlib import Path
from types import SimpleNamespace

tried = []


def refused(*given, **more):
    tried.append("network")
    raise OSError("no network in a test")


def started(*given, **more):
    tried.append("process")
    raise OSError("no process in a test")


socket.create_connection = socket.getaddrinfo = refused
from ultralytics import YOLO
from ultralytics.cfg import TASK2METRIC
from ultralytics.data.utils import check_cls_dataset
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.engine.tuner import Tuner
from ultralytics.utils import SETTINGS, checks

told = {"metrics": TASK2METRIC}
tuner = SimpleNamespace(space={"lr0": (1e-6, 1e-1)}, prefix="")
told["tuned"] = [Tuner._constrain(tuner, {"lr0": rate})["lr0"] for rate in (3.456e-5, 1.4e-5, 4e-6)]

model = YOLO("yolo11n-cls.yaml").model
for name, iterations in (("few", 10_000), ("many", 10_001)):
    own = SimpleNamespace(args=SimpleNamespace(lr0=0.5, optimizer="auto", warmup_bias_lr=0.1), data={"nc": 3})
    made = BaseTrainer.build_optimizer(own, model, name="auto", lr=0.5, iterations=iterations)
    told[name] = [type(made).__name__, own.args.lr0, own.args.warmup_bias_lr]

tried.clear()
device = SimpleNamespace(type="xpu")
fake = SimpleNamespace(parameters=lambda: iter([SimpleNamespace(device=device)]), stride=SimpleNamespace(max=lambda: 32))
told["amp"] = checks.check_amp(fake)
told["amp_tried"] = sorted(set(tried))
tried.clear()
subprocess.Popen = subprocess.run = subprocess.check_output = started
told["requirement"] = checks.check_requirements("surely-not-here-at-all")
told["requirement_tried"] = tried
told["trackers"] = [name for name in ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb") if SETTINGS[name]]

folder = Path(sys.argv[1])
data = check_cls_dataset(folder / "whole", split="val")
told["split"] = [str(Path(data["train"]).relative_to(folder)), str(Path(data["val"]).relative_to(folder))]
data = check_cls_dataset(folder / "untested", split="val")
told["no_val"] = str(Path(data["val"]).relative_to(folder))
print("TOLD " + json.dumps(told))
"""


@pytest.fixture(scope="module")
def looked_at(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: F811
    """What Ultralytics tells without a training."""
    folder = tmp_path_factory.mktemp("looked-at")
    for place in ("whole/dark", "untested/train/dark", "untested/test/dark"):
        (folder / place).mkdir(parents=True)
        for picture in sorted((drawn / "tones/val/dark").iterdir()):
            (folder / place / picture.name).write_bytes(picture.read_bytes())
    found, _ = told(LOOKED_AT, folder, folder=folder, YOLO_AUTOINSTALL="false")
    return found


def test_what_is_compared_is_what_ultralytics_calls_the_metric_of_a_task(looked_at: Any) -> None:
    ours = {task: metric.removesuffix(":max") for task, metric in yolo._METRICS.items()}
    assert {task: looked_at["metrics"][task] for task in ours} == ours


def test_the_tuner_rounds_rates_to_five_decimals(looked_at: Any) -> None:
    assert looked_at["tuned"] == [3e-5, 1e-5, 1e-6]


def test_the_rates_that_auto_chooses(looked_at: Any) -> None:
    """Whatever lr0 says; and the warm-up of the biases begins at 0."""
    assert looked_at["few"] == ["AdamW", 0.001429, 0.0]
    assert looked_at["many"] == ["MuSGD", 0.01, 0.0]


def test_without_a_network_the_check_of_mixed_precision_is_left_out(looked_at: Any) -> None:
    """It would fetch weights; without them mixed precision stays on, unless amp=False."""
    assert looked_at["amp"] is True
    assert looked_at["amp_tried"] in ([], ["network"])


def test_nothing_is_installed(looked_at: Any) -> None:
    assert looked_at["requirement"] is False
    assert looked_at["requirement_tried"] == []


def test_trackers_that_are_installed_are_on_by_default(looked_at: Any) -> None:
    """Why the documentation says how to turn them off."""
    assert looked_at["trackers"] == ["clearml", "comet", "dvc", "mlflow", "raytune"]


def test_a_folder_without_train_is_copied_into_another_one(looked_at: Any) -> None:
    """Why it is refused: every run would do so, while others read."""
    assert looked_at["split"] == ["whole_split/train", "whole_split/val"]


def test_without_val_the_test_part_is_validated_on(looked_at: Any) -> None:
    assert looked_at["no_val"] == "untested/test"


TRAINED = """
import json, shutil, sys
import torch
from ultralytics import YOLO
from ultralytics.utils import LOGGER

told, said = {}, []
SETTINGS = dict(data=sys.argv[1], imgsz=32, batch=8, nbs=8, device="cpu", project=sys.argv[2], exist_ok=True, plots=False,
                optimizer="SGD", lr0=0.01, workers=2)


def kept(trainer):
    if not said:
        said.append(True)
        shutil.copy(trainer.last, "kept.pt")


def stop(trainer):
    trainer.stop = True


model = YOLO("yolo11n-cls.yaml")
model.add_callback("on_model_save", kept)
model.add_callback("on_fit_epoch_end", stop)
model.train(epochs=3, name="whole", **SETTINGS)
told["workers"] = model.trainer.args.workers
first = torch.load("kept.pt", weights_only=False)
told["kept"] = {"model": first["model"] is not None, "ema": first["ema"] is not None,
                "optimizer": first["optimizer"] is not None}
told["csv"] = open(model.trainer.csv).read().splitlines()[0]

LOGGER.warning = lambda text, *more: told.setdefault("warned", []).append(str(text))
model = YOLO("kept.pt")
model.train(resume=True, lr0=0.5, epochs=9, imgsz=32)
told["resumed"] = [model.trainer.args.lr0, model.trainer.args.epochs, model.trainer.start_epoch]
told["rows"] = [line.split(",")[0] for line in open(model.trainer.csv).read().splitlines()]

rates = []
model = YOLO("yolo11n-cls.yaml")


def overwrite(trainer):
    for group in trainer.optimizer.param_groups:
        group["lr"] = 0.123


def read(trainer):
    rates.append(trainer.optimizer.param_groups[1]["lr"])


model.add_callback("on_train_batch_start", overwrite)
model.add_callback("on_train_batch_end", read)
model.add_callback("on_train_batch_end", stop)
try:
    model.train(epochs=3, name="stopped", save=False, warmup_epochs=0, **SETTINGS)
except FileNotFoundError as error:
    told["stopped"] = str(error)
told["rates"] = rates
print("TOLD " + json.dumps(told))
"""


@pytest.fixture(scope="module")
def trained(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: F811
    """What three short trainings tell."""
    folder = tmp_path_factory.mktemp("trained")
    found, _ = told(TRAINED, drawn / "tones", folder, folder=folder)
    return found


def test_a_stop_without_saved_weights_is_an_error(trained: Any) -> None:
    """Why save cannot be given: a run that ends early by its patience would fail."""
    assert "no checkpoint was saved" in trained["stopped"]


def test_a_checkpoint_holds_averaged_weights_alone(trained: Any) -> None:
    """So best.pt, the answer's checkpoint, is the running average; the trained weights are in no file."""
    assert trained["kept"] == {"model": False, "ema": True, "optimizer": True}


def test_a_resumed_training_takes_no_other_rate_and_no_other_length(trained: Any) -> None:
    """Why runs are whole trainings: what was begun at a rate ends at it."""
    assert trained["resumed"] == [0.01, 3, 1]
    assert any("Resume ignores" in text and "lr0" in text and "epochs" in text for text in trained["warned"])
    assert trained["rows"] == ["epoch", "1", "2", "3"]  # the log goes on in the same file


def test_without_a_warmup_a_callback_can_set_the_rate(trained: Any) -> None:
    assert trained["rates"] == [0.123]


def test_on_a_cpu_nothing_loads_beside_the_training(trained: Any) -> None:
    assert trained["workers"] == 0


def test_the_columns_of_a_classification(trained: Any) -> None:
    assert trained["csv"] == (
        "epoch,time,train/loss,metrics/accuracy_top1,metrics/accuracy_top5,val/loss,lr/pg0,lr/pg1,lr/pg2"
    )
