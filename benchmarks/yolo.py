"""Ultralytics YOLO on blood cells: lrlab's rate against the defaults and Ultralytics' own tuner.

bccd-yolo (205 training images, 3 classes), yolo11n from random weights, imgsz 160, SGD, on the processor. For each seed:

- ``lrlab``: ``lrlab.sweep(lrlab.yolo(...))``, its winner;
- ``default``: Ultralytics' ``lr0=0.01`` with SGD;
- ``auto``: ``optimizer=auto``, which chooses optimizer and rate by itself;
- ``tuner``: Ultralytics' ``tune()`` over ``lr0`` alone, 1e-5 to 0.1, with SGD, at twice lrlab's cost.

The score is mAP50-95 of ``best.pt`` on the test split, which none of them sees. What is done is kept in the output file,
and left out when the command is started again.

Run: LRLAB_DATA=... python -m benchmarks.yolo [--epochs 60] [--seeds 1] [--only lrlab] [-o yolo.json]
"""

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lrlab
from benchmarks.kept import output_option, save
from lrlab.adapters.yolo import find_program

IMGSZ, BATCH, MODEL = 160, 16, "yolo11n.yaml"
SETTINGS: dict[str, Any] = {"imgsz": IMGSZ, "batch": BATCH, "device": "cpu", "workers": 0}
WAYS = ("lrlab", "default", "auto", "tuner")
OFFLINE = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
TUNE = """
import json, sys
from ultralytics import YOLO
given = json.loads(sys.argv[1])
YOLO(given.pop("model")).tune(use_ray=False, space={"lr0": (1e-5, 0.1)}, **given)
"""


def run(words: list[str], folder: Path) -> str:
    """Output of a program; what fails ends the benchmark with it."""
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **OFFLINE}
    )
    if done.returncode:
        sys.exit(f"yolo: {' '.join(words)} failed\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def test_score(weights: Path, data: Path, folder: Path) -> float:
    """mAP50-95 over all classes on the test split."""
    words = [
        "detect",
        "val",
        f"model={weights}",
        f"data={data}",
        "split=test",
        f"imgsz={IMGSZ}",
        "device=cpu",
    ]
    said = run(
        [find_program(), *words, "plots=False", f"project={folder}", "name=test", "exist_ok=True"], folder
    )
    row = re.search(r"^\s*all\s+\d+\s+\d+((?:\s+[\d.e-]+){4})\s*$", said, re.MULTILINE)
    if row is None:
        sys.exit(f"yolo: no scores in what the validation printed:\n{said[-3000:]}")
    return float(row.group(1).split()[-1])


def trained(data: Path, epochs: int, seed: int, folder: Path, **arguments: Any) -> Path:
    """The weights of one training with everything else as lrlab has it."""
    settings = {
        "data": data, "model": MODEL, "epochs": epochs, "seed": seed, "plots": False, "project": folder, "name": "train",
        "exist_ok": True, **SETTINGS, **arguments,
    }  # fmt: skip
    run([find_program(), "detect", "train", *(f"{name}={value}" for name, value in settings.items())], folder)
    return folder / "train" / "weights" / "best.pt"


def measure(way: str, data: Path, epochs: int, seed: int, folder: Path, cost: float) -> dict[str, Any]:
    """One way for one seed: the rate, the test score and the cost in full runs."""
    began = time.monotonic()
    result: dict[str, Any] = {"way": way, "seed": seed, "epochs": epochs}
    if way == "lrlab":
        task = lrlab.yolo("detect", data, model=MODEL, epochs=epochs, **SETTINGS)
        answer = lrlab.sweep(task, seed=seed, workers=1, threads=2, store=folder / "studies", study="bccd")
        weights = Path(str(answer.checkpoint))
        result |= {
            "lr": answer.lr, "interval": answer.interval, "safe_range": answer.safe_range, "cost": answer.cost,
            "val": answer.score, "warnings": list(answer.codes),
        }  # fmt: skip
    elif way == "default":
        weights = trained(data, epochs, seed, folder, optimizer="SGD", lr0=0.01)
        result |= {"lr": 0.01, "cost": 1.0}
    elif way == "auto":
        weights = trained(data, epochs, seed, folder, optimizer="auto")
        result |= {"lr": None, "cost": 1.0}
    else:
        iterations = math.ceil(2 * cost)
        given = {
            "model": MODEL, "data": str(data), "epochs": epochs, "iterations": iterations, "optimizer": "SGD",
            "seed": seed, "plots": False, "val": True, "project": str(folder), "name": "tune", **SETTINGS,
        }  # fmt: skip
        python = Path(find_program()).resolve().with_name("python")
        run([str(python), "-c", TUNE, json.dumps(given)], folder)
        weights = next(folder.rglob("tune*/weights/best.pt"))
        result |= {"lr": None, "cost": float(iterations)}
        best = next(folder.rglob("best_hyperparameters.yaml"), None)
        found = re.search(r"^lr0:\s*([\d.e-]+)", best.read_text(), re.MULTILINE) if best else None
        result["lr"] = float(found.group(1)) if found else None
    result["test"] = test_score(weights, data, folder)
    result["seconds"] = time.monotonic() - began
    return result


def table(rows: list[dict[str, Any]]) -> str:
    """One line a measurement."""
    lines = [f"{'seed':>4}  {'way':8}  {'lr0':>9}  {'test mAP50-95':>13}  {'cost':>5}  {'seconds':>7}"]
    for row in sorted(rows, key=lambda row: (row["seed"], WAYS.index(row["way"]))):
        lr = f"{row['lr']:.2g}" if row["lr"] else "its own"
        lines.append(
            f"{row['seed']:>4}  {row['way']:8}  {lr:>9}  {row['test']:13.4f}  {row['cost']:5.2f}  {row['seconds']:7.0f}"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", choices=WAYS, action="append")
    output_option(parser, Path("build/yolo.json"))
    args = parser.parse_args()
    given = os.environ.get("LRLAB_DATA")
    if not given:
        print("yolo: skipped: LRLAB_DATA is not set")
        return 0
    rows: list[dict[str, Any]] = json.loads(args.output.read_text()) if args.output.exists() else []
    done = {(row["way"], row["seed"], row["epochs"]) for row in rows}
    for seed in range(args.seeds):
        for way in args.only or WAYS:
            if (way, seed, args.epochs) in done:
                continue
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                shutil.copytree(
                    Path(given, "bccd-yolo"), folder / "bccd-yolo"
                )  # YOLO writes caches beside it
                costs = [
                    row["cost"] for row in rows if row["way"] == "lrlab" and row["epochs"] == args.epochs
                ]
                cost = sum(costs) / len(costs) if costs else 2.2
                data = folder / "bccd-yolo" / "data.yaml"
                rows.append(measure(way, data, args.epochs, seed, folder, cost))
            save(rows, args.output)
            print(table(rows[-1:]), flush=True)
    print(table([row for row in rows if row["epochs"] == args.epochs]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
