"""How a study goes, in lines of text: for a terminal, a log, and the head of a notebook's live view."""

import time
from collections import Counter
from collections.abc import Callable
from typing import TextIO

from lrlab.core.answer import sentence
from lrlab.report.words import counted, one_line
from lrlab.studies.progress import Progress

_LINE_EVERY_S = 30.0
# States and outcomes, the ones that matter most first.
URGENCY = (
    "running",
    "queued",
    "frozen",
    "paused",
    "failed",
    "lost",
    "diverged",
    "finished",
    "dropped",
    "stopped",
)


class Lines:
    """Plain lines: the price first, then one at most every 30 seconds, when a new stage begins or it is paused.

    A stage begins when some run is asked to go further than any before.

    Args:
        stream: Where they go.
        clock: Seconds, monotonic.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._due = 0.0
        self._stage: int | None = None
        self._paused = False

    def __call__(self, progress: Progress) -> None:
        """Write a line if one is due."""
        stage = max((run.target for run in progress.runs), default=0)
        if self._stage is None:
            self._say(price_line(progress))
            self._stage = stage
            return
        further = stage > self._stage > 0 or progress.paused is not self._paused
        self._stage, self._paused = max(stage, self._stage), progress.paused
        if further or progress.ended or self._clock() >= self._due:
            self._say(f"{status_line(progress)}. {'' if progress.ended else so_far(progress)}".rstrip())

    def _say(self, text: str) -> None:
        self._due = self._clock() + _LINE_EVERY_S
        print(text, file=self._stream, flush=True)


def price_line(progress: Progress) -> str:
    """What the study asks and what it is expected to cost."""
    question, price = progress.question, progress.price
    return one_line(
        f"Study {progress.study}: rates {question.lr}, {question.metric.name} after "
        f"{counted(question.budget, question.unit)}. Expected cost: about {price.cost:.1f} full runs "
        f"({counted(price.runs, 'run')}, at most {price.frozen} waiting at once). Ctrl-C saves."
    )


def status_line(progress: Progress) -> str:
    """How far the study is, in one line."""
    counts = Counter(run.status for run in progress.runs)
    told = ", ".join(f"{counts[word]} {word}" for word in URGENCY if counts[word])
    left = "" if progress.left_s is None or progress.ended else f", about {clock(progress.left_s)} left"
    if progress.paused:
        left = ", paused"
    return one_line(
        f"{progress.study}: {progress.cost:.2f} of about {progress.price.cost:.1f} full runs{left}; "
        f"{counted(len(progress.runs), 'run')}{f': {told}' if told else ''}"
    )


def so_far(progress: Progress) -> str:
    """The answer so far, or that there is none."""
    return one_line(sentence(progress.answer))


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
