"""Eight small real trainings whose full learning-rate grids are recorded; see ``record.py``.

They are to develop on, never to report: constants of lrlab may be chosen on them. All data is what everybody has
(scikit-learn's sets and sample photos, texts and code of the Python standard library).
"""

import importlib.util
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import torch
from torch import nn

from benchmarks.workloads import Arrays, digits, split, table

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A training that can be recorded.

    Args:
        name: Data and model.
        kind: ``image``, ``text``, ``table`` or ``language model``.
        optimizer: ``sgd``, ``momentum``, ``adam``, ``adamw`` or ``rmsprop``.
        data: Loads the training and the validation part.
        model: Builds the model; the global random state is seeded before.
        loss: Mean over a batch.
        classifies: Whether targets are classes, so that there is an accuracy.
        units: Length of a full training; a unit ends with an evaluation.
        batch_size: Samples in a batch; what is left over of a shuffled set is left out.
        unit_batches: Batches in a unit; None: as many as the set has.
        schedules: What it is recorded under.
        clip: Longest gradient that is used, the length of all of it; None: any.
    """

    name: str
    kind: str
    optimizer: str
    data: Callable[[], tuple[Arrays, Arrays]]
    model: Callable[[], nn.Module]
    loss: Loss
    classifies: bool
    units: int
    batch_size: int
    unit_batches: int | None = None
    schedules: tuple[str, ...] = ("constant", "cosine")
    clip: float | None = None

    @property
    def rates(self) -> tuple[float, ...]:
        """25 rates over six decades, around what is usual for the optimizer."""
        lowest = -5 if self.optimizer in ("sgd", "momentum") else -6
        return tuple(float(f"{10 ** (lowest + step / 4):.3e}") for step in range(25))


# --- data -------------------------------------------------------------------------------------------------------


def digit_images() -> tuple[Arrays, Arrays]:
    """1,797 handwritten digits, 1 x 8 x 8, in [0, 1]."""
    train, validation, _ = digits()
    return (train[0].reshape(-1, 1, 8, 8), train[1]), (validation[0].reshape(-1, 1, 8, 8), validation[1])


def digit_copies() -> tuple[Arrays, Arrays]:
    """The digits as vectors, to be reconstructed."""
    train, validation, _ = digits()
    return (train[0], train[0]), (validation[0], validation[0])


def photo_places(size: int = 12, bands: int = 3, stripe: int = 20) -> tuple[Arrays, Arrays]:
    """Patches of two photos, 3 x 12 x 12; the class tells from which photo, and from which third of its height.

    Of each four neighbouring stripes 20 pixels wide three train and one validates; no patch crosses a stripe's edge.
    """
    from sklearn.datasets import load_sample_images

    photos = [photo[::2, ::2].astype(np.float32) / 255 for photo in load_sample_images().images]
    draw = np.random.default_rng(0)

    def patches(count: int, stripes: list[int]) -> Arrays:
        x, y = [], []
        for number in range(count):
            photo = photos[number % 2]
            row = int(draw.integers(photo.shape[0] - size))
            column = stripe * int(draw.choice(stripes)) + int(draw.integers(stripe - size + 1))
            x.append(photo[row : row + size, column : column + size])
            y.append(number % 2 * bands + row * bands // (photo.shape[0] - size))
        return torch.from_numpy(np.array(x)).permute(0, 3, 1, 2).contiguous() - 0.5, torch.tensor(y)

    everywhere = range(photos[0].shape[1] // stripe)
    training = [number for number in everywhere if number % 4 != 3]
    return patches(1280, training), patches(500, [number for number in everywhere if number % 4 == 3])


def code_lines(modules: Sequence[str], *, length: int = 16, words: int = 2048) -> tuple[Arrays, Arrays]:
    """Lines of modules of the standard library, 600 each, as hashed words; the class is the module."""
    rows, y = [], []
    for label, name in enumerate(modules):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        lines = dict.fromkeys(line.strip() for line in Path(spec.origin).read_text("utf-8").splitlines())
        texts = [re.findall(r"[A-Za-z_]+|[^\sA-Za-z_]", line)[:length] for line in lines]
        texts = [text for text in texts if len(text) >= 4]
        for text in [texts[place] for place in np.linspace(0, len(texts) - 1, 600).astype(int)]:
            rows.append([1 + zlib.crc32(word.encode()) % (words - 1) for word in text])
            y.append(label)
    x = torch.zeros(len(rows), length, dtype=torch.long)
    for row, indices in enumerate(rows):
        x[row, : len(indices)] = torch.tensor(indices)
    train, validation, _ = split(x, torch.tensor(y))
    return train, validation


def eight_modules() -> tuple[Arrays, Arrays]:
    """Which of eight modules?"""
    return code_lines(("argparse", "ast", "difflib", "inspect", "pickletools", "tarfile", "turtle", "typing"))


def four_modules() -> tuple[Arrays, Arrays]:
    """Which of four others?"""
    return code_lines(("doctest", "locale", "optparse", "zipfile"))


def manual_characters(length: int = 32, letters: int = 64) -> tuple[Arrays, Arrays]:
    """Windows of the Python manual's texts as characters; the targets are the next characters."""
    text = "\n".join(topics[name] for name in sorted(topics))[:330_000]
    counts = np.bincount(np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8), minlength=256)
    number = np.zeros(256, dtype=np.int64)  # 0 is every rare character
    number[np.argsort(-counts, kind="stable")[: letters - 1]] = np.arange(1, letters)
    tokens = torch.from_numpy(number[np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)])
    windows = tokens[: len(tokens) // (length + 1) * (length + 1)].reshape(-1, length + 1)
    held_out = len(windows) - 200
    train, validation = windows[:held_out], windows[held_out:]
    return (train[:, :-1], train[:, 1:]), (validation[:, :-1], validation[:, 1:])


def cancer() -> tuple[Arrays, Arrays]:
    """569 breast tumours, 30 standardised features, malign or benign."""
    train, validation, _ = table("breast_cancer")
    return train, validation


def diabetes() -> tuple[Arrays, Arrays]:
    """442 patients, 10 features; the target, standardised, is the disease's progression in a year."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    target = torch.tensor(y, dtype=torch.float32)[:, None]
    train, validation, _ = split(torch.tensor(x / x.std(0), dtype=torch.float32), target)
    mean, scale = train[1].mean(), train[1].std()
    return (train[0], (train[1] - mean) / scale), (validation[0], (validation[1] - mean) / scale)


# --- models -----------------------------------------------------------------------------------------------------


def cnn() -> nn.Module:
    """Two convolutions without normalisation, for 1 x 8 x 8."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(24 * 4, 10),
    )  # fmt: skip


class Residual(nn.Module):
    """Two convolutions with batch norm, and a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.way_around = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Feature maps, shape (batch, outputs, height / stride, width / stride)."""
        return torch.relu(self.main(x) + self.way_around(x))


def resnet() -> nn.Module:
    """A small residual network with batch norm, for 3 x 12 x 12."""
    return nn.Sequential(
        Residual(3, 8, 1), Residual(8, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 6)
    )


class Bag(nn.Module):
    """Mean of word vectors and a hidden layer; word 0 is padding."""

    def __init__(self, words: int, classes: int, width: int = 24) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.out = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, classes))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Class scores of token indices, shape (batch, length)."""
        known = (tokens != 0).unsqueeze(-1)
        scores: torch.Tensor = self.out(self.words(tokens).sum(1) / known.sum(1).clamp(min=1))
        return scores


class Recurrent(nn.Module):
    """Word vectors, a GRU, and a linear layer on the mean of its states."""

    def __init__(self, words: int, classes: int, width: int = 16) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.out = nn.Sequential(nn.Dropout(0.2), nn.Linear(width, classes))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Class scores of token indices, shape (batch, length)."""
        states, _ = self.gru(self.words(tokens))
        scores: torch.Tensor = self.out(states.mean(1))
        return scores


class CharacterModel(nn.Module):
    """A transformer of two layers that tells the next character."""

    def __init__(self, letters: int = 64, length: int = 32, width: int = 32) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, letters))
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length), persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Scores of the next characters, shape (batch, length, letters)."""
        hidden = self.letters(tokens) + self.places
        scores: torch.Tensor = self.out(self.layers(hidden, mask=self.mask, is_causal=True))
        return scores


def deep_linear() -> nn.Module:
    """Three linear layers and nothing between them: a logistic regression with another geometry."""
    return nn.Sequential(nn.Linear(30, 32), nn.Linear(32, 32), nn.Linear(32, 2))


def tanh_net() -> nn.Module:
    """A perceptron with two hidden layers, for 10 features and one number."""
    return nn.Sequential(nn.Linear(10, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))


def autoencoder() -> nn.Module:
    """64 pixels through a neck of 8 numbers."""
    return nn.Sequential(
        nn.Linear(64, 48), nn.GELU(), nn.Linear(48, 8), nn.Linear(8, 48), nn.GELU(), nn.Linear(48, 64)
    )


# --- the eight --------------------------------------------------------------------------------------------------


def next_character(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy over all places of all windows."""
    return nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())


EVERY_SCHEDULE = ("constant", "cosine", "linear", "wsd")

WORKLOADS = (
    Workload(
        name="cancer-deep-linear", kind="table", optimizer="momentum", data=cancer, model=deep_linear,
        loss=nn.functional.cross_entropy, classifies=True, units=40, batch_size=16,
    ),
    Workload(
        name="diabetes-tanh", kind="table", optimizer="adam", data=diabetes, model=tanh_net,
        loss=nn.functional.mse_loss, classifies=False, units=48, batch_size=16,
    ),
    Workload(
        name="digits-autoencoder", kind="image", optimizer="adamw", data=digit_copies, model=autoencoder,
        loss=nn.functional.mse_loss, classifies=False, units=30, batch_size=32,
    ),
    Workload(
        name="digits-cnn", kind="image", optimizer="sgd", data=digit_images, model=cnn,
        loss=nn.functional.cross_entropy, classifies=True, units=24, batch_size=32, schedules=EVERY_SCHEDULE,
    ),
    Workload(
        name="lines-bag", kind="text", optimizer="rmsprop", data=eight_modules, model=lambda: Bag(2048, 8),
        loss=nn.functional.cross_entropy, classifies=True, units=16, batch_size=48,
    ),
    Workload(
        name="lines-gru", kind="text", optimizer="adam", data=four_modules, model=lambda: Recurrent(2048, 4),
        loss=nn.functional.cross_entropy, classifies=True, units=20, batch_size=48,
    ),
    Workload(
        name="photos-resnet", kind="image", optimizer="momentum", data=photo_places, model=resnet,
        loss=nn.functional.cross_entropy, classifies=True, units=16, batch_size=32,
    ),
    Workload(
        name="manual-transformer", kind="language model", optimizer="adamw", data=manual_characters,
        model=CharacterModel, loss=next_character, classifies=False, units=20, batch_size=12, unit_batches=30,
        schedules=EVERY_SCHEDULE,
    ),
)  # fmt: skip
