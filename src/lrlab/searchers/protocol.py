"""What a searcher is: a pure function from what was asked and what is known to what to train next."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from lrlab.core.question import Advance, Done, Question
from lrlab.core.run import Run, RunKey


class Searcher(Protocol):
    """Decides which runs go on.

    The law: with any subset of the outstanding advances completed, in any order, it asks for the same outstanding
    ones, plus at most new ones that do not depend on the unfinished. So one worker, four and a cluster give the
    same answer, and a study that was killed makes the decisions that it would have made.

    It keeps no state between calls and reads no clock, file or random source.
    """

    def __call__(self, question: Question, runs: Sequence[Run], /) -> Sequence[Advance] | Done:
        """All outstanding advances, the most urgent first, or that nothing is left to ask.

        Args:
            question: What is asked.
            runs: Every run so far, in any order, each with all of its records. Records beyond the units that a
                decision is about must not change that decision.
        """
        ...


@runtime_checkable
class Explains(Protocol):
    """A searcher that can tell why runs wait. Why they go on stands in its advances."""

    def left(self, question: Question, runs: Sequence[Run], /) -> Mapping[RunKey, str]:
        """A sentence for each run that was compared with others and left behind, as far as ``runs`` tell.

        As pure as the searcher itself. What it tells of a run that has ended or is asked for does not count.
        """
        ...
