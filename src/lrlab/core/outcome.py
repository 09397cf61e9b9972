"""How a run stands and how it ended."""

from enum import StrEnum


class State(StrEnum):
    """A run that has not ended."""

    QUEUED = "queued"
    RUNNING = "running"
    FROZEN = "frozen"
    PAUSED = "paused"


class Outcome(StrEnum):
    """A run that has ended; divergence is data, not an error."""

    FINISHED = "finished"
    DROPPED = "dropped"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"
    LOST = "lost"


class StudyState(StrEnum):
    """How a whole study stands."""

    RUNNING = "running"
    PAUSED = "paused"  # by a person; its process lives and waits
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
