"""A study as a whole value: what was asked, what ran, how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lrlab.core.answer import Answer
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance, Question
from lrlab.core.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a study, for its log.

    Args:
        at: Wall-clock time, seconds since 1970, UTC; for display, never compared.
        kind: Stable word: ``started``, ``interrupted``, ``resumed``, ``worker_lost``, ``nondeterministic``, ...
        text: One sentence.
    """

    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One question about one training target, with everything known about it.

    Args:
        name: Unique in its store; letters, digits and ``_ . -``.
        question: What is asked.
        task: Name of the training target.
        searcher: Text form of the searcher, such as ``race`` or ``grid:13``.
        fingerprint: Hash of the training code and settings; continuing needs the same.
        target: How a command can build the task again (``{"kind": "python", "ref": "module:function", ...}``);
            empty if only the caller's own program can.
        created: Seconds since 1970, UTC; for display.
        state: How it stands.
        runs: Every run with its records, in the order in which they were first asked for.
        advances: Every slice that the searcher asked for, in order.
        events: The log.
        answer: The last answer, without its runs; None while there is none.
        environment: Versions and machine, for the report.
    """

    name: str
    question: Question
    task: str
    searcher: str = "race"
    fingerprint: str = ""
    target: Mapping[str, object] = field(default_factory=dict)
    created: float = 0.0
    state: StudyState = StudyState.RUNNING
    runs: tuple[Run, ...] = ()
    advances: tuple[Advance, ...] = ()
    events: tuple[Event, ...] = ()
    answer: Answer | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def cost(self) -> float:
        """Full runs trained so far, lost units left out."""
        return sum(run.paid_units for run in self.runs) / self.question.budget
