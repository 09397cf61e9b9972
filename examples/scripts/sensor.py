"""Fits a filter to a stream of numbers that a second process makes. It knows nothing of lrlab.

python sensor.py --learning-rate 0.05 --steps 640 --run-dir runs/1
"""

import argparse
import json
import multiprocessing
import os
import random

TRUE = [0.5, -0.25, 0.125, 0.75, -0.6, 0.3]


def make_batches(seed, queue):
    """Runs in a process of its own, as fast as the queue takes what it makes."""
    rng = random.Random(seed)
    signal = [0.0] * len(TRUE)
    while True:
        batch = []
        for _ in range(64):
            signal = [0.8 * signal[0] + rng.gauss(0, 1), *signal[:-1]]
            batch.append(
                (list(signal), sum(a * b for a, b in zip(TRUE, signal, strict=True)) + rng.gauss(0, 0.1))
            )
        queue.put(batch)


def mean_error(taps, batch):
    return sum((sum(a * b for a, b in zip(taps, x, strict=True)) - y) ** 2 for x, y in batch) / len(batch)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--steps", type=int, default=640)
    parser.add_argument("--eval-every", type=int, default=20)
    parser.add_argument("--run-dir", required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    queue = multiprocessing.get_context("fork").Queue(maxsize=8)
    worker = multiprocessing.get_context("fork").Process(
        target=make_batches, args=(args.seed, queue), daemon=True
    )
    worker.start()
    held_out = [pair for _ in range(4) for pair in queue.get()]

    taps = [0.0] * len(TRUE)
    os.makedirs(args.run_dir, exist_ok=True)
    with open(os.path.join(args.run_dir, "metrics.jsonl"), "w") as log:
        for step in range(1, args.steps + 1):
            batch = queue.get()
            lr = args.learning_rate * (1 - 0.9 * step / args.steps)
            gradient = [0.0] * len(taps)
            for x, y in batch:
                error = 2 * (sum(a * b for a, b in zip(taps, x, strict=True)) - y) / len(batch)
                gradient = [g + error * value for g, value in zip(gradient, x, strict=True)]
            taps = [tap - lr * g for tap, g in zip(taps, gradient, strict=True)]
            if step % 5 == 0:
                log.write(
                    json.dumps({"step": step, "train": {"mse": mean_error(taps, batch)}, "lr": lr}) + "\n"
                )
            if step % args.eval_every == 0:
                log.write(json.dumps({"step": step, "eval/mse": mean_error(taps, held_out)}) + "\n")
                log.flush()
    print("taps", [round(tap, 4) for tap in taps])


if __name__ == "__main__":
    main()
