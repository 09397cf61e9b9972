"""Records that jump: rates that are held between falls, and decays that start again."""

from collections.abc import Callable, Iterator

import numpy as np

from lrlab.schedules.candidates import number
from lrlab.schedules.protocol import Values

_SAME = 1e-5  # of the peak
_STANDS_OUT = 12.0  # a fall is so many times the usual change
_MOST_LEVELS = 60
_MOST_LISTED = 8  # more places are a copy of the record, and no schedule


def stairs(at: Values, y: Values, length: Callable[[float], str]) -> Iterator[str]:
    """Texts of schedules with jumps that a record may come from.

    Args:
        at: Steps, ascending; shape ``[n]``.
        y: Rates, the largest 1; shape ``[n]``.
        length: How a number of steps is written.
    """
    yield from _restarts(at, y, length)
    first = _end_of_rise(y)
    warmup = at[first] if first else 0.0
    head = f"warmup {length(warmup)}{_start(y)} then " if warmup else ""
    held, late = y[first:], at[first:] - warmup
    if len(held) < 2 or held.min() <= 0:
        return
    change = np.abs(np.diff(np.log(held)))
    falls = np.flatnonzero(change > max(_SAME, _STANDS_OUT * float(np.median(change))))
    if not 1 <= len(falls) <= _MOST_LEVELS or len(falls) > len(change) // 2:
        return
    levels = np.array([float(np.median(part)) for part in np.split(held, falls + 1)])
    places = [float(late[k + 1]) for k in falls]
    by = float(np.exp(np.mean(np.log(levels[1:] / levels[:-1]))))
    if 0 < by < 1:
        for digits in (1, 2, 3, 4, 6):
            factor = number(float(f"{by:.{digits - 1}e}"))
            for every in _distances(places, late):
                yield f"{head}step every {length(every)} by {factor}"
            if len(places) <= _MOST_LISTED:
                yield f"{head}multi-step {', '.join(map(length, places))} by {factor}"
    if len(places) > _MOST_LISTED:
        return
    points = [f"{length(0)}:1"]
    points += [
        f"{length(place)}:{number(float(f'{level / levels[0]:.5g}'))}"
        for place, level in zip(places, levels[1:], strict=True)
    ]
    yield f"{head}piecewise {', '.join(points)} constant"


def _end_of_rise(y: Values) -> int:
    """The row where a rise at the beginning ends; 0 where there is none."""
    stays = np.flatnonzero(np.diff(y) <= 0)
    top = int(stays[0]) if len(stays) else 0
    return top if top >= 2 or (top and y[0] < 0.5) else 0


def _distances(places: list[float], at: Values) -> Iterator[float]:
    """Even distances between falls that agree with where the record shows them; gaps leave some room."""
    gaps = [
        float(at[at < place][-1]) for place in places
    ]  # each fall lies after this step and until its place
    low = max(gap / (k + 1) for k, gap in enumerate(gaps))
    high = min(place / (k + 1) for k, place in enumerate(places))
    first, last = int(low) + 1, int(high)
    if first <= last:
        powers = (10**power for power in range(9, -1, -1))
        yield float(next(last - last % power for power in powers if last - last % power >= first))


def _start(y: Values) -> str:
    return f" from {number(float(f'{y[0]:.4g}'))}" if y[0] > _SAME else ""


def _restarts(at: Values, y: Values, length: Callable[[float], str]) -> Iterator[str]:
    """Cosines that start again: the rate goes up at once, and down in between."""
    ups = np.flatnonzero(np.diff(y) > 0.1)
    if not 1 <= len(ups) <= _MOST_LEVELS:
        return
    starts = [float(at[k + 1]) for k in ups]
    lengths = np.diff([0.0, *starts])
    times = max(round(float(lengths[1] / lengths[0])), 1) if len(lengths) > 1 else 1
    even = list(_distances(starts, at)) or [starts[0]]
    peaks = np.array([y[0], *(y[k + 1] for k in ups)])
    ratio = float(np.exp(np.mean(np.log(peaks[1:] / peaks[:-1])))) if (peaks > 0).all() else 1.0
    ratios = {min(float(f"{ratio:.{digits}g}"), 1.0) for digits in (2, 4)} | {1.0}
    for every, grows in {(even[0], 1), (starts[0], times), (starts[0], 2)}:
        for peak in ratios:
            for floor in dict.fromkeys(_floors(at, y, every)):
                more = f" times {grows}" if grows > 1 else ""
                yield f"restarts every {length(every)}{more} peak {number(peak)}{floor}"


def _floors(at: Values, y: Values, every: float) -> Iterator[str]:
    """Where the first cycle ends, from its values."""
    yield ""
    inside = at < every
    wave = 0.5 * (1.0 + np.cos(np.pi * at[inside] / every))
    (peak, floor), *_ = np.linalg.lstsq(np.stack([wave, 1.0 - wave], axis=1), y[inside], rcond=None)
    if 0 < floor < peak:
        for digits in (1, 2, 3, 5):
            yield f" to {number(float(f'{floor / peak:.{digits - 1}e}'))}"
