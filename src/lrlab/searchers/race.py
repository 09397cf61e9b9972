"""The default search: many rates start, few go on, one arrives.

A coarse ladder over the whole range is trained for a small slice of the budget and filled in around its best rungs.
The most promising go on to 1/16, 1/8 and 1/4 of the budget, fewer each time, and the winner to the end. Frozen runs
resume, so the winner's early slices are part of its full run. The frame is successive halving; what is special about
learning rates decides who goes on (``lrlab.searchers.merit``). docs/search.md tells where the constants come from.

References:
    Jamieson and Talwalkar, Non-stochastic Best Arm Identification, AISTATS 2016, https://arxiv.org/abs/1502.07943,
    algorithm 1.
"""

import math
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lrlab.core.lr_range import format_lr
from lrlab.core.question import Advance, Done, Question
from lrlab.core.run import Run, RunKey
from lrlab.searchers.entrants import beside, filled_in
from lrlab.searchers.evidence import Evidence, Plan, replay
from lrlab.searchers.merit import Prior, lowest_tied
from lrlab.searchers.reasons import Reasons
from lrlab.searchers.rungs import joined, near, rungs, spread, whole_slices
from lrlab.searchers.standing import Standing

# Where runs wait and are compared: the share of the budget, and which part of the money that is left then the way
# there may cost. Slices that fall on the same unit are one, and so are their parts.
_SLICES = ((1 / 64, 0.31), (1 / 16, 0.35), (1 / 8, 0.55), (1 / 4, 0.6), (1 / 2, 1.0))
_RUNGS_A_DECADE = 2.5  # of the first slice, at most
_LADDER_PART = 0.5  # of the free money may go into the first slice until there is a rate a decade
_COARSE = 0.65  # part of the first slice's runs that make the coarse ladder; the rest fill it in
# A new rate next to the best may start on the way to a slice between these shares of the budget.
_REFINED = (0.1, 0.2)
_OUT = 4.0  # a run whose merit is this far behind the best does not go on
_SURE_PLACES = 2  # but this many runs do while less than a tenth of the budget is known
_PLATEAU_PART = 0.8  # of the free money goes into the next slice while the runs stand on a plateau

# Full runs that a race may cost where the question sets no limit.
_PRICE = 1.58
_SMALL_BUDGET_UNITS = 8  # what the smallest slice, one unit, may add
_MOST_PRICE = 3.5
_PLATEAU_PRICE = 2.15  # where the runs stand on a plateau, more of them have to wait for the end of it
_PER_ARM, _PER_SEED = 0.6, 0.6
_SEARCH = 0.5  # full runs that the search for rates needs at least beside the ends of all schedules
_PER_SCHEDULE = 1.3  # an arm under another schedule goes to its end, where schedules show what they are worth
_PART_FOR_SEEDS = 0.4  # of the free money is kept for other seeds where the question sets a limit
_REPEATED = 0.3  # share of the budget after which finalists are repeated rather than trained on
_FINALISTS = 3
_FIXED_PART = 0.6  # of the free money may go into arms that have one rate only
_SETTLED = 1.5  # times the units before which rates cannot be compared; then they can
_LATE_START = 8.0  # full runs for each budget of such units: every rate has to be trained through them


@dataclass(frozen=True, slots=True)
class Race:
    """See ``race``.

    Args:
        prior: What is known of learning rates before anything ran.
    """

    prior: Prior = field(default_factory=Prior)

    def __call__(self, question: Question, runs: Sequence[Run], /) -> Sequence[Advance] | Done:
        """The missing advances of the first stage that is not complete, or that nothing is left to ask."""
        evidence = Evidence(question, runs)
        return replay(_Course(question, evidence, self.prior).plan(), evidence)

    def left(self, question: Question, runs: Sequence[Run], /) -> Mapping[RunKey, str]:
        """Why each run that was left behind waits; see ``Explains``."""
        evidence = Evidence(question, runs)
        course = _Course(question, evidence, self.prior)
        replay(course.plan(), evidence)
        return course.left


def race() -> Race:
    """The default searcher.

    Without a price limit a study with one arm and one seed costs 1.6 to 1.8 full runs, more where the budget has so few
    units that the smallest slice is dear, and up to 2.4 where the runs stand on one plateau and cannot be told apart.
    A winner that diverges late is replaced, on top of that. Several arms have a ladder each and compete from then on;
    with several seeds the finalists are repeated before the winner is trained to the end.
    """
    return Race()


def default_price(question: Question) -> float:
    """Full runs that a race usually costs at most where the question sets no limit."""
    once = min(_PRICE + _SMALL_BUDGET_UNITS / question.budget, _MOST_PRICE)
    once += _LATE_START * min(question.settles / question.budget, 1 / 4)
    ends = max(len(_by_schedule(question)) - 1, 0)
    return (
        once
        + _PER_SCHEDULE * ends
        + _PER_ARM * (len(question.arms) - 1 - ends)
        + _PER_SEED * (question.seeds - 1)
    )


def _by_schedule(question: Question) -> list[set[str]]:
    """The arms whose rate is searched, those under one schedule together."""
    arms: dict[str, set[str]] = {}
    for arm in question.arms:
        if arm.name in question.searched:
            arms.setdefault(arm.schedule, set()).add(arm.name)
    return list(arms.values())


@dataclass(slots=True)
class _Course:
    """One call of the searcher: the race replayed up to what is known."""

    question: Question
    evidence: Evidence
    prior: Prior
    asked: dict[RunKey, int] = field(default_factory=dict)  # until which unit each run was asked for
    spent: int = 0  # units
    on_plateau: bool = False
    compared: int = 0  # the longest slice at which at least two runs were compared, in units
    unsettled: list[str] = field(default_factory=list)
    left: dict[RunKey, str] = field(default_factory=dict)  # why each run that was left behind waits
    pending: tuple[RunKey, ...] = ()  # of the arms that have one rate: they join at ``late`` units
    late: int = 0
    standing: Standing = field(init=False)
    reasons: Reasons = field(init=False)

    def __post_init__(self) -> None:
        self.standing = Standing(self.question, self.evidence, self.prior, self.asked)
        self.reasons = Reasons(self.question, self.standing)

    def plan(self) -> Plan:
        slices = whole_slices(_SLICES, self.question.budget, first=self._first())
        known = slices[0][0]
        self._admit(known, [until for until, _ in slices])
        yield from self._ladder(*slices[0])
        alive = self.standing.alive(self.asked, known)
        for until, part in slices[1:]:
            if self.question.seeds > 1 and until > _REPEATED * self.question.budget and self.compared:
                break
            going = self._going_on(alive, known, until, part) if len(alive) > 1 else []
            if len(going) < 2 and not self.pending:
                break
            going = (going or alive) + self._joining(until)
            self.left |= self.reasons.leave(alive, going, known)
            yield from self._next_slice(alive, going, known, until)
            known, self.compared = until, until if len(going) > 1 else self.compared
            alive = self.standing.alive((key for key in self.asked if self.asked[key] == until), until)
        yield from self._repeats(alive, known)
        arrived = yield from self._to_the_end({arm.name for arm in self.question.arms})
        for arms in _by_schedule(self.question):
            if arrived is not None and arrived.arm not in arms:
                yield from self._to_the_end(arms, first=False)
        return self._last_word(arrived)

    def _admit(self, first: int, stops: Sequence[int]) -> None:
        """Which of the arms with one rate the price admits, and when: they spend their first steps on finding a step size."""
        fixed = self.question.fixed
        self.late = max(
            (until for until in stops if until <= _REPEATED * self.question.budget), default=first
        )
        self.pending = fixed[: max(int(_FIXED_PART * self._free(0) / self.late), 0)]
        if len(self.pending) < len(fixed):
            left_out = ", ".join(key.arm for key in fixed[len(self.pending) :])
            self.unsettled.append(f"The price did not let {left_out} start.")

    def _joining(self, until: int) -> list[RunKey]:
        """The runs of arms with one rate that join at ``until`` units."""
        joining, self.pending = (self.pending, ()) if until == self.late else ((), self.pending)
        return list(joining)

    def _first(self) -> int:
        """Units of the first slice at least: rates show what they can only some time after they have settled."""
        return min(math.ceil(_SETTLED * self.question.settles), self.question.budget // 4)

    # Money, in units.

    def _price(self) -> float:
        limit = self.question.max_cost
        usual = max(default_price(self.question), _PLATEAU_PRICE if self.on_plateau else 0.0)
        return (usual if limit is None else limit) * self.question.budget + 1e-9

    def _free(self, known: int, *, kept_for_seeds: bool = True) -> float:
        """Units that may be spent beside the winner's own way from ``known`` units to the end."""
        free = self._price() - self.spent - self._ends() * self._way(known, self.question.budget)
        free -= len(self.pending) * self.late
        if self.question.seeds == 1 or not kept_for_seeds:
            return free
        if self.question.max_cost is None:
            return free - _PER_SEED * (self.question.seeds - 1) * self.question.budget
        return free * (1 - _PART_FOR_SEEDS)

    def _ends(self) -> int:
        """How many schedules come to their end: all, where the price leaves enough to search for their rates besides."""
        schedules = max(len(_by_schedule(self.question)), 1)
        return schedules if self._price() >= (schedules + _SEARCH) * self.question.budget else 1

    def _way(self, known: int, until: int) -> int:
        """Units that it costs to bring a run from ``known`` to ``until``."""
        return until if self.question.resumes == "restart" else until - known

    def _stage(self, keys: Sequence[RunKey], until: int, why: Sequence[str]) -> Iterator[Sequence[Advance]]:
        for key in keys:
            self.left.pop(key, None)
        yield [
            Advance(arm=key.arm, lr=key.lr, seed=key.seed, until=until, why=reason)
            for key, reason in zip(keys, why, strict=True)
        ]
        for key in keys:
            known = self.asked.get(key, 0)
            trained = self.evidence.units(key, until)
            self.spent += trained if self.question.resumes == "restart" else max(trained - known, 0)
            self.asked[key] = max(until, known)

    # Stages.

    def _ladder(self, until: int, part: float) -> Iterator[Sequence[Advance]]:
        """The first slice: a coarse ladder for each arm, then rates between its best rungs."""
        question = self.question
        spans = {arm: question.span(arm) for arm in question.searched}
        free, fixed = self._free(0), self._joining(until)
        most = sum(math.ceil(_RUNGS_A_DECADE * span.decades) + 1 for span in spans.values())
        enough = sum(math.ceil(span.decades) + 2 for span in spans.values())
        least = min(1 + int(_LADDER_PART * free / until), enough)
        count = min(max(1 + int(part * free / until), least), most)
        keys = [
            RunKey(arm, rate, question.seed) for arm in spans for rate in self._rungs(arm, count / len(spans))
        ]
        why = self.reasons.go_on(fixed, [], 0)
        why += [f"{format_lr(key.lr)} is a rung of the first ladder." for key in keys]
        yield from self._stage([*fixed, *keys], until, why)
        # An extended question has its known rates for nothing; new ones are filled in as if they were all.
        left = count - len(keys)
        if question.known:
            left = max(left, len({*keys} - {*question.known}))
        for places in (left - left // 2, left // 2):
            filling = filled_in(self.standing, list(self.asked), until, places)
            if filling:
                why = [f"{format_lr(key.lr)} lies between the best rungs of the ladder." for key in filling]
                yield from self._stage(filling, until, why)

    def _rungs(self, arm: str, count: float) -> list[float]:
        """Rates of an arm's coarse ladder: one a decade, which filling makes two of where it matters.

        Args:
            arm: Name of the arm.
            count: Rates that it may start, the filling included.
        """
        question, span = self.question, self.question.span(arm)
        own = [] if question.current_lr is None else [question.current_lr]
        finest = math.ceil(span.decades) + 1
        places = min(max(min(finest, round(_COARSE * count)), 3), int(count) - len(own))
        known = {key.lr for key in question.known if key.arm == arm}
        ladder = joined(rungs(span, places), known)
        rates = own + [rate for rate in ladder if rate not in own and (rate in known or not near(rate, own))]
        rates = rates or rungs(span, 1)
        if places < min(finest, 3) or span.decades / max(places - 1, 1) > 1.5:
            sentence = f"The price let only {len(rates)} rates start; the best may lie between them."
            self.unsettled += [sentence] if sentence not in self.unsettled else []
        return rates

    def _next_slice(
        self, alive: list[RunKey], going: list[RunKey], known: int, until: int
    ) -> Iterator[Sequence[Advance]]:
        """Bring runs from ``known`` to ``until`` units; the best of those left behind replace what ends badly."""
        yield from self._stage(going, until, self.reasons.go_on(going, alive, known))
        while lost := [key for key in going if self.evidence.ended_badly(key, until)]:
            waiting = [
                key for key in self.asked if self.asked[key] == known and not self.standing.over_the_edge(key)
            ]
            waiting = self.standing.away(self.standing.alive(waiting, known))
            merit = self.standing.merits(waiting, known) if waiting else {}
            places = min(len(lost), int(max(self._free(known), 0) / self._way(known, until)))
            going = sorted(waiting, key=lambda key: (merit[key], key))[:places]
            if not going:
                return
            instead = format_lr(lost[0].lr)
            why = [f"{format_lr(key.lr)} goes on instead of {instead}, which ended badly." for key in going]
            yield from self._stage(going, until, why)

    def _repeats(self, alive: Sequence[RunKey], known: int) -> Iterator[Sequence[Advance]]:
        """With several seeds, the finalists are repeated with the others, as far as they are known."""
        seeds = self.question.seeds
        if seeds == 1 or len(alive) < 2:
            return
        merit = self.standing.merits(alive, known)
        free = max(self._free(known, kept_for_seeds=False), 0.0)
        places = min(int(free / known / (seeds - 1)), _FINALISTS)
        if places < 2:
            self.unsettled.append("The price did not allow to repeat the finalists with other seeds.")
            return
        finalists = sorted(alive, key=lambda key: (merit[key], key))[:places]
        self.left |= self.reasons.leave(alive, finalists, known)
        again = [key._replace(seed=key.seed + offset) for key in finalists for offset in range(1, seeds)]
        why = [f"{format_lr(key.lr)} is a finalist; seed {key.seed} tells it from luck." for key in again]
        yield from self._stage(again, known, why)

    def _to_the_end(
        self, arms: Collection[str], *, first: bool = True
    ) -> Generator[Sequence[Advance], None, RunKey | None]:
        """The best of those that came furthest is trained to the end; the next best where it ends badly.

        Args:
            arms: Whose runs are meant.
            first: Whether no run has come to its end yet; a further one does only where the price allows it.
        """
        budget, price = self.question.budget, self._price()
        lost: RunKey | None = None
        while True:
            mine = (key for key in self.asked if key.seed == self.question.seed and key.arm in arms)
            waiting = [key for key in mine if math.isfinite(self.standing.score(key))]
            waiting = [key for key in waiting if not self.standing.over_the_edge(key)] or waiting
            if not waiting:
                return None
            furthest = max(self.asked[key] for key in waiting)
            near = self.standing.away([key for key in waiting if 2 * self.asked[key] >= furthest])
            furthest = max(self.asked[key] for key in near)
            ahead = [key for key in near if self.asked[key] == furthest]
            merit = self.standing.merits(ahead, furthest)
            best = min(ahead, key=lambda key: (merit[key], key))
            if tied := self.standing.plateau(ahead, furthest):
                best = self.standing.below_the_edge(tied)
            too_dear = self.spent + self._way(furthest, budget) > price
            if not first and too_dear:
                self.unsettled.append(f"The price did not let {best.arm} come to the end of its schedule.")
                return None
            if lost and too_dear and self.question.max_cost is not None:
                self.unsettled.append(
                    "The winner ended badly, and the price does not allow another full run."
                )
                return None
            self.left |= self.reasons.leave_all(ahead, best, self.left)
            why = self.reasons.to_the_end(best, ahead, furthest)
            if not first:
                why = f"{format_lr(best.lr)} is the best of {best.arm}; what its schedule is worth shows at its end."
            if lost:
                why = f"{format_lr(best.lr)} takes the place of {format_lr(lost.lr)}, which ended badly."
            yield from self._stage([best], budget, [why])
            if math.isfinite(self.standing.score(best)):
                return best
            lost = best

    def _last_word(self, arrived: RunKey | None) -> Done:
        budget, unit = self.question.budget, self.question.unit
        if arrived is not None and self.question.max_cost is not None and self.compared < budget / 8:
            self.unsettled.append(f"The price allowed no comparison after more than {self.compared} {unit}s.")
        unsettled = tuple(self.unsettled) if self.question.max_cost is not None else ()
        if arrived is None:
            return Done(why="No run is left that could go on.", unsettled=unsettled)
        return Done(why=f"{format_lr(arrived.lr)} is trained to the end.", unsettled=unsettled)

    # Choices.

    def _going_on(self, alive: Sequence[RunKey], known: int, until: int, part: float) -> list[RunKey]:
        """Who goes on from ``known`` to ``until`` units: the best by merit, the leader, perhaps a rate between."""
        scores = {key: self.evidence.score(key, known) for key in alive}
        leader = min(alive, key=lambda key: (scores[key], key))
        tied = self.standing.plateau(alive, known)
        self.on_plateau |= bool(tied) and known > 1
        way = self._way(known, until)
        free = self._free(known) - (way if self.question.resumes == "restart" else 0)
        if tied:
            places = 1 + int(max(_PLATEAU_PART * free, 0.0) / way)
            return self._each_schedule(spread(leader, tied, places), alive, known)
        left = math.log10(self.question.budget / known)
        leader = lowest_tied(scores, self.standing.untrained(), self.prior, left=left)
        ranked = self._ranked(alive, leader, known)
        money = way if part * free < way <= free else part * free
        new = []
        budget = self.question.budget
        if _REFINED[0] * budget <= until <= _REFINED[1] * budget and self._way(0, until) <= money:
            new = beside(self.standing, ranked[0])[:1]
            money -= self._way(0, until) * len(new)
        return self._each_schedule(ranked[: 1 + int(max(money, 0.0) / way)] + new, alive, known)

    def _each_schedule(self, going: list[RunKey], alive: Sequence[RunKey], known: int) -> list[RunKey]:
        """With them the best run under each schedule that has none among them: it will go to its end."""
        merit = self.standing.merits(alive, known)
        for arms in _by_schedule(self.question) if self._ends() > 1 else ():
            if not any(key.arm in arms for key in going):
                mine = [key for key in alive if key.arm in arms]
                going = going + sorted(mine, key=lambda key: (merit[key], key))[:1]
        return going

    def _ranked(self, alive: Sequence[RunKey], leader: RunKey, known: int) -> list[RunKey]:
        """The best by merit first, the leader second at the latest; without those that are out."""
        merit = self.standing.merits(alive, known)
        ranked = sorted(alive, key=lambda key: (merit[key], key))
        best = merit[ranked[0]]
        if leader != ranked[0]:
            ranked.remove(leader)
            ranked.insert(1, leader)
        sure = _SURE_PLACES if known < self.question.budget / 10 else 1
        return [
            key
            for place, key in enumerate(ranked)
            if place < sure or key == leader or merit[key] <= best + _OUT
        ]
