"""Does the race hold where things are not as usual? On recorded learning-rate grids, changed.

- Scale: the rates of every grid are multiplied by 1/1000 and by 1000, as if the task's scale had changed, so that the best
  rate lies three decades away from the usual one. Cost and regret before and after.
- Noise: what the searcher sees has its noise between units tripled, ``--draws`` times: white noise is added to every curve,
  its standard deviation sqrt(8) times that of the rates that learn, told by their second differences. Answers are judged
  by the curves as they were. Regret before and after, and whether those that lose a fifth say that they are not sure.
- Odd grids: every rate diverges; the best rate is the lowest, or the highest; nothing learns. In how many of the grids
  each is recognised, by its warning.
- Order: on each grid the runs arrive in a random part and order, as from several workers; how many studies are the same.
- Own time: CPU seconds of the searcher and of the answers after every slice, over the time of the study where a full run
  takes 10 s.
- Workers: how busy two workers are until the last run begins, where every unit takes the same time.

Run: python -m benchmarks.robustness [--set deepobs|own|all] [--draws 5] [--first-draw 0] [--json] [-o FILE.json]
"""

import argparse
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.kept import output_option, save
from benchmarks.replay import SETS, Grid, grids_of, study, trainer
from benchmarks.searchers import HEAD, Case, judge, line, summary
from lrlab.core.answer import Answer
from lrlab.core.question import Advance, Done
from lrlab.core.run import Run, RunKey
from lrlab.searchers.answer import conclude
from lrlab.searchers.race import race
from lrlab.testing.landscapes import carry_out, new_run

FULL_RUN_S = 10.0
LOST = 0.2  # excess regret
LEARNED = 0.5  # a rate whose regret is below shows the noise of the validation
FEWEST_RATES = 5  # a grid whose best rate is too close to an end is not cut off there
Measured = Mapping[str, object]


# --- changed grids ----------------------------------------------------------------------------------------------


def scaled(grid: Grid, decades: int) -> Grid:
    """The same task where every rate is ``10 ** decades`` times as large."""
    return replace(grid, lr=grid.lr * 10.0**decades)


def noisier(grid: Grid, times: float, draw: np.random.Generator) -> Grid:
    """The grid with ``times`` the noise between units in what the searcher sees; judged as before."""
    # A second difference of white noise has variance 6; 1.4826 turns a middle absolute value into a deviation.
    learned = grid.curves[np.array([grid.regret(rate) for rate in grid.lr]) < LEARNED, 1:]
    rough = 1.4826 * np.nanmedian(np.abs(np.diff(learned, n=2))) / math.sqrt(6)
    curves = grid.curves.copy()
    curves[:, 1:] += rough * math.sqrt(times**2 - 1) * draw.standard_normal(curves[:, 1:].shape)
    judges = grid.curves[:, None, :] if grid.judges is None else grid.judges
    return replace(grid, curves=curves, judges=judges)


def part(grid: Grid, rows: slice) -> Grid:
    """Only some of the grid's rates."""
    judges = None if grid.judges is None else grid.judges[rows]
    return replace(grid, lr=grid.lr[rows], curves=grid.curves[rows], judges=judges)


def all_diverge(grid: Grid) -> Grid:
    """Every rate explodes, the lower ones later."""
    curves = grid.curves.copy()
    last = np.linspace(grid.budget // 2, 1, len(grid.lr)).round().astype(int)
    for row, unit in enumerate(last):
        curves[row, unit:] = np.nan
    return replace(grid, curves=curves)


def best_is_lowest(grid: Grid) -> Grid:
    """Without the rates below the best one."""
    return part(grid, slice(int(np.argmin(grid.ends)), None))


def best_is_highest(grid: Grid) -> Grid:
    """Without the rates above the best one."""
    return part(grid, slice(0, int(np.argmin(grid.ends)) + 1))


def nothing_learns(grid: Grid) -> Grid:
    """Every curve stays where it begins, but for noise of a hundredth of that."""
    draw = np.random.default_rng(0)
    curves = np.full_like(grid.curves, grid.untrained)
    curves[:, 1:] += 0.01 * abs(grid.untrained) * draw.standard_normal(curves[:, 1:].shape)
    return replace(grid, curves=curves)


# What is done to a grid, and the warnings of which one must be there.
ODD: Mapping[str, tuple[Callable[[Grid], Grid], frozenset[str]]] = {
    "every rate diverges": (all_diverge, frozenset({"ALL_DIVERGED"})),
    "best rate is the lowest": (best_is_lowest, frozenset({"EDGE_LOW"})),
    "best rate is the highest": (best_is_highest, frozenset({"EDGE_HIGH"})),
    "nothing learns": (nothing_learns, frozenset({"NOTHING_LEARNED", "NOISE", "FLAT"})),
}


# --- measurements -----------------------------------------------------------------------------------------------


def cases(name: str, grids: Sequence[Grid]) -> list[Case]:
    """The race on every grid."""
    return [judge(name, grid, study(grid, race())) for grid in grids]


def in_noise(grids: Sequence[Grid], draws: Sequence[int]) -> list[tuple[Case, Answer]]:
    """The race on every grid with three times the noise."""
    found = []
    for draw in draws:
        for number, grid in enumerate(grids):
            noisy = noisier(grid, 3, np.random.default_rng((draw, number)))
            answer = study(noisy, race())
            found.append((judge("race", noisy, answer), answer))
    return found


def recognised(grids: Sequence[Grid]) -> dict[str, dict[str, object]]:
    """For each odd kind: in how many grids it was recognised, with which warnings, at which price."""
    found: dict[str, dict[str, object]] = {}
    for kind, (change, codes) in ODD.items():
        changed = [odd for odd in map(change, grids) if len(odd.lr) >= FEWEST_RATES]
        if not changed:
            continue
        answers = [study(grid, race()) for grid in changed]
        missed = [
            grid.name for grid, answer in zip(changed, answers, strict=True) if not answer.codes & codes
        ]
        found[kind] = {
            "grids": len(changed),
            "recognised": len(changed) - len(missed),
            "missed": missed,
            "codes": sorted({code for answer in answers for code in answer.codes & codes}),
            "confidence": float(np.mean([answer.confidence for answer in answers])),
            "cost": float(np.mean([answer.cost for answer in answers])),
        }
    return found


def same_in_any_order(grids: Sequence[Grid], orders: int = 3) -> tuple[int, int]:
    """How many studies whose runs arrive in random order are the same as in the plain one, of how many."""
    same = 0
    for grid in grids:
        question, expected = grid.question(), facts(study(grid, race()))
        for number in range(orders):
            runs, done = carry_out(question, race(), trainer(grid), order=random.Random(number))
            same += facts(conclude(question, runs, done=done)) == expected
    return same, orders * len(grids)


def facts(answer: Answer) -> object:
    """What must not depend on who trains what when."""
    runs = sorted((run.key, run.units, str(run.outcome)) for run in answer.runs)
    told = (answer.lr, answer.interval, answer.safe_range, answer.confidence, answer.cost)
    return (*(repr(value) for value in told), sorted(answer.codes), runs)


def own_time(grid: Grid) -> tuple[float, float]:
    """(CPU seconds of the searcher and of its answers, seconds of the training) of a study on one worker."""
    question, who, train = grid.question(), race(), trainer(grid)
    runs: dict[RunKey, Run] = {}
    own = 0.0
    while True:
        known = tuple(runs.values())
        began = time.process_time()
        asked = who(question, known)
        who.left(question, known)
        conclude(question, known, done=asked if isinstance(asked, Done) else None)
        own += time.process_time() - began
        if isinstance(asked, Done):
            return own, sum(run.units for run in known) / question.budget * FULL_RUN_S
        runs[asked[0].key] = train(runs.get(asked[0].key, new_run(asked[0])), asked[0].until)


def busy(grid: Grid, workers: int = 2) -> float:
    """Share of the time for which ``workers`` are at work until the last run begins; a unit takes one tick."""
    question, who, train = grid.question(), race(), trainer(grid)
    runs: dict[RunKey, Run] = {}
    under_way: dict[RunKey, tuple[int, Run, int]] = {}  # (when it ends, what it is then, units of it)
    clock, work, last_began, work_before = 0, 0, 0, 0
    while True:
        asked: Sequence[Advance] | Done = who(question, tuple(runs.values()))
        if isinstance(asked, Done):
            return work_before / (workers * last_began) if last_began else 1.0
        waiting = [advance for advance in asked if advance.key not in under_way]
        for advance in waiting[: workers - len(under_way)]:
            before = runs.get(advance.key, new_run(advance))
            after = train(before, advance.until)
            units = max(after.units - before.units, 1)  # what diverges in its first unit takes it too
            if not under_way and advance.until == question.budget:
                last_began, work_before = clock, work
            under_way[advance.key] = (clock + units, after, units)
        clock = min(end for end, _, _ in under_way.values())
        for key in [key for key, (end, _, _) in under_way.items() if end == clock]:
            _, runs[key], units = under_way.pop(key)
            work += units


# --- the report -------------------------------------------------------------------------------------------------


def report(grids: Sequence[Grid], draws: Sequence[int]) -> dict[str, Measured]:
    """Everything that is measured on these grids."""
    same, orders = same_in_any_order(grids)
    times = [own_time(grid) for grid in grids]
    shares = [busy(grid) for grid in grids]
    noisy = in_noise(grids, draws)
    lost = [answer for case, answer in noisy if case.excess > LOST]
    return {
        "scale and noise": {
            "as recorded": summary(cases("race", grids)),
            "rates / 1000": summary(cases("race", [scaled(grid, -3) for grid in grids])),
            "rates x 1000": summary(cases("race", [scaled(grid, 3) for grid in grids])),
            "noise tripled": summary([case for case, _ in noisy]),
        },
        "lost in noise": {
            "studies": len(noisy),
            "lost": len(lost),
            "low confidence": sum(answer.confidence_word == "low" for answer in lost),
        },
        "odd grids": recognised(grids),
        "order": {"same": same, "studies": orders},
        "own time": {
            "share": sum(own for own, _ in times) / sum(study_s for _, study_s in times),
            "most": max(own / study_s for own, study_s in times),
        },
        "two workers busy": {"mean": float(np.mean(shares)), "least": min(shares)},
    }


def lines(found: Mapping[str, Mapping]) -> Iterator[str]:  # type: ignore[type-arg]
    """The report as tables and sentences."""
    yield HEAD.replace("searcher", "race")
    yield "| --- " * (HEAD.count("|") - 1) + "|"
    for name, figures in found["scale and noise"].items():
        yield line(name, figures)
    lost = found["lost in noise"]
    yield ""
    yield (
        f"With the noise tripled {lost['lost']} of {lost['studies']} studies lose more than {LOST:.0%}; "
        f"{lost['low confidence']} of these have low confidence."
    )
    yield ""
    yield "| odd grids | recognised | by | confidence | cost |"
    yield "| --- | --- | --- | --- | --- |"
    for name, kind in found["odd grids"].items():
        codes = ", ".join(kind["codes"])
        share = f"{kind['recognised']} of {kind['grids']}"
        yield f"| {name} | {share} | {codes} | {kind['confidence']:.2f} | {kind['cost']:.2f} |"
    yield ""
    yield f"Same study in any order: {found['order']['same']} of {found['order']['studies']}."
    own, workers = found["own time"], found["two workers busy"]
    yield (
        f"Own time where a full run takes {FULL_RUN_S:g} s: {own['share']:.2%} of the study, at most {own['most']:.2%}."
    )
    yield f"Two workers are busy until the last run begins: {workers['mean']:.0%}, at least {workers['least']:.0%}."


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report of each set, and JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="deepobs", help="which grids")
    parser.add_argument("--draws", type=int, default=5, help="of the noise")
    parser.add_argument("--first-draw", type=int, default=0, help="number of the first one")
    parser.add_argument("--json", action="store_true", help="JSON on stdout, the tables on stderr")
    output_option(parser)
    options = parser.parse_args(arguments)
    draws = range(options.first_draw, options.first_draw + options.draws)
    everything = {}
    for name in SETS[:2] if options.set == "all" else (options.set,):
        if grids := grids_of(name):
            everything[name] = report(grids, draws)
            text = "\n".join((f"{name}: {len(grids)} grids", *lines(everything[name])))
            print(text, file=sys.stderr if options.json else sys.stdout, flush=True)
    text = save(everything, options.output)
    if options.json:
        print(text)


if __name__ == "__main__":
    main()
