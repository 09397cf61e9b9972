"""What a study will cost, told before it starts: the searcher is rehearsed on a made-up training."""

import math
from dataclasses import dataclass

from lrlab.core.outcome import State
from lrlab.core.question import Advance, Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.searchers.protocol import Searcher

_MOST_ROUNDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a searcher is expected to spend.

    Args:
        cost: Full runs, the winner's own included.
        runs: How many runs it begins.
        frozen: How many runs wait frozen at once, at most.
    """

    cost: float
    runs: int
    frozen: int


def expected_price(question: Question, searcher: Searcher) -> Price:
    """Rehearse ``searcher`` on a smooth U-shaped training whose best rate lies in the middle of the range.

    A real training may cost a little more or less: divergence makes a study cheaper, a best rate near an end or
    near-ties make it dearer.
    """
    runs: dict[RunKey, Run] = {}
    frozen = 0
    for _ in range(_MOST_ROUNDS):
        asked = searcher(question, tuple(runs.values()))
        if isinstance(asked, Done):
            break
        for advance in asked:
            runs[advance.key] = _trained(question, advance)
        frozen = max(frozen, sum(run.units < question.budget for run in runs.values()))
    units = sum(run.units for run in runs.values())
    return Price(cost=units / question.budget, runs=len(runs), frozen=frozen)


def _trained(question: Question, advance: Advance) -> Run:
    middle = (math.log10(question.lr.low) + math.log10(question.lr.high)) / 2
    away = (math.log10(advance.lr) - middle) / max(question.lr.decades / 2, 1e-9)
    reach = max(1 - 0.9 * away**2, 0.02)  # share of the way to the best score that this rate can go
    sign = 1 if question.metric.direction == "min" else -1
    name = question.metric.name
    # The same moments whatever `until` is: what was seen at a slice must not change when the run goes on.
    moments = {*range(1, 65), *(round(k * question.budget / 256) for k in range(1, 257))}
    records = tuple(
        Record(float(unit), {name: sign * (1 - reach * (unit / question.budget) ** 0.3)})
        for unit in (0, *sorted(moments - {0}))
        if unit <= advance.until
    )
    return Run(
        lr=advance.lr, seed=advance.seed, arm=advance.arm, target=advance.until, units=advance.until,
        records=records, state=State.FROZEN,
    )  # fmt: skip
