"""The worked page of YOLO classification: blood cells by ``lrlab sweep yolo classify``, and a recipe on the same folder.

300 crops to train on (100 of each kind of cell), 180 to choose by and 600 to judge with, written as the folder that YOLO takes;
yolo11n-cls from random weights, imgsz 32, on the processor. Rows: Ultralytics' own default (``optimizer=auto``), SGD at the
usual ``lr0=0.01``, lrlab's answers for SGD and AdamW, and for SGD rates ten times higher and lower, all with the same seed; top-1 accuracy of
``best.pt`` on the test part. Then ``lrlab sweep images`` on the same folder with a small network. docs/yolo.md holds what this
prints; what is done is kept in the output file, and left out when the command is started again.

Run: LRLAB_DATA=... python -m benchmarks.yolo_cells [--epochs 30] [--pictures docs/pictures] [-o yolo_cells.json]
"""

import argparse
import json
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lrlab
from benchmarks.kept import output_option, save
from benchmarks.worked_examples import USUAL, trained
from benchmarks.workloads import data_folder
from benchmarks.yolo import run
from lrlab.adapters.yolo import find_program
from lrlab.api.data import data_task

CELLS = ("RBC", "WBC", "Platelets")
PARTS = {"train": slice(0, 100), "val": slice(100, 160), "test": slice(160, 360)}  # of each kind of cell
SETTINGS: dict[str, Any] = {"imgsz": 32, "batch": 32, "device": "cpu", "workers": 0}


def write_cells(crops: Path, folder: Path) -> None:
    """The crops as PNG files in folders of parts and classes."""
    from PIL import Image

    with np.load(crops) as stored:
        x, y = stored["x"], stored["y"]
    for label, name in enumerate(CELLS):
        order = np.random.default_rng(0).permutation(np.flatnonzero(y == label))
        for part, rows in PARTS.items():
            place = folder / part / name
            place.mkdir(parents=True)
            for row in order[rows]:
                Image.fromarray(x[row]).save(place / f"{row:04}.png")


def test_accuracy(weights: Path, data: Path, folder: Path) -> float:
    """Top-1 accuracy on the test part."""
    words = [
        "classify", "val", f"model={weights}", f"data={data}", "split=test", f"imgsz={SETTINGS['imgsz']}", "device=cpu",
        "workers=0", "plots=False", f"project={folder}", "name=test", "exist_ok=True",
    ]  # fmt: skip
    said = run([find_program(), *words], folder)
    row = re.search(r"^\s*all\s+([\d.e-]+)\s+[\d.e-]+\s*$", said, re.MULTILINE)
    if row is None:
        sys.exit(f"yolo_cells: no scores in what the validation printed:\n{said[-3000:]}")
    return float(row.group(1))


def at_rate(data: Path, epochs: int, folder: Path, **arguments: Any) -> float:
    """Test accuracy of one training, with everything else as lrlab has it."""
    settings = {
        "data": data, "model": "yolo11n-cls.yaml", "epochs": epochs, "seed": 0, "plots": False, "project": folder,
        "name": "train", "exist_ok": True, **SETTINGS, **arguments,
    }  # fmt: skip
    run(
        [find_program(), "classify", "train", *(f"{name}={value}" for name, value in settings.items())],
        folder,
    )
    return test_accuracy(folder / "train" / "weights" / "best.pt", data, folder)


def search(
    data: Path, epochs: int, folder: Path, pictures: Path | None, *, optimizer: str, current_lr: float
) -> dict[str, Any]:
    """lrlab's answer for YOLO, its picture, and the winner's test accuracy."""
    task = lrlab.yolo("classify", data, epochs=epochs, optimizer=optimizer, **SETTINGS)
    answer = lrlab.sweep(task, workers=1, store=folder / "studies", study=optimizer, current_lr=current_lr)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        answer.plot(pictures / f"yolo-cells-{optimizer.lower()}.png")
    return {
        "lr": answer.lr, "says": str(answer), "cost": answer.cost, "warnings": list(answer.codes),
        "test": test_accuracy(Path(str(answer.checkpoint)), data, folder),
    }  # fmt: skip


def recipe(data: Path) -> dict[str, Any]:
    """``lrlab sweep images`` on the same folder."""
    made = data_task("images", data, model="resnet")
    answer = lrlab.sweep(made, current_lr=USUAL, workers=0, store="memory")
    return {
        "lr": answer.lr, "says": str(answer), "cost": answer.cost, "default": trained(made, USUAL)["test_acc"],
        "test": trained(made, answer.lr)["test_acc"],
    }  # fmt: skip


def table(told: dict[str, Any]) -> str:
    """A table for the page."""
    lines = ["| training | rate | test accuracy | cost |", "| --- | --- | --- | --- |"]
    for name, row in told.items():
        if name != "recipe":
            lr = f"{row['lr']:.2g}" if row["lr"] else "its own"
            lines.append(f"| {name} | {lr} | {row['test']:.3f} | {row['cost']:.2f} |")
    if made := told.get("recipe"):
        lines.append(f"| small ResNet, usual rate | {USUAL:.2g} | {made['default']:.3f} | 1.00 |")
        lines.append(
            f"| small ResNet, lrlab's answer | {made['lr']:.2g} | {made['test']:.3f} | {made['cost']:.2f} |"
        )
    said = [f"{name}: {row['says']} ({row['seconds']:.0f} s)" for name, row in told.items() if "says" in row]
    return "\n".join([*lines, "", *said])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--pictures", type=Path)
    output_option(parser, Path("build/yolo_cells.json"))
    args = parser.parse_args()
    source = data_folder()
    if source is None:
        print("yolo_cells: skipped: LRLAB_DATA is not set")
        return 0
    torch.set_num_threads(1)
    told: dict[str, Any] = json.loads(args.output.read_text()) if args.output.exists() else {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = folder / "cells"
        write_cells(source / "bccd" / "crops24.npz", data)

        def keep(name: str, lr: float | None, make: Any) -> None:
            if name not in told:
                began = time.monotonic()
                found = make()
                found = found if isinstance(found, dict) else {"lr": lr, "cost": 1.0, "test": found}
                told[name] = found | {"seconds": time.monotonic() - began}
                save(told, args.output)
                print(name, told[name], flush=True)

        def fixed(name: str, lr: float | None, **arguments: Any) -> None:
            keep(name, lr, lambda: at_rate(data, args.epochs, folder, **arguments))

        for optimizer, usual in (("SGD", 0.01), ("AdamW", 0.001)):
            name = f"{optimizer}, lrlab's answer"
            where = partial(search, data, args.epochs, folder, args.pictures)
            keep(name, None, partial(where, optimizer=optimizer, current_lr=usual))
        fixed("optimizer=auto, YOLO's default", None, optimizer="auto")
        answer = told["SGD, lrlab's answer"]["lr"]
        for name, lr in (
            ("usual rate", 0.01), ("ten times the answer", min(10 * answer, 1.0)), ("a tenth of the answer", answer / 10),
        ):  # fmt: skip
            fixed(f"SGD, {name}", lr, optimizer="SGD", lr0=lr)
        keep("recipe", None, lambda: recipe(data))
    print(table(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
