"""Scores over a whole part of the data: unlike an accuracy they are no mean over batches."""

import math

import torch


def balanced_accuracy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean over the classes of the share of each that is found; classes that do not occur do not count.

    Args:
        output: ``(n, classes)`` scores.
        target: ``(n,)`` classes.
    """
    hits, _, actual = _counts(output, target)
    return (hits[actual > 0] / actual[actual > 0]).mean()


def macro_f1(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean over the classes of F1 = 2 TP / (2 TP + FP + FN); classes that neither occur nor are named do not count.

    Args:
        output: ``(n, classes)`` scores.
        target: ``(n,)`` classes.
    """
    hits, named, actual = _counts(output, target)
    known = named + actual > 0
    return (2 * hits[known] / (named + actual)[known]).mean()


def auroc(output: torch.Tensor, target: torch.Tensor) -> float:
    """The chance that a sample of class 1 has a higher score than one of class 0; ties count half.

    By ranks (Hanley and McNeil, Radiology 143, 1982). NaN where a score is NaN or a class does not occur.

    Args:
        output: ``(n, 2)`` scores.
        target: ``(n,)`` classes 0 and 1.
    """
    score = (output[:, 1] - output[:, 0]).double()
    positive = target == 1
    wins = int(positive.sum())
    losses = len(target) - wins
    if not wins or not losses or bool(score.isnan().any()):
        return math.nan
    _, place, count = torch.unique(score, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    ranks = (last - (count - 1) / 2)[place]  # ties share the mean of their ranks
    return float((ranks[positive].sum() - wins * (wins + 1) / 2) / (wins * losses))


def mean_absolute_error(output: torch.Tensor, target: torch.Tensor, *, scale: float = 1.0) -> torch.Tensor:
    """The mean distance between prediction and target, in units of ``1 / scale``.

    Args:
        output: ``(n, 1)`` or ``(n,)`` predictions.
        target: ``(n,)``.
        scale: What one unit of both is in the unit that is reported.
    """
    return scale * (output.reshape(target.shape) - target).abs().mean()


def _counts(output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each class how often it is found, named, and there."""
    classes, named = output.shape[1], output.argmax(1)
    found = named[named == target]
    return tuple(torch.bincount(kind, minlength=classes).double() for kind in (found, named, target))  # type: ignore[return-value]
