"""Tables, points, a graph and sequences, and their models, for ``wide_workloads.py``."""

import math
from functools import cache

import numpy as np
import torch
from torch import nn

from benchmarks.wide_texts import Data, two


@cache
def ratings() -> Data:
    """9,000 ratings of 200 things by 300 people; the truth has rank 4 and noise."""
    draw = np.random.default_rng(19)
    people, things = draw.normal(size=(300, 4)), draw.normal(size=(200, 4))
    who, what = draw.integers(300, size=9000), draw.integers(200, size=9000)
    rating = (people[who] * things[what]).sum(1) / 2 + 0.3 * draw.normal(size=9000)
    return two(torch.tensor(np.stack([who, what], 1)), torch.tensor(rating, dtype=torch.float32))


class Factors(nn.Module):
    """Matrix factorisation with a bias for each row and column."""

    def __init__(self, rank: int = 8) -> None:
        super().__init__()
        self.people, self.things = nn.Embedding(300, rank + 1), nn.Embedding(200, rank + 1)
        for part in (self.people, self.things):
            nn.init.normal_(part.weight, std=0.1)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Ratings of pairs, shape (batch, 2), to (batch,)."""
        one, other = self.people(pairs[:, 0]), self.things(pairs[:, 1])
        return (one[:, 1:] * other[:, 1:]).sum(1) + one[:, 0] + other[:, 0]


@cache
def _graph() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """600 nodes in 4 groups, denser within them: the normalised adjacency, features that say little, the groups."""
    draw = np.random.default_rng(23)
    group = draw.integers(4, size=600)
    edges = np.triu(draw.uniform(size=(600, 600)) < np.where(group[:, None] == group, 0.02, 0.006), 1)
    linked = edges + edges.T + np.eye(600)
    scale = 1 / np.sqrt(linked.sum(1))
    features = np.eye(4)[group] + 1.5 * draw.normal(size=(600, 4))
    features = np.hstack([features, draw.normal(size=(600, 28))])
    adjacency = torch.tensor(scale[:, None] * linked * scale, dtype=torch.float32)
    return adjacency, torch.tensor(features, dtype=torch.float32), torch.tensor(group)


@cache
def graph() -> Data:
    """Numbers of nodes; the target is the group. One batch is the whole training part."""
    return two(torch.arange(600), _graph()[2])


class GraphNet(nn.Module):
    """A graph convolution of two layers over the whole graph."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.second = nn.Linear(32, 16), nn.Dropout(0.4), nn.Linear(16, 4)

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        """Scores of the groups of some nodes, shape (batch, 4)."""
        adjacency, features, _ = _graph()
        scores: torch.Tensor = self.second(
            adjacency @ self.drop(torch.relu(self.first(adjacency @ features)))
        )
        return scores[nodes]


@cache
def moons() -> Data:
    """2,000 points on two half moons; the model draws the noise and tells it, so the target is 0."""
    from sklearn.datasets import make_moons

    x, _ = make_moons(2000, noise=0.05, random_state=3)
    return two(torch.tensor(x, dtype=torch.float32), torch.zeros(2000, 2))


class Denoiser(nn.Module):
    """Tells the noise that was mixed into a point, by how much was mixed in (Ho et al. 2020, eq. 14)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """How far the told noise is off, shape (batch, 2); the noise is always the same in evaluation."""
        draw = None if self.training else torch.Generator().manual_seed(0)
        angle = math.pi / 2 * torch.rand(len(points), 1, generator=draw)
        noise = torch.randn(points.shape, generator=draw)
        mixed = torch.cos(angle) * points + torch.sin(angle) * noise
        told: torch.Tensor = self.net(torch.cat([mixed, torch.cos(angle), torch.sin(angle)], 1))
        return told - noise


@cache
def waves() -> Data:
    """1,600 points of a wavy function of the plane."""
    draw = np.random.default_rng(29)
    x = draw.uniform(-1, 1, (1600, 2))
    y = np.sin(9 * x[:, 0] + 4 * np.cos(5 * x[:, 1])) * np.exp(-(x[:, 1] ** 2))
    return two(torch.tensor(x, dtype=torch.float32), torch.tensor(y[:, None], dtype=torch.float32))


class Sines(nn.Module):
    """A perceptron with sines between its layers (Sitzmann et al. 2020, section 3.2)."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, width), nn.Linear(width, width), nn.Linear(width, 1)])
        for number, layer in enumerate(self.layers):
            nn.init.uniform_(
                layer.weight,
                *((-0.5, 0.5) if not number else (-math.sqrt(6 / width) / 8, math.sqrt(6 / width) / 8)),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Values at points, shape (batch, 2), to (batch, 1)."""
        for layer in self.layers[:-1]:
            x = torch.sin(8 * layer(x))
        told: torch.Tensor = self.layers[-1](x)
        return told


@cache
def spheres() -> Data:
    """4,000 points in 10 dimensions: within a sphere that holds half of them, or not?"""
    from sklearn.datasets import make_hastie_10_2

    x, y = make_hastie_10_2(4000, random_state=5)
    return two(torch.tensor(x, dtype=torch.float32), torch.tensor((y > 0).astype(int)))


class Residuals(nn.Module):
    """Three residual layers with layer norm and dropout."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.first, self.out = nn.Linear(10, width), nn.Linear(width, 2)
        self.layers = nn.ModuleList(
            [
                nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(0.1))
                for _ in range(3)
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores, shape (batch, 2)."""
        hidden = self.first(x)
        for layer in self.layers:
            hidden = hidden + layer(hidden)
        scores: torch.Tensor = self.out(hidden)
        return scores


def smoothed(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy with a tenth of the weight on all classes."""
    return nn.functional.cross_entropy(scores, targets, label_smoothing=0.1)


@cache
def spreads() -> Data:
    """A number whose mean and spread both depend on 6 others."""
    draw = np.random.default_rng(31)
    x = draw.normal(size=(1500, 6))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] + np.exp(x[:, 2] - 2.5) * draw.normal(size=1500)
    return two(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))


def likelihood(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Minus the logarithm of a Gaussian's density, which falls below 0."""
    return (output[:, 1] + 0.5 * ((targets - output[:, 0]) * torch.exp(-output[:, 1])) ** 2).mean()


@cache
def sorting() -> Data:
    """Six digits; the targets are the same, sorted."""
    x = np.random.default_rng(37).integers(10, size=(3000, 6))
    return two(torch.tensor(x), torch.tensor(np.sort(x, 1)))


class Sorter(nn.Module):
    """A transformer of two layers without a mask."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.digits, self.places = nn.Embedding(10, width), nn.Parameter(0.02 * torch.randn(6, width))
        layer = nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of the digit at each place, shape (batch, 6, 10)."""
        scores: torch.Tensor = self.out(self.layers(self.digits(x) + self.places))
        return scores
