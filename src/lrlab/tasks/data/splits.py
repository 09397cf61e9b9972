"""Which samples are trained on, chosen by and judged with: a function of the targets and a seed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import SpecError

Indices = NDArray[np.int64]
FEWEST = 10  # samples; with fewer, a part of 20 % says nothing
_SHARE = 0.2  # of what a part is cut from, for each part that is cut


class Split(NamedTuple):
    """Indices of three parts that have no sample in common."""

    train: Indices
    val: Indices
    test: Indices


def split(
    count: int,
    *,
    seed: int,
    classes: NDArray[Any] | None = None,
    parts: Sequence[str] = (),
    where: str = "data",
) -> Split:
    """60 % to train, 20 % to choose by, 20 % to judge with, each in random order; or the makers' own parts.

    With classes each class is divided so; one of fewer than three samples goes to the training alone, and one of three
    or more has a sample in every part. Where the makers have no part to choose by, or none to judge with, 20 % of what
    they train on become it.

    Args:
        count: Samples.
        seed: Seed of the order.
        classes: ``(count,)`` class of each sample, or None.
        parts: ``train``, ``val`` or ``test`` for each sample, as its makers have it; () where they tell none.
        where: What the samples come from, for errors.

    Raises:
        SpecError: If there are fewer than ten samples to cut parts from, or no class has one for each of them.
    """
    own = [np.flatnonzero(np.array(parts) == name) for name in Split._fields] if parts else [np.arange(count)]
    lacking = [place for place in (1, 2) if len(own) <= place or not len(own[place])]
    if len(own[0]) < FEWEST:
        raise SpecError(
            f"{where}: {len(own[0])} samples are too few to train, choose and judge with.",
            hint=f"At least {FEWEST} are needed.",
        )
    random = np.random.default_rng(seed)
    cut = _cut(own[0], classes, len(lacking), random)
    if not all(map(len, cut)):
        raise SpecError(
            f"{where}: no class has three samples, one for each of training, choosing and judging.",
            hint="Give more samples of each class, or join classes.",
        )
    whole = dict(zip((0, *lacking), cut, strict=True))
    return Split(*(whole[place] if place in whole else own[place] for place in range(3)))


def _cut(
    samples: Indices, classes: NDArray[Any] | None, held: int, random: np.random.Generator
) -> list[Indices]:
    """The samples in ``1 + held`` parts, the first one to train on."""
    groups = [samples]
    if classes is not None:
        groups = [samples[classes[samples] == value] for value in np.unique(classes[samples])]
    parts: list[list[Indices]] = [[] for _ in range(1 + held)]
    for group in groups:
        shuffled = random.permutation(group)
        for part, own in zip(parts, np.split(shuffled, _cuts(len(group), held)), strict=True):
            part.append(own)
    return [random.permutation(np.concatenate(part)) for part in parts]


def _cuts(count: int, held: int) -> list[int]:
    """Where a group of ``count`` is cut into ``1 + held`` parts."""
    if count <= held:
        return [count] * held
    size = max(round(_SHARE * count), 1)
    return [count - part * size for part in range(held, 0, -1)]
