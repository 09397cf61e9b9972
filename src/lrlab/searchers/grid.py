"""A plain grid: every rate trained to the end."""

from collections.abc import Sequence
from dataclasses import dataclass

from lrlab.core.lr_range import format_lr
from lrlab.core.question import Advance, Done, Question, whole_number
from lrlab.core.run import Run, RunKey
from lrlab.searchers.evidence import Evidence, Plan, replay
from lrlab.searchers.rungs import joined


@dataclass(frozen=True, slots=True)
class Grid:
    """See ``grid``.

    Args:
        count: Rates over the range.

    Raises:
        SpecError: If there are fewer than 2.
    """

    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", whole_number("grid", self.count, 2, hint="Write grid:13."))

    def __call__(self, question: Question, runs: Sequence[Run], /) -> Sequence[Advance] | Done:
        """All runs that have not reached the budget, or that nothing is left to ask."""
        return replay(self._plan(question), Evidence(question, runs))

    def _plan(self, question: Question) -> Plan:
        keys = [
            RunKey(arm.name, rate, question.seed + offset)
            for offset in range(question.seeds)
            for arm in question.arms
            for rate in self._rates(question, arm.name)
        ]
        fits = len(keys) if question.max_cost is None else min(len(keys), int(question.max_cost + 1e-9))
        everything = len(keys)
        if fits < len(keys):
            own = [key for key in keys[:1] if key.lr == question.current_lr]
            own += [key for key in keys[len(own) :] if key in question.known][: fits - len(own)]
            keys = own + _spread([key for key in keys if key not in own], fits - len(own))
        yield [
            Advance(
                arm=key.arm, lr=key.lr, seed=key.seed, until=question.budget, why=self._why(question, key)
            )
            for key in keys
        ]
        left_out = everything - fits
        unsettled = (f"The price limit left {left_out} of the grid's runs out.",) if left_out else ()
        return Done(why="Every rate of the grid is trained to the end.", unsettled=unsettled)

    def _rates(self, question: Question, arm: str) -> dict[float, None]:
        """The rates of an arm, the user's own first; the only one where it needs none."""
        if arm not in question.searched:
            return {key.lr: None for key in question.fixed if key.arm == arm}
        own = {} if question.current_lr is None else {question.current_lr: None}
        known = (key.lr for key in question.known if key.arm == arm)
        return own | dict.fromkeys(joined(question.span(arm).points(self.count), known))

    def _why(self, question: Question, key: RunKey) -> str:
        if key[:2] in [fixed[:2] for fixed in question.fixed]:
            return f"{key.arm} needs no rate; it is trained to the end."
        return f"{format_lr(key.lr)} is one of the grid's {self.count} rates; each is trained to the end."


def _spread(keys: Sequence[RunKey], count: int) -> list[RunKey]:
    """``count`` of the keys, evenly spread over the whole grid."""
    step = len(keys) / max(count, 1)
    return [keys[int((index + 0.5) * step)] for index in range(count)]


def grid(count: int) -> Grid:
    """A searcher that trains ``count`` rates with equal ratios to the end, for every arm and seed.

    The user's own rate is one more. The winner has the best score, averaged over seeds. A price limit leaves runs out,
    evenly over the grid.

    Args:
        count: Rates over the range, both ends included; at least 2.

    Raises:
        SpecError: If ``count`` is below 2.
    """
    return Grid(count)
