"""How a study stands while it runs, for whoever watches."""

from collections.abc import Callable
from dataclasses import dataclass

from lrlab.core.answer import Answer
from lrlab.core.question import Question
from lrlab.core.run import Run
from lrlab.studies.price import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One moment of a running study.

    Args:
        study: Its name; "" if it is kept nowhere.
        question: What is asked.
        runs: Every run as it stands, records included.
        answer: The answer so far; ``answer.found`` is False while there is none.
        cost: Full runs trained so far.
        price: What it was expected to cost in all, and with how many runs.
        elapsed_s: Seconds since this process took it up.
        left_s: Estimate of the seconds that are left, or None while nothing is known.
        paused: Whether it rests because a person wants it to.
        ended: Whether this is the last word.
    """

    study: str
    question: Question
    runs: tuple[Run, ...]
    answer: Answer
    cost: float
    price: Price
    elapsed_s: float
    left_s: float | None
    paused: bool = False
    ended: bool = False


ProgressListener = Callable[[Progress], None]
