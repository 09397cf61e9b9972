"""Example values for the kits, hard ones among them."""

import math
from dataclasses import replace

from lrlab.core.answer import Answer, Caution, TrainingBest
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Arm, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study

HARD_FLOATS = (
    0.0, -0.0, 1.0, 0.1, 1 / 3, math.pi, -1e-5, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308,
    math.nextafter(1, 2), 1e22, 2**53 + 2.0, math.nan, math.inf, -math.inf,
)  # fmt: skip
HARD_TEXTS = (
    "loss/train", "val loss", "Verlust ü", "損失", "😀", "é", "\u202eabc", "a\nb\tc", "\x1b[31m", "'; DROP--",
    '"', "\\", "%s", "\ud800", "x\udfffy", "\ud83d\ude00", "a\0b", "\0", "k" * 100_000,
)  # fmt: skip


def example_question() -> Question:
    """A question with every field set to something else than its default."""
    return Question(
        lr=LRRange(1e-6, 0.3),
        budget=12,
        metric=Metric("val acc ü", "max"),
        unit="step",
        reduce="last",
        tolerance=0.05,
        max_cost=3.5,
        seed=7,
        seeds=3,
        arms=(Arm(name="adamw", optimizer="adamw", schedule="cosine"), Arm(name="sgd")),
        resumes="exact",
        current_lr=1e-2,
    )


def example_answer(lr: float = 3e-4) -> Answer:
    """An answer with most fields set, some of them not finite."""
    return Answer(
        lr=lr,
        interval=(1e-4, math.inf),
        safe_range=(math.nan, 1e-3),
        score=-math.inf,
        cost=2.25,
        confidence=0.61,
        question=example_question(),
        reasons=("the bowl is deep",),
        arm="adamw",
        runs=(Run(lr=3e-4, arm="adamw"),),
        warnings=(Caution(code="EDGE_HIGH", text="The best rate is the highest one."),),
        study="x",
        checkpoint="somewhere",
        untrained=2.3,
        lost_cost=0.5,
        current_regret=0.1,
        seconds=1.5,
        final=False,
        training=TrainingBest(lr=1e-3, units=4, loss=0.1, beside=0.3, regret=0.04),
        best_at=4.0,
    )


def example_study(name: str = "x", **changes: object) -> Study:
    """A study that has just begun."""
    study = Study(
        name=name,
        question=example_question(),
        task="mlp on digits",
        searcher="grid:13",
        fingerprint="abc123",
        target={"kind": "python", "ref": "train:main", "options": [1, 2.5, None, {"deep": True}]},
        created=1_700_000_000.25,
        environment={"torch": "2.4", "os": "Linux ü"},
    )
    return replace(study, **changes)  # type: ignore[arg-type]


def same_records(first: tuple[Record, ...], second: tuple[Record, ...]) -> bool:
    """Equality to the bit."""
    return [record.key() for record in first] == [record.key() for record in second]


def example_points(count: int, start: int = 0) -> tuple[Record, ...]:
    """``count`` records as they follow after ``start`` ones, four a unit."""
    return tuple(Record((i + 1) / 4, {"loss": 1 / (i + 1)}, i) for i in range(start, start + count))


EXAMPLE_RUN = Run(lr=0.1, arm="adamw", seed=3)
