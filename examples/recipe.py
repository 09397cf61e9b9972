"""A training made of its parts: a model, data and an optimizer; lrlab brings the loop.

Needs scikit-learn for its data. Run it:   python examples/recipe.py
Or from the shell:                         lrlab sweep recipe examples/recipe.py:wines
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

import lrlab
import lrlab.torch


def model() -> nn.Module:
    """From 13 measurements of a wine to one of three growers."""
    return nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))


def wines() -> lrlab.torch.Recipe:
    """The recipe: 120 wines to train on, 58 to choose the rate by."""
    found = load_wine()
    measured = torch.tensor(found.data, dtype=torch.float32)
    measured = (measured - measured.mean(0)) / measured.std(0)
    grower = torch.tensor(found.target)
    order = torch.randperm(len(measured), generator=torch.Generator().manual_seed(0))
    train, val = order[:120], order[120:]
    return lrlab.torch.Recipe(
        model,
        (measured[train], grower[train]),
        val_data=(measured[val], grower[val]),
        optimizer="adamw",
        schedule="cosine",
        budget=40,
        batch_size=16,
        name="wines",
    )


if __name__ == "__main__":
    recipe = wines()
    answer = lrlab.sweep(recipe, current_lr=recipe.default_lr)
    print(answer)
    trained = answer.load_model(recipe)
    print(f"The winner is trained already: {sum(p.numel() for p in trained.parameters())} parameters.")
