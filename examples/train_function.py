"""A plain PyTorch training, as a function that lrlab may call at any learning rate.

Run it:              python examples/train_function.py
Or from the shell:   lrlab sweep python examples/train_function.py:train --budget 30 --lr 1e-3:10
"""

import torch
from torch import nn

import lrlab


def spirals(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points on two noisy spirals, and which of the two each belongs to."""
    made = torch.Generator().manual_seed(seed)
    side = torch.arange(count) % 2
    angle = torch.rand(count, generator=made) * 4 + 1
    turned = angle + side * torch.pi
    points = torch.stack([angle * turned.cos(), angle * turned.sin()], dim=1)
    return points + 0.15 * torch.randn(count, 2, generator=made), side


def train(run):
    """Train a small network; everything here but the lines with ``run`` is an ordinary script."""
    points, side = spirals(600, seed=1)
    new_points, new_side = spirals(600, seed=2)
    model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=run.lr)
    loss_of = nn.CrossEntropyLoss()
    run.track(model=model, optimizer=optimizer)  # optional: an interrupted run can go on where it was

    for _ in run.units():  # one unit is one epoch; between two of them the run may wait while others train
        for batch in torch.randperm(len(points)).split(50):
            optimizer.zero_grad()
            loss = loss_of(model(points[batch]), side[batch])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            answers = model(new_points)
            right = (answers.argmax(1) == new_side).double().mean()
            run.report(val_loss=loss_of(answers, new_side), val_acc=right)


if __name__ == "__main__":
    answer = lrlab.sweep(train, lr=(1e-3, 10.0), budget=30, metric="val_loss", current_lr=0.01)
    print(answer)
    print(answer.code("torch"))
