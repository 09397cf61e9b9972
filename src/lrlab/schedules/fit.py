"""Fit one candidate to a recorded rate: least squares, whole lengths, short numbers, and what a text costs."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lrlab.core.errors import SpecError
from lrlab.schedules.candidates import Candidate, Coefficients, Params
from lrlab.schedules.evaluate import end, values
from lrlab.schedules.lengths import Unit
from lrlab.schedules.minimum import minimum
from lrlab.schedules.protocol import Schedule, Values
from lrlab.schedules.text import parse
from lrlab.schedules.written import Spec

_SEARCHED = 200  # points that a search looks at; the misfit is that of all
RESOLUTION = 3e-7  # of the peak: six digits tell no more
_LEAST = 5e-7  # smaller shares are what rounding leaves
_WORD = 1.0  # what a character of text costs, in units of log likelihood: a simpler schedule is preferred
_BEYOND = 8.0  # and what it costs that a schedule goes on after the record
_HOPELESS = 1e3  # how much larger a mean square may be before its numbers are put in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A schedule beside a record.

    Args:
        spec: The schedule; its lengths are in steps, or in epochs where the record counts these.
        lr: The peak rate that it multiplies.
        misfit: Root mean square difference, as a share of the largest rate.
        largest: The largest difference, likewise.
        offset: What is added to the record's steps: -1 where it counts from 1.
        ends_beyond: Whether the schedule goes on after the record's end.
        held: Every how many steps the rate was set; in between it was held.
    """

    spec: Spec
    lr: float
    misfit: float
    largest: float
    offset: int
    ends_beyond: bool
    held: int = 1

    def rates(self, steps: npt.ArrayLike) -> Values:
        """The rates that it has at the record's steps."""
        schedule = self.spec.bind(steps_per_epoch=1)
        assert isinstance(schedule, Schedule)
        at = np.asarray(steps, dtype=np.float64)
        if self.held > 1:
            at = at // self.held * self.held
        result: Values = self.lr * values(schedule, at + self.offset)
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record with its largest rate as 1."""

    at: Values
    y: Values
    top: float
    unit: Unit
    offset: int

    @property
    def gap(self) -> int:
        """How far its rows are from one another."""
        return max(round(float(np.median(np.diff(self.at)))), 1)

    def length(self, value: float) -> str:
        return f"{max(round(value), 0)}{self.unit}"

    def thinned(self) -> "Record":
        if len(self.at) <= _SEARCHED:
            return self
        kept = np.unique(np.linspace(0, len(self.at) - 1, _SEARCHED).round().astype(int))
        return replace(self, at=self.at[kept], y=self.y[kept])


def fit(candidate: Candidate, record: Record, least: float) -> tuple[str | None, float]:
    """The text of the nearest member, with whole lengths and short numbers, and its mean square.

    There is no text where another candidate is far nearer already (``least``).
    """
    names = (*candidate.lengths, *candidate.numbers)

    def loss(params: Params) -> float:
        solved = _solve(candidate, record, params, exact=False)
        return math.inf if solved is None else solved[1]

    params = minimum(loss, dict(candidate.start), names, near=1e-5)
    found = loss(params)
    if found > _HOPELESS * max(least, RESOLUTION**2):
        return None, found
    params = _whole(loss, params, candidate.lengths)
    if candidate.numbers:
        params = _whole(loss, minimum(loss, params, candidate.numbers), candidate.lengths)
    solved = _solve(candidate, record, params)
    if solved is None:
        return None, math.inf
    return _shortest(candidate, record, params, solved[0]), solved[1]


def _solve(
    candidate: Candidate, record: Record, params: Params, *, exact: bool = True
) -> tuple[Coefficients, float] | None:
    """The linear coefficients and the mean square; none below 0, and none above the peak.

    Without ``exact`` by the normal equations, which are quicker and lose half of the digits of the coefficients.
    """
    columns = candidate.columns(record.at, params)
    names = list(columns)
    matrix = np.array([columns[name] for name in names])
    while True:
        if exact:
            found = np.linalg.lstsq(matrix.T, record.y, rcond=None)[0]
        else:
            try:
                found = np.linalg.solve(matrix @ matrix.T, matrix @ record.y)
            except np.linalg.LinAlgError:
                return _solve(candidate, record, params)
        worst = int(found.argmin())
        if found[worst] >= 0.0 or names[worst] == "peak":
            break
        names.pop(worst)
        matrix = np.delete(matrix, worst, axis=0)
    given = dict(zip(names, found.tolist(), strict=True))
    if not given.get("peak", 0.0) > 0.0:
        return None
    rest = record.y - found @ matrix
    whole = {name: min(given.get(name, 0.0), given["peak"]) for name in columns}
    return whole, float(rest @ rest) / len(rest)


def _whole(loss: Callable[[Params], float], params: Params, lengths: Sequence[str]) -> Params:
    """Lengths as whole numbers: the nearest, and then whatever neighbour is better."""
    params = params | {name: float(max(round(params[name]), 1)) for name in lengths}
    least = loss(params)
    for _ in range(40):
        moves = [
            params | {name: params[name] + by}
            for name in lengths
            for by in (-1.0, 1.0)
            if params[name] + by >= 1
        ]
        moves += [
            params | {one: params[one] + by, other: params[other] - by}
            for one in lengths for other in lengths for by in (-1.0, 1.0)
            if one != other and params[one] + by >= 1 and params[other] - by >= 1
        ]  # fmt: skip
        scores = [loss(move) for move in moves]
        if not scores or min(scores) >= least * (1 - 1e-9):
            return params
        least = min(scores)
        params = moves[scores.index(least)]
    return params


def _shortest(candidate: Candidate, record: Record, params: Params, found: Coefficients) -> str | None:
    """Numbers with as few digits as the record asks for."""
    best: tuple[float, str] | None = None
    seen: set[str] = set()
    for digits in (1, 2, 3, 4, 5, 6, 8, 10):
        rounded = params | {
            name: _digits(params[name], digits, rate=name == "rate") for name in candidate.numbers
        }
        again = _solve(candidate, record, rounded) if candidate.numbers else (found, 0.0)
        if again is None:
            continue
        for few in {min(digits, 3), digits}:
            peak = again[0]["peak"]
            shares = {
                name: value if name == "peak" else peak * _digits(value / peak, few)
                for name, value in again[0].items()
            }
            texts = {candidate.write(rounded, one, record.length) for one in _simpler(shares)}
            if candidate.name == "one-cycle":
                texts |= {text.replace(" to 0 ", " ") for text in texts}
            for one in sorted(texts - seen):
                told = judged(record, one)
                if told is not None and (best is None or told[0] < best[0]):
                    best = (told[0], one)
            seen |= texts
    return None if best is None else best[1]


def _simpler(shares: Coefficients) -> Iterator[Coefficients]:
    """The coefficients, and the same with small ones as 0."""
    yield shares
    for name in ("first", "last"):
        if 0 < shares.get(name, 0.0) < 0.01 * shares["peak"]:
            yield shares | {name: 0.0}


def _digits(value: float, digits: int, *, rate: bool = False) -> float:
    if rate:  # what is written is the factor exp(-rate), of which the digits after the nines count
        left = -math.expm1(-value)
        return -math.log1p(-float(f"{left:.{digits - 1}e}")) if left < 1 else value
    rounded = float(f"{value:.{digits - 1}e}")
    return 0.0 if abs(rounded) < _LEAST else rounded


def judged(record: Record, text: str) -> tuple[float, Match] | None:
    """The cost of a text beside the whole record, and the match; None where it is no schedule."""
    if " to 1 over" in text:  # a decay that does not fall is constant, which is tried by itself
        return None
    try:
        spec = parse(text)
        schedule = spec.bind(steps_per_epoch=1)
    except SpecError:
        return None
    assert isinstance(schedule, Schedule)
    curve = values(schedule, record.at)
    power = float(curve @ curve)
    if not math.isfinite(power) or power <= 0.0:
        return None
    fitted = float(curve @ record.y) / power
    rounded = [float(f"{fitted * record.top:.{digits}e}") / record.top for digits in range(6)]
    options = [(_cost(record, scale * curve), scale) for scale in (*rounded, fitted) if scale > 0]
    if not options:
        return None
    least = min(cost for cost, _ in options)
    scale = next(scale for cost, scale in options if cost <= least + 3.0)  # the shortest that is as good
    apart = np.abs(record.y - scale * curve)
    stop = end(schedule)
    beyond = stop is not None and stop > float(record.at[-1]) + record.gap
    match = Match(
        spec=spec,
        lr=scale * record.top,
        misfit=float(np.sqrt(np.mean(apart * apart))),
        largest=float(apart.max()),
        offset=record.offset,
        ends_beyond=beyond,
    )
    words = len(str(spec)) + len(f"{match.lr:.6e}".partition("e")[0].rstrip("0"))
    cost = _cost(record, scale * curve) + _WORD * words + _BEYOND * beyond
    return cost, match


def _cost(record: Record, curve: Values) -> float:
    """Half of n times the log of the mean square, as for normal errors, none below what six digits tell."""
    apart = record.y - curve
    return 0.5 * len(apart) * math.log(float(np.mean(apart * apart)) + RESOLUTION**2)
