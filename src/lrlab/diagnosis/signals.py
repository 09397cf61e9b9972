"""Signals of one logged column: everything that rules need, in memory that does not grow.

A column is kept as at most 255 blocks of equally many points, each with its moments; twice as many points, and two
neighbours become one. So a run of a million steps is known at about 200 places, and within each place by its mean, spread
and roughness. What is kept depends on the points alone, to the last bit, and not on how they were handed over.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lrlab.core.errors import SpecError

Floats = npt.NDArray[np.float64]

LEAST_BLOCKS = 128
_BUFFER = 256
_AT_ONCE = 2**15
_LARGEST = 1e100  # what is larger counts as this, so that squares stay finite
# Columns of a table of blocks.
COUNT, MEAN, M2, LOW, HIGH, FIRST, LAST, PATH, PATH2, TURNS, PAIRS, FIRST_D, LAST_D, BEGIN, END = range(15)
FIELDS = 15


def leaves(steps: Floats, values: Floats) -> Floats:
    """A block for each point, shape (points, FIELDS)."""
    table = np.zeros((len(values), FIELDS))
    table[:, COUNT] = 1
    for field in (MEAN, LOW, HIGH, FIRST, LAST):
        table[:, field] = values
    table[:, FIRST_D] = table[:, LAST_D] = math.nan
    table[:, BEGIN] = table[:, END] = steps
    return table


def merged(left: Floats, right: Floats) -> Floats:
    """Blocks that follow each other, pair by pair, as one; shapes (pairs, FIELDS).

    References:
        Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
    """
    table = np.empty_like(left)
    count = left[:, COUNT] + right[:, COUNT]
    apart = right[:, MEAN] - left[:, MEAN]
    between = right[:, FIRST] - left[:, LAST]
    table[:, COUNT] = count
    table[:, MEAN] = left[:, MEAN] + apart * right[:, COUNT] / count
    table[:, M2] = left[:, M2] + right[:, M2] + apart**2 * left[:, COUNT] * right[:, COUNT] / count
    table[:, LOW] = np.minimum(left[:, LOW], right[:, LOW])
    table[:, HIGH] = np.maximum(left[:, HIGH], right[:, HIGH])
    table[:, FIRST], table[:, LAST] = left[:, FIRST], right[:, LAST]
    table[:, PATH] = left[:, PATH] + right[:, PATH] + np.abs(between)
    table[:, PATH2] = left[:, PATH2] + right[:, PATH2] + between**2
    into = np.nan_to_num(left[:, LAST_D] * between)
    onward = np.nan_to_num(between * right[:, FIRST_D])
    table[:, PAIRS] = left[:, PAIRS] + right[:, PAIRS] + into + onward
    table[:, TURNS] = left[:, TURNS] + right[:, TURNS] + (into < 0) + (onward < 0)
    table[:, FIRST_D] = np.where(np.isnan(left[:, FIRST_D]), between, left[:, FIRST_D])
    table[:, LAST_D] = np.where(np.isnan(right[:, LAST_D]), between, right[:, LAST_D])
    table[:, BEGIN], table[:, END] = left[:, BEGIN], right[:, END]
    return table


class Track:
    """One column, point by point.

    Values that are not finite enter no block: their number, first and last step are kept.

    Args:
        span: Points that ``smooth`` looks back on; None where nobody asks for it, which takes a third of the time.
    """

    def __init__(self, *, span: float | None = 20) -> None:
        self.count = 0  # finite points
        self.bad_count = 0
        self.first_bad_step: int | None = None
        self.last_bad_step: int | None = None
        self.smooth = Smooth(span=span or 1)
        self._smooths = span is not None
        self._level = 0  # blocks hold 2**level points
        self._blocks = np.empty((0, FIELDS))
        self._odd: dict[int, Floats] = {}  # level to the one block that waits for its neighbour
        self._waiting: list[tuple[float, float]] = []

    def add(self, step: float, value: float) -> None:
        """Take in one point; steps must not fall."""
        if not math.isfinite(value):
            self._bad(1, int(step), int(step))
            return
        value = min(max(value, -_LARGEST), _LARGEST)
        self.count += 1
        if self._smooths:
            self.smooth.extend((step,), (value,))
        self._waiting.append((step, value))
        if len(self._waiting) >= _BUFFER:
            self._flush()

    def extend(self, steps: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Take in many points; what is kept is the same as point by point."""
        at, new = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
        if at.shape != new.shape or at.ndim != 1:
            raise SpecError(f"signals: as many steps as values are needed, got {at.shape} and {new.shape}.")
        finite = np.isfinite(new)
        if not finite.all():
            bad = at[~finite]
            self._bad(len(bad), int(bad[0]), int(bad[-1]))
            at, new = at[finite], new[finite]
        new = np.clip(new, -_LARGEST, _LARGEST)
        self.count += len(new)
        if self._smooths:
            self.smooth.extend(at.tolist(), new.tolist())
        self._flush()
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(new), _AT_ONCE):
                part = slice(first, first + _AT_ONCE)
                self._take(leaves(at[part], new[part]), 0)

    def _bad(self, count: int, first: int, last: int) -> None:
        self.bad_count += count
        self.last_bad_step = last
        if self.first_bad_step is None:
            self.first_bad_step = first

    def _flush(self) -> None:
        if not self._waiting:
            return
        points = np.array(self._waiting)
        self._waiting = []
        with np.errstate(over="ignore", invalid="ignore"):
            self._take(leaves(points[:, 0], points[:, 1]), 0)

    def _take(self, table: Floats, level: int) -> None:
        """Hand blocks of a level upwards until they have the size that is kept."""
        while level < self._level and len(table):
            if level in self._odd:
                table = np.concatenate([self._odd.pop(level), table])
            if len(table) % 2:
                self._odd[level] = table[-1:]
                table = table[:-1]
            table = merged(table[::2], table[1::2])
            level += 1
        if not len(table):
            return
        self._blocks = np.concatenate([self._blocks, table])
        while len(self._blocks) >= 2 * LEAST_BLOCKS:
            even = len(self._blocks) // 2 * 2
            if even < len(self._blocks):
                self._odd[self._level] = self._blocks[even:]
            self._blocks = merged(self._blocks[:even:2], self._blocks[1:even:2])
            self._level += 1

    def blocks(self) -> Floats:
        """The blocks so far, the last one as far as it is filled; shape (blocks, FIELDS)."""
        self._flush()
        rest: Floats | None = None
        with np.errstate(over="ignore", invalid="ignore"):
            for level in sorted(self._odd):
                rest = self._odd[level] if rest is None else merged(self._odd[level], rest)
        return self._blocks.copy() if rest is None else np.concatenate([self._blocks, rest])


def thinned(track: Track) -> tuple[tuple[float, float], ...]:
    """Steps and mean values of a column's blocks, for a picture: where each begins, and where the last one ends."""
    blocks = track.blocks()
    places = [*blocks[:-1, BEGIN], *blocks[-1:, END]]
    return tuple((float(place), float(mean)) for place, mean in zip(places, blocks[:, MEAN], strict=True))


class Smooth:
    """Exponential smoothing without a bias towards zero, and the lowest value that it had.

    .. math:: s_t = \\frac{\\sum_i \\beta^{t-i} x_i}{\\sum_i \\beta^{t-i}}, \\quad \\beta = 1 - 2 / (\\mathrm{span} + 1)

    Args:
        span: Points that it looks back on; at least 1.

    References:
        Kingma and Ba, Adam, ICLR 2015, section 3 (the correction of the bias).
    """

    def __init__(self, *, span: float) -> None:
        self.keep = 1 - 2 / (span + 1)
        self._sum = self._weight = 0.0
        self.lowest = math.inf
        self.lowest_step = 0

    @property
    def value(self) -> float:
        """Where it stands; NaN before the first point."""
        return self._sum / self._weight if self._weight else math.nan

    def extend(self, steps: Sequence[float], values: Sequence[float]) -> None:
        """Take in finite points."""
        keep, total, weight = self.keep, self._sum, self._weight
        for step, value in zip(steps, values, strict=True):
            total = total * keep + value
            weight = weight * keep + 1
            # Before half of its weight is there it is hardly smooth, and one lucky point would be the lowest.
            if total < self.lowest * weight and weight * (1 - keep) >= 0.5:
                self.lowest, self.lowest_step = total / weight, int(step)
        self._sum, self._weight = total, weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What blocks that follow each other come to.

    Args:
        count: Points.
        mean: Their mean.
        spread: Standard deviation, trend and all.
        noise: Standard deviation from point to point, which a trend does not change.
        low: The least value.
        high: The largest.
        path: Sum of the lengths of all changes.
        progress: First value less the last, over ``path``: 1 falls steadily, 0 goes nowhere, -1 rises steadily.
        turns: Share of changes that turn against the one before; 2/3 for independent noise, 1 for a zigzag.
        echo: Correlation of a change with the next; -0.5 for independent noise, -1 for a zigzag, 0 for a random walk.
        first_step: The first point's.
        last_step: The last point's.
    """

    count: int
    mean: float
    spread: float
    noise: float
    low: float
    high: float
    path: float
    progress: float
    turns: float
    echo: float
    first_step: int
    last_step: int

    @classmethod
    def of(cls, blocks: Floats) -> "Stretch":
        """The stretch of a table of blocks, at least one: what ``merged`` would come to, all blocks at once."""
        counts, means = blocks[:, COUNT], blocks[:, MEAN]
        count = int(counts.sum())
        mean = float(means @ counts) / count
        moved = blocks[1:, FIRST] - blocks[:-1, LAST]
        path = float(blocks[:, PATH].sum() + np.abs(moved).sum())
        path2 = float(blocks[:, PATH2].sum() + moved @ moved)
        # The change before each move: a block's own last one, or where it is a single point the move to it; and the first
        # one after it, where there is one. NaN compares as false and counts as 0.
        ahead = blocks[:-1, LAST_D].copy()
        single = np.isnan(ahead[1:])
        ahead[1:][single] = moved[:-1][single]
        into, onward = ahead * moved, moved * blocks[1:, FIRST_D]
        turns = int(blocks[:, TURNS].sum()) + np.count_nonzero(into < 0) + np.count_nonzero(onward < 0)
        pairs = float(blocks[:, PAIRS].sum() + np.nansum(into) + np.nansum(onward))
        around = float(blocks[:, M2].sum() + counts @ (means - mean) ** 2)
        return cls(
            count=count,
            mean=mean,
            spread=math.sqrt(max(around, 0.0) / max(count - 1, 1)),
            noise=math.sqrt(path2 / (2 * max(count - 1, 1))),
            low=float(blocks[:, LOW].min()),
            high=float(blocks[:, HIGH].max()),
            path=path,
            progress=float(blocks[0, FIRST] - blocks[-1, LAST]) / path if path > 0 else 0.0,
            turns=turns / (count - 2) if count > 2 else 0.0,
            echo=pairs / path2 if path2 > 0 else 0.0,
            first_step=int(blocks[0, BEGIN]),
            last_step=int(blocks[-1, END]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A straight line through a stretch.

    Args:
        per_step: Change a step.
        error: Its standard error, from how far block means lie off the line.
    """

    per_step: float
    error: float

    @property
    def sure(self) -> float:
        """How many standard errors it lies from 0, with its sign; 0 where neither is known."""
        return (
            self.per_step / self.error
            if self.error > 0
            else math.copysign(math.inf, self.per_step)
            if self.per_step
            else 0.0
        )


def slope(blocks: Floats) -> Slope:
    """The least-squares line through block means over steps, a block weighing as many points as it has.

    With fewer than 3 blocks there is no error to be had, and the slope counts as unknown: 0 with an infinite error.
    """
    if len(blocks) < 3:
        return Slope(per_step=0.0, error=math.inf)
    weight = blocks[:, COUNT] / blocks[:, COUNT].sum()
    at = (blocks[:, BEGIN] + blocks[:, END]) / 2
    x = at - weight @ at
    y = blocks[:, MEAN] - weight @ blocks[:, MEAN]
    width = weight @ x**2
    if width == 0:
        return Slope(per_step=0.0, error=math.inf)
    per_step = float(weight @ (x * y) / width)
    rest = y - per_step * x
    return Slope(per_step=per_step, error=float(math.sqrt(weight @ rest**2 / (len(blocks) - 2) / width)))


def between(blocks: Floats, begin: float, end: float) -> Floats:
    """The blocks whose middle lies in ``[begin, end]`` of the stretch's steps (0 its first, 1 its last); at least one."""
    first, last = blocks[0, BEGIN], blocks[-1, END]
    middle = ((blocks[:, BEGIN] + blocks[:, END]) / 2 - first) / max(last - first, 1e-12)
    inside = (middle >= begin) & (middle <= end)
    if not inside.any():
        inside[np.abs(middle - (begin + end) / 2).argmin()] = True
    chosen: Floats = blocks[inside]
    return chosen


def lowest_by_luck(count: float) -> float:
    """How far the lowest of so many independent normal numbers lies below their mean, in standard deviations; 0 for one.

    References:
        Blom, Statistical estimates and transformed beta-variables, 1958.
    """
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25)) if count > 1 else 0.0


def spikes(blocks: Floats, *, height: float = 6.0) -> tuple[int, int | None]:
    """How many blocks have a point far above what surrounds it, and the step where the last of them begins.

    Far is ``height`` times the usual noise above the block's mean; the usual noise is the median over blocks, so
    that spikes do not hide themselves.
    """
    if len(blocks) < 8:
        return 0, None
    noise = np.sqrt(blocks[:, PATH2] / (2 * np.maximum(blocks[:, COUNT] - 1, 1)))
    if blocks[:, COUNT].max() <= 1:  # points, not blocks: noise is from one to the next
        steps = np.diff(blocks[:, MEAN])
        usual = float(np.median(np.abs(steps))) * 1.05
        centre = _running_median(blocks[:, MEAN])
    else:
        usual, centre = float(np.median(noise)), blocks[:, MEAN]
    high = blocks[:, HIGH] > centre + height * max(usual, 1e-12)
    at = np.flatnonzero(high)
    return len(at), int(blocks[at[-1], BEGIN]) if len(at) else None


def _running_median(values: Sequence[float] | Floats, reach: int = 3) -> Floats:
    """The median of each value and its neighbours within ``reach``."""
    padded = np.pad(np.asarray(values, dtype=float), reach, mode="edge")
    found: Floats = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    return found
