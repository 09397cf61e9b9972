"""What a race says about its decisions: why a run goes on and why it waits, with the numbers that were looked at."""

import math
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass

from lrlab.core.lr_range import format_lr
from lrlab.core.question import Question
from lrlab.core.run import RunKey
from lrlab.searchers.merit import Merit
from lrlab.searchers.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """What was seen when runs were compared after ``known`` units."""

    among: Sequence[RunKey]
    known: int
    scores: Mapping[RunKey, float]
    best: RunKey
    tied: Collection[RunKey]


@dataclass(frozen=True, slots=True)
class Reasons:
    """Sentences about runs of one race, from what its decisions may know and nothing else.

    Args:
        question: What is asked.
        standing: How its runs stand.
    """

    question: Question
    standing: Standing

    # Who goes on.

    def go_on(self, going: Sequence[RunKey], among: Sequence[RunKey], known: int) -> list[str]:
        """Why each of ``going`` is trained on from ``known`` units, where it was compared with ``among``."""
        seen = self._comparison(among, known) if among else None
        return [self._goes_on(key, seen, known) for key in going]

    def to_the_end(self, best: RunKey, among: Sequence[RunKey], known: int) -> str:
        """Why this one of ``among`` is trained to the end."""
        value = self._value(self.standing.mean_score(best, known))
        ahead = f"the most promising of {len(among)}" if len(among) > 1 else "the only one left"
        told = f"{self._named(best)} is {ahead} after {self._after(known)}, with {self._metric} {value}"
        return f"{told}; it is trained to the end."

    # Who waits.

    def leave(self, among: Sequence[RunKey], going: Collection[RunKey], known: int) -> dict[RunKey, str]:
        """Why each of ``among`` that does not go on from ``known`` units waits."""
        went = sum(key in going for key in among)
        if not among:
            return {}
        return self._left(self._comparison(among, known), going, f"{went} of {len(among)} went on")

    def leave_all(
        self, ahead: Sequence[RunKey], best: RunKey, left: Container[RunKey] = ()
    ) -> dict[RunKey, str]:
        """Why each run but ``best`` of ``ahead``, which is trained to the end, waits; those of ``left`` know it."""
        only = f"only {self._named(best)} is trained to the end"
        told = self._left(self._comparison(ahead, self.standing.asked[best]), [best], only)
        for key in self.standing.asked:
            if key.seed != self.question.seed:
                told[key] = f"It told luck apart; only seed {self.question.seed} is trained on."
            elif (
                key != best
                and key not in told
                and key not in left
                and math.isfinite(self.standing.score(key))
            ):
                edge = "; ".join(self._edge(key)) or "a rate near it diverged"
                told[key] = f"{edge[0].upper()}{edge[1:]}, so it is not trusted; {only}."
        return told

    def _left(self, seen: _Comparison, going: Collection[RunKey], end: str) -> dict[RunKey, str]:
        merit = self.standing.parts(seen.among, seen.known)
        told = {}
        for key in seen.among:
            if key in going:
                continue
            if key in seen.tied:
                told[key] = f"It is {self._level(seen)}; {end}."
                continue
            parts = [self._compared(key, seen)]
            if merit[key].away > merit[key].behind and key.arm in self.question.searched:
                parts.append(self._place(key, merit[key]))
            told[key] = f"Its {', and '.join((*parts, *self._edge(key)))}; {end}."
        return told

    # Pieces.

    def _goes_on(self, key: RunKey, seen: _Comparison | None, known: int) -> str:
        if key not in self.standing.asked and key.arm not in self.question.searched:
            return f"{key.arm} needs no rate, so it has this one run."
        if key not in self.standing.asked or seen is None:
            return f"{format_lr(key.lr)} is new: between the best rate after {self._after(known)} and its neighbour."
        if key in seen.tied:
            return f"{self._named(key)} is {self._level(seen)}."
        lower = key.arm == seen.best.arm and key.lr < seen.best.lr
        return f"{self._named(key)} goes on: its {self._compared(key, seen)}{', and lower rates catch up' * lower}."

    def _comparison(self, among: Sequence[RunKey], known: int) -> _Comparison:
        scores = {key: self.standing.mean_score(key, known) for key in among}
        best = min(among, key=lambda key: (scores[key], key))
        tied = self.standing.plateau(among, known)
        return _Comparison(among=among, known=known, scores=scores, best=best, tied=tied)

    @property
    def _metric(self) -> str:
        guide = self.question.guide
        return f"{self.question.metric.name} ({guide} counted in)" if guide else self.question.metric.name

    def _value(self, score: float) -> str:
        return f"{self.question.metric.loss(score):.4g}"  # its own inverse

    def _after(self, known: int) -> str:
        return f"{known} of {self.question.budget} {self.question.unit}{'' if self.question.budget == 1 else 's'}"

    def _named(self, key: RunKey) -> str:
        rate = format_lr(key.lr)
        return rate if len(self.question.arms) == 1 else f"{key.arm} at {rate}"

    def _level(self, seen: _Comparison) -> str:
        return f"one of {len(seen.tied)} that {self._after(seen.known)} could not tell apart"

    def _compared(self, key: RunKey, seen: _Comparison) -> str:
        """``val_loss 0.83 after 4 of 64 epochs is 0.3 above that of 1e-3, the best``."""
        score, least = seen.scores[key], seen.scores[seen.best]
        said = f"{self._metric} {self._value(score)} after {self._after(seen.known)} is"
        if key == seen.best:
            return f"{said} the best"
        if score == least:
            return f"{said} as good as that of {self._named(seen.best)}"
        side = "above" if self.question.metric.direction == "min" else "below"
        return f"{said} {score - least:.2g} {side} that of {self._named(seen.best)}, the best"

    def _edge(self, key: RunKey) -> list[str]:
        """What diverged next to a rate, as far as the race had seen."""
        asked = self.standing.asked
        mine = sorted((other for other in asked if other.arm == key.arm), key=lambda other: other.lr)
        gone = [other.lr for other in mine if self.standing.evidence.diverged(other, asked[other])]
        if lower := [rate for rate in gone if rate < key.lr]:
            return [f"{format_lr(lower[-1])}, below it, diverged"]
        above = [other.lr for other in mine if other.lr > key.lr]
        return [f"{format_lr(above[0])}, next above it, diverged"] if above and above[0] in gone else []

    def _place(self, key: RunKey, merit: Merit) -> str:
        away = merit.centre - math.log10(key.lr)
        place = f"the best rate is expected near {format_lr(10**merit.centre, digits=1)}"
        return f"{place}, {abs(away):.1f} decades {'above' if away > 0 else 'below'} it"
