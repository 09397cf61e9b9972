"""What does comparing alternatives cost, and is the chosen one the best? On recorded learning-rate grids.

The grids of one problem are the arms of one study: ``deepobs`` has three optimizers a problem; of ``own`` those
workloads count that were recorded under several schedules, which are arms alike. For each problem (and seed) the race
runs once with all arms, and once with each alone.

- cost: of the study with arms, over the mean cost of a study with one of them;
- lost by the arm: what the best rate of the arm that was chosen leaves to the best rate of all arms, as a share of the
  improvement from untrained; within tolerance (2 %) it counts as the right arm;
- regret: the same of the rate that was answered.

Run: python -m benchmarks.arms [--set deepobs|own|all] [--json] [-o FILE.json]
"""

import argparse
import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.kept import output_option, save
from benchmarks.replay import METRIC, SETS, Grid, grids_of, study, trainer
from benchmarks.searchers import TOLERANCE
from lrlab.core.lr_range import LRRange
from lrlab.core.question import Arm, Question
from lrlab.core.run import Run
from lrlab.searchers.answer import conclude
from lrlab.searchers.race import default_price, race
from lrlab.testing.landscapes import Train, carry_out

MOST_COST = 1.6  # times one of them


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One study with arms; costs in full runs, shares of the improvement."""

    problem: str
    arms: tuple[str, ...]
    chosen: str
    lr: float
    cost: float
    alone: float
    price: float
    arm_lost: float
    regret: float
    confidence: float

    @property
    def factor(self) -> float:
        """How many times a study with one arm it cost."""
        return self.cost / self.alone


def problems(grids: Sequence[Grid]) -> list[list[Grid]]:
    """The grids that are arms of one study: same problem, same length, same seed."""

    def place(grid: Grid) -> tuple[str, int, str]:
        _, _, seed = grid.name.rpartition("/") if grid.judges is not None else ("", "", "")
        return grid.problem, grid.budget, seed

    grouped = itertools.groupby(sorted(grids, key=lambda grid: (place(grid), grid.name)), place)
    return [found for _, group in grouped if len(found := list(group)) > 1]


def names(grids: Sequence[Grid]) -> dict[str, Grid]:
    """The grids by what tells them apart: the optimizer, or the schedule."""
    several = len({grid.optimizer for grid in grids}) > 1
    return {grid.optimizer if several else grid.schedule: grid for grid in grids}


def question_of(arms: Mapping[str, Grid]) -> Question:
    """What a study of all arms asks; each has its own range."""
    spans = {name: LRRange(float(grid.lr[0]), float(grid.lr[-1])) for name, grid in arms.items()}
    whole = LRRange(min(span.low for span in spans.values()), max(span.high for span in spans.values()))
    first = next(iter(arms.values()))
    return Question(
        lr=whole,
        budget=first.budget,
        metric=METRIC,
        arms=tuple(
            Arm(name=name, optimizer=grid.optimizer, schedule=grid.schedule, lr=spans[name])
            for name, grid in arms.items()
        ),
    )


def trainer_of(arms: Mapping[str, Grid]) -> Train:
    """Trains each run on its arm's curves."""
    trainers = {name: trainer(grid) for name, grid in arms.items()}

    def train(run: Run, until: int) -> Run:
        return trainers[run.arm](run, until)

    return train


def compared(arms: Mapping[str, Grid]) -> Comparison:
    """The study with all arms, beside those with one."""
    question = question_of(arms)
    runs, done = carry_out(question, race(), trainer_of(arms))
    answer = conclude(question, runs, done=done)
    best = {name: min(grid.ends) for name, grid in arms.items()}
    untrained = float(np.median([grid.untrained for grid in arms.values()]))
    scale = untrained - min(best.values())
    chosen = arms[answer.arm]
    return Comparison(
        problem=f"{chosen.problem}/{chosen.name.rpartition('/')[2]}"
        if chosen.judges is not None
        else chosen.problem,
        arms=tuple(arms),
        chosen=answer.arm,
        lr=answer.lr,
        cost=answer.cost,
        alone=float(np.mean([study(grid, race()).cost for grid in arms.values()])),
        price=default_price(question),
        arm_lost=(best[answer.arm] - min(best.values())) / scale,
        regret=min((chosen.ends[chosen.index(answer.lr)] - min(best.values())) / scale, 1.0),
        confidence=answer.confidence,
    )


def threes(arms: Mapping[str, Grid]) -> list[dict[str, Grid]]:
    """Every choice of three of the arms; all of them where there are fewer."""
    count = min(3, len(arms))
    return [dict(chosen) for chosen in itertools.combinations(arms.items(), count)]


def report(found: Sequence[Comparison]) -> str:
    """A table of the studies, and the figures of all."""
    lines = ["| problem | arms | chosen | cost (of one) | times | arm loses | regret |", "| --- " * 7 + "|"]
    for one in found:
        lines.append(
            f"| {one.problem} | {', '.join(one.arms)} | {one.chosen} | {one.cost:.2f} ({one.alone:.2f}) | {one.factor:.2f} "
            f"| {100 * one.arm_lost:.2f} % | {100 * one.regret:.2f} % |"
        )
    right = sum(one.arm_lost <= TOLERANCE for one in found)
    lines.append(
        f"{len(found)} studies: {np.mean([one.factor for one in found]):.2f} times the cost of one arm (at most "
        f"{max(one.factor for one in found):.2f}); the chosen arm loses at most {TOLERANCE:.0%} in {right} "
        f"({right / len(found):.0%}); mean regret {100 * np.mean([one.regret for one in found]):.2f} %, worst "
        f"{100 * max(one.regret for one in found):.2f} %."
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each set of grids, and JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="deepobs", help="which grids")
    parser.add_argument("--json", action="store_true", help="JSON on stdout, the tables on stderr")
    output_option(parser)
    options = parser.parse_args(arguments)
    everything = {}
    for name in SETS[:2] if options.set == "all" else (options.set,):
        found = [compared(arms) for grids in problems(grids_of(name)) for arms in threes(names(grids))]
        if found:
            print(f"{name}:\n{report(found)}", file=sys.stderr if options.json else sys.stdout, flush=True)
            everything[name] = [asdict(one) | {"factor": one.factor} for one in found]
    text = save(everything, options.output)
    if options.json:
        print(text)


if __name__ == "__main__":
    main()
