"""The interval and the safe range of the race's answers: how they were chosen, and on what they were not.

The race is replayed once on every grid (see ``searchers.py`` for the figures); only what its answers say changes here.

- **Interval.** How near to the winner the best rate is expected (``NEAR``) and how far estimates are doubted (``DOUBT``) are
  those of a few pairs with the narrowest intervals (the sum of the sets' median widths) that hold the best rate in 90 % of the
  studies of each set, chosen on all problems but one and reported on that one. Each closed-form training is a problem
  of its own. ``grids_small`` took no part in the choice.
- **Safe range.** Of the rates inside it that lose more than the tolerance, how many are the picked rate itself: no range
  around that can leave it out.

Run: python -m benchmarks.answers [--searcher race] [--max-cost 3]
"""

import argparse
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.replay import RECORDED, Grid, grids_of, made_up_grids, own_grids, trainer
from benchmarks.searchers import TOLERANCE, judge
from lrlab.api.engines import make_searcher
from lrlab.core.answer import Answer
from lrlab.searchers.answer import DOUBT, NEAR, best_interval, conclude
from lrlab.searchers.regret import Picture, look
from lrlab.testing.landscapes import carry_out

TRIED = tuple(
    (near, doubt) for doubt in (0.3, 0.6, 0.9, 1.2, 1.5) for near in (0.25, 0.275, 0.3, 0.325, 0.35, 0.4, 0.5)
)
CHOSEN_ON = ("own", "deepobs", "made up")
_WANTED = 0.9
_NEARLY = 0.005
Held = tuple[bool, float]
Pair = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Study:
    """One replay and what its answer says."""

    set: str
    grid: Grid
    answer: Answer
    picture: Picture

    @property
    def problem(self) -> str:
        """What is left out together."""
        return self.grid.name if self.set == "made up" else self.grid.problem

    def held(self, pair: Pair) -> Held:
        """Whether the interval holds the best rate, and its width in decades."""
        interval = best_interval(self.answer.question, self.picture, near=pair[0], doubt=pair[1])
        case = judge("", self.grid, replace(self.answer, interval=interval))
        return case.covered, case.width


def studies(searcher: str, max_cost: float | None) -> list[Study]:
    """The studies that found a rate."""
    sets = {name: grids_of(name) for name in CHOSEN_ON[:2]}
    sets |= {"made up": made_up_grids(), "grids_small": own_grids(RECORDED.parent / "grids_small")}
    found = []
    for name, grids in sets.items():
        for number, grid in enumerate(grids):
            question = grid.question(max_cost=max_cost, seed=number)
            runs, done = carry_out(question, make_searcher(searcher), trainer(grid))
            picture = look(question, runs)
            if picture.winner is not None:
                answer = conclude(question, runs, done=done)
                found.append(Study(set=name, grid=grid, answer=answer, picture=picture))
    return found


def figures(held: Sequence[Held]) -> Held:
    """How often intervals hold the best, and their median width."""
    covered, widths = zip(*held, strict=True)
    return np.mean(covered), float(np.median(widths))


def intervals(found: Sequence[Study]) -> None:
    """The table of the interval."""
    sets = tuple(dict.fromkeys(study.set for study in found))
    print(f"| expected within (decades), doubted by | {' | '.join(sets)} |")
    print("| --- " * (len(sets) + 1) + "|")
    held = {pair: [study.held(pair) for study in found] for pair in TRIED}

    def row(name: str, values: Mapping[int, Held]) -> None:
        cells = []
        for which in sets:
            mine = [value for place, value in values.items() if found[place].set == which]
            share, width = figures(mine) if mine else (math.nan, math.nan)
            cells.append(f"{100 * share:.0f} % ({width:.2f})" if mine else "")
        print(f"| {name} | {' | '.join(cells)} |")

    for pair in TRIED:
        name = f"{pair[0]:g}, {pair[1]:g}"
        row(f"{name} (as shipped)" if pair == (NEAR, DOUBT) else name, dict(enumerate(held[pair])))
    row("anywhere, 0.3", dict(enumerate(study.held((math.inf, 0.3)) for study in found)))
    left: dict[int, Held] = {}
    choices: Counter[Pair] = Counter()
    for problem in sorted({study.problem for study in found if study.set in CHOSEN_ON}):
        pair = chosen(found, held, [place for place, study in enumerate(found) if study.problem != problem])
        choices[pair] += 1
        left |= {
            place: held[pair][place]
            for place, study in enumerate(found)
            if study.problem == problem and study.set in CHOSEN_ON
        }
    row("each problem left out", left)
    missed = [study for study, (covered, _) in zip(found, held[NEAR, DOUBT], strict=True) if not covered]
    for which in sets:
        lost = [study.grid.regret(study.answer.lr) for study in missed if study.set == which]
        near = sum(one < _NEARLY for one in lost)
        print(
            f"{which}: {len(lost)} miss the best rate; {near} of these answers lose less than {100 * _NEARLY:g} %."
        )
    print(
        "chosen:",
        ", ".join(f"{near:g}, {doubt:g} ({count} times)" for (near, doubt), count in choices.items()),
    )


def chosen(found: Sequence[Study], held: Mapping[Pair, Sequence[Held]], places: Sequence[int]) -> Pair:
    """The pair with the narrowest intervals of those that hold the best rate often enough in each set."""

    def rank(pair: Pair) -> tuple[bool, float]:
        parts = [
            figures([held[pair][place] for place in places if found[place].set == which])
            for which in CHOSEN_ON
            if any(found[place].set == which for place in places)
        ]
        return min(share for share, _ in parts) < _WANTED, sum(width for _, width in parts)

    return min(TRIED, key=rank)


def ranges(found: Sequence[Study]) -> None:
    """The table of the safe range."""
    print("| set | rates inside | safe | not: the picked rate | not: others | part of the true range found |")
    print("| --- | --- | --- | --- | --- | --- |")
    for which in dict.fromkeys(study.set for study in found):
        inside = safe = picked = 0
        part = []
        for study in (study for study in found if study.set == which):
            grid, case = study.grid, judge("", study.grid, study.answer)
            inside, safe = inside + case.safe_rates, safe + case.safe_hits
            own = grid.lr[grid.index(study.answer.lr)]
            low, high = study.answer.safe_range
            picked += low <= own <= high and grid.regret(float(own)) > TOLERANCE
            part.append(case.safe_covered)
        print(
            f"| {which} | {inside} | {100 * safe / max(inside, 1):.0f} % | {picked} | {inside - safe - picked} "
            f"| {100 * np.mean(part):.0f} % |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--searcher", default="race", help="whose answers")
    parser.add_argument("--max-cost", type=float, help="its price, in full runs")
    options = parser.parse_args(arguments)
    found = studies(options.searcher, options.max_cost)
    intervals(found)
    print()
    ranges(found)


if __name__ == "__main__":
    main()
