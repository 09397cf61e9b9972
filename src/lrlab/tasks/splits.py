"""Which samples are trained on, chosen by and judged with: a function of the targets and a seed."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import SpecError

Indices = NDArray[np.int64]
FEWEST = 10  # samples; with fewer, a part of 20 % says nothing
_SHARES = (0.6, 0.2, 0.2)


class Split(NamedTuple):
    """Indices of three parts that have no sample in common."""

    train: Indices
    val: Indices
    test: Indices


def split(count: int, *, seed: int, classes: NDArray[Any] | None = None, where: str = "data") -> Split:
    """60 % to train, 20 % to choose by, 20 % to judge with, each in random order.

    With classes each class is divided so; one of fewer than three samples goes to the training alone, and one of three
    or more has a sample in every part.

    Args:
        count: Samples.
        seed: Seed of the order.
        classes: ``(count,)`` class of each sample, or None.
        where: What the samples come from, for errors.

    Raises:
        SpecError: If there are fewer than ten samples, or no class has three.
    """
    if count < FEWEST:
        raise SpecError(
            f"{where}: {count} samples are too few to train, choose and judge with.",
            hint=f"At least {FEWEST} are needed.",
        )
    random = np.random.default_rng(seed)
    groups = [np.arange(count)]
    if classes is not None:
        groups = [np.flatnonzero(classes == value) for value in np.unique(classes)]
    parts: tuple[list[Indices], ...] = ([], [], [])
    for group in groups:
        shuffled = random.permutation(group)
        for part, own in zip(parts, np.split(shuffled, _cuts(len(group))), strict=True):
            part.append(own)
    whole = [random.permutation(np.concatenate(part)) for part in parts]
    if not len(whole[1]):
        raise SpecError(
            f"{where}: no class has three samples, one for each of training, choosing and judging.",
            hint="Give more samples of each class, or join classes.",
        )
    return Split(*whole)


def _cuts(count: int) -> list[int]:
    """Where a group of ``count`` is cut."""
    if count < len(_SHARES):
        return [count, count]
    held = max(round(_SHARES[1] * count), 1)
    return [count - 2 * held, count - held]
