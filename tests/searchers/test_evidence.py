"""What a searcher may know of a run: scores where not every unit is evaluated, and a start that nobody tells."""

import math

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.choose import searcher
from lrlab.searchers.evidence import Evidence
from lrlab.searchers.regret import look

QUESTION = Question(lr=LRRange(1e-4, 10.0), budget=640, unit="step", metric=Metric("mse"))


def run(lr: float, *scores: float, every: int = 20) -> Run:
    records = tuple(Record(every * k, {"mse": score}) for k, score in enumerate(scores, start=1))
    return Run(lr=lr, target=every * len(scores), units=every * len(scores), records=records)


def test_the_score_of_a_slice_is_the_one_at_its_evaluation() -> None:
    one = run(0.1, 3.0, 2.0, 1.0)
    evidence = Evidence(QUESTION, [one])
    assert [evidence.score(one.key, until) for until in (1, 10, 20, 21, 40, 60, 640)] == [3, 3, 3, 2, 2, 1, 1]


def test_a_later_evaluation_does_not_change_what_was_known_at_a_slice() -> None:
    """Every unit is recorded, and the metric only now and then: units 1 and 5."""
    losses = {1: 3.0, 5: 1.0}
    records = tuple(Record(k, {"mse": losses[k]} if k in losses else {"loss": 1.0}) for k in range(1, 7))
    short = Run(lr=0.1, units=3, records=records[:3])
    long = Run(lr=0.1, units=6, records=records)
    assert (
        Evidence(QUESTION, [short]).score(short.key, 3) == Evidence(QUESTION, [long]).score(long.key, 3) == 3
    )
    assert Evidence(QUESTION, [long]).score(long.key, 5) == 1


def test_what_exploded_stands_in_for_nothing() -> None:
    runs = [run(lr, score) for lr, score in ((1e-4, 0.72), (1e-3, 0.7), (0.1, 0.3), (1.0, 4.0), (10.0, 6e18))]
    evidence = Evidence(QUESTION, runs)
    keys = [one.key for one in runs]
    assert evidence.stand_in(keys) == 0.72
    assert evidence.stand_in(keys[3:]) == 4.0
    assert evidence.stand_in([keys[2], keys[4]]) == 0.3
    assert evidence.stand_in([]) is None
    assert look(QUESTION, runs).stand_in


def test_a_race_is_not_misled_by_an_explosion_where_the_start_is_unknown() -> None:
    """Steps that are evaluated now and then, no untrained score, and a finite explosion at the top."""

    def trained(lr: float, until: int) -> Run:
        count = math.ceil(until / 20)
        scores = [6e18 if lr > 5 else 0.01 + math.exp(-lr * 20 * k / 10) for k in range(1, count + 1)]
        return run(lr, *scores)

    runs: dict[object, Run] = {}
    for _ in range(100):
        asked = searcher("race")(QUESTION, tuple(runs.values()))
        if not isinstance(asked, (list, tuple)):
            break
        for advance in asked:
            runs[advance.key] = trained(advance.lr, advance.until)
    finished = [one.lr for one in runs.values() if one.units >= QUESTION.budget]
    assert all(0.1 <= lr <= 5 for lr in finished)
    assert finished
