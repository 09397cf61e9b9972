"""A larger question for a study that has one already: what may be widened, and what becomes of its runs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from lrlab.core.errors import ConflictError, SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.question import Question, is_real, whole_number
from lrlab.core.run import RunKey
from lrlab.searchers.protocol import Searcher
from lrlab.store.protocol import Ledger
from lrlab.studies.price import expected_price

WIDER = ("max_cost", "seeds", "lr", "tolerance")
_WHY_NOT_NARROWER = "What was decided rests on it; ask the narrower question as a new study."


def widened(
    question: Question, changes: Mapping[str, object], *, searcher: Searcher, known: Iterable[RunKey]
) -> Question:
    """``question`` with the changes, each of which makes it larger.

    Args:
        question: What was asked so far.
        changes: New values of ``max_cost`` (full runs), ``seeds``, ``lr`` (a range, or ``"1e-6:1"``) and ``tolerance``;
            what is None is left as it is.
        searcher: The study's; where no price limit was set it tells what the study costs without one.
        known: Every run that the study has; the searcher builds on their rates.

    Raises:
        SpecError: If a value breaks its rule or is narrower than before, or if nothing would change.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if "budget" in given:
        raise SpecError(
            f"extend: the budget cannot change, it stays {question.budget} {question.unit}s, got {given['budget']!r}.",
            why="Schedules stretch over the budget, so a longer training is another training from its first unit on.",
            hint="Sweep it as a new study.",
        )
    strange = sorted(given.keys() - set(WIDER))
    if strange:
        raise SpecError(f"extend: there is no {', '.join(strange)} to widen.", hint=f"{_listed()} can be.")
    values: dict[str, Any] = {}
    if "lr" in given:
        if any(arm.lr is not None for arm in question.arms):
            raise SpecError(
                "extend: each arm of this study has a range of its own, so lr cannot be widened for all.",
                hint="Sweep the arm in question as a study of its own.",
            )
        values["lr"] = _wider_range(question.lr, given["lr"])
    if "seeds" in given:
        values["seeds"] = whole_number("extend: seeds", given["seeds"], 1)
        _check_larger("seeds", question.seeds, values["seeds"])
    if "tolerance" in given:
        values["tolerance"] = replace(question, tolerance=given["tolerance"]).tolerance  # type: ignore[arg-type]
        _check_larger("tolerance", question.tolerance, values["tolerance"])
    if "max_cost" in given:
        values["max_cost"] = replace(question, max_cost=given["max_cost"]).max_cost  # type: ignore[arg-type]
        _check_price(question, values["max_cost"], searcher)
    if all(getattr(question, name) == value for name, value in values.items()):
        raise SpecError(
            "extend: nothing would change" + (", the study asks that already." if given else "."),
            hint=f"Widen {_listed()}.",
        )
    return replace(question, **values, known=tuple(dict.fromkeys((*question.known, *known))))


def differences(before: Question, after: Question) -> str:
    """What has changed, in a sentence."""
    told = []
    for name in WIDER:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            word = {"lr": "rates", "max_cost": "price limit"}.get(name, name)
            told.append(f"{word} {_shown(old)} became {_shown(new)}")
    return f"Extended: {'; '.join(told)}."


def ask_more(ledger: Ledger, question: Question) -> None:
    """Put the larger question to a study that nobody runs; its dropped and stopped runs can be trained on.

    Raises:
        ConflictError: If the study failed: nothing larger mends that.
    """
    study = ledger.study
    if study.state is StudyState.FAILED:
        raise ConflictError(
            f'extend: study "{study.name}" failed, and a larger question does not mend its training.',
            hint="Mend the training, then sweep again.",
        )
    for run in study.runs:
        if run.outcome in (Outcome.DROPPED, Outcome.STOPPED):
            again = replace(run, outcome=None, state=State.FROZEN, detail="", reopened=True, records=())
            ledger.write_run(again)
    ledger.ask(question)
    ledger.note("extended", differences(study.question, question))
    ledger.conclude(StudyState.INTERRUPTED, study.answer)


def _wider_range(before: LRRange, value: Any) -> LRRange:
    after = LRRange.parse(value)
    if after.low > before.low or after.high < before.high:
        raise SpecError(
            f"extend: lr must hold the range searched so far, {before}, got {after}.", why=_WHY_NOT_NARROWER
        )
    return after


def _check_larger(name: str, before: float, after: float) -> None:
    if after < before:
        raise SpecError(
            f"extend: {name} must be at least what it was, {before:g}, got {after:g}.", why=_WHY_NOT_NARROWER
        )


def _check_price(question: Question, after: float, searcher: Searcher) -> None:
    if question.max_cost is not None:
        _check_larger("max_cost", question.max_cost, after)
        return
    usual = expected_price(question, searcher).cost
    if after < usual:
        raise SpecError(
            f"extend: max_cost must be at least what the study costs without a limit, about {usual:.2f} full runs, "
            f"got {after:g}.",
            why=_WHY_NOT_NARROWER,
        )


def _listed() -> str:
    return f"{', '.join(WIDER[:-1])} or {WIDER[-1]}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if is_real(value) else str(value)
