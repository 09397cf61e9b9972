"""Optuna's samplers and pruners as searchers, to compare with: ``optuna:tpe``, ``optuna:gp+hyperband:20``."""

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lrlab.adapters.course import Course
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import format_lr, tidy_rate
from lrlab.core.question import Advance, Done, Question, whole_number
from lrlab.core.run import Run, RunKey
from lrlab.searchers.evidence import Evidence, Plan

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial, TrialState

SAMPLERS = {"random": "random rates", "tpe": "TPE", "gp": "the Gaussian process"}
PRUNERS = ("median", "asha", "hyperband")
FORM = "optuna:SAMPLER, optuna:SAMPLER+PRUNER or either with :N, such as optuna:tpe+hyperband:20"

_DEFAULT_COUNT = 16  # rates, where neither a number nor a price is given
_STARTUP = 10  # Optuna's own default: random rates before a model is used
_MOST_PER_RUN = 5  # rates for each full run of a price; what diverges at once costs nothing
_MEDIAN_LOOKS = 8  # how often the median pruner looks at a run

# The shortest slice is the budget over the first number; the second is how many times fewer and longer: Optuna's own
# factors. Shorter slices were worse on recorded grids with Optuna's TPE, for early rankings of rates mislead.
_RUNGS: Mapping[str, tuple[int, int]] = {"asha": (16, 4), "hyperband": (27, 3)}
_LAST_LOOK = 2 / 3  # of the budget; what has come further is trained to the end


def optuna_searcher(text: str) -> "OptunaSearcher":
    """Read ``optuna:SAMPLER[+PRUNER][:N]``, where N counts rates.

    Raises:
        SpecError: If the text has another form, a name is unknown, N is below 1, or Optuna is not installed.
    """
    parts = text.strip().split(":")
    if not 2 <= len(parts) <= 3 or parts[0] != "optuna":
        raise SpecError(f"searcher: expected {FORM}, got {text!r}.")
    sampler, plus, pruner = parts[1].partition("+")
    if sampler not in SAMPLERS:
        raise SpecError(
            f"searcher: Optuna's sampler must be {_listed(tuple(SAMPLERS))}, got {sampler!r} in {text!r}.",
            hint=f"Write {FORM}.",
        )
    if plus and pruner not in PRUNERS:
        raise SpecError(
            f"searcher: Optuna's pruner must be {_listed(PRUNERS)}, got {pruner!r} in {text!r}.",
            hint="Leave it out to train every rate to the end.",
        )
    if len(parts) == 3 and not parts[2].isdecimal():
        raise SpecError(
            f"searcher: the number of rates must be a whole number, got {parts[2]!r} in {text!r}.",
            hint=f"Write optuna:{parts[1]}:16.",
        )
    count = whole_number("searcher: the number of rates", int(parts[2]), 1) if len(parts) == 3 else None
    _check_installed(sampler)
    return OptunaSearcher(sampler=sampler, pruner=pruner, count=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptunaSearcher:
    """A searcher that rebuilds an Optuna study from the runs and asks it for the next rate.

    Every rate is one of Optuna's trials. Without a pruner the rates that depend on no result are asked for together;
    everything else is asked for one by one, so that any number of workers gives the same study. Optuna never goes on
    with what it has pruned. A rate that ended badly counts as no better than before training, and so does a score that
    is worse than that. With several seeds each rate is trained with all of them, and their mean counts.

    Args:
        sampler: ``random``, ``tpe`` or ``gp``.
        pruner: ``median``, ``asha``, ``hyperband``, or "".
        count: Rates; None: as many as the price allows, or 16.

    References:
        Akiba et al., Optuna, KDD 2019, https://arxiv.org/abs/1907.10902.
    """

    sampler: str
    pruner: str = ""
    count: int | None = None
    _memo: "list[Course]" = field(default_factory=list, init=False, repr=False, compare=False)

    def __call__(self, question: Question, runs: Sequence[Run], /) -> Sequence[Advance] | Done:
        """What is missing of the study so far, or that nothing is left to ask."""
        evidence = Evidence(question, runs)
        course = self._memo.pop() if self._memo else None
        with _quiet():
            if course is None or not course.holds(question, evidence):
                course = Course(question, lambda known: _Plan(self, question, known).carry_out())
            asked = course.go_on(evidence)
        self._memo.append(course)
        return asked

    def most(self, question: Question) -> int:
        """How many rates there are at most."""
        if self.count is not None:
            return self.count
        if question.max_cost is None:
            return _DEFAULT_COUNT
        return math.ceil(_MOST_PER_RUN * question.max_cost)

    def startup(self, question: Question) -> int:
        """How many rates are random before a model is asked: Optuna's ten, but no more than a third."""
        runs = _DEFAULT_COUNT if question.max_cost is None else question.max_cost / question.seeds
        return min(_STARTUP, max(int((self.count or runs) / 3), 1))

    def looks(self, question: Question) -> list[int]:
        """Units after which the pruner looks at a run, and its end."""
        budget = question.budget
        if not self.pruner:
            return [budget]
        if self.pruner == "median":
            # Where a run cannot be frozen, each look is paid again from the start.
            count = 2 if question.resumes == "restart" else _MEDIAN_LOOKS
            return sorted({max(round(budget * (k + 1) / count), 1) for k in range(count)})
        share, factor = _RUNGS[self.pruner]
        looks = [max(budget // share, 1)]
        while looks[-1] * factor <= _LAST_LOOK * budget:
            looks.append(looks[-1] * factor)
        return sorted({*looks, budget})


@dataclass(kw_only=True)
class _Tried:
    """One rate: Optuna's trial and its runs."""

    trial: "Trial"
    keys: list[RunKey]
    until: int = 0  # units asked for


class _Plan:
    """The plan of one study, from its first rate to its last word."""

    def __init__(self, searcher: OptunaSearcher, question: Question, known: Course) -> None:
        self._searcher = searcher
        self._question = question
        self._known = known
        self._looks = searcher.looks(question)
        self._study = self._new_study()
        self._tried: list[_Tried] = []
        self._spent = 0  # units
        self._told: list[float] = []
        self._finished = 0

    def carry_out(self) -> Plan:
        """Rates one after another, as far as number and price go."""
        question, most = self._question, self._searcher.most(self._question)
        beside = self._fixed()
        unsettled: tuple[str, ...] = ()
        if len(beside) < len(question.fixed):
            names = ", ".join(key.arm for key in question.fixed[len(beside) :])
            unsettled = (f"The price limit left {names} out.",)
        own = question.current_lr
        if own is not None and own not in question.lr:
            # Optuna takes no rate outside its range, so this one is trained beside its study.
            beside.append(RunKey(question.searched[0], own, question.seed))
        for one in beside:
            stage = [self._advance(key, question.budget) for key in self._keys(one.arm, one.lr)]
            yield stage
            self._charge([advance.key for advance in stage], 0, question.budget)
        while len(self._tried) < most and (batch := self._next_batch(most)):
            yield from self._train(batch)
        if not self._finished:
            yield from self._bring_home()
        left_out = self._searcher.count - len(self._tried) if self._searcher.count is not None else 0
        if left_out:
            unsettled += (f"The price limit left {left_out} of the {most} rates out.",)
        if not self._finished:
            unsettled += ("No rate was trained to the end, and the price does not allow another full run.",)
        name = SAMPLERS[self._searcher.sampler]
        return Done(why=f"Optuna has chosen {len(self._tried)} rates by {name}.", unsettled=unsettled)

    def _fixed(self) -> list[RunKey]:
        """The arms that have one rate only, so that there is nothing to ask Optuna; a price leaves room for one of its."""
        question = self._question
        if question.max_cost is None:
            return list(question.fixed)
        return list(question.fixed[: max(int((question.max_cost + 1e-9) / question.seeds) - 1, 0)])

    def _next_batch(self, most: int) -> list[_Tried]:
        """The next rates that do not depend on one another, each of which can be paid to its end."""
        tried, searcher = len(self._tried), self._searcher
        count = 1
        if not searcher.pruner:
            count = most if searcher.sampler == "random" else searcher.startup(self._question)
            count = max(min(count, most) - tried, 1)
        first_stops = [self._question.budget] if not tried else self._looks
        each = self._most_units(first_stops)
        if self._question.max_cost is not None:
            room = self._question.max_cost * self._question.budget - self._spent
            count = min(count, int(room / each + 1e-9))
        for _ in range(count):
            self._tried.append(self._ask())
        return self._tried[tried:]

    def _most_units(self, stops: Sequence[int]) -> int:
        """What a rate costs that is trained to the end, stopping at ``stops``."""
        again = sum(stops) if self._question.resumes == "restart" else stops[-1]
        return again * self._question.seeds

    def _ask(self) -> _Tried:
        question = self._question
        trial = self._study.ask()
        names = question.searched
        arm = names[0] if len(names) == 1 else trial.suggest_categorical("arm", names)
        rate = trial.suggest_float("lr", question.lr.low, question.lr.high, log=True)
        taken = {(key.arm, key.lr) for tried in self._tried for key in tried.keys}
        short = tidy_rate(rate)
        if question.current_lr is not None and math.isclose(rate, question.current_lr, rel_tol=1e-9):
            rate = question.current_lr
        elif question.lr.low < short < question.lr.high and (arm, short) not in taken:
            rate = short
        return _Tried(trial=trial, keys=self._keys(arm, rate))

    def _keys(self, arm: str, rate: float) -> list[RunKey]:
        return [RunKey(arm, rate, self._question.seed + offset) for offset in range(self._question.seeds)]

    def _train(self, batch: Sequence[_Tried]) -> Iterator[Sequence[Advance]]:
        """Train a batch; with a pruner that is a single rate, and the first one is never pruned."""
        budget = self._question.budget
        stops = self._looks if self._searcher.pruner and batch[0].trial.number else [budget]
        since = 0
        for until in stops:
            yield [self._advance(key, until) for tried in batch for key in tried.keys]
            for tried in batch:
                self._charge(tried.keys, since, until)
                tried.until = until
            if self._searcher.pruner and self._ends_here(batch[0], since, until):
                return
            since = until
        for tried in batch:
            self._tell(tried)

    def _ends_here(self, tried: _Tried, since: int, until: int) -> bool:
        """Report every look after ``since`` up to ``until``; whether the rate goes no further."""
        pruned = False
        for look in [look for look in self._looks if since < look <= until]:
            if any(self._known.ended_badly(key, look) for key in tried.keys):
                self._tell(tried)
                return True
            tried.trial.report(self._score(tried, look), look)
            pruned = tried.trial.should_prune()
        if pruned and until < self._question.budget:
            self._study.tell(tried.trial, state=_state("PRUNED"))
            return True
        return False

    def _tell(self, tried: _Tried) -> None:
        budget = self._question.budget
        bad = any(self._known.ended_badly(key, budget) for key in tried.keys)
        score = self._score(tried, budget)
        if bad or not math.isfinite(score):
            starts = [self._known.untrained(key) for key in tried.keys]
            worst = max([*self._told, *(start for start in starts if start is not None)], default=0.0)
            self._study.tell(tried.trial, worst)
        else:
            self._told.append(score)
            self._finished += 1
            self._study.tell(tried.trial, score)

    def _score(self, tried: _Tried, until: int) -> float:
        """The mean over the seeds, smaller is better; no worse than before training, where that is known."""
        scores = []
        for key in tried.keys:
            start = self._known.untrained(key)
            score = self._known.score(key, until)
            scores.append(score if start is None else min(score, start))
        return sum(scores) / len(scores)

    def _charge(self, keys: Sequence[RunKey], since: int, until: int) -> None:
        before = 0 if self._question.resumes == "restart" else since
        self._spent += sum(self._known.units(key, until) - self._known.units(key, before) for key in keys)

    def _bring_home(self) -> Iterator[Sequence[Advance]]:
        """Where everything that was trained to the end ended badly, the best of the others takes its place."""
        question, known = self._question, self._known
        waiting = [
            tried
            for tried in self._tried
            if tried.until < question.budget
            and not any(known.ended_badly(key, tried.until) for key in tried.keys)
        ]
        for tried in sorted(waiting, key=lambda tried: (-tried.until, self._score(tried, tried.until))):
            done = 0 if question.resumes == "restart" else tried.until
            need = (question.budget - done) * question.seeds
            if (
                question.max_cost is not None
                and self._spent + need > question.max_cost * question.budget + 1e-6
            ):
                continue
            yield [self._advance(key, question.budget) for key in tried.keys]
            self._charge(tried.keys, tried.until, question.budget)
            if not any(known.ended_badly(key, question.budget) for key in tried.keys):
                self._finished += 1
                return

    def _advance(self, key: RunKey, until: int) -> Advance:
        rate, name = format_lr(key.lr), SAMPLERS[self._searcher.sampler]
        why = f"{rate} was chosen by {name}."
        if key.arm not in self._question.searched:
            why = f"{key.arm} needs no rate; it is trained to the end."
        elif key.lr == self._question.current_lr:
            why = f"{rate} is the rate that you have now."
        return Advance(arm=key.arm, lr=key.lr, seed=key.seed, until=until, why=why)

    def _new_study(self) -> "Study":
        import optuna

        question = self._question
        study = optuna.create_study(
            study_name="lrlab",  # Hyperband deals out its brackets by name and number
            sampler=_sampler(self._searcher, question),
            pruner=_pruner(self._searcher.pruner, self._looks, question),
        )
        if question.current_lr is not None and question.current_lr in question.lr:
            study.enqueue_trial({"lr": question.current_lr})
        return study


def _sampler(searcher: OptunaSearcher, question: Question) -> "BaseSampler":
    from optuna import samplers

    startup = searcher.startup(question)
    if searcher.sampler == "tpe":
        return samplers.TPESampler(seed=question.seed, n_startup_trials=startup)
    if searcher.sampler == "gp":
        return samplers.GPSampler(seed=question.seed, n_startup_trials=startup)
    return samplers.RandomSampler(seed=question.seed)


def _pruner(name: str, looks: Sequence[int], question: Question) -> "BasePruner":
    from optuna import pruners

    if name == "median":
        return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=question.budget // 20)
    if name == "asha":
        return pruners.SuccessiveHalvingPruner(min_resource=looks[0], reduction_factor=_RUNGS[name][1])
    if name == "hyperband":
        return pruners.HyperbandPruner(
            min_resource=looks[0], max_resource=question.budget, reduction_factor=_RUNGS[name][1]
        )
    return pruners.NopPruner()


def _state(name: str) -> "TrialState":
    from optuna.trial import TrialState

    return TrialState[name]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _check_installed(sampler: str) -> None:
    """Refuse at once where a package is missing.

    Raises:
        SpecError: If Optuna, or what its Gaussian process needs, is not installed.
    """
    from importlib.util import find_spec

    needed = {"optuna": 'pip install "lrlab[optuna]"'}
    if sampler == "gp":
        needed |= {"scipy": 'pip install "lrlab[optuna]"', "torch": 'pip install "lrlab[optuna,torch]"'}
    for package, command in needed.items():
        if find_spec(package) is None:
            raise SpecError(
                f"searcher: optuna:{sampler} needs the package {package}, which is not installed.",
                hint=f"Install it: {command}.",
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's notes about its own studies, and that a part of it may change, from the user's screen."""
    import optuna

    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        logger.setLevel(level)
