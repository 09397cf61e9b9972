"""What a recorded rate may have been: curves with free parameters, linear ones and others, and the text of each.

A curve is ``P b_p + A b_a + F b_f``: the peak rate, the rate at the very beginning and that at the end enter linearly, so
only lengths, powers and the like have to be searched.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lrlab.schedules.lengths import written
from lrlab.schedules.protocol import Values

Params = dict[str, float]
Coefficients = dict[str, float]  # of the columns, by name: peak, first, last


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A curve with free parameters.

    Args:
        name: For people.
        lengths: Names of the parameters that are whole numbers of steps.
        numbers: Names of the others.
        start: Where the search begins.
        columns: The columns of the curve at given steps, by the name of the coefficient.
        write: Its text, from parameters and coefficients; lengths are written by the function that is given.
    """

    name: str
    lengths: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    start: Params
    columns: Callable[[Values, Params], dict[str, Values]]
    write: Callable[[Params, Coefficients, Callable[[float], str]], str]


Fall = Callable[[Values, Params], Values]  # from 1 to 0, over the steps after a warm-up


def _x(at: Values, params: Params) -> Values:
    result: Values = np.clip(at / params["steps"], 0.0, 1.0)
    return result


def _cosine(at: Values, params: Params) -> Values:
    result: Values = 0.5 * (1.0 + np.cos(math.pi * _x(at, params)))
    return result


_FALLS: dict[str, tuple[Fall, tuple[str, ...], str]] = {
    "linear": (lambda at, p: 1.0 - _x(at, p), (), ""),
    "cosine": (_cosine, (), ""),
    "polynomial": (lambda at, p: (1.0 - _x(at, p)) ** p["power"], ("power",), "power"),
    "rex": (lambda at, p: (1.0 - _x(at, p)) / (1.0 - 0.5 * _x(at, p)), (), ""),
    "tanh": (lambda at, p: 0.5 * (1.0 - np.tanh(9.0 * _x(at, p) - 6.0)), (), ""),
}
_TAILS: dict[str, Callable[[Values], Values]] = {
    "linear": lambda x: 1.0 - x,
    "cosine": lambda x: 0.5 * (1.0 + np.cos(math.pi * x)),
    "sqrt": lambda x: 1.0 - np.sqrt(x),
    "square": lambda x: 1.0 - x * x,
}
RISES: dict[str, Callable[[Values], Values]] = {
    "linear": lambda x: x,
    "cosine": lambda x: 0.5 * (1.0 - np.cos(math.pi * x)),
}


def number(value: float) -> str:
    """A number as a text of a schedule has it."""
    return written(float(f"{value:.10g}"))


def _to(coefficients: Coefficients) -> str:
    floor = coefficients.get("last", 0.0) / coefficients["peak"]
    return f" to {number(min(floor, 1.0))}" if floor > 0 else ""


def _from(coefficients: Coefficients) -> str:
    first = coefficients.get("first", 0.0) / coefficients["peak"]
    return f" from {number(min(first, 1.0))}" if first > 0 else ""


def after_warmup(steps: float, *, ends: Sequence[float]) -> Iterator[Candidate]:
    """What may follow a warm-up of ``steps`` (0: none), in a training that may end at each of ``ends``."""
    rests = [max(end - steps, 1.0) for end in ends]
    rest = rests[0]
    yield Candidate(
        name="constant",
        lengths=(),
        start={},
        columns=lambda at, p: {"peak": np.ones_like(at)},
        write=lambda p, c, length: "constant",
    )
    yield _decay("linear", {"steps": rest}, floor=False)
    for name, (_, more, _) in _FALLS.items():
        extra = dict.fromkeys(more, 1.5)
        for end in rests if name == "linear" else ():
            yield _decay(name, {"steps": end}, floor=True, fixed=True)
        yield _decay(name, {"steps": rest} | extra, floor=True)
        if name != "linear":
            yield _decay(name, {"steps": 1.5 * rest} | extra, floor=False)
    yield Candidate(
        name="exponential",
        lengths=(),
        numbers=("rate",),
        start={"rate": 3.0 / rest},
        columns=lambda at, p: {"peak": np.exp(-p["rate"] * at)},
        write=lambda p, c, length: f"exponential by {number(math.exp(-p['rate']))} every {length(1)}",
    )
    yield Candidate(
        name="exponential",
        lengths=("every",),
        start={"every": rest},
        columns=lambda at, p: {"peak": 0.01 ** (at / p["every"])},
        write=lambda p, c, length: f"exponential by 0.01 every {length(p['every'])}",
    )
    yield Candidate(
        name="inverse-sqrt",
        lengths=("timescale",),
        start={"timescale": max(steps, rest / 10, 1.0)},
        columns=lambda at, p: {"peak": np.sqrt(p["timescale"] / (at + p["timescale"]))},
        write=lambda p, c, length: f"inverse-sqrt timescale {length(p['timescale'])}",
    )
    for shape in _TAILS:
        yield _wsd(shape, rest, floor=False)
        for end in rests:
            yield _wsd(shape, end, floor=True, fixed=True)
        yield _wsd(shape, rest, floor=True)


def _decay(name: str, start: Params, *, floor: bool, fixed: bool = False) -> Candidate:
    """A decay to a floor or to 0; ``fixed`` leaves its length as it starts."""
    fall, numbers, word = _FALLS[name]

    def columns(at: Values, params: Params) -> dict[str, Values]:
        done = fall(at, {**start, **params})
        return {"peak": done, "last": 1.0 - done} if floor else {"peak": done}

    def write(params: Params, found: Coefficients, length: Callable[[float], str]) -> str:
        given = {**start, **params}
        power = f" {word} {number(given[word])}" if word else ""
        called = "linear" if power == " power 1" else name
        power = "" if called == "linear" else power
        return f"{called}{power}{_to(found)} over {length(given['steps'])}"

    lengths = () if fixed else ("steps",)
    free = {key: value for key, value in start.items() if key in (*lengths, *numbers)}
    return Candidate(name=name, lengths=lengths, numbers=numbers, start=free, columns=columns, write=write)


def _wsd(shape: str, rest: float, *, floor: bool, fixed: bool = False) -> Candidate:
    """A trunk and its end, which is ``fixed`` where the record ends."""

    def stays(params: Params) -> float:
        return max(rest - params["decay"], 0.0) if fixed else params["stays"]

    def columns(at: Values, params: Params) -> dict[str, Values]:
        done = _TAILS[shape](np.clip((at - stays(params)) / params["decay"], 0.0, 1.0))
        return {"peak": done, "last": 1.0 - done} if floor else {"peak": done}

    def write(params: Params, found: Coefficients, length: Callable[[float], str]) -> str:
        word = "" if shape == "sqrt" else f" {shape}"
        over = stays(params) + params["decay"] + params.get("warmup", 0.0)
        return f"wsd decay {length(params['decay'])}{word}{_to(found)} over {length(over)}"

    start = {"decay": 0.2 * rest} if fixed else {"stays": 0.8 * rest, "decay": 0.2 * rest}
    return Candidate(name="wsd", lengths=tuple(start), start=start, columns=columns, write=write)


def with_warmup(inner: Candidate, steps: float, rise: str) -> Candidate:
    """The same after a rise."""

    def columns(at: Values, params: Params) -> dict[str, Values]:
        warmup = params["warmup"]
        early = at < warmup
        x = RISES[rise](np.clip(at / warmup, 0.0, 1.0))
        late = inner.columns(np.maximum(at - warmup, 0.0), params)
        result = {name: np.where(early, 0.0, column) for name, column in late.items()}
        result["peak"] = np.where(early, x, late["peak"])
        result["first"] = np.where(early, 1.0 - x, 0.0)
        return result

    def write(params: Params, found: Coefficients, length: Callable[[float], str]) -> str:
        text, warmup = inner.write(params, found, length), length(params["warmup"])
        first = _from(found)
        if inner.name in ("wsd", "inverse-sqrt") and not first and rise == "linear":
            own = text.removesuffix(f" timescale {warmup}")  # by default as long as the warm-up
            return own.replace(inner.name, f"{inner.name} warmup {warmup}", 1)
        if inner.name == "wsd":  # the warm-up is no part of it then
            text = inner.write({**params, "warmup": 0.0}, found, length)
        return f"warmup {warmup}{first}{' cosine' if rise == 'cosine' else ''} then {text}"

    return Candidate(
        name=inner.name,
        lengths=("warmup", *inner.lengths),
        numbers=inner.numbers,
        start={"warmup": steps, **inner.start},
        columns=columns,
        write=write,
    )


def whole_curves(*, peak_at: float, ends: Sequence[float], valley_at: float | None) -> Iterator[Candidate]:
    """Curves that rise by themselves: one cycle, the Transformer's, and triangles."""
    for anneal in ("cosine", "linear"):
        for three in (False, True):
            for total in ends:
                start = {"steps": total, "rise": min((peak_at + 1.0) / total, 0.49)}
                yield _one_cycle(anneal, three, start, fixed=True)
            yield _one_cycle(anneal, three, start)
    yield Candidate(
        name="noam",
        lengths=("warmup",),
        start={"warmup": peak_at + 1.0},
        # Of the usual width: width and rate cannot be told apart.
        columns=lambda at, p: {"peak": np.minimum((at + 1) ** -0.5, (at + 1) * p["warmup"] ** -1.5)},
        write=lambda p, c, length: f"noam warmup {length(p['warmup'])}",
    )
    if valley_at is not None:
        for shape in ("triangular", "triangular2", "exp-range"):
            yield _triangles(shape, peak_at, max(valley_at - peak_at, 1.0))


def _one_cycle(anneal: str, three: bool, start: Params, *, fixed: bool = False) -> Candidate:
    bend = RISES[anneal]

    def columns(at: Values, params: Params) -> dict[str, Values]:
        end, peak = params["steps"] - 1.0, max(params["rise"] * params["steps"] - 1.0, 1e-9)
        turns = [(0.0, "first"), (peak, "peak"), *([(2 * peak, "first")] if three else []), (end, "last")]
        result = {name: np.zeros_like(at) for name in ("peak", "first", "last")}
        for (begin, one), (stop, other) in pairwise(turns):
            inside = (at >= begin) & (at < stop)
            x = bend(np.clip((at - begin) / max(stop - begin, 1e-9), 0.0, 1.0))
            result[one] += np.where(inside, 1.0 - x, 0.0)
            result[other] += np.where(inside, x, 0.0)
        result["last"] += at >= end
        return result

    def write(params: Params, found: Coefficients, length: Callable[[float], str]) -> str:
        first, floor = (max(found[name] / found["peak"], 0.0) for name in ("first", "last"))
        words = f"{' linear' if anneal == 'linear' else ''}{' three-phase' if three else ''}"
        return (
            f"one-cycle rise {number(params['rise'])} from {number(min(first, 1.0))} to {number(min(floor, 1.0))}"
            f"{words} over {length(params['steps'])}"
        )

    return Candidate(
        name="one-cycle",
        lengths=() if fixed else ("steps",),
        numbers=("rise",),
        start=start,
        columns=columns,
        write=write,
    )


def _triangles(shape: str, up: float, down: float) -> Candidate:
    def columns(at: Values, params: Params) -> dict[str, Values]:
        period = params["up"] + params["down"]
        cycle, place = at // period, at % period
        height = np.minimum(place / params["up"], (period - place) / params["down"])
        if shape == "triangular2":
            height = height * 0.5**cycle
        elif shape == "exp-range":
            height = height * np.exp(-params["rate"] * at)
        return {"peak": height, "first": 1.0 - height}

    def write(params: Params, found: Coefficients, length: Callable[[float], str]) -> str:
        even = params["up"] == params["down"]
        down = "" if even else f" down {length(params['down'])}"
        floor = f" from {number(min(max(found['first'] / found['peak'], 0.0), 1.0))}"
        shrinks = number(math.exp(-params["rate"])) if shape == "exp-range" else "1"
        called = "triangular" if shape == "exp-range" and shrinks == "1" else shape
        decay = "" if shrinks == "1" else f" decay {shrinks}"
        return f"{called} up {length(params['up'])}{down}{floor}{decay}"

    more = {"rate": 0.2 / (up + down)} if shape == "exp-range" else {}
    return Candidate(
        name=shape,
        lengths=("up", "down"),
        numbers=tuple(more),
        start={"up": up, "down": down, **more},
        columns=columns,
        write=write,
    )
