"""A searcher's plan that goes on where it was at the last call, where the runs still say the same."""

from collections.abc import Callable, Sequence

from lrlab.core.question import Advance, Done, Question
from lrlab.core.run import RunKey
from lrlab.searchers.evidence import Evidence, Plan


class Course:
    """A plan under way, kept from one call to the next so that a costly one need not start anew each time.

    It is a memo, not a state: everything that it was told is written down, and it is used again only where the runs
    still say the same. So a plan must read the runs through this object only.

    Args:
        question: What is asked.
        plan: Makes the plan from what it may read.
    """

    def __init__(self, question: Question, plan: "Callable[[Course], Plan]") -> None:
        self._question = question
        self._evidence = Evidence(question, ())
        self._told: dict[tuple[str, RunKey, int], float] = {}
        self._starts: dict[RunKey, float | None] = {}
        self._past: list[Sequence[Advance]] = []
        self._plan = plan(self)
        self._stage: Sequence[Advance] | None = None
        self._done: Done | None = None

    def holds(self, question: Question, evidence: Evidence) -> bool:
        """Whether ``evidence`` says what the course was told."""
        return (
            question == self._question
            and all(evidence.reached(advance) for stage in self._past for advance in stage)
            and all(_look_up(evidence, *what) == value for what, value in self._told.items())
            and all(evidence.untrained([key]) == value for key, value in self._starts.items())
        )

    def go_on(self, evidence: Evidence) -> Sequence[Advance] | Done:
        """What is missing of the first stage that is not complete, or the last word."""
        self._evidence = evidence
        while self._done is None:
            if self._stage is not None:
                missing = [advance for advance in self._stage if not evidence.reached(advance)]
                if missing:
                    return missing
                self._past.append(self._stage)
            try:
                self._stage = next(self._plan)
            except StopIteration as end:
                self._done = end.value
        assert self._done is not None
        return self._done

    def score(self, key: RunKey, until: int) -> float:
        """See ``Evidence``."""
        return self._ask("score", key, until)

    def ended_badly(self, key: RunKey, until: int) -> bool:
        """See ``Evidence``."""
        return bool(self._ask("ended_badly", key, until))

    def units(self, key: RunKey, until: int) -> int:
        """See ``Evidence``."""
        return int(self._ask("units", key, until))

    def untrained(self, key: RunKey) -> float | None:
        """See ``Evidence``."""
        self._starts[key] = self._evidence.untrained([key])
        return self._starts[key]

    def _ask(self, what: str, key: RunKey, until: int) -> float:
        value = _look_up(self._evidence, what, key, until)
        self._told[what, key, until] = value
        return value


def _look_up(evidence: Evidence, what: str, key: RunKey, until: int) -> float:
    return float(getattr(evidence, what)(key, until))
