"""Successive halving with runs that resume."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lrlab.core.errors import SpecError
from lrlab.core.lr_range import format_lr, tidy_rate
from lrlab.core.question import Advance, Done, Question, whole_number
from lrlab.core.run import Run, RunKey
from lrlab.searchers.evidence import Evidence, Plan, replay
from lrlab.searchers.rungs import joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Halving:
    """See ``halving``.

    Args:
        count: Rates over the range that start.
        eta: How many times fewer go on, each time.

    Raises:
        SpecError: If there are fewer than 2 rates, or ``eta`` is outside 2 to 4.
    """

    count: int
    eta: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", whole_number("halving", self.count, 2, hint="Write halving:16."))
        if not 2 <= self.eta <= 4:
            raise SpecError(f"halving: eta must lie between 2 and 4, got {self.eta!r}.")

    def __call__(self, question: Question, runs: Sequence[Run], /) -> Sequence[Advance] | Done:
        """The advances of the first round that is not complete, or that nothing is left to ask."""
        evidence = Evidence(question, runs)
        return replay(self._plan(question, evidence, {}), evidence)

    def left(self, question: Question, runs: Sequence[Run], /) -> Mapping[RunKey, str]:
        """Why each run that was left behind waits; see ``Explains``."""
        evidence, left = Evidence(question, runs), dict[RunKey, str]()
        replay(self._plan(question, evidence, left), evidence)
        return left

    def _plan(self, question: Question, evidence: Evidence, left: dict[RunKey, str]) -> Plan:
        """The rounds; why runs wait is written to ``left``."""
        keys = self._start(question)
        rates = (len(keys) - len(question.fixed)) // len(question.searched)
        start = self.count + (question.current_lr is not None)
        unsettled: tuple[str, ...] = (
            () if rates >= start else (f"The price let only {rates} of {start} rates start.",)
        )
        rounds = self._rounds(question, len(keys))
        waiting: list[RunKey] = []  # runs that were left behind, the most promising first
        for index, (keep, until) in enumerate(rounds):
            if index:
                last = index == len(rounds) - 1
                seeds = range(question.seed, question.seed + (question.seeds if last else 1))
                ranked = _best(keys, evidence, seeds=seeds, until=rounds[index - 1][1])
                keys, waiting = ranked[:keep], ranked[keep:] + waiting
                known = rounds[index - 1][1]
                scores = [_mean(evidence, key, seeds, known) for key in ranked]
                left.update(_why_not(question, known, dict(zip(ranked, scores, strict=True)), keep))
            seeds = range(question.seed, question.seed + (question.seeds if index == len(rounds) - 2 else 1))
            why = _why(index, len(rounds), len(keys), question.fixed)
            yield [
                Advance(arm=key.arm, lr=key.lr, seed=seed, until=until, why=why(key))
                for seed in seeds
                for key in keys
            ]
        if question.max_cost is None:
            for stage in self._stand_ins(question, evidence, keys, waiting):
                left.pop(stage[0].key, None)
                yield stage
        elif not any(math.isfinite(evidence.score(key, question.budget)) for key in keys):
            unsettled += ("The winner ended badly, and the price does not allow another full run.",)
        return Done(why="The last of the halving is trained to the end.", unsettled=unsettled)

    def _stand_ins(
        self, question: Question, evidence: Evidence, keys: Sequence[RunKey], waiting: Sequence[RunKey]
    ) -> Iterator[Sequence[Advance]]:
        """Where the winner ended badly, the next best takes its place."""
        for key in waiting:
            if any(math.isfinite(evidence.score(done, question.budget)) for done in keys):
                return
            why = f"{format_lr(key.lr)} takes the place of the winner, which ended badly."
            yield [Advance(arm=key.arm, lr=key.lr, seed=key.seed, until=question.budget, why=why)]
            keys = [key]

    def _start(self, question: Question) -> list[RunKey]:
        """The runs that start; fewer rates where the price does not allow all."""
        for count in range(self.count, -1, -1):
            keys = [
                RunKey(arm.name, rate, question.seed)
                for arm in question.arms
                for rate in ([arm.rate] if arm.rate is not None else self._rates(question, arm.name, count))
            ]
            if question.max_cost is None or self._cost(question, len(keys)) <= question.max_cost + 1e-9:
                break
        return keys

    def _rates(self, question: Question, arm: str, count: int) -> list[float]:
        """The rates of an arm: its own, the known ones, and ``count`` over its range; at least one."""
        own = [] if question.current_lr is None else [question.current_lr]
        span, known = question.span(arm), {key.lr for key in question.known if key.arm == arm}
        if count > 1:
            return list(dict.fromkeys((*own, *joined(span.points(count), known))))
        middle = [] if own or known else [span.clip(tidy_rate(math.sqrt(span.low * span.high)))]
        return list(dict.fromkeys((*own, *sorted(known), *middle)))

    def _rounds(self, question: Question, count: int) -> list[tuple[int, int]]:
        """(runs that go on, units until which they do) of each round."""
        steps = max(math.ceil(math.log(count, self.eta) - 1e-9), 0)
        return [
            (
                max(math.ceil(count / self.eta**step - 1e-9), 1),
                max(round(question.budget / self.eta ** (steps - step)), 1),
            )
            for step in range(steps + 1)
        ]

    def _cost(self, question: Question, count: int) -> float:
        """Full runs that it costs at most where ``count`` runs start."""
        units, before = 0, 0
        rounds = self._rounds(question, count)
        for index, (keep, until) in enumerate(rounds):
            resumed = 0 if question.resumes == "restart" and until > before else before
            units += keep * (until - resumed)
            if index == len(rounds) - 2:
                units += keep * (question.seeds - 1) * until
            before = until
        return units / question.budget


def _best(keys: Sequence[RunKey], evidence: Evidence, *, seeds: range, until: int) -> list[RunKey]:
    """The runs that can go on, best score at ``until`` units first, averaged over ``seeds``."""
    scores = {key: _mean(evidence, key, seeds, until) for key in keys}
    return sorted((key for key in keys if math.isfinite(scores[key])), key=lambda key: (scores[key], key.lr))


def _why(index: int, rounds: int, left: int, fixed: Sequence[RunKey]) -> Callable[[RunKey], str]:
    def why(key: RunKey) -> str:
        rate = key.arm if key in fixed else format_lr(key.lr)
        if index == 0:
            return f"{rate} starts with the other rates of the ladder."
        if index == rounds - 1:
            return f"{rate} was the best so far; it is trained to the end."
        return f"{rate} is one of the best {left} so far."

    return why


def _mean(evidence: Evidence, key: RunKey, seeds: range, until: int) -> float:
    return sum(evidence.score(key._replace(seed=seed), until) for seed in seeds) / len(seeds)


def _why_not(
    question: Question, known: int, scores: Mapping[RunKey, float], keep: int
) -> Iterator[tuple[RunKey, str]]:
    """Why each run but the first ``keep`` does not go on; ``scores`` at ``known`` units, the best first."""
    told = {key: f"{question.metric.loss(score):.4g}" for key, score in scores.items()}
    best = next(iter(told.values()), "")
    for place, (key, value) in enumerate(told.items(), start=1):
        if place > keep:
            what = f"Its {question.metric.name} {value} after {known} of {question.budget} {question.unit}s"
            yield key, f"{what} is number {place} of {len(told)}, the best has {best}; {keep} went on."


def halving(count: int = 13, *, eta: float = 3.0) -> Halving:
    """A searcher that starts ``count`` rates and lets the best ``1 / eta`` go on, until one reaches the budget.

    Frozen runs resume. With several seeds the finalists are repeated before the last decision. A price limit starts
    fewer rates.

    Args:
        count: Rates over the range, both ends included; at least 2.
        eta: How many times fewer go on, and how many times longer, in each round; 2 to 4.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Jamieson and Talwalkar, Non-stochastic Best Arm Identification, AISTATS 2016,
        https://arxiv.org/abs/1502.07943, algorithm 1.
    """
    return Halving(count=count, eta=eta)
