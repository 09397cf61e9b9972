"""Where the rows of a log stand: steps, or epochs; what a resumed training wrote twice; columns that count differently."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LEAST_EPOCHS = 3  # validations that count epochs
_MOST_RESUMED = 0.05  # of the rows: as often may a log go back


def ordered(steps: Floats, values: Floats) -> tuple[Floats, Floats]:
    """By step; where a training went back, as it does when it is resumed, what came before that and lies ahead is dropped."""
    if len(steps) < 2 or bool((np.diff(steps) > 0).all()):
        return steps.astype(float), values.astype(float)
    if goes_back(steps):
        kept = steps < np.append(np.minimum.accumulate(steps[::-1])[::-1][1:], math.inf)
        return steps[kept].astype(float), values[kept].astype(float)
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    last = np.append(np.diff(steps) > 0, True)
    return steps[last].astype(float), values[last].astype(float)


def alike(columns: Mapping[str, tuple[Floats, Floats]]) -> dict[str, tuple[Floats, Floats]]:
    """Columns with one kind of place: TensorBoard is often given steps with the loss, and epochs with what was validated.

    Those are known by their numbers, one after another, and by their end, long before that of the loss.
    """
    found = dict(columns)
    if "loss" not in found:
        return found
    end, count = float(found["loss"][0][-1]), len(found["loss"][0])
    for name, (at, values) in columns.items():
        counted = len(at) >= _LEAST_EPOCHS and at[0] <= 1 and bool((np.diff(at) == 1).all())
        if counted and 2 * len(at) <= count and 2 * at[-1] <= end:
            found[name] = (np.round((at - at[0] + 1) / len(at) * end), values)
    return found


def goes_back(steps: Floats) -> bool:
    """Whether a log goes back now and then; one that does so all the time is not in order, and is sorted."""
    backs = np.count_nonzero(np.diff(steps) < 0)
    return bool(backs <= max(_MOST_RESUMED * len(steps), 1))


def shared(epochs: Floats) -> bool:
    """Whether rows that follow each other share epochs."""
    return bool(len(epochs) > 1.5 * (1 + np.count_nonzero(np.diff(epochs))))


def lasting(epochs: Floats) -> Floats:
    """Places of rows that share epochs: row by row, and where the epochs go back, the rows from that epoch on anew."""
    count = len(epochs)
    places = np.arange(count, dtype=float)
    for at in np.flatnonzero(np.diff(epochs) < 0) + 1 if goes_back(epochs) else ():
        same = np.flatnonzero(epochs[:at] >= epochs[at])
        places[at:] -= places[at] - places[same[0]]
    return places


def are_places(name: str, numbers: Floats) -> bool:
    """Whether these are steps, or epochs; see ``readers.names.check_position``."""
    if name == "epoch":
        return bool(((numbers >= 0) & (numbers < 1e9)).all())
    return bool(((numbers >= 0) & (numbers < 2**53) & (numbers == np.floor(numbers))).all())
