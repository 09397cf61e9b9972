"""What the adapter relies on and what it avoids, each seen in the installed Ultralytics; nothing is downloaded.

Where one of these fails after an upgrade, Ultralytics has changed, and so must what ``lrlab.adapters.yolo`` says and does.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lrlab.adapters.yolo import find_program
from lrlab.core.errors import NotFoundError

try:
    find_program()
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)

from tests.adapters.test_yolo_real import drawn  # noqa: F401 - a fixture

pytestmark = [pytest.mark.yolo, pytest.mark.slow]

# One training of two epochs by Ultralytics' own interface, and everything that is asked of it.
WATCHED = """
import json, sys
from ultralytics import YOLO

seen, steps, rates = [], [], []
model = YOLO("yolo11n-cls.yaml")
for name in ("optimizer_step", "on_before_zero_grad", "on_params_update", "on_train_batch_end", "on_fit_epoch_end",
             "on_pretrain_routine_end", "on_train_end"):
    model.add_callback(name, lambda trainer, name=name: seen.append([name, getattr(trainer, "epoch", -1)]))


def stop_first(trainer):
    trainer.stop = trainer.epoch >= int(sys.argv[2])


def hook(trainer):
    trainer.optimizer.register_step_post_hook(lambda *_: steps.append(1))


def overwrite(trainer):
    for group in trainer.optimizer.param_groups:
        group["lr"] = 0.123


def read(trainer):
    rates.append(trainer.optimizer.param_groups[1]["lr"])


model.add_callback("on_pretrain_routine_end", hook)
model.add_callback("on_train_batch_start", overwrite)
model.add_callback("on_train_batch_end", read)
model.add_callback("on_fit_epoch_end", stop_first)
model.train(data=sys.argv[1], epochs=4, imgsz=32, batch=8, device="cpu", workers=0, plots=False, optimizer="SGD", lr0=0.01,
            project=sys.argv[3], name="t", exist_ok=True, warmup_epochs=float(sys.argv[4]))
import torch
last = torch.load(model.trainer.last, weights_only=False)
print("TOLD " + json.dumps({
    "seen": seen, "steps": len(steps), "rates": rates, "optimizer": last["optimizer"] is not None, "epoch": last["epoch"],
}))
"""


def beside() -> str:
    """The Python that has Ultralytics."""
    return str(Path(find_program()).resolve().with_name("python"))


def asked(program: str, *words: object, folder: Path, **environment: str) -> Any:
    """What a program in Ultralytics' own Python tells."""
    done = subprocess.run(
        [beside(), "-c", program, *map(str, words)],
        cwd=folder, capture_output=True, text=True, check=False, timeout=200,
        env=os.environ | {"YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(folder), "OMP_NUM_THREADS": "1"} | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("TOLD ")[2].splitlines()[0])


@pytest.fixture(scope="module")
def watched(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: F811
    """A training of four epochs that is told to stop after its second."""
    folder = tmp_path_factory.mktemp("watched")
    told = asked(WATCHED, drawn / "tones", 1, folder, 3, folder=folder)
    return told | {"csv": (folder / "t" / "results.csv").read_text()}


def of(watched: Any, name: str) -> list[int]:
    return [epoch for seen, epoch in watched["seen"] if seen == name]


def test_callbacks_that_are_registered_and_never_called(watched: Any) -> None:
    """Whoever wants to see steps takes the optimizer's own hook."""
    assert of(watched, "on_train_batch_end")
    for name in ("optimizer_step", "on_before_zero_grad", "on_params_update"):
        assert of(watched, name) == []
    assert watched["steps"] > 0


def test_the_end_of_an_epoch_is_told_once_more_at_the_end(watched: Any) -> None:
    assert of(watched, "on_fit_epoch_end") == [0, 1, 2]
    assert watched["csv"].count("\n") == 3  # the file has a head and the two epochs


def test_a_rate_that_a_callback_sets_is_overwritten_in_the_warmup(watched: Any) -> None:
    assert all(abs(rate - 0.123) > 1e-3 for rate in watched["rates"])


def test_a_training_that_was_stopped_early_cannot_be_resumed(watched: Any) -> None:
    """Its last weights have no optimizer any more: a run is frozen as a process, and never shortened."""
    assert watched["optimizer"] is False
    assert watched["epoch"] == -1


def test_fewer_epochs_are_another_schedule(watched: Any) -> None:
    """The second epoch of four has not the rate that the second of two has."""
    factor = [(1 - epoch / 4) * 0.99 + 0.01 for epoch in (0, 1)]
    rows = [row.split(",") for row in watched["csv"].splitlines()]
    column = [name.strip() for name in rows[0]].index("lr/pg1")
    rates = [float(row[column]) for row in rows[1:]]
    assert rates[1] <= 0.01 * factor[1] + 1e-9
    assert pytest.approx(0.01 * factor[1], rel=0.1) != 0.01 * ((1 - 1 / 2) * 0.99 + 0.01)


@pytest.mark.parametrize(("word", "offline"), [("true", True), ("1", True), ("false", False)])
def test_offline_is_kept(word: str, offline: bool, tmp_path: Path) -> None:
    """Older versions knew ``true`` only, which is therefore what a run gets."""
    program = (
        "import socket, sys\n"
        "tried = []\n"
        "def connect(*given, **more):\n    tried.append(1)\n    raise OSError('no network in a test')\n"
        "socket.create_connection = connect\nsocket.socket.connect = connect\nsocket.getaddrinfo = connect\n"
        "from ultralytics.utils import is_online\n"
        "tried.clear()\nis_online.cache_clear() if hasattr(is_online, 'cache_clear') else None\nis_online()\n"
        "import json\nprint('TOLD ' + json.dumps(len(tried)))"
    )
    tried = asked(program, folder=tmp_path, YOLO_OFFLINE=word)
    assert (tried == 0) is offline


def test_settings_that_must_be_shares(tmp_path: Path) -> None:
    """``lr0`` above 1 cannot be asked for, so no range goes further."""
    program = (
        "import json\nfrom ultralytics.cfg import CFG_FRACTION_KEYS, get_cfg\n"
        "keys = sorted({'lr0', 'lrf', 'warmup_bias_lr'} & set(CFG_FRACTION_KEYS))\n"
        "try:\n    said = get_cfg(overrides={'lr0': 1.5})\n"
        "except ValueError as error:\n    said = error\n"
        "print('TOLD ' + json.dumps([keys, str(said)]))"
    )
    keys, said = asked(program, folder=tmp_path)
    assert keys == ["lr0", "lrf", "warmup_bias_lr"]
    assert "'lr0=1.5' is an invalid value" in said


def test_the_defaults_that_lrlab_repeats(tmp_path: Path) -> None:
    program = (
        "import json\nfrom ultralytics.cfg import get_cfg\ncfg = get_cfg()\n"
        "print('TOLD ' + json.dumps({name: getattr(cfg, name) for name in "
        "('lr0', 'lrf', 'warmup_epochs', 'warmup_bias_lr', 'optimizer', 'cos_lr', 'epochs', 'plots', 'nbs', 'close_mosaic', "
        "'momentum', 'warmup_momentum', 'weight_decay', 'patience', 'seed', 'deterministic', 'amp', 'val', 'save')}))"
    )
    assert asked(program, folder=tmp_path) == {
        "lr0": 0.01, "lrf": 0.01, "warmup_epochs": 3.0, "warmup_bias_lr": 0.1, "optimizer": "auto", "cos_lr": False,
        "epochs": 100, "plots": True, "nbs": 64, "close_mosaic": 10, "momentum": 0.937, "warmup_momentum": 0.8,
        "weight_decay": 0.0005, "patience": 100, "seed": 0, "deterministic": True, "amp": True, "val": True, "save": True,
    }  # fmt: skip


def test_a_model_by_its_architecture_has_random_weights(tmp_path: Path) -> None:
    program = (
        "import json\nfrom ultralytics import YOLO\nmodel = YOLO('yolo11n-cls.yaml')\n"
        "print('TOLD ' + json.dumps([not model.ckpt, str(model.ckpt_path)]))"
    )
    assert asked(program, folder=tmp_path) == [True, "None"]
