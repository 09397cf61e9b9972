"""How often the diagnosis is right about a learning rate, on problems that took no part in its fit.

Truth is by recorded learning-rate grids (``diagnosis_truth.py``). Each problem is left out in turn: forest, temperature
and doubt are fitted on the others, as ``fit_diagnosis.py`` fits the ones that are shipped. Runs are logged at every step;
a run that has met a value that is not finite is told ``too_high``, as the diagnosis does. Features and sizes of the
forests were chosen on these problems without those of ``HELD``: ``--held``, by models that saw neither of them.

- told: share of runs that get a verdict, and not ``cannot tell``;
- balanced: mean over the three classes of the share told right, ``cannot tell`` counting as wrong; ``forced`` takes the
  likeliest word instead; ``near`` (also with ``cannot tell`` as wrong) only counts runs within two decades of the best rate
  that have not diverged;
- sure: share of runs whose verdict has a confidence of at least 0.7, and the share of those that is right;
- opposite: too high told too low, or the other way, over all verdicts told;
- at 0.9: share of verdicts with a confidence of 0.85 to 0.95 that came true;
- fine: share of wrong rates whose advised rate has a regret of at most 2 %; and of those within two decades;
- alarms: share of runs at a right rate who are warned: another word with a confidence of at least ``WARN_FROM``;
- slight: of runs that lose 1 to 5 %, at a rate above or below the best one, the mean over both sides of the share told so;
  and the share told the opposite.

``--unseen`` judges the kinds of training of ``wide_workloads.py`` by models that were fitted on none of them: they were
recorded when all but the size of the forests had been chosen. ``--peers`` sets other tools beside it, on the same runs; see
``diagnosis_peers.py``.

Run: LRLAB_DATA=... python -m benchmarks.diagnosis [-o FILE.json] [--held | --unseen | --peers]
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import diagnosis_peers
from benchmarks.diagnosis_judged import HELD, SETS, Told3, is_wide, judged, judged_unseen
from benchmarks.diagnosis_truth import FINE, SHARES, Seen, Truth, every_run
from benchmarks.fit_diagnosis import Rows, left_out, names_of, rows_of, usable
from benchmarks.kept import output_option, save
from lrlab.diagnosis.rate import WARN_FROM

SURE = 0.7
NEAR = 2.0
BINS = (0.0, 0.5, 0.6, 0.7, 0.85, 0.95, 1.01)
PEERS_SEE = ("lrlab, what they see", ("val_loss", "grad_norm", "lr"))
PEER_COLUMNS = ("runs", "told", "balanced", "near", "opposite", "alarms")


def balanced(told: Told3, *, forced: bool = False) -> float:
    """Mean over classes of the share told right; ``forced`` takes the likeliest word where nothing is told."""
    said, truth = told.said, told.truth
    right = (said == truth) & (told.told | forced)
    return float(np.mean([right[truth == word].mean() for word in range(3) if (truth == word).any()]))


def figures(whole: Told3) -> dict[str, float]:
    """The figures of the head of this file."""
    told = whole.only(whole.truth >= 0)
    said, truth, given, confidence = told.said, told.truth, told.told, told.sure
    near = np.array([abs(run.apart) <= NEAR and not run.diverged for run in told.runs])
    sure, wrong_rate = confidence >= SURE, truth != 1
    about = (confidence >= 0.85) & (confidence < 0.95)
    fine = (
        np.array([run.truth.at(run.lr * factor) for run, factor in zip(told.runs, told.factor, strict=True)])
        <= FINE
    )
    return {
        "runs": len(told.runs),
        "told": float(given.mean()),
        "balanced": balanced(told),
        "forced": balanced(told, forced=True),
        "near": balanced(told.only(near)),
        "sure": float(sure.mean()),
        "sure_right": share(said == truth, sure),
        "opposite": share(np.abs(said - truth) == 2, given),
        "at_90": share(said == truth, about),
        "advised_fine": share(fine, wrong_rate),
        "advised_fine_near": share(fine, wrong_rate & near),
        "alarms": share((confidence >= WARN_FROM) & (said != 1), truth == 1),
        **slight(whole),
    }


def share(found: np.ndarray, among: np.ndarray) -> float:
    """The share of some; NaN of none."""
    return float(found[among].mean()) if among.any() else float("nan")


def slight(told: Told3) -> dict[str, float]:
    """Of runs that lose 1 to 5 %: told the right side, mean over both sides, and told the opposite."""
    side = np.array(
        [(run.apart > 0) - (run.apart < 0) if 0.01 < run.regret < 0.05 else 0 for run in told.runs]
    )
    said = np.where(told.told, told.said - 1, 0)
    right = [share(said == side, side == way) for way in (-1, 1) if (side == way).any()]
    return {
        "slight": float(np.mean(right)) if right else float("nan"),
        "slight_opposite": share(said == -side, side != 0),
    }


def reliability(told: Told3) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and verdicts in each bin of confidence."""
    told = told.only(told.told & (told.truth >= 0))
    confidence, right = told.sure, told.said == told.truth
    found = []
    for low, high in itertools.pairwise(BINS):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            found.append((float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    return found


def slope_only(runs: Sequence[Seen]) -> Told3:
    """The baseline: a model of the same kind that sees nothing but whether the loss still falls."""
    kept = usable(runs, ())
    names = names_of(())
    whole = rows_of(kept, ())
    chosen = [names.index(name) for name in ("late_fall", "last_fall", "steady")]
    rows = Rows(
        x=np.ascontiguousarray(whole.x[:, chosen]), label=whole.label, apart=whole.apart, fine=whole.fine,
        problem=whole.problem, view=whole.view,
    )  # fmt: skip
    shares, _ = left_out(rows)
    return Told3(runs=kept, shares=shares, factor=np.ones(len(kept)))


COLUMNS = {
    "runs": "5.0f", "told": "4.2f", "balanced": "8.2f", "forced": "6.2f", "near": "4.2f", "sure": "4.2f",
    "sure_right": "10.3f", "opposite": "8.3f", "at_90": "5.2f", "advised_fine": "12.2f", "advised_fine_near": "17.2f",
    "alarms": "6.3f", "slight": "6.2f", "slight_opposite": "15.3f",
}  # fmt: skip


def show(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table of those columns that its rows have."""
    print(f"\n{title}")
    shown = [name for name in COLUMNS if all(name in row for row in rows.values())]
    widths = {name: max(len(name), int(COLUMNS[name].split(".")[0])) for name in shown}
    print(f"{'':<28}" + "  ".join(f"{name:>{widths[name]}}" for name in shown))
    for name, row in rows.items():
        cells = (f"{format(row[column], COLUMNS[column]):>{widths[column]}}" for column in shown)
        print(f"{name:<28}" + "  ".join(cells), flush=True)


def by_share(told: Told3) -> dict[str, dict[str, float]]:
    """Figures after each share of the training."""
    shares = np.array([run.share for run in told.runs])
    return {
        f"{100 * share:g} %": figures(told.only(shares == share))
        for share in SHARES
        if (shares == share).any()
    }


def by_problem(told: Told3) -> dict[str, float]:
    """Balanced accuracy of each problem, over all shares, the worst first."""
    told = told.only(told.truth >= 0)
    names = np.array([run.problem for run in told.runs])
    found = {name: balanced(told.only(names == name)) for name in np.unique(names)}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def good_range(truth: Truth) -> float:
    """Decades of rates with a regret of at most ``FINE``."""
    near = np.arange(truth.log_lr[0], truth.log_lr[-1], 0.05)
    return 0.05 * float((np.interp(near, truth.log_lr, truth.regret) <= FINE).sum())


def tell_ranges(runs: Sequence[Seen]) -> None:
    """How wide the good rates of these runs' grids lie."""
    ranges = {run.grid: good_range(run.truth) for run in runs}
    print("decades of good rates, quartiles:", np.percentile(list(ranges.values()), (25, 50, 75)).round(2))


def at_every_step(told: Told3) -> Told3:
    """Only the views that are logged at every step."""
    return told.only(np.array([run.cadence == "step" for run in told.runs]))


def is_held(told: Told3) -> np.ndarray:
    """Which runs are of the problems that were held back."""
    return np.array([run.problem in HELD for run in told.runs])


def held(runs: Sequence[Seen]) -> None:
    """The problems that were held back: by models that have seen neither."""
    for title, columns in SETS.items():
        told = judged(runs, columns)
        tell(f"{title}, problems held back", at_every_step(told.only(is_held(told))))


def unseen(runs: Sequence[Seen]) -> None:
    """Kinds of training that no model was fitted on."""
    tell_ranges([run for run in runs if is_wide(run)])
    for title, columns in SETS.items():
        tell(f"{title}, kinds of training that were not seen", at_every_step(judged_unseen(runs, columns)))


def tell(title: str, told: Told3) -> dict[str, object]:
    """Print the figures by share and by problem, and how confidence came true."""
    rows, problem_rows, bins = by_share(told), by_problem(told), reliability(told)
    show(title, rows)
    print("by problem:", ", ".join(f"{name} {value:.2f}" for name, value in problem_rows.items()))
    print("said, came true, verdicts:", "  ".join(f"{a:.2f} {b:.2f} ({n})" for a, b, n in bins))
    return {"by_share": rows, "by_problem": problem_rows, "reliability": bins}


def peers(runs: Sequence[Seen]) -> None:
    """Other tools, a plain rule, and the diagnosis with as much as they get, on the first seed of lrlab's own grids."""
    logs = list(diagnosis_peers.logs())
    rows = {}
    by_key: dict[tuple[str, float, float], Seen] = {}
    for run in runs:
        if run.cadence == "step" and run.seed == 0:
            by_key.setdefault((run.grid, run.lr, run.share), run)
    seen = [by_key[log.grid, log.lr, log.share] for log in logs]
    for name, tool in diagnosis_peers.TOOLS.items():
        shares = np.eye(3)[diagnosis_peers.words(tool, logs)]
        rows[name] = Told3(runs=seen, shares=shares, factor=np.ones(len(seen)))
    wanted = {(run.grid, run.lr, run.share) for run in seen}
    for title, columns in (PEERS_SEE, ("lrlab, loss", ()), ("lrlab, everything", SETS["everything"])):
        told = judged(runs, columns)
        rows[title] = told.only(np.array([
            run.cadence == "step" and run.seed == 0 and (run.grid, run.lr, run.share) in wanted for run in told.runs
        ]))  # fmt: skip
    for each in diagnosis_peers.SHARES:
        table = {}
        for name, told in rows.items():
            now = np.array([run.share == each for run in told.runs])
            own = figures(told.only(now))
            table[name] = {column: own[column] for column in PEER_COLUMNS}
            if not name.startswith("lrlab"):
                table[name]["alarms"] = share(told.said[now] != 1, told.truth[now] == 1)
        show(f"after {100 * each:g} %", table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    output_option(parser)
    parser.add_argument("--held", action="store_true", help="only the problems that were held back")
    parser.add_argument("--unseen", action="store_true", help="kinds of training that no model was fitted on")
    parser.add_argument("--peers", action="store_true", help="other tools beside it, on the same runs")
    options = parser.parse_args()
    absent = diagnosis_peers.missing()
    if options.peers and absent:
        raise SystemExit(
            f"--peers needs {', '.join(absent)}, and they are not installed here: pip install --group benchmarks"
        )
    runs = [run for run in every_run() if run.label or 0.01 < run.regret < 0.05]
    if not any(run.problem == "cifar10" for run in runs):
        print("skipped: LRLAB_DATA is not set, so DeepOBS is missing")
        return
    parts = {held: options.held, unseen: options.unseen, peers: options.peers}
    if any(parts.values()):
        next(part for part, wanted in parts.items() if wanted)(runs)
        return
    problems = sorted({run.problem for run in runs} - set(HELD))
    views = sum(run.problem not in HELD for run in runs)
    print(f"{views} views of runs of {len(problems)} problems: {', '.join(problems)}")
    tell_ranges([run for run in runs if run.problem not in HELD])
    document: dict[str, object] = {"problems": problems}
    for title, columns in SETS.items():
        whole = judged(runs, columns)
        whole = whole.only(~is_held(whole))
        told = at_every_step(whole)
        document[title] = tell(f"{title}, problems left out one by one", told)
        wide = np.array([is_wide(run) for run in told.runs])
        for part, chosen in (("those of grids_wide", wide), ("the others", ~wide)):
            show(f"{title}, of these {part}", by_share(told.only(chosen)))
        for cadence in ("tenth", "unit"):
            chosen = np.array([run.cadence == cadence and run.share >= 0.1 for run in whole.runs])
            print(
                f"logged once a {cadence}: balanced {balanced(whole.only(chosen & (whole.truth >= 0))):.2f}"
            )
    for by in ("optimizer", "length"):
        for title in ("loss", "everything"):
            whole = at_every_step(judged(runs, SETS[title], by=by))
            show(f"{title}, each {by} left out", by_share(whole.only(~is_held(whole))))
    base = at_every_step(slope_only(runs))
    base = base.only((base.truth >= 0) & ~is_held(base))
    shares = np.array([run.share for run in base.runs])
    print("\nbaselines, balanced: always right 0.33; slope only " + ", ".join(
        f"{100 * share:g} % {balanced(base.only(shares == share)):.2f}" for share in SHARES))  # fmt: skip
    save(document, options.output)


if __name__ == "__main__":
    main()
