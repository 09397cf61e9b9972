"""Find the schedule that produced a recorded rate: its text, its parameters, and how far it is off."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lrlab.core.errors import SpecError
from lrlab.schedules.candidates import RISES, Candidate, after_warmup, whole_curves, with_warmup
from lrlab.schedules.fit import RESOLUTION, Match, Record, fit, judged
from lrlab.schedules.lengths import Unit
from lrlab.schedules.protocol import Values
from lrlab.schedules.stairs import stairs

_FEWEST = 5
_DIGITS = 1e-5  # misfit that needs no better explanation
_LONGER = 20  # characters by which the text of another one may be longer
BOUND = 0.01  # of the peak, root mean square


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a record was recognised as.

    Args:
        best: The nearest of the known schedules; None only where no text could be made.
        known: Whether it is near enough to be the one.
        others: Further schedules that are as near as the digits tell, simpler ones first.
    """

    best: Match | None
    known: bool
    others: tuple[Match, ...] = ()


def recognise(
    steps: npt.ArrayLike, rates: npt.ArrayLike, *, unit: Unit = "st", bound: float = BOUND
) -> Recognised:
    """The schedule that produced a recorded rate.

    Every known curve is fitted by least squares, with and without a warm-up, lengths as whole steps; the one is taken
    whose text is shortest for how near it comes (a minimum description length). The record may have gaps, end early or
    have noise.

    Args:
        steps: Steps (or epochs) of the record, ascending, shape ``[n]``; at least 5.
        rates: Rates, finite and at least 0, shape ``[n]``.
        unit: What the steps are, ``"st"`` or ``"ep"``.
        bound: Misfit above which none of the known schedules is it, as a share of the largest rate.

    Raises:
        SpecError: If the record breaks a rule.

    Example:
        >>> from lrlab.schedules.text import parse
        >>> decay = parse("warmup 50 then cosine to 0.1 over 950").bind()
        >>> found = recognise(range(0, 1000, 10), [3e-4 * decay(t) for t in range(0, 1000, 10)])
        >>> str(found.best.spec), found.best.lr, found.known
        ('warmup 50st then cosine to 0.1 over 950st', 0.0003, True)
    """
    at, rate = _record(steps, rates)
    if float(rate.max()) == 0.0:
        raise SpecError("recognise: every rate in the record is 0, which every schedule may be.")
    found = _ranked(at, rate, unit)
    held, firsts = _held(at, rate)
    if held > 1 and (not found or found[0].misfit > _DIGITS or found[0].spec.name == "piecewise"):
        every = [replace(match, held=held) for match in _ranked(at[firsts], rate[firsts], unit)]
        found = (
            every if every and (not found or every[0].misfit < max(0.5 * found[0].misfit, _DIGITS)) else found
        )
    if not found:
        return Recognised(best=None, known=False)
    best = found[0]
    near, most = max(1.2 * best.misfit, 2 * RESOLUTION), len(str(best.spec)) + _LONGER
    others = [match for match in found[1:] if match.misfit <= near and len(str(match.spec)) <= most]
    others = [match for match in others if match.spec != best.spec]
    return Recognised(best=best, known=best.misfit <= bound, others=tuple(others[:3]))


def _ranked(at: Values, rate: Values, unit: Unit) -> list[Match]:
    """Every schedule that was tried, the likeliest first."""
    top = float(rate.max())
    tried: dict[tuple[str, int], tuple[float, Match]] = {}
    for offset in (0, -1) if at[0] >= 1 else (0,):
        record = Record(at=at + offset, y=rate / top, top=top, unit=unit, offset=offset)
        for text in _texts(record):
            found = judged(record, text)
            if found is not None:
                tried.setdefault((str(found[1].spec), offset), found)
    ranked = sorted(tried.values(), key=lambda one: (one[0], one[1].ends_beyond, str(one[1].spec)))
    return [match for _, match in ranked]


def _held(at: Values, rate: Values) -> tuple[int, npt.NDArray[np.int64]]:
    """Every how many steps a rate changes that is held in between, and the rows where it does; 1 if it is not held."""
    changes = np.flatnonzero(np.abs(np.diff(rate)) > RESOLUTION * rate.max()) + 1
    places = at[changes]
    gaps = np.diff(places)
    if len(gaps) < _FEWEST or len(changes) > 0.6 * len(at) or (gaps != gaps[0]).any():
        return 1, changes
    firsts = changes if places[0] - at[0] != gaps[0] else np.concatenate(([0], changes))
    return int(gaps[0]), firsts


def _record(steps: npt.ArrayLike, rates: npt.ArrayLike) -> tuple[Values, Values]:
    at, rate = (np.asarray(one, dtype=np.float64) for one in (steps, rates))
    if at.ndim != 1 or at.shape != rate.shape:
        raise SpecError(f"recognise: steps and rates must have one length, got {at.shape} and {rate.shape}.")
    if len(at) < _FEWEST:
        raise SpecError(f"recognise: a record must have at least {_FEWEST} rates, got {len(at)}.")
    if not np.isfinite(at).all() or (at < 0).any() or (np.diff(at) <= 0).any():
        raise SpecError("recognise: the steps of a record must ascend from 0 or later.")
    if not np.isfinite(rate).all() or (rate < 0).any():
        raise SpecError("recognise: the rates of a record must be finite and at least 0.")
    return at, rate


def _texts(record: Record) -> Iterator[str]:
    """Texts of schedules that may be it."""
    yield from stairs(record.at, record.y, record.length)
    few = record.thinned()
    least = math.inf
    for candidate in _candidates(few):
        text, loss = fit(candidate, few, least)
        least = min(least, loss)
        if text is not None:
            yield text


def _candidates(record: Record) -> Iterator[Candidate]:
    at, y = record.at, record.y
    last, change = float(at[-1]), np.diff(y)
    # Its last row may be that of the last step, or as far from the end as rows are from one another.
    ends = sorted({last + 1.0, last + record.gap})
    stops = np.flatnonzero(change <= 1e-9)
    peak = int(stops[0]) if len(stops) else len(y) - 1
    if peak == 0 or _is_noise(y, peak):
        yield from after_warmup(0.0, ends=ends)
    top = int(np.argmax(y)) if peak == 0 else peak
    if top == 0:
        return
    steps = min(max(_meeting(at, y, top), float(at[top - 1])), float(at[min(top + 1, len(at) - 1)]))
    if steps > 0:
        rise = _rise(y[: top + 1], at[: top + 1])
        for inner in after_warmup(steps, ends=ends):
            yield with_warmup(inner, steps, rise)
    falls = np.flatnonzero(change[top:] >= 1e-9)
    valley = float(at[top + int(falls[0])]) if len(falls) else None
    yield from whole_curves(peak_at=float(at[top]), ends=ends, valley_at=valley)


def _is_noise(y: Values, peak: int) -> bool:
    """Whether the rise up to ``peak`` may be nothing but noise."""
    return bool(y[0] > 0.5 and peak < 6)


def _rise(y: Values, at: Values) -> str:
    """The shape of a rise: whichever is nearer."""
    x = at / at[-1]
    apart = {}
    for name, bend in RISES.items():
        matrix = np.stack([bend(x), 1.0 - bend(x)], axis=1)
        apart[name] = float(np.sum((matrix @ np.linalg.lstsq(matrix, y, rcond=None)[0] - y) ** 2))
    return min(apart, key=lambda name: apart[name] + 1e-12)


def _meeting(at: Values, y: Values, top: int) -> float:
    """Where the line of the rise would reach the peak."""
    if top < 2:
        return float(at[top])
    slope, zero = np.polyfit(at[:top], y[:top], 1)
    return float((y[top] - zero) / slope) if slope > 0 else float(at[top])
