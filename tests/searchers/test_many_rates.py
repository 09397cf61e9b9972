"""A study of a thousand rates is looked at as often as one of ten."""

from collections.abc import Iterator
from dataclasses import replace

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.regret import look, without_guide

QUESTION = Question(lr=LRRange(1e-5, 1.0), budget=8, metric=Metric("val_loss"))


class Counted(tuple[Run, ...]):
    """Runs that count how often somebody goes through all of them."""

    passes = 0

    def __iter__(self) -> Iterator[Run]:
        self.passes += 1
        return super().__iter__()


def runs(rates: int) -> Counted:
    """A valley of ``rates`` rates; every other one has ended."""
    return Counted(
        Run(
            lr=1e-5 * 10 ** (5 * k / rates),
            target=8 if k % 2 else 4,
            units=8 if k % 2 else 4,
            outcome=Outcome.FINISHED if k % 2 else None,
            records=tuple(
                Record(unit, {"val_loss": 1 / (unit + 1) + abs(k / rates - 0.5)})
                for unit in range(9 if k % 2 else 5)
            ),
        )
        for k in range(rates)
    )


def test_the_runs_are_gone_through_as_often_whatever_their_number() -> None:
    few, many = runs(10), runs(1000)
    pictures = [look(QUESTION, some) for some in (few, many)]
    assert [len(picture.points) for picture in pictures] == [10, 1000]
    assert few.passes == many.passes
    guided = replace(QUESTION, guide="val_loss")
    for some, picture in zip((few, many), pictures, strict=True):
        without_guide(guided, some, picture)
    assert few.passes == many.passes
