"""How far a study has come, and how long it will still take."""

from dataclasses import dataclass
from functools import lru_cache

from lrlab.api.engines import make_searcher
from lrlab.core.errors import LrlabError
from lrlab.core.outcome import StudyState
from lrlab.core.question import Question
from lrlab.core.study import Study
from lrlab.report.words import length
from lrlab.studies.price import expected_price


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a study has come.

    Args:
        cost: Full runs trained so far.
        price: Full runs that it is expected to cost in all; None where its searcher cannot be had here.
        done: Runs that have ended, or wait at the budget that was asked for.
        share: Part of the expected cost that is spent, 0 to 1; None where that is unknown.
        left: What is left, a sentence; "" where nothing runs or nothing is known.
    """

    cost: float
    price: float | None
    done: int
    share: float | None
    left: str


def standing(study: Study, *, now: float) -> Standing:
    """How far a study has come; its runs need no records.

    Args:
        study: The study.
        now: Seconds since 1970, UTC.
    """
    price = price_of(study.question, study.searcher)
    return Standing(
        cost=study.cost,
        price=price,
        done=sum(run.ended or (run.target > 0 and run.units >= run.target) for run in study.runs),
        share=min(study.cost / price, 1.0) if price else None,
        left=_left(study, price, now),
    )


@lru_cache(maxsize=256)
def price_of(question: Question, searcher: str) -> float | None:
    """Full runs that a study is expected to cost; None where its searcher cannot be had here.

    The searcher is rehearsed, which takes a tenth of a second, and a study's question seldom changes.
    """
    try:
        return expected_price(question, make_searcher(searcher)).cost
    except LrlabError:
        return None


def _left(study: Study, price: float | None, now: float) -> str:
    if study.state is not StudyState.RUNNING or price is None:
        return ""
    left = price - study.cost
    if left <= 0:
        return "More than expected; it ends when the searcher is sure."
    began = [event.at for event in study.events if event.kind in ("started", "resumed")]
    paused = any(event.kind == "paused" for event in study.events)
    if len(began) != 1 or study.cost <= 0 or paused or now <= began[0]:
        return f"About {left:.1f} full runs left."
    seconds = (now - began[0]) / study.cost * left
    return f"About {left:.1f} full runs left, {length(seconds)}."
