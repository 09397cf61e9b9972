"""Trains a small network on two moons. It knows nothing of lrlab.

python moons.py --lr 0.1 --epochs 32 --seed 0 --out results
"""

import argparse
import csv
import sys
import time
from pathlib import Path

import numpy as np


def moons(rng, count):
    angle = np.pi * rng.random(count)
    lower = rng.random(count) < 0.5
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x[lower] = np.array([1.0, 0.5]) - x[lower]
    return x + 0.2 * rng.standard_normal(x.shape), lower.astype(float)


def forward(weights, x):
    hidden = np.tanh(x @ weights["w1"] + weights["b1"])
    return hidden, hidden @ weights["w2"] + weights["b2"]


def loss_and_accuracy(weights, x, y):
    _, logits = forward(weights, x)
    losses = np.logaddexp(0.0, logits) - y * logits
    return losses.mean(), ((logits > 0) == (y > 0.5)).mean()


def gradients(weights, x, y):
    hidden, logits = forward(weights, x)
    error = (1 / (1 + np.exp(-logits)) - y) / len(y)
    behind = np.outer(error, weights["w2"]) * (1 - hidden**2)
    return {"w1": x.T @ behind, "b1": behind.sum(0), "w2": hidden.T @ error, "b2": error.sum()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"))
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    x, y = moons(rng, 2000)
    val_x, val_y = moons(rng, 1000)
    weights = {
        "w1": rng.standard_normal((2, 32)),
        "b1": np.zeros(32),
        "w2": rng.standard_normal(32) / 6,
        "b2": np.zeros(()),
    }
    speed = {name: np.zeros_like(value) for name, value in weights.items()}

    args.out.mkdir(exist_ok=True)
    started = time.time()
    with np.errstate(over="ignore", invalid="ignore"), open(args.out / "log.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "train_loss", "val_loss", "val_acc", "lr", "time"])
        for epoch in range(args.epochs):
            lr = args.lr * (1 + np.cos(np.pi * epoch / args.epochs)) / 2
            order = rng.permutation(len(x))
            for start in range(0, len(x), 20):
                batch = order[start : start + 20]
                for name, gradient in gradients(weights, x[batch], y[batch]).items():
                    speed[name] = 0.9 * speed[name] + gradient
                    weights[name] = weights[name] - lr * speed[name]
                if start % 400 == 0:
                    done = 20 * start // len(x)
                    bar = "#" * done + "." * (20 - done)
                    print(f"\repoch {epoch + 1}/{args.epochs} [{bar}]", end="", file=sys.stderr)
            train_loss, _ = loss_and_accuracy(weights, x, y)
            val_loss, val_acc = loss_and_accuracy(weights, val_x, val_y)
            writer.writerow([epoch, train_loss, val_loss, val_acc, lr, time.time() - started])
            file.flush()
            print(f"\repoch {epoch + 1}/{args.epochs} val_loss {val_loss:.4f}   ", file=sys.stderr)
    np.savez(args.out / "weights.npz", **weights)


if __name__ == "__main__":
    main()
