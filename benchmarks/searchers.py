"""What do lrlab's searchers cost, and how good are their answers? On recorded learning-rate grids.

Each searcher is replayed on every grid in ``LRLAB_DATA/curves`` (rates up to 10; epochs are the units). The metric is
the test loss, which plays the validation loss's role; a run's score is its best value so far. Cost is in full runs,
the winner's own included. Regret is (score of the rate picked - best) / (untrained - best), in percent; a rate that
diverged has 100 %. "interval" tells how often the 90 % interval holds the best recorded rate (half a step of the grid
allowed on either side) and how wide it is, "safe" which share of the rates inside the safe range is truly within
tolerance (2 %), and which part of the true safe range it covers.

Run: python -m benchmarks.searchers [--only race] [--made-up] [--cases] [--leave-one-out] [-o FILE.json]
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.replay import Grid, made_up_grids, recorded_grids, study
from lrlab.core.answer import Answer
from lrlab.searchers.choose import searcher
from lrlab.searchers.merit import Prior
from lrlab.searchers.race import Race

TOLERANCE = 0.02
CONTESTANTS: tuple[tuple[str, str, float | None], ...] = (
    ("race", "race", None),
    ("race, max_cost 3", "race", 3.0),
    ("race, max_cost 1.35", "race", 1.35),
    ("grid:5", "grid:5", None),
    ("grid:9", "grid:9", None),
    ("grid:17", "grid:17", None),
    ("halving:12", "halving:12", None),
    ("halving:16", "halving:16", None),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One study: what it cost and how good its answer is; shares, widths in decades, rates absolute."""

    contestant: str
    grid: str
    lr: float
    regret: float
    cost: float
    covered: bool
    width: float
    safe_rates: int
    safe_hits: int
    safe_covered: float


def judge(contestant: str, grid: Grid, answer: Answer) -> Case:
    """Compare an answer with the whole grid."""
    regrets = [grid.regret(float(rate)) for rate in grid.lr]
    best = int(np.argmin(grid.ends))
    half_step = 10 ** (0.5 * math.log10(grid.lr[1] / grid.lr[0]) + 0.001)
    low, high = answer.interval
    inside = [
        regret
        for rate, regret in zip(grid.lr, regrets, strict=True)
        if _within(float(rate), answer.safe_range)
    ]
    return Case(
        contestant=contestant,
        grid=grid.name,
        lr=answer.lr,
        regret=grid.regret(answer.lr) if answer.found else 1.0,
        cost=answer.cost,
        covered=answer.found and low / half_step <= grid.lr[best] <= high * half_step,
        width=math.log10(high / low) if answer.found else math.nan,
        safe_rates=len(inside),
        safe_hits=sum(regret <= TOLERANCE for regret in inside),
        safe_covered=_share_covered(grid, regrets, best, answer.safe_range) if answer.found else 0.0,
    )


def _within(rate: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= rate <= bounds[1]


def _share_covered(grid: Grid, regrets: Sequence[float], best: int, bounds: tuple[float, float]) -> float:
    """Which part of the true safe range around the best recorded rate lies inside ``bounds``."""
    first = last = best
    while first > 0 and regrets[first - 1] <= TOLERANCE:
        first -= 1
    while last < len(regrets) - 1 and regrets[last + 1] <= TOLERANCE:
        last += 1
    true_low, true_high = math.log10(grid.lr[first]), math.log10(grid.lr[last])
    if first == last:
        return float(_within(float(grid.lr[best]), bounds))
    low, high = (math.log10(bound) for bound in bounds)
    return max(min(high, true_high) - max(low, true_low), 0.0) / (true_high - true_low)


def summary(cases: Sequence[Case]) -> dict[str, float]:
    """The figures of one contestant."""
    regrets = 100 * np.array([case.regret for case in cases])
    rates = sum(case.safe_rates for case in cases)
    return {
        "cost": float(np.mean([case.cost for case in cases])),
        "dearest": float(np.max([case.cost for case in cases])),
        "mean": float(np.mean(regrets)),
        "median": float(np.median(regrets)),
        "p90": float(np.quantile(regrets, 0.9)),
        "worst": float(np.max(regrets)),
        "interval holds": float(np.mean([case.covered for case in cases])),
        "width": float(np.nanmean([case.width for case in cases])),
        "safe is safe": sum(case.safe_hits for case in cases) / max(rates, 1),
        "safe found": float(np.mean([case.safe_covered for case in cases])),
    }


HEAD = "| searcher | cost (dearest) | regret: mean | median | p90 | worst | interval holds (decades) | safe is safe (found) |"


def line(name: str, figures: dict[str, float]) -> str:
    """One row of the table."""
    return (
        f"| {name} | {figures['cost']:.2f} ({figures['dearest']:.2f}) | {figures['mean']:.2f} % "
        f"| {figures['median']:.2f} % | {figures['p90']:.2f} % | {figures['worst']:.2f} % "
        f"| {100 * figures['interval holds']:.0f} % ({figures['width']:.2f}) "
        f"| {100 * figures['safe is safe']:.0f} % ({100 * figures['safe found']:.0f} %) |"
    )


def contest(grids: Sequence[Grid], *, only: str, show_cases: bool) -> list[Case]:
    """Replay every contestant on every grid, and print the table."""
    print(HEAD)
    print("| --- " * (HEAD.count("|") - 1) + "|")
    everything = []
    for name, text, price in CONTESTANTS:
        if only and only not in name:
            continue
        cases = [judge(name, grid, study(grid, searcher(text), max_cost=price)) for grid in grids]
        print(line(name, summary(cases)))
        if show_cases:
            for case in cases:
                print(
                    f"    {case.grid:30s} lr {case.lr:<9.3g} regret {100 * case.regret:6.2f} %  cost {case.cost:.2f}"
                )
        everything += cases
    return everything


def leave_one_out(grids: Sequence[Grid]) -> None:
    """For each problem, the race with the constants that are best on the other problems."""
    priors = [
        Prior(drift=drift, lag=lag, gap=gap, reach=reach)
        for drift, lag, gap, reach in product(
            (0.3, 0.4, 0.5), (0.1, 0.2, 0.3), (0.03, 0.06, 0.12), (0.25, 0.5)
        )
    ]
    cases = {prior: [judge("race", grid, study(grid, Race(prior))) for grid in grids] for prior in priors}
    print(f"the race, {len(priors)} sets of constants, one problem left out at a time:")
    left_out = []
    for problem in sorted({grid.problem for grid in grids}):
        mine = [index for index, grid in enumerate(grids) if grid.problem == problem]
        rest = [index for index in range(len(grids)) if index not in mine]
        best = min(priors, key=lambda prior: np.mean([cases[prior][index].regret for index in rest]))
        left_out += [cases[best][index] for index in mine]
        print(f"    without {problem:16s} {best}")
    print(HEAD)
    print(line("race, left out", summary(left_out)))
    print(
        line(
            "race, as shipped",
            summary(cases.get(Prior()) or [judge("race", g, study(g, Race())) for g in grids]),
        )
    )


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="only the searchers with this in their name")
    parser.add_argument(
        "--made-up", action="store_true", help="on closed-form trainings instead; needs no data"
    )
    parser.add_argument("--cases", action="store_true", help="print every study")
    parser.add_argument(
        "--leave-one-out", action="store_true", help="choose the race's constants without each problem"
    )
    parser.add_argument("-o", "--output", type=Path, help="write every study as JSON")
    options = parser.parse_args()
    grids = made_up_grids() if options.made_up else recorded_grids()
    if options.leave_one_out:
        leave_one_out(grids)
        return
    cases = contest(grids, only=options.only, show_cases=options.cases)
    if options.output:
        options.output.write_text(
            json.dumps([asdict(case) for case in cases], indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
