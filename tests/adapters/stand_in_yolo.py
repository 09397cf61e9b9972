#!/usr/bin/env python3
"""Stands in for the yolo program: takes its arguments and writes its files, and trains nothing.

The mAP is 0 for the first third of the epochs, as it is from random weights; the training losses tell more.
"""

import math
import os
import sys
import time
from pathlib import Path

task, mode, *words = sys.argv[1:]
given = dict(word.split("=", 1) for word in words)
epochs, lr = int(given["epochs"]), float(given["lr0"])
fixed = os.environ.get("STAND_IN_RATE")  # a training that ignores its rate
held = int(os.environ.get("STAND_IN_HELD", epochs))  # the epoch from which on its rate no longer changes
floor, warmup = float(given.get("lrf", 0.01)), math.ceil(float(given.get("warmup_epochs", 3)))
folder = Path(given["project"], given["name"])
(folder / "weights").mkdir(parents=True)
(folder / "args.yaml").write_text("\n".join(f"{key}: {value}" for key, value in given.items()))
columns = {
    "detect": "train/box_loss,train/cls_loss,metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss",
    "classify": "train/loss,metrics/accuracy_top1,metrics/accuracy_top5,val/loss",
}[task]
far = abs(math.log10((float(fixed) if fixed else lr) / 0.02))
with (folder / "results.csv").open("w") as log:
    print(f"epoch,time,{columns},lr/pg0,lr/pg1,lr/pg2", file=log, flush=True)
    for epoch in range(1, epochs + 1):
        time.sleep(0.01)
        done = epoch / epochs
        loss = 2 + far * (0.5 + done) - done
        best = max(0.6 - 0.2 * far, 0.0) * (done - 1 / 3) if done > 1 / 3 else 0.0
        values = [loss, loss / 2, best * 1.3, best, 1.0] if task == "detect" else [loss, best, best, loss]
        now = min(epoch - 1, held)
        fall = (
            (1 + math.cos(math.pi * now / epochs)) / 2 if given.get("cos_lr") == "True" else 1 - now / epochs
        )
        rate = float(fixed) if fixed else lr * (floor + (1 - floor) * fall)
        rate *= min((epoch - 0.1) / max(min(warmup, epochs - 1), 0.1), 1)
        # MuSGD's first group has three times the rate.
        first = rate * (3 if given.get("optimizer") == "MuSGD" else 1)
        cells = [epoch, time.perf_counter(), *values, first, rate, rate]
        print(",".join(f"{cell:.6g}" for cell in cells), file=log, flush=True)
(folder / "weights" / "best.pt").write_bytes(repr(lr).encode())
