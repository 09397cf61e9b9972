"""What is no schedule is refused, and the sentence says where, why and what there is."""

import math
import re

import pytest

from lrlab.core.errors import SpecError, StoreError
from lrlab.schedules.constant import constant
from lrlab.schedules.cosine import cosine
from lrlab.schedules.cyclic import cyclic
from lrlab.schedules.exponential import exponential
from lrlab.schedules.inverse_sqrt import inverse_sqrt, noam
from lrlab.schedules.join import then, warmup
from lrlab.schedules.lengths import Length
from lrlab.schedules.one_cycle import momentum, one_cycle
from lrlab.schedules.piecewise import piecewise
from lrlab.schedules.plateau import plateau
from lrlab.schedules.polynomial import polynomial
from lrlab.schedules.restarts import restarts
from lrlab.schedules.rex import rex
from lrlab.schedules.step import multi_step, step
from lrlab.schedules.tanh import tanh
from lrlab.schedules.text import parse
from lrlab.schedules.transform import clip, repeat, scale
from lrlab.schedules.written import Spec, spec_of
from lrlab.schedules.wsd import trapezoid, wsd

# Text, the word that the error points at ("" for the end), what it says.
TEXTS = [
    ("cosin", "cosin", "there is no 'cosin'; there are constant, linear.*; perhaps cosine is meant"),
    ("one-cicle", "one-cicle", "perhaps one-cycle is meant"),
    ("xyzzy to 1", "xyzzy", "there is no 'xyzzy'; there are constant"),
    ("then linear", "then", "there is no 'then'"),
    ("0.5", "0.5", "there is no '0.5'"),
    (",", ",", "there is no ','"),
    ("constant 5", "5", "constant takes nothing"),
    ("cosine 0.1", "0.1", "cosine takes to NUMBER, over LENGTH"),
    ("cosine too 0.1", "too", "cosine takes .*; perhaps to is meant"),
    ("cosine to", "", 'expected a number in [0, 1] after "to"'),
    ("cosine to abc", "abc", 'expected a number in [0, 1] after "to"'),
    ("cosine to 1.5", "1.5", 'expected a number in [0, 1] after "to"'),
    ("cosine to -0.1", "-0.1", "expected a number in [0, 1]"),
    ("cosine to nan", "nan", "expected a number in [0, 1]"),
    ("cosine to 150%", "150%", "expected a number in [0, 1]"),
    ("cosine to 0.1 to 0.2", "to", "floor of cosine is given twice"),
    ("cosine over 5.5", "5.5", "expected a length .* (must be a whole number)"),
    ("cosine over 120%", "120%", "(must be at most 100%)"),
    ("cosine over 5 epochs", "epochs", "cosine takes"),
    ("cosine over 5min", "5min", "expected a length such as 500st, 10ep or 5% after"),
    ("cosine over -5", "-5", "expected a length such as"),
    ("cosine over 1e99", "1e99", "must be at most 1000000000"),
    ("cosine then linear", "then", 'expected "for" and a length before "then"'),
    ("cosine for then linear", "then", "expected a length"),
    ("cosine for 5", "", 'expected "then" and the schedule that follows'),
    ("cosine for 5 then", "", "expected the name of a schedule"),
    ("warmup", "", "expected a length such as 500st, 10ep or 5% for warmup"),
    ("warmup 5%", "", 'expected "then" and the schedule that follows the warm-up'),
    ("warmup 5% cosine", "", 'expected "then"'),
    ("warmup 5% then", "", "expected the name of a schedule"),
    ("warmup 5% from 2 then linear", "2", "expected a number in [0, 1]"),
    ("warmup 5% 6% then linear", "6%", "warmup takes LENGTH, from NUMBER, linear|cosine|exponential"),
    ("warmup 5% then plateau", "warmup", "plateau looks at a metric, so it cannot be a part of warmup"),
    ("step by 0", "0", "expected a number in (0, 1]"),
    ("step by 2", "2", "expected a number in (0, 1]"),
    ("step 30,,60", ",", "expected a length"),
    ("step 30,", "", "expected a length"),
    ("step 30 60", "60", "multi-step takes LENGTH, ..., by NUMBER"),
    ("restarts times 1.5", "1.5", "expected a whole number in [1, 1e+09]"),
    ("wsd decay 20% root", "root", "wsd takes .*linear|cosine|sqrt|square|exponential"),
    ("wsd linear sqrt", "sqrt", "shape of wsd is given twice"),
    ("one-cycle three-phase three-phase", "three-phase", "three_phase of one-cycle is given twice"),
    ("piecewise", "", "expected a point such as 0:0 or 10%:1"),
    ("piecewise 0", "0", "expected a point such as 0:0 or 10%:1"),
    ("piecewise 0:1, 5:-1", "5:-1", "expected a point"),
    ("piecewise 0:1 5:1", "5:1", "piecewise takes LENGTH:NUMBER, ..., linear|constant"),
    ("scale (linear)", "(", "expected a number at least 0 for scale"),
    ("scale 0.5 linear", "linear", "scale takes NUMBER"),
    ("scale 0.5", "", r'expected "(" and a schedule'),
    ("scale 0.5 (linear", "", r'expected ")"'),
    ("scale 0.5 ()", ")", "there is no ')'"),
    ("clip from 1 (linear)", "(", 'expected "to" and a number at least 0 for clip'),
    ("repeat 10% (linear))", ")", 'expected "then" or the end of the text'),
    ("linear (cosine)", "(", 'expected "then" or the end of the text'),
    ("(" * 30 + "linear" + ")" * 30, "(", "at most 20 schedules inside or after each other"),
    ("plateau patience -1", "-1", "expected a whole number in [0, 1e+09]"),
    ("plateau threshold x", "x", 'expected a number at least 0 after "threshold"'),
]


@pytest.mark.parametrize(("text", "word", "told"), TEXTS, ids=[text[:40] for text, *_ in TEXTS])
def test_an_error_points_at_the_word(text: str, word: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    sentence, shown, pointer = caught.value.what.split("\n")
    assert re.search(".*".join(map(re.escape, told.split(".*"))), sentence), sentence
    assert shown == f"  {text}"
    start = pointer.index("^")
    assert text[start - 2 :][: len(pointer) - start] == word
    place = re.search(r"got (.*) at character (\d+):$", sentence)
    assert place is not None
    assert int(place[2]) == start - 1
    assert place[1] == (repr(word) if word else "the end of the text")


def test_a_long_text_is_shown_around_the_word() -> None:
    text = "piecewise " + ", ".join(f"{n}:1" for n in range(100)) + ", 100:x, " + ", ".join(["5:1"] * 40)
    with pytest.raises(SpecError) as caught:
        parse(text)
    _, shown, pointer = caught.value.what.split("\n")
    assert len(shown) < 110
    assert shown[pointer.index("^") : len(pointer)] == "100:x"


def test_odd_texts() -> None:
    with pytest.raises(SpecError, match=r"the text is empty\. Such as"):
        parse(" \n ")
    with pytest.raises(SpecError, match="at most 2000 characters, got 3000"):
        parse("x" * 3000)
    with pytest.raises(SpecError, match="expected a text, got 5"):
        parse(5)  # type: ignore[arg-type]
    assert str(parse("cosine\n\tto 0.1")) == "cosine to 0.1"


JSON = [
    (5, "must be an object with a name as its kind, got 5"),
    ({}, "must be an object with a name as its kind"),
    ({"kind": 3}, "must be an object with a name as its kind"),
    ({"kind": "cosin"}, "there is no 'cosin'.*perhaps cosine is meant"),
    ({"kind": "cosine", "flor": 0.1}, "cosine has no 'flor'; it has floor, steps; perhaps floor is meant"),
    ({"kind": "cosine", "floor": 2}, r"floor of cosine must be a number in \[0, 1\], got 2"),
    ({"kind": "cosine", "floor": "low"}, "floor of cosine must be a number .* got 'low'"),
    ({"kind": "cosine", "floor": True}, "floor of cosine must be a number .* got True"),
    ({"kind": "cosine", "floor": None}, "floor of cosine must be a number .* got None"),
    (
        {"kind": "cosine", "steps": 2.5},
        r"steps of cosine must be a length.*got 2\.5 \(must be a whole number\)",
    ),
    (
        {"kind": "cosine", "steps": "5min"},
        "steps of cosine must be a length such as 500st, 10ep or 5%, got '5min'",
    ),
    ({"kind": "multi-step", "at": 5}, "at of multi-step must be a length .* got 5"),
    ({"kind": "multi-step", "at": []}, r"at of multi-step must be a length .* got \[\]"),
    ({"kind": "piecewise"}, "piecewise needs points, a point such as"),
    ({"kind": "piecewise", "points": [[0]]}, "points of piecewise must be a point"),
    (
        {"kind": "one-cycle", "three_phase": "yes"},
        "three_phase of one-cycle must be true or false, got 'yes'",
    ),
    (
        {"kind": "wsd", "shape": "root"},
        "shape of wsd must be one of linear, cosine, sqrt, square, exponential",
    ),
    ({"kind": "warmup", "steps": 5}, "warmup needs schedule, the schedule that it is made of"),
    ({"kind": "warmup", "steps": 5, "schedule": "linear"}, "must be an object .* got 'linear'"),
    ({"kind": "warmup", "schedule": {"kind": "linear"}}, "warmup needs steps, a length such as"),
    ({"kind": "scale", "by": 1, "schedule": {"kind": "plateau"}}, "plateau looks at a metric"),
]


@pytest.mark.parametrize(("plain", "told"), JSON)
def test_json_that_is_no_schedule(plain: object, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        Spec.from_json(plain)


def test_json_is_not_read_without_end() -> None:
    plain: dict[str, object] = {"kind": "linear"}
    for _ in range(300):
        plain = {"kind": "scale", "by": 1, "schedule": plain}
    with pytest.raises(SpecError, match="more than 50 schedules are inside each other"):
        Spec.from_json(plain)


ARGUMENTS = [
    (lambda: polynomial(9, power=0), r"polynomial: power must lie in \(0, 100\], got 0"),
    (lambda: polynomial(0), "polynomial: steps: must be at least 1, got 0"),
    (lambda: rex(5, floor=2), r"rex: floor must lie in \[0, 1\], got 2"),
    (lambda: tanh(9, low=2, high=2), "tanh: high must be above low, got low 2 and high 2"),
    (lambda: tanh(9, low=-30), r"tanh: low must lie in \[-20, 20\], got -30"),
    (lambda: exponential(0), r"exponential: by must lie in \(0, 1\], got 0"),
    (lambda: exponential(1.01), r"exponential: by must lie in \(0, 1\], got 1.01"),
    (lambda: exponential(math.nan), r"exponential: by must lie in \(0, 1\], got nan"),
    (lambda: exponential(0.5, every=0), "exponential: every: must be at least 1, got 0"),
    (lambda: step(2.5), "step: every: must be a whole number, got 2.5"),  # type: ignore[arg-type]
    (lambda: multi_step(()), r"multi-step: at must hold the steps .* got \(\)\. Such as"),
    (lambda: multi_step((5, 3)), "multi-step: at must ascend, got 5, 3"),
    (lambda: multi_step((0, 3)), "multi-step: at: must be at least 1, got 0"),
    (lambda: restarts(5, times=0), "restarts: times: must be at least 1, got 0"),
    (lambda: restarts(5, peak=0), r"restarts: peak must lie in \(0, 1\], got 0"),
    (lambda: one_cycle(1), "one-cycle: steps: must be at least 2, got 1"),
    (lambda: one_cycle(9, anneal="cos"), "one-cycle: anneal must be one of cosine, linear, got 'cos'"),
    (lambda: one_cycle(9, rise=0.6, three_phase=True), "rise must be at most 0.5 with three phases, got 0.6"),
    (lambda: one_cycle(9, three_phase=1), "three_phase must be True or False, got 1"),  # type: ignore[arg-type]
    (lambda: momentum(cosine(9)), "momentum: it goes with a one-cycle schedule, got Cosine"),  # type: ignore[arg-type]
    (lambda: momentum(one_cycle(9), low=0.9, high=0.8), r"momentum: low must lie in \[0, 0.8\], got 0.9"),  # type: ignore[arg-type]
    (lambda: cyclic(0), "cyclic: up: must be at least 1, got 0"),
    (lambda: cyclic(5, shape="square"), "cyclic: shape must be one of triangular, triangular2, exp-range"),
    (lambda: cyclic(5, decay=2), r"cyclic: decay must lie in \(0, 1\], got 2"),
    (lambda: inverse_sqrt(-1), "inverse-sqrt: warmup: must be at least 0, got -1"),
    (lambda: noam(0, 5), "noam: width: must be at least 1, got 0"),
    (lambda: noam(5, 0), "noam: warmup: must be at least 1, got 0"),
    (lambda: wsd(10, warmup=5, decay=6), "must fit into the 10 steps, got 5 and 6 steps"),
    (lambda: wsd(10, decay=6, shape="exponential"), "floor must be above 0 where shape is exponential, got 0.0"),
    (lambda: trapezoid(10, rise=5, fall=0), "wsd: decay: must be at least 1, got 0"),
    (lambda: piecewise(()), r"piecewise: points must be pairs .* got \(\)\. Such as"),
    (lambda: piecewise(((0, 1), (0, 2))), "the steps of points must ascend, got 0 after 0"),
    (lambda: piecewise(((0, -1),)), "piecewise: points must be at least 0, got -1"),
    (lambda: piecewise(((0, math.inf),)), "piecewise: points must be at least 0, got inf"),
    (lambda: piecewise(5), "points must be pairs of a step and a multiplier, got 5"),  # type: ignore[arg-type]
    (lambda: warmup(constant(), 5, start=2), r"warmup: start must lie in \[0, 1\], got 2"),
    (lambda: warmup(constant(), 5, shape="exponential"), "start must be above 0 where shape is exponential"),
    (lambda: warmup(constant(), 5, shape="square"), "warmup: shape must be one of linear, cosine, exponential"),
    (lambda: then(constant(), 0, constant()), "then: steps: must be at least 1, got 0"),
    (lambda: then(constant(), 5, 0.1), "then: expected a schedule, got 0.1"),  # type: ignore[arg-type]
    (lambda: scale(constant(), -1), "scale: by must be at least 0, got -1"),
    (lambda: scale(5, 1), "scale: expected a schedule, got 5"),  # type: ignore[arg-type]
    (lambda: clip(constant(), 1, 0.5), "clip: high must be at least low, got low 1 and high 0.5"),
    (lambda: clip(constant(), -1, 1), "clip: low must be at least 0, got -1"),
    (lambda: repeat(constant(), 0), "repeat: every: must be at least 1, got 0"),
    (lambda: plateau(by=0), r"plateau: by must lie in \(0, 1\], got 0"),
    (lambda: plateau(patience=-1), "plateau: patience: must be at least 0, got -1"),
    (lambda: plateau(threshold=2), r"plateau: threshold must lie in \[0, 1\] where it is relative, got 2"),
    (lambda: plateau(measured="rel"), "plateau: measured must be one of relative, absolute, got 'rel'"),
    (lambda: plateau(direction="down"), "plateau: direction must be one of min, max, got 'down'"),
    (lambda: Length(amount=5, unit="h"), "the unit must be st, ep or %, got 'h'"),  # type: ignore[arg-type]
    (lambda: Length(amount=math.nan, unit="%"), "length: must be at least 0, got nan"),
    (lambda: spec_of(object()), "object has no text and no JSON form"),  # type: ignore[arg-type]
    (lambda: Spec(name="warmup", arguments=(("steps", Length(amount=5)),)), "is made of 1 schedules, got 0"),
    (lambda: Spec(name="cosine", arguments=(("floor", "x"),)), "floor of cosine must be a number in"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "told"), ARGUMENTS, ids=[told[:40] for _, told in ARGUMENTS])
def test_wrong_arguments_are_refused(make, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SpecError, match=told):
        make()


def test_the_bounds_themselves_are_allowed() -> None:
    assert [exponential(1)(9), exponential(0.5, floor=1)(9), polynomial(1, power=100)(0)] == [1.0, 1.0, 1.0]
    assert wsd(10, warmup=5, decay=5)(5) == 1.0
    assert one_cycle(2, rise=0.5, three_phase=True)(0) == 0.04
    assert cyclic(1)(1) == 1.0
    assert clip(constant(), 0.5, 0.5)(0) == 0.5
    assert plateau(threshold=1).name == "plateau"
    assert Length(amount=100, unit="%").amount == 100.0


def test_a_state_that_is_none() -> None:
    for text in ("", "{}x", '{"best": "much"}', '{"bad": 1.5}'):
        with pytest.raises(StoreError, match="PlateauState: cannot be read"):
            plateau().load(text)
