"""How the runs of a race stand: scores, merits, plateaus and edges at equal units."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lrlab.core.question import Question
from lrlab.core.run import RunKey
from lrlab.searchers.evidence import Evidence
from lrlab.searchers.merit import Merit, Prior, luck, merits, plateau

# Decades from where training stops to work to the rate that is trusted, if nothing tells more.
_BELOW_THE_EDGE = 1.2
_EDGE = 0.35  # decades below a rate that diverged in which nothing is trusted
_PROPORTIONAL = 0.5  # power of the rate with which progress grows at least where rates are too low


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known at one moment of a race.

    Args:
        question: What is asked.
        evidence: Every run.
        prior: What is known of learning rates before anything ran.
        asked: Until which unit each run was asked for; grows while the race goes on.
    """

    question: Question
    evidence: Evidence
    prior: Prior
    asked: Mapping[RunKey, int]

    def too_low(self, key: RunKey, keys: Sequence[RunKey], known: int) -> bool:
        """Whether progress still grows with the rate up to this one, almost in proportion: then the best is above it."""
        lower = [other for other in keys if other.arm == key.arm and other.lr < key.lr]
        told = self.evidence.untrained(self.asked)
        if told is None or not lower:
            return False
        below = max(lower, key=lambda other: other.lr)
        gained, before = (told - self.evidence.score(one, known) for one in (key, below))
        return gained > 0 and gained >= before * (key.lr / below.lr) ** _PROPORTIONAL

    def plateau(self, keys: Sequence[RunKey], known: int) -> list[RunKey]:
        """The runs on a plateau, ascending in rate; none while the best score still gets better."""
        scores = {key: self.mean_score(key, known) for key in keys}
        leader = min(keys, key=lambda key: (scores[key], key))
        before, untrained = self.evidence.score_at(leader, known // 2), self.untrained()
        noise = self.noise(leader.arm)
        least = max(self.prior.tie * (untrained - scores[leader]), noise)
        if math.isfinite(before) and before - scores[leader] > least:
            return []
        return plateau(scores, untrained, self.prior, least=noise)

    def noise(self, arm: str) -> float:
        """What an arm's scores may differ by through luck alone, where its first slice told nothing; 0 where it did."""
        mine = [key for key in self.asked if key.arm == arm and key.seed == self.question.seed]
        first = min(self.asked[key] for key in mine)
        scores = {key: self.evidence.score(key, first) for key in self.alive(mine, first)}
        return luck(scores, self.untrained(), self.prior) if scores else 0.0

    def below_the_edge(self, tied: Sequence[RunKey]) -> RunKey:
        """Of runs that cannot be told apart, the one at the usual distance below where training stops to work."""
        top = tied[-1]
        above = min((key.lr for key in self.asked if key.arm == top.arm and key.lr > top.lr), default=top.lr)
        trusted = math.log10(math.sqrt(top.lr * above)) - _BELOW_THE_EDGE
        return min(tied, key=lambda key: abs(math.log10(key.lr) - trusted))

    def score(self, key: RunKey) -> float:
        return self.evidence.score(key, self.asked[key])

    def alive(self, keys: Iterable[RunKey], known: int) -> list[RunKey]:
        return [key for key in keys if math.isfinite(self.evidence.score(key, known))]

    def over_the_edge(self, key: RunKey) -> bool:
        """Whether a lower rate has diverged."""
        return any(
            other.arm == key.arm and other.lr < key.lr and self.evidence.diverged(other, until)
            for other, until in self.asked.items()
        )

    def away(self, keys: Sequence[RunKey]) -> list[RunKey]:
        """Those that are not just below a rate that diverged late, where another seed may diverge; all if there are none.

        A rate that diverges at once is above an edge that is the same for every seed.
        """
        edges = [
            other
            for other, until in self.asked.items()
            if self.evidence.diverged(other, until) and self.evidence.units(other, until) > 0
        ]
        safe = [
            key
            for key in keys
            if not any(edge.arm == key.arm and 0 < math.log10(edge.lr / key.lr) < _EDGE for edge in edges)
        ]
        return safe or list(keys)

    def merits(self, keys: Sequence[RunKey], known: int) -> dict[RunKey, float]:
        """How unlikely each of the runs is to be the best, from its score at ``known`` units; smaller is better."""
        return {key: merit.total for key, merit in self.parts(keys, known).items()}

    def parts(self, keys: Sequence[RunKey], known: int) -> dict[RunKey, Merit]:
        """The same by what it is made of."""
        scores = {key: self.mean_score(key, known) for key in keys}
        least = self.prior.tie * (self.untrained() - min(scores.values()))
        return merits(
            scores,
            untrained=self.untrained(),
            stalled={key for key in keys if self.evidence.score_at(key, known // 2) - scores[key] <= least},
            left=math.log10(self.question.budget / known),
            prior=self.prior,
            schedules={arm.name: arm.schedule for arm in self.question.arms},
        )

    def mean_score(self, key: RunKey, known: int) -> float:
        """Over all seeds that were asked for so far."""
        seeds = [other for other in self.asked if other.arm == key.arm and other.lr == key.lr]
        return sum(self.evidence.score(other, known) for other in seeds) / len(seeds)

    def untrained(self) -> float:
        """The score before training, or what stands in for it."""
        told = self.evidence.untrained(self.asked)
        stand_in = self.evidence.stand_in(self.asked) if told is None else told
        return math.inf if stand_in is None else stand_in
