"""Real trainings that benchmarks share; small enough for two cores.

Data that packages carry is always there; the rest is read from the folder that ``LRLAB_DATA`` names.
Reported workloads took no part in choosing any constant of lrlab; ``development`` ones did or may.
"""

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lrlab.torch import Recipe

Arrays = tuple[torch.Tensor, torch.Tensor]


def data_folder() -> Path | None:
    """The folder of real data, or None where ``LRLAB_DATA`` is not set."""
    named = os.environ.get("LRLAB_DATA", "")
    return Path(named) if named else None


def split(x: torch.Tensor, y: torch.Tensor, *, seed: int = 0) -> tuple[Arrays, Arrays, Arrays]:
    """Training, validation and test parts: 60, 20 and 20 per cent, shuffled by ``seed``."""
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)))
    first, second = int(0.6 * len(x)), int(0.8 * len(x))
    parts = (order[:first], order[first:second], order[second:])
    train, validation, test = ((x[part], y[part]) for part in parts)
    return train, validation, test


def mlp(features: int, classes: int, hidden: int = 64) -> Callable[[], nn.Module]:
    """A builder of a perceptron with one hidden layer."""

    def build() -> nn.Module:
        return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    return build


def small_cnn(channels: int, size: int, classes: int) -> Callable[[], nn.Module]:
    """A builder of a two-layer convolutional network for square images."""

    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(channels, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(24 * (size // 4) ** 2, classes),
        )  # fmt: skip

    return build


class BagOfEmbeddings(nn.Module):
    """Mean of word vectors, dropout, and a linear layer; word 0 is padding."""

    def __init__(self, words: int, classes: int, width: int = 48) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(width, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Class scores of token indices, shape (batch, length)."""
        known = (tokens != 0).unsqueeze(-1)
        mean = (self.words(tokens) * known).sum(1) / known.sum(1).clamp(min=1)
        scores: torch.Tensor = self.out(self.drop(mean))
        return scores


def digits() -> tuple[Arrays, Arrays, Arrays]:
    """scikit-learn's 1,797 handwritten digits, 8 x 8, as vectors in [0, 1]."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return split(torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))


def table(name: str) -> tuple[Arrays, Arrays, Arrays]:
    """scikit-learn's ``breast_cancer`` or ``wine``, standardised by the training part."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    train, validation, test = split(torch.tensor(x, dtype=torch.float32), torch.tensor(y))
    mean, scale = train[0].mean(0), train[0].std(0)
    scaled = [((part[0] - mean) / scale, part[1]) for part in (train, validation, test)]
    return scaled[0], scaled[1], scaled[2]


def crops(folder: Path) -> tuple[Arrays, Arrays, Arrays]:
    """2,125 blood-cell crops of three classes, 3 x 24 x 24, in [0, 1]."""
    with np.load(folder / "bccd" / "crops24.npz") as stored:
        x = torch.from_numpy(stored["x"]).permute(0, 3, 1, 2).float() / 255
        y = torch.from_numpy(stored["y"]).long()
    return split(x.contiguous(), y)


def sentences(
    folder: Path, name: str, *, length: int = 32, words: int = 4000
) -> tuple[Arrays, Arrays, Arrays]:
    """Sentences with a mean human rating, as word indices; label 1 where the rating is positive."""
    lines = (folder / "sentiment" / f"{name}_GroundTruth.txt").read_text(encoding="latin-1").splitlines()
    rows = [line.split("\t") for line in lines if line.count("\t") >= 2]
    texts = [re.findall(r"[a-z']+|[!?]", row[2].lower()) for row in rows]
    y = torch.tensor([int(float(row[1]) > 0) for row in rows])
    order = np.random.default_rng(0).permutation(len(rows))
    seen = Counter(word for index in order[: int(0.6 * len(rows))] for word in texts[index])
    known = {word: number for number, (word, _) in enumerate(seen.most_common(words - 2), start=2)}
    x = torch.zeros(len(rows), length, dtype=torch.long)
    for row, text in enumerate(texts):
        indices = [known.get(word, 1) for word in text[:length]]
        x[row, : len(indices)] = torch.tensor(indices, dtype=torch.long)
    return split(x, y)


def reported(folder: Path | None) -> dict[str, Recipe]:
    """The workloads of ``first_answer.py``: image recognition, medical images, customer feedback."""
    train, validation, _ = digits()
    found = {
        "digits-mlp-momentum": Recipe(
            mlp(64, 10),
            train,
            val_data=validation,
            optimizer="momentum",
            budget=40,
            batch_size=32,
            name="digits-mlp",
        )
    }
    if folder is None:
        return found
    train, validation, _ = crops(folder)
    found["crops-cnn-adam"] = Recipe(
        small_cnn(3, 24, 3),
        train,
        val_data=validation,
        optimizer="adam",
        budget=24,
        batch_size=64,
        name="crops-cnn",
    )
    train, validation, _ = sentences(folder, "amazonReviewSnippets")
    found["amazon-bag-adamw"] = Recipe(
        lambda: BagOfEmbeddings(4000, 2), train, val_data=validation, optimizer="adamw", budget=24, batch_size=32,
        name="amazon-bag",
    )  # fmt: skip
    return found


def development(folder: Path | None) -> dict[str, Recipe]:
    """Workloads to develop on; never reported as results."""
    train, validation, _ = table("breast_cancer")
    wine_train, wine_validation, _ = table("wine")
    found = {
        "cancer-mlp-sgd": Recipe(
            mlp(30, 2), train, val_data=validation, optimizer="sgd", budget=40, name="cancer-mlp"
        ),
        "wine-mlp-adam": Recipe(
            mlp(13, 3), wine_train, val_data=wine_validation, optimizer="adam", budget=40, name="wine-mlp"
        ),
    }
    if folder is not None:
        train, validation, _ = sentences(folder, "tweets")
        found["tweets-bag-adam"] = Recipe(
            lambda: BagOfEmbeddings(4000, 2),
            train,
            val_data=validation,
            optimizer="adam",
            budget=20,
            name="tweets-bag",
        )
    return found
