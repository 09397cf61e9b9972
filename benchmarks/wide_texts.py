"""Texts and their models for ``wide_workloads.py``; the texts are those of ``LRLAB_DATA``."""

import re
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.workloads import Arrays, data_folder, split

Data = tuple[Arrays, Arrays]


def folder() -> Path:
    """The folder of real data."""
    named = data_folder()
    if named is None:
        raise SystemExit(
            "LRLAB_DATA is not set: texts and medical images are read from the folder that it names."
        )
    return named


def two(x: torch.Tensor, y: torch.Tensor) -> Data:
    """Training and validation part."""
    train, validation, _ = split(x, y)
    return train, validation


def _rated(name: str) -> list[tuple[float, str]]:
    """Mean human rating and text of each line."""
    lines = (folder() / "sentiment" / f"{name}_GroundTruth.txt").read_text(encoding="latin-1").splitlines()
    rows = [line.split("\t") for line in lines if line.count("\t") >= 2]
    return [(float(row[1]), row[2]) for row in rows]


@cache
def sentiment(name: str, length: int = 20, words: int = 2048) -> Data:
    """Words as numbers below ``words``, and whether the mean human rating is above 0."""
    rows = _rated(name)
    x = torch.zeros(len(rows), length, dtype=torch.long)
    for row, (_, text) in enumerate(rows):
        found = re.findall(r"[a-z']+|[!?]", text.lower())[:length]
        numbers = [1 + zlib.crc32(word.encode()) % (words - 1) for word in found]
        x[row, : len(numbers)] = torch.tensor(numbers, dtype=torch.long)
    return two(x, torch.tensor([int(rating > 0) for rating, _ in rows]))


@cache
def characters(name: str, length: int = 32, most: int = 8000) -> Data:
    """Windows of all texts as the 64 lowest printable characters; the targets are the next ones."""
    text = "\n".join(text for _, text in _rated(name)).lower().encode("ascii", "replace")
    tokens = torch.from_numpy(np.frombuffer(text, dtype=np.uint8).astype(np.int64))
    tokens = torch.where(tokens >= 96, tokens - 64, tokens - 32).clamp(0, 63)
    windows = tokens[: len(tokens) // (length + 1) * (length + 1)].reshape(-1, length + 1)[:most]
    return two(windows[:, :-1], windows[:, 1:])


class Attention(nn.Module):
    """Word vectors, one layer of a transformer, and a linear layer on the mean of its states; word 0 is padding."""

    def __init__(self, words: int = 2048, length: int = 20, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        self.layer = nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout=0.1, batch_first=True, norm_first=True
        )
        self.out = nn.Linear(width, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Class scores of token indices, shape (batch, length)."""
        scores: torch.Tensor = self.out(self.layer(self.words(tokens) + self.places).mean(1))
        return scores


class Letters(nn.Module):
    """An LSTM that tells the next character."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.letters, self.lstm, self.out = (
            nn.Embedding(64, 24),
            nn.LSTM(24, width, batch_first=True),
            nn.Linear(width, 64),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Scores of the next characters, shape (batch, length, 64)."""
        scores: torch.Tensor = self.out(self.lstm(self.letters(tokens))[0])
        return scores
