"""The learning rate of logistic regression in plain NumPy: no framework, a few seconds.

Run it: python examples/first_sweep.py
"""

import numpy as np

import lrlab

rng = np.random.default_rng(0)
inputs = rng.normal(size=(600, 10))
labels = inputs @ rng.normal(size=10) + rng.normal(size=600) > 0


def train(run):
    weights = np.zeros(10)
    order = np.random.default_rng(run.seed)
    for _ in run.units():
        for batch in order.permutation(400).reshape(-1, 20):
            guess = 1 / (1 + np.exp(-np.clip(inputs[batch] @ weights, -30, 30)))
            weights -= run.lr * inputs[batch].T @ (guess - labels[batch]) / 20
        margin = np.where(labels, 1, -1)[400:] * (inputs[400:] @ weights)
        run.report(val_loss=np.logaddexp(0, -margin).mean())


if __name__ == "__main__":
    answer = lrlab.sweep(train, lr=(1e-4, 100.0), budget=8, metric="val_loss", store="memory")
    print(answer)
