"""Images and their models for ``wide_workloads.py``; medical images are those of ``LRLAB_DATA``."""

from functools import cache

import numpy as np
import torch
from torch import nn

from benchmarks.wide_texts import Data, folder, two
from benchmarks.workloads import Arrays, crops


@cache
def cells() -> Data:
    """2,125 blood-cell crops of three classes, 3 x 24 x 24."""
    train, validation, _ = crops(folder())
    return train, validation


@cache
def turned_cells() -> Data:
    """The same crops, each turned by a multiple of 90 degrees: by how much?"""
    (x, _), _ = cells()
    turns = torch.from_numpy(np.random.default_rng(2).integers(4, size=len(x)))
    turned = torch.stack(
        [torch.rot90(image, int(turn), (1, 2)) for image, turn in zip(x, turns, strict=True)]
    )
    return two(turned, turns)


@cache
def breast() -> Data:
    """780 ultrasound images of BreastMNIST, 1 x 28 x 28, malign or not; its validation and test parts are one here."""
    with np.load(folder() / "medmnist" / "breastmnist.npz") as stored:

        def part(*names: str) -> Arrays:
            x = np.concatenate([stored[f"{name}_images"] for name in names])
            y = np.concatenate([stored[f"{name}_labels"] for name in names])
            return torch.from_numpy(x).float()[:, None] / 255, torch.from_numpy(y).long().flatten()

        return part("train"), part("val", "test")


def _drawn(count: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Noisy images with one disk or square each: images, masks, boxes (centre and radius over size) and kinds."""
    draw = np.random.default_rng(seed)
    row, column = np.mgrid[:size, :size]
    kind, radius = draw.integers(2, size=count), draw.uniform(2, 4.5, count)
    y, x = draw.uniform(4, size - 4, count), draw.uniform(4, size - 4, count)
    down, right = row - y[:, None, None], column - x[:, None, None]
    reach = np.where(kind[:, None, None] == 1, np.hypot(down, right), np.maximum(abs(down), abs(right)))
    mask = reach <= radius[:, None, None]
    images = 0.7 * mask + draw.normal(0, 0.5, mask.shape)
    return images[:, None], mask[:, None].astype(float), np.stack([y, x, radius], 1) / size, kind


@cache
def shapes() -> Data:
    """800 images, 1 x 16 x 16; which pixels belong to the shape?"""
    images, masks, _, _ = _drawn(800, 16, 13)
    return two(torch.tensor(images, dtype=torch.float32), torch.tensor(masks, dtype=torch.float32))


@cache
def boxes() -> Data:
    """1,200 images, 1 x 16 x 16; the targets are kind, centre and radius of the shape."""
    images, _, places, kind = _drawn(1200, 16, 17)
    return two(
        torch.tensor(images, dtype=torch.float32),
        torch.tensor(np.column_stack([kind, places]), dtype=torch.float32),
    )


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()
    )


def normed_cnn(channels: int, outputs: int) -> nn.Module:
    """Three convolutions with batch norm, and a linear layer on the mean of their maps."""
    return nn.Sequential(
        _block(channels, 8, 2), _block(8, 16, 2), _block(16, 24), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, outputs)
    )  # fmt: skip


class Patches(nn.Module):
    """A vision transformer of one layer on patches of 7 x 7 pixels of a 28 x 28 image."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 7, 7)
        self.places = nn.Parameter(0.02 * torch.randn(16, width))
        self.layer = nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout=0.1, batch_first=True, norm_first=True
        )
        self.out = nn.Linear(width, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class scores of images, shape (batch, 1, 28, 28)."""
        hidden = self.patches(images).flatten(2).transpose(1, 2) + self.places
        scores: torch.Tensor = self.out(self.layer(hidden).mean(1))
        return scores


class Mask(nn.Module):
    """A U-net with one step down."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.down, self.up = _block(1, 8), _block(8, 16, 2), nn.Upsample(scale_factor=2)
        self.out = nn.Sequential(_block(24, 8), nn.Conv2d(8, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """A score for each pixel of images, shape (batch, 1, height, width)."""
        fine = self.first(images)
        scores: torch.Tensor = self.out(torch.cat([fine, self.up(self.down(fine))], 1))
        return scores


def detection(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the kind, and five times the error of the box."""
    kind = nn.functional.binary_cross_entropy_with_logits(output[:, 0], targets[:, 0])
    return kind + 5 * nn.functional.smooth_l1_loss(output[:, 1:], targets[:, 1:], beta=0.1)
