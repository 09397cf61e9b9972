"""What do lrlab's searchers cost, and how good are their answers? On recorded learning-rate grids.

Each searcher is replayed on every grid of a set (``--set``): ``deepobs`` is ``LRLAB_DATA/curves`` (rates up to 10; epochs
are the units; the test loss plays the validation loss's role), ``own`` is ``benchmarks/grids``. A run's score is its
best value so far. Cost is in full runs, the winner's own included.

Regret is (mean score over seeds of the rate picked - best) / (untrained - best), in percent; a rate that diverged has
100 %. Where a grid has several seeds the searcher sees one, each in turn. An oracle that sees that seed's whole grid has a
regret too, and what a searcher is judged by is its excess over that; where it is below zero, by luck, it counts as
zero, except in the mean "with luck". On grids with one seed regret and excess are the same.

"interval" tells how often the 90 % interval holds the best recorded rate, or one within seed noise of it (half a step of
the grid allowed on either side), and its median width; "safe" which share of the rates inside the safe range is truly
within tolerance (2 %), and which part of the true safe range it covers.

Optuna's searchers have random parts: on grids with one seed they are run with ``--seeds`` of them (3), on the others each
seed of the grid has one of its own. They get 4, 8 and 16 full runs, and stop before a rate that they could not train to
its end.

Run: python -m benchmarks.searchers [--set deepobs|own|all] [--only race] [--quick] [--workers 2] [--cases] [--json]
     [--made-up] [--live] [--leave-one-out] [--grid NAME ...] [-o FILE.json]
"""

import argparse
import itertools
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from typing import TextIO

import numpy as np

from benchmarks.kept import output_option, save
from benchmarks.replay import SETS, Grid, grids_of, made_up_grids, study
from lrlab.api.engines import make_searcher
from lrlab.core.answer import Answer
from lrlab.searchers.merit import Prior
from lrlab.searchers.race import Race

TOLERANCE = 0.02
LIMITS = (3.0, 1.35)  # prices of the race besides its own


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A searcher at a price; ``seeds`` of its own on grids with one seed."""

    name: str
    searcher: str
    price: float | None = None
    seeds: int = 1


PLAIN = (
    Contestant(name="race", searcher="race"),
    *(Contestant(name=f"race, max_cost {price:g}", searcher="race", price=price) for price in LIMITS),
    *(
        Contestant(name=name, searcher=name)
        for name in ("grid:5", "grid:9", "grid:17", "halving:12", "halving:16")
    ),
)


def optuna_contestants(*, seeds: int, quick: bool) -> Iterator[Contestant]:
    """Optuna's samplers, with and without its pruners, at several prices."""
    for sampler in ("random", "tpe") if quick else ("random", "tpe", "gp"):
        for pruner in ("", "+median", "+asha", "+hyperband"):
            for price in (8.0,) if quick else (4.0, 8.0, 16.0):
                name = f"optuna:{sampler}{pruner}"
                yield Contestant(
                    name=f"{name}, {price:g} runs", searcher=name, price=price, seeds=1 if quick else seeds
                )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One study: what it cost and how good its answer is; shares, widths in decades, rates absolute."""

    contestant: str
    grid: str
    lr: float
    regret: float
    oracle: float
    cost: float
    covered: bool
    width: float
    safe_rates: int
    safe_hits: int
    safe_covered: float

    @property
    def excess(self) -> float:
        """Regret beyond that of an oracle that sees the same seed's whole grid."""
        return self.regret - self.oracle


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
        oracle=grid.oracle_regret,
        cost=answer.cost,
        covered=answer.found
        and any(low / half_step <= grid.lr[index] <= high * half_step for index in grid.best_indices),
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
    signed = 100 * np.array([case.excess for case in cases])
    excesses = np.maximum(signed, 0)
    rates = sum(case.safe_rates for case in cases)
    return {
        "cost": float(np.mean([case.cost for case in cases])),
        "dearest": float(np.max([case.cost for case in cases])),
        "mean": float(np.mean(excesses)),
        "mean with luck": float(np.mean(signed)),
        "median": float(np.median(excesses)),
        "p90": float(np.quantile(excesses, 0.9)),
        "worst": float(np.max(excesses)),
        "mean regret": float(np.mean(regrets)),
        "worst regret": float(np.max(regrets)),
        "interval holds": float(np.mean([case.covered for case in cases])),
        "width": float(np.nanmedian([case.width for case in cases])),
        "safe is safe": sum(case.safe_hits for case in cases) / max(rates, 1),
        "safe found": float(np.mean([case.safe_covered for case in cases])),
    }


HEAD = (
    "| searcher | cost (dearest) | excess regret: mean (with luck) | median | p90 | worst | regret: mean | worst "
    "| interval holds (decades) | safe is safe (found) |"
)


def line(name: str, figures: dict[str, float]) -> str:
    """One row of the table."""
    return (
        f"| {name} | {figures['cost']:.2f} ({figures['dearest']:.2f}) | {figures['mean']:.2f} % ({figures['mean with luck']:.2f} %) "
        f"| {figures['median']:.2f} % | {figures['p90']:.2f} % | {figures['worst']:.2f} % "
        f"| {figures['mean regret']:.2f} % | {figures['worst regret']:.2f} % "
        f"| {100 * figures['interval holds']:.0f} % ({figures['width']:.2f}) "
        f"| {100 * figures['safe is safe']:.0f} % ({100 * figures['safe found']:.0f} %) |"
    )


def replayed(contestant: Contestant, grids: Sequence[Grid]) -> list[Case]:
    """Every study of one contestant."""
    cases = []
    for number, grid in enumerate(grids):
        several = grid.seed_ends.shape[1] > 1
        for seed in [number] if several else range(contestant.seeds):
            answer = study(grid, make_searcher(contestant.searcher), max_cost=contestant.price, seed=seed)
            cases.append(judge(contestant.name, grid, answer))
    return cases


def tell(cases: Sequence[Case], out: TextIO) -> None:
    """One line a study."""
    for case in cases:
        print(
            f"    {case.grid:42s} lr {case.lr:<9.3g} regret {100 * case.regret:6.2f} %  "
            f"oracle {100 * case.oracle:6.2f} %  excess {100 * case.excess:6.2f} %  cost {case.cost:.2f}",
            file=out,
        )


def contest(
    contestants: Sequence[Contestant], grids: Sequence[Grid], *, workers: int, show_cases: bool, out: TextIO
) -> list[Case]:
    """Replay every contestant on every grid, and print the table."""
    print(HEAD, file=out)
    print("| --- " * (HEAD.count("|") - 1) + "|", file=out, flush=True)
    everything = []
    began = time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = pool.map(replayed, contestants, [grids] * len(contestants))
        for number, (contestant, cases) in enumerate(zip(contestants, found, strict=True), start=1):
            print(line(contestant.name, summary(cases)), file=out, flush=True)
            tell(cases if show_cases else (), out)
            everything += cases
            seconds = time.monotonic() - began
            print(f"{number} of {len(contestants)} searchers, {seconds:.0f} s", file=sys.stderr, flush=True)
    return everything


def leave_one_out(grids: Sequence[Grid]) -> None:
    """For each problem, the race with the constants that are best on all the other problems, at every price."""
    priors = [
        Prior(drift=drift, lag=lag, gap=gap, reach=reach)
        for drift, lag, gap, reach in itertools.product(
            (0.3, 0.4, 0.5), (0.1, 0.2, 0.3), (0.03, 0.06, 0.12), (0.25, 0.5)
        )
    ]
    lost = {
        prior: [max(judge("race", grid, study(grid, Race(prior))).excess, 0.0) for grid in grids]
        for prior in priors
    }
    chosen = {}
    print(
        f"the race, {len(priors)} sets of constants, chosen at the default price, one problem left out at a time:"
    )
    for problem in sorted({grid.problem for grid in grids}):
        rest = [index for index, grid in enumerate(grids) if grid.problem != problem]
        chosen[problem] = min(priors, key=lambda prior: np.mean([lost[prior][index] for index in rest]))
        print(f"    without {problem:18s} {chosen[problem]}")
    # One seed a rate, or several: the two sets.
    for name, mine in itertools.groupby(grids, key=lambda grid: "deepobs" if grid.judges is None else "own"):
        ours = list(mine)
        print(f"{name}: {len(ours)} grids\n{HEAD}\n{'| --- ' * (HEAD.count('|') - 1)}|")
        for price in (None, *LIMITS):
            for label, prior_of in (("left out", chosen.__getitem__), ("as shipped", lambda _: Prior())):
                cases = [
                    judge("race", grid, study(grid, Race(prior_of(grid.problem)), max_cost=price))
                    for grid in ours
                ]
                limit = "" if price is None else f", max_cost {price:g}"
                print(line(f"race{limit}, {label}", summary(cases)), flush=True)


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="deepobs", help="which grids")
    parser.add_argument("--grid", action="append", help="only the grids with this in their name; repeatable")
    parser.add_argument("--only", default="", help="only the searchers with this in their name")
    parser.add_argument("--seeds", type=int, default=3, help="of Optuna's searchers, on grids with one seed")
    parser.add_argument(
        "--quick", action="store_true", help="of Optuna only random and TPE at 8 full runs, one seed"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument(
        "--made-up", action="store_true", help="on closed-form trainings instead; needs no data"
    )
    parser.add_argument("--live", action="store_true", help="train three of the workloads for real instead")
    parser.add_argument("--cases", action="store_true", help="print every study")
    parser.add_argument(
        "--leave-one-out",
        action="store_true",
        help="choose the race's constants without each problem (--set all: on both sets)",
    )
    parser.add_argument("--json", action="store_true", help="JSON on stdout, the tables on stderr")
    output_option(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each set of grids, and JSON where asked."""
    options = options_of(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that are started
    out = sys.stderr if options.json else sys.stdout
    if options.live:
        from benchmarks.live import live_cases  # PyTorch, which a replay does not need

        cases = live_cases(options.workers)
        print(f"{HEAD}\n{'| --- ' * (HEAD.count('|') - 1)}|\n{line('race, live', summary(cases))}", file=out)
        tell(cases if options.cases else (), out)
        write({"live": {"cases": [asdict(case) | {"excess": case.excess} for case in cases]}}, options)
        return
    names = ["made up"] if options.made_up else SETS[:2] if options.set == "all" else [options.set]
    everyone = list(PLAIN)
    if find_spec("optuna"):
        everyone += optuna_contestants(seeds=options.seeds, quick=options.quick)
    else:
        print("skipped: Optuna is not installed", file=sys.stderr)
    contestants = [contestant for contestant in everyone if options.only in contestant.name]
    if options.leave_one_out:
        leave_one_out([grid for name in names for grid in grids_of(name)])
        return
    report = {}
    for name in names:
        grids = made_up_grids() if options.made_up else grids_of(name)
        grids = [
            grid for grid in grids if not options.grid or any(part in grid.name for part in options.grid)
        ]
        if not grids:
            continue
        print(f"{name}: {len(grids)} grids", file=out)
        cases = contest(contestants, grids, workers=options.workers, show_cases=options.cases, out=out)
        report[name] = {
            "searchers": {
                contestant.name: summary([case for case in cases if case.contestant == contestant.name])
                for contestant in contestants
            },
            "cases": [asdict(case) | {"excess": case.excess} for case in cases],
        }
    write(report, options)


def write(report: Mapping[str, object], options: argparse.Namespace) -> None:
    """The report as JSON, where it was asked for."""
    text = save(report, options.output)
    if options.json:
        print(text)


if __name__ == "__main__":
    main()
