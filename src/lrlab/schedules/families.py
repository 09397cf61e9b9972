"""The table of schedules by name: what each is made of, and the words that its text has for it."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lrlab.core.errors import SpecError
from lrlab.schedules import cyclic as triangles
from lrlab.schedules import join, one_cycle, plateau, transform, wsd
from lrlab.schedules.constant import Constant
from lrlab.schedules.cosine import Cosine
from lrlab.schedules.exponential import Exponential
from lrlab.schedules.inverse_sqrt import InverseSqrt, Noam, inverse_sqrt
from lrlab.schedules.kinds import Choice, Flag, Kind, List, Number, Point, Span, Value
from lrlab.schedules.lengths import Length
from lrlab.schedules.linear import Linear, budgeted
from lrlab.schedules.piecewise import BETWEEN, Piecewise
from lrlab.schedules.polynomial import Polynomial
from lrlab.schedules.restarts import Restarts
from lrlab.schedules.rex import Rex
from lrlab.schedules.step import MultiStep, Step
from lrlab.schedules.tanh import Tanh

REQUIRED = "required"  # there is no default
REST = None  # what is left of the training
LEFT_OUT = ""  # nothing is given, and the schedule decides

_SHARE = Number(least=0, most=1)
_FACTOR = Number(above=0, most=1)
_COUNT = Number(least=0, most=1e9, whole=True)
_FROM_ONE = Number(least=1, most=1e9, whole=True)
_PLACE = Number(least=-20, most=20)
_HEIGHT = Number(least=0)
_SPAN = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a schedule.

    Args:
        field: Its name in Python and JSON.
        word: The word before it in a text; "" where it stands by itself.
        kind: What it may be.
        default: What is taken where it is left out; REQUIRED, REST, LEFT_OUT, or a value of its kind.
    """

    field: str
    word: str = ""
    kind: Kind
    default: Value = REQUIRED

    @property
    def told(self) -> str:
        """How it is written, for a list of what there is."""
        if isinstance(self.kind, Choice):
            return "|".join(self.kind.words)
        if isinstance(self.kind, Flag):
            return self.word
        item = self.kind.item if isinstance(self.kind, List) else self.kind
        name = {Number: "NUMBER", Span: "LENGTH", Point: "LENGTH:NUMBER"}.get(type(item), "")
        return f"{self.word} {name}{', ...' if self.kind.many else ''}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A schedule that has a name.

    Args:
        name: The name.
        make: Makes it, from the arguments and parts as keywords.
        of: The class that is written under this name; None for a second name of something.
        arguments: What it takes, in the order in which they are written.
        parts: Names of the schedules that it is made of.
        feedback: Whether it looks at a metric, and so is no ``Schedule``.
    """

    name: str
    make: Callable[..., Any]
    of: type | None = None
    arguments: tuple[Argument, ...] = ()
    parts: tuple[str, ...] = ()
    feedback: bool = False

    def argument(self, field: str) -> Argument:
        """The argument with that name.

        Raises:
            SpecError: If there is none.
        """
        for argument in self.arguments:
            if argument.field == field:
                return argument
        names = [argument.field for argument in self.arguments]
        raise SpecError(
            f"schedule: {self.name} has no {field!r:.40}; it has {', '.join(names) or 'nothing'}{nearest(field, names)}."
        )

    @property
    def takes(self) -> str:
        """What may stand after the name, as a list."""
        told = ", ".join(argument.told for argument in self.arguments)
        return f"takes {told}" if told else "takes nothing"


def _share_of(amount: float) -> Length:
    return Length(amount=amount, unit="%")


def _over(word: str = "over") -> Argument:
    return Argument(field="steps", word=word, kind=_SPAN, default=REST)


def _floor(default: float = 0.0) -> Argument:
    return Argument(field="floor", word="to", kind=_SHARE, default=default)


def _by(default: Value = 0.1) -> Argument:
    return Argument(field="by", word="by", kind=_FACTOR, default=default)


def _every(default: Value) -> Argument:
    return Argument(field="every", word="every", kind=_SPAN, default=default)


def _triangles(shape: str) -> Callable[..., object]:
    return lambda **given: triangles.cyclic(shape=shape, **given)


_LIMITS = (
    Argument(field="up", word="up", kind=_SPAN, default=_share_of(10)),
    Argument(field="down", word="down", kind=_SPAN, default=LEFT_OUT),
    Argument(field="floor", word="from", kind=_SHARE, default=0.1),
)
_PER_STEP = Argument(field="decay", word="decay", kind=_FACTOR, default=1.0)
_FALLS = Choice(words=wsd.DECAYS, also={"1-sqrt": "sqrt", "1-square": "square"})

_ALL = (
    Family(name="constant", make=Constant, of=Constant),
    Family(name="linear", make=Linear, of=Linear, arguments=(_floor(), _over())),
    Family(name="cosine", make=Cosine, of=Cosine, arguments=(_floor(), _over())),
    Family(
        name="polynomial",
        make=Polynomial,
        of=Polynomial,
        arguments=(
            Argument(field="power", word="power", kind=Number(above=0, most=100), default=1.0),
            _floor(),
            _over(),
        ),
    ),
    Family(
        name="exponential", make=Exponential, of=Exponential, arguments=(_by(0.01), _every(REST), _floor())
    ),
    Family(name="step", make=Step, of=Step, arguments=(_every(_share_of(30)), _by(), _floor())),
    Family(
        name="multi-step",
        make=MultiStep,
        of=MultiStep,
        arguments=(
            Argument(field="at", kind=List(item=_SPAN), default=(_share_of(50), _share_of(75))),
            _by(),
            _floor(),
        ),
    ),
    Family(
        name="restarts",
        make=Restarts,
        of=Restarts,
        arguments=(
            _every(_share_of(25)),
            Argument(field="times", word="times", kind=_FROM_ONE, default=1),
            Argument(field="peak", word="peak", kind=_FACTOR, default=1.0),
            _floor(),
        ),
    ),
    Family(
        name="one-cycle",
        make=one_cycle.OneCycle,
        of=one_cycle.OneCycle,
        arguments=(
            Argument(field="rise", word="rise", kind=_SHARE, default=0.3),
            Argument(field="start", word="from", kind=_SHARE, default=0.04),
            _floor(4e-6),
            Argument(field="anneal", kind=Choice(words=one_cycle.ANNEALS), default="cosine"),
            Argument(field="three_phase", word="three-phase", kind=Flag(), default=False),
            _over(),
        ),
    ),
    Family(
        name="cyclic",
        make=triangles.cyclic,
        of=triangles.Cyclic,
        arguments=(
            *_LIMITS,
            Argument(field="shape", kind=Choice(words=triangles.SHAPES), default="triangular"),
            _PER_STEP,
        ),
    ),
    Family(name="triangular", make=_triangles("triangular"), arguments=_LIMITS),
    Family(name="triangular2", make=_triangles("triangular2"), arguments=_LIMITS),
    Family(name="exp-range", make=_triangles("exp-range"), arguments=(*_LIMITS, _PER_STEP)),
    Family(
        name="inverse-sqrt",
        make=inverse_sqrt,
        of=InverseSqrt,
        arguments=(
            Argument(field="warmup", word="warmup", kind=_SPAN, default=Length(amount=0)),
            Argument(field="timescale", word="timescale", kind=_SPAN, default=LEFT_OUT),
        ),
    ),
    Family(
        name="noam",
        make=Noam,
        of=Noam,
        arguments=(
            Argument(field="width", word="width", kind=_FROM_ONE, default=512),
            Argument(field="warmup", word="warmup", kind=_SPAN, default=Length(amount=4000)),
        ),
    ),
    Family(
        name="wsd",
        make=wsd.Wsd,
        of=wsd.Wsd,
        arguments=(
            Argument(field="warmup", word="warmup", kind=_SPAN, default=Length(amount=0)),
            Argument(field="decay", word="decay", kind=_SPAN, default=_share_of(20)),
            Argument(field="shape", kind=_FALLS, default="sqrt"),
            _floor(),
            _over(),
        ),
    ),
    Family(
        name="trapezoid",
        make=wsd.trapezoid,
        arguments=(
            Argument(field="rise", word="rise", kind=_SPAN, default=_share_of(10)),
            Argument(field="fall", word="fall", kind=_SPAN, default=_share_of(20)),
            _floor(),
            _over(),
        ),
    ),
    Family(name="rex", make=Rex, of=Rex, arguments=(_floor(), _over())),
    Family(
        name="tanh",
        make=Tanh,
        of=Tanh,
        arguments=(
            Argument(field="low", word="from", kind=_PLACE, default=-6.0),
            Argument(field="high", word="until", kind=_PLACE, default=3.0),
            _floor(),
            _over(),
        ),
    ),
    Family(
        name="piecewise",
        make=Piecewise,
        of=Piecewise,
        arguments=(
            Argument(field="points", kind=List(item=Point())),
            Argument(field="between", kind=Choice(words=BETWEEN), default="linear"),
        ),
    ),
    Family(name="budgeted", make=budgeted, arguments=(_over(),)),
    Family(
        name="plateau",
        make=plateau.Plateau,
        of=plateau.Plateau,
        feedback=True,
        arguments=(
            _by(),
            Argument(field="patience", word="patience", kind=_COUNT, default=10),
            Argument(field="threshold", word="threshold", kind=_HEIGHT, default=1e-4),
            Argument(field="measured", kind=Choice(words=plateau.THRESHOLDS), default="relative"),
            Argument(field="cooldown", word="cooldown", kind=_COUNT, default=0),
            _floor(),
            Argument(field="direction", kind=Choice(words=plateau.DIRECTIONS), default="min"),
        ),
    ),
    Family(
        name="warmup",
        make=join.warmup,
        of=join.Warmup,
        parts=("schedule",),
        arguments=(
            Argument(field="steps", kind=_SPAN),
            Argument(field="start", word="from", kind=_SHARE, default=0.0),
            Argument(field="shape", kind=Choice(words=join.RISES), default="linear"),
        ),
    ),
    Family(
        name="then",
        make=join.Then,
        of=join.Then,
        parts=("first", "second"),
        arguments=(Argument(field="steps", word="for", kind=_SPAN),),
    ),
    Family(
        name="scale",
        make=transform.Scale,
        of=transform.Scale,
        parts=("schedule",),
        arguments=(Argument(field="by", kind=_HEIGHT),),
    ),
    Family(
        name="clip",
        make=transform.Clip,
        of=transform.Clip,
        parts=("schedule",),
        arguments=(
            Argument(field="low", word="from", kind=_HEIGHT),
            Argument(field="high", word="to", kind=_HEIGHT),
        ),
    ),
    Family(
        name="repeat",
        make=transform.Repeat,
        of=transform.Repeat,
        parts=("schedule",),
        arguments=(Argument(field="every", kind=_SPAN),),
    ),
)
FAMILIES = {family.name: family for family in _ALL}
WRITTEN_AS = {family.of: family for family in _ALL if family.of is not None}
NAMES = tuple(family.name for family in _ALL if not family.parts)


def family_of(name: str) -> Family:
    """The family with that name; ``one_cycle`` is ``one-cycle``.

    Raises:
        SpecError: If there is none; the sentence lists them.
    """
    known = name.lower().replace("_", "-")
    if known not in FAMILIES:
        raise SpecError(f"schedule: {unknown(name)}.")
    return FAMILIES[known]


def unknown(name: str) -> str:
    """That there is no such name, and which there are."""
    near = nearest(name.lower().replace("_", "-"), list(FAMILIES))
    return f"there is no {name!r:.40}; there are {', '.join(FAMILIES)}{near}"


def nearest(word: str, known: list[str]) -> str:
    """``; perhaps cosine is meant``, where something is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.7)
    return f"; perhaps {near[0]} is meant" if near else ""
