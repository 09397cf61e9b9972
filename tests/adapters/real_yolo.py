"""The installed Ultralytics in its own Python, made to do on purpose what a training does rarely. Nothing is downloaded."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from lrlab.adapters.yolo import find_program

SMALL = {"imgsz": 32, "batch": 8, "device": "cpu", "workers": 0}

# Stands before the training, in the words of Ultralytics' own callbacks: from NAN_FROM on (an epoch, the first is 0) the
# first weights become NaN as an epoch begins, where lr0 is above NAN_ABOVE; NAN_ONCE: only once. WORKERS: load with these.
_WRAPPED = """#!{python}
import math, os, sys
import torch
from ultralytics.utils import callbacks

given, done = os.environ, []


def poison(trainer):
    due = trainer.epoch >= int(given.get("NAN_FROM", 10**6)) and trainer.args.lr0 > float(given.get("NAN_ABOVE", 0))
    if due and not (done and "NAN_ONCE" in given):
        done.append(trainer.epoch)
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(math.nan)


def load(trainer):
    trainer.args.workers = int(given.get("WORKERS", trainer.args.workers))


callbacks.default_callbacks["on_train_epoch_start"].append(poison)
callbacks.default_callbacks["on_pretrain_routine_start"].append(load)
{then}
"""


def beside() -> Path:
    """The Python that has Ultralytics."""
    return Path(find_program()).resolve().with_name("python")


def wrapped(folder: Path) -> str:
    """A yolo program that does what the environment says; see above."""
    path = folder / "yolo-wrapped"
    path.write_text(
        _WRAPPED.format(
            python=beside(), then="from ultralytics.cfg import entrypoint\nsys.exit(entrypoint())"
        )
    )
    path.chmod(0o755)
    return str(path)


def told(program: str, *words: object, folder: Path, **environment: str) -> tuple[Any, str]:
    """What a program in Ultralytics' own Python prints behind TOLD, as JSON, and what it says on stderr."""
    own = {
        "YOLO_OFFLINE": "true",
        "YOLO_CONFIG_DIR": str(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
    }
    (folder / "program.py").write_text(program)
    done = subprocess.run(
        [beside(), "program.py", *map(str, words)],
        cwd=folder, env=os.environ | own | environment, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("TOLD ")[2].splitlines()[0]), done.stderr
