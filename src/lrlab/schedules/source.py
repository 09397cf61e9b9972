"""A schedule as source code: its closed form, without lrlab, for Python's own numbers or for a library's arrays."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lrlab.core.errors import SpecError
from lrlab.schedules.constant import Constant
from lrlab.schedules.cosine import Cosine
from lrlab.schedules.cyclic import Cyclic
from lrlab.schedules.exponential import Exponential
from lrlab.schedules.inverse_sqrt import InverseSqrt, Noam
from lrlab.schedules.join import Then, Warmup
from lrlab.schedules.linear import Linear
from lrlab.schedules.one_cycle import OneCycle
from lrlab.schedules.piecewise import Piecewise
from lrlab.schedules.polynomial import Polynomial
from lrlab.schedules.protocol import AnyFeedback, Schedule
from lrlab.schedules.restarts import Restarts
from lrlab.schedules.rex import Rex
from lrlab.schedules.step import MultiStep, Step
from lrlab.schedules.tanh import Tanh
from lrlab.schedules.transform import Clip, Repeat, Scale
from lrlab.schedules.written import spec_of
from lrlab.schedules.wsd import Wsd

_LONGEST = 2**31  # steps up to which cycles that grow are written out; no training is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a formula's functions are called.

    Args:
        imports: Line that brings them in.
        functions: Names of ``cos``, ``tanh``, ``sqrt``, ``least``, ``most``; of arrays ``exp`` too.
        where: Name of the choice between two arrays; "" where there are only numbers, and ``if`` chooses.
        pi: Name of the number.
    """

    imports: str
    functions: dict[str, str] = field(hash=False)
    where: str
    pi: str = "math.pi"

    def call(self, function: str, *arguments: object) -> str:
        """The call of a function."""
        return f"{self.functions[function]}({', '.join(map(str, arguments))})"

    def choose(self, condition: str, then: str, otherwise: str) -> str:
        """An expression that is one of two others."""
        if self.where:
            return f"{self.where}({condition}, {then}, {otherwise})"
        return f"({then} if {condition} else {otherwise})"

    def count(self, places: Sequence[int]) -> str:
        """How many of the places ``t`` has reached."""
        listed = f"({', '.join(map(str, places))},)"
        return f"sum({self.choose('t >= place', '1.0', '0.0') if self.where else 't >= place'} for place in {listed})"


NUMBERS = Dialect(
    imports="import math",
    functions={"cos": "math.cos", "tanh": "math.tanh", "sqrt": "math.sqrt", "least": "min", "most": "max"},
    where="",
)
JAX = Dialect(
    imports="import math\n\nimport jax.numpy as jnp",
    functions={"cos": "jnp.cos", "tanh": "jnp.tanh", "sqrt": "jnp.sqrt", "exp": "jnp.exp", "least": "jnp.minimum", "most": "jnp.maximum"},
    where="jnp.where",
)  # fmt: skip
KERAS = Dialect(
    imports="import math\n\nimport keras\nfrom keras import ops",
    functions={"cos": "ops.cos", "tanh": "ops.tanh", "sqrt": "ops.sqrt", "exp": "ops.exp", "least": "ops.minimum", "most": "ops.maximum"},
    where="ops.where",
)  # fmt: skip


def source(schedule: Schedule | AnyFeedback, *, dialect: Dialect = NUMBERS) -> str:
    """Functions that compute a schedule; the last one is called ``multiplier`` and takes the step.

    Every part is a function of its own, with its text as docstring. The values are those of the schedule up to the
    rounding of the numbers in use: 1e-15 of the peak with Python's, 1e-6 with 32-bit arrays.

    Args:
        schedule: One of lrlab's, bound to a training.
        dialect: What it computes with.

    Raises:
        SpecError: If it, or a part of it, is not one of lrlab's, or looks at a metric.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> print(source(linear(90)))
        def multiplier(t):
            # linear over 90st
            x = min(t / 90, 1.0)
            return 1.0 - x
        <BLANKLINE>
    """
    writer = _Writer(dialect)
    writer.add(schedule, "multiplier")
    return "\n\n".join(writer.functions)


class _Writer:
    """The functions written so far."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.functions: list[str] = []
        self._count = 0

    def add(self, schedule: Any, name: str = "") -> str:
        """Write the function of a schedule, after those of its parts; its name."""
        write = _FORMULAS.get(type(schedule))
        if write is None:
            text = getattr(schedule, "name", type(schedule).__name__)
            raise SpecError(
                f"schedule: {text} has no closed form that could be written as code.",
                hint="lrlab's own schedules have one; write the values of another one as points: piecewise.",
            )
        lines = write(schedule, self)
        if not name:
            self._count += 1
            name = f"{schedule.name.partition('+')[0].replace('-', '_')}_{self._count}"
        body = "".join(f"    {line}\n" for line in (f"# {spec_of(schedule)}", *lines))
        self.functions.append(f"def {name}(t):\n{body}")
        return name


Formula = Callable[[Any, _Writer], list[str]]


def _n(value: float) -> str:
    """A number as code: every bit of it."""
    return repr(float(value))


def _between(floor: float, left: str) -> str:
    """From 1 to ``floor``, where ``left`` falls from 1 to 0."""
    return left if floor == 0.0 else f"{_n(floor)} + {_n(1.0 - floor)} * ({left})"


def _x(schedule: Any, writer: _Writer) -> str:
    return f"x = {writer.dialect.call('least', f't / {schedule.steps}', '1.0')}"


def _at_least(floor: float, value: str, writer: _Writer) -> str:
    return value if floor == 0.0 else writer.dialect.call("most", value, _n(floor))


def _constant(schedule: Constant, writer: _Writer) -> list[str]:
    return ["return 1.0"]


def _linear(schedule: Linear, writer: _Writer) -> list[str]:
    return [_x(schedule, writer), f"return {_between(schedule.floor, '1.0 - x')}"]


def _cosine(schedule: Cosine, writer: _Writer) -> list[str]:
    return [_x(schedule, writer), f"return {_between(schedule.floor, _wave(writer.dialect, 'x'))}"]


def _wave(dialect: Dialect, x: str) -> str:
    return f"0.5 * (1.0 + {dialect.call('cos', f'{dialect.pi} * {x}')})"


def _polynomial(schedule: Polynomial, writer: _Writer) -> list[str]:
    return [
        _x(schedule, writer),
        f"return {_between(schedule.floor, f'(1.0 - x) ** {_n(schedule.power)}')}",
    ]


def _rex(schedule: Rex, writer: _Writer) -> list[str]:
    return [_x(schedule, writer), f"return {_between(schedule.floor, '(1.0 - x) / (1.0 - 0.5 * x)')}"]


def _tanh(schedule: Tanh, writer: _Writer) -> list[str]:
    place = f"{_n(schedule.low)} + {_n(schedule.high - schedule.low)} * x"
    left = f"0.5 * (1.0 - {writer.dialect.call('tanh', place)})"
    return [_x(schedule, writer), f"return {_between(schedule.floor, left)}"]


def _exponential(schedule: Exponential, writer: _Writer) -> list[str]:
    power = _power(schedule.by, f"t / {schedule.every}", writer.dialect)
    return [f"return {_at_least(schedule.floor, power, writer)}"]


def _power(base: float, exponent: str, dialect: Dialect) -> str:
    """A power of a number near 1, whose own rounding to 32 bits a large exponent would blow up."""
    if dialect.where:
        return dialect.call("exp", f"{_n(math.log(base))} * ({exponent})")
    return f"{_n(base)} ** ({exponent})"


def _step(schedule: Step, writer: _Writer) -> list[str]:
    return [f"return {_at_least(schedule.floor, f'{_n(schedule.by)} ** (t // {schedule.every})', writer)}"]


def _multi_step(schedule: MultiStep, writer: _Writer) -> list[str]:
    return [
        f"falls = {writer.dialect.count(schedule.at)}",
        f"return {_at_least(schedule.floor, f'{_n(schedule.by)} ** falls', writer)}",
    ]


def _inverse_sqrt(schedule: InverseSqrt, writer: _Writer) -> list[str]:
    dialect, late = writer.dialect, "t"
    if schedule.warmup:
        late = dialect.call("most", f"t - {schedule.warmup}", "0.0")
    fall = dialect.call("sqrt", f"{schedule.timescale} / ({late} + {schedule.timescale})")
    if not schedule.warmup:
        return [f"return {fall}"]
    return [f"return {dialect.choose(f't < {schedule.warmup}', f't / {schedule.warmup}', fall)}"]


def _noam(schedule: Noam, writer: _Writer) -> list[str]:
    rise, fall = f"(t + 1) * {_n(schedule.warmup**-1.5)}", "(t + 1.0) ** -0.5"
    return [f"return {_n(schedule.width**-0.5)} * {writer.dialect.call('least', rise, fall)}"]


def _wsd(schedule: Wsd, writer: _Writer) -> list[str]:
    dialect = writer.dialect
    begin = schedule.steps - schedule.decay
    late = dialect.call("most", f"(t - {begin}) / {schedule.decay}", "0.0")
    lines = [f"x = {dialect.call('least', late, '1.0')}"]
    shapes = {
        "linear": "1.0 - x",
        "cosine": _wave(dialect, "x"),
        "sqrt": f"1.0 - {dialect.call('sqrt', 'x')}",
        "square": "1.0 - x * x",
    }
    if schedule.shape == "exponential":
        fall = f"{_n(schedule.floor)} ** x"
    else:
        fall = _between(schedule.floor, shapes[schedule.shape])
    if schedule.warmup:
        fall = dialect.choose(f"t < {schedule.warmup}", f"t / {schedule.warmup}", fall)
    return [*lines, f"return {fall}"]


def _one_cycle(schedule: OneCycle, writer: _Writer) -> list[str]:
    dialect = writer.dialect
    phases = schedule.phases(schedule.start, 1.0, schedule.floor)
    lines = [f"value = {_n(phases[-1][3])}"]
    for begin, stop, low, high in reversed(phases):
        x = f"(t - {_n(begin)}) / {_n(stop - begin)}"
        done = (
            f"0.5 * (1.0 - {dialect.call('cos', f'{dialect.pi} * {x}')})"
            if schedule.anneal == "cosine"
            else x
        )
        lines.append(
            f"value = {dialect.choose(f't < {_n(stop)}', f'{_n(low)} + {_n(high - low)} * ({done})', 'value')}"
        )
    return [*lines, "return value"]


def _restarts(schedule: Restarts, writer: _Writer) -> list[str]:
    dialect, every, times = writer.dialect, schedule.every, schedule.times
    if times == 1:
        lines = [f"cycle = t // {every}", f"x = (t - cycle * {every}) / {every}"]
    else:
        starts, length = [every], every * times
        while starts[-1] + length < _LONGEST:
            starts.append(starts[-1] + length)
            length *= times
        lines = [
            f"cycle = {dialect.count(starts)}",
            f"length = {every} * {times} ** cycle",
            f"x = (t - (length - {every}) / {times - 1}) / length",
        ]
    wave = _wave(dialect, "x")
    if schedule.peak == 1.0:
        return [*lines, f"return {_between(schedule.floor, wave)}"]
    top = _at_least(schedule.floor, f"{_n(schedule.peak)} ** cycle", writer)
    if schedule.floor == 0.0:
        return [*lines, f"return {top} * {wave}"]
    floor = _n(schedule.floor)
    return [*lines, f"top = {top}", f"return {floor} + (top - {floor}) * ({wave})"]


def _cyclic(schedule: Cyclic, writer: _Writer) -> list[str]:
    up, down = schedule.up, schedule.down
    length = up + down
    lines = [f"place = t % {length}"]
    lines.append(f"height = {writer.dialect.call('least', f'place / {up}', f'({length} - place) / {down}')}")
    if schedule.shape == "triangular2":
        lines.append(f"height = height * 0.5 ** (t // {length})")
    elif schedule.shape == "exp-range":
        lines.append(f"height = height * {_power(schedule.decay, 't', writer.dialect)}")
    return [*lines, f"return {_n(schedule.floor)} + {_n(1.0 - schedule.floor)} * height"]


def _piecewise(schedule: Piecewise, writer: _Writer) -> list[str]:
    points, dialect = schedule.points, writer.dialect
    listed = ", ".join(f"({at}, {_n(value)})" for at, value in points)
    lines = [f"points = ({listed},)", "value = points[0][1]"]
    if schedule.between == "constant":
        return [*lines, "for at, held in points:", f"    value = {dialect.choose('t >= at', 'held', 'value')}",
                "return value"]  # fmt: skip
    line = "low + (high - low) * ((t - begin) / (stop - begin))"
    return [
        *lines,
        "for (begin, low), (stop, high) in zip(points, points[1:]):",
        f"    value = {dialect.choose('t >= begin', line, 'value')}",
        f"return {dialect.choose('t >= points[-1][0]', 'points[-1][1]', 'value')}",
    ]


def _warmup(schedule: Warmup, writer: _Writer) -> list[str]:
    dialect, steps = writer.dialect, schedule.steps
    part = writer.add(schedule.schedule)
    first = schedule.schedule(0)
    x = f"t / {steps}"
    if schedule.shape == "exponential":
        rise = f"{_n(schedule.start)} ** (1.0 - {x})"
    else:
        if schedule.shape == "cosine":
            x = f"0.5 * (1.0 - {dialect.call('cos', f'{dialect.pi} * {x}')})"
        rise = x if schedule.start == 0.0 else f"{_n(schedule.start)} + {_n(1.0 - schedule.start)} * ({x})"
    rise = rise if first == 1.0 else f"{_n(first)} * ({rise})"
    return _branch(dialect, f"t < {steps}", rise, f"{part}({_later(dialect, steps)})")


def _then(schedule: Then, writer: _Writer) -> list[str]:
    first, second = writer.add(schedule.first), writer.add(schedule.second)
    late = f"{second}({_later(writer.dialect, schedule.steps)})"
    return _branch(writer.dialect, f"t < {schedule.steps}", f"{first}(t)", late)


def _later(dialect: Dialect, steps: int) -> str:
    """The step inside a part that begins late; arrays compute it before it has begun, too."""
    return dialect.call("most", f"t - {steps}", "0.0") if dialect.where else f"t - {steps}"


def _branch(dialect: Dialect, condition: str, early: str, late: str) -> list[str]:
    if dialect.where:
        return [f"return {dialect.choose(condition, early, late)}"]
    return [f"if {condition}:", f"    return {early}", f"return {late}"]


def _scale(schedule: Scale, writer: _Writer) -> list[str]:
    return [f"return {_n(schedule.by)} * {writer.add(schedule.schedule)}(t)"]


def _clip(schedule: Clip, writer: _Writer) -> list[str]:
    dialect = writer.dialect
    low = dialect.call("most", f"{writer.add(schedule.schedule)}(t)", _n(schedule.low))
    return [f"return {dialect.call('least', low, _n(schedule.high))}"]


def _repeat(schedule: Repeat, writer: _Writer) -> list[str]:
    return [f"return {writer.add(schedule.schedule)}(t % {schedule.every})"]


_FORMULAS: dict[type, Formula] = {
    Constant: _constant,
    Linear: _linear,
    Cosine: _cosine,
    Polynomial: _polynomial,
    Rex: _rex,
    Tanh: _tanh,
    Exponential: _exponential,
    Step: _step,
    MultiStep: _multi_step,
    InverseSqrt: _inverse_sqrt,
    Noam: _noam,
    Wsd: _wsd,
    OneCycle: _one_cycle,
    Restarts: _restarts,
    Cyclic: _cyclic,
    Piecewise: _piecewise,
    Warmup: _warmup,
    Then: _then,
    Scale: _scale,
    Clip: _clip,
    Repeat: _repeat,
}
