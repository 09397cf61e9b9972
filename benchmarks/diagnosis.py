"""How often the diagnosis is right about a learning rate, on problems that took no part in its fit.

Truth is by recorded learning-rate grids (``diagnosis_truth.py``). Each problem is left out in turn: forest and temperature
are fitted on the others, as ``fit_diagnosis.py`` fits the ones that are shipped. Runs are logged at every step; a run that
has met a value that is not finite is told ``too_high``, as the diagnosis does.

- balanced: mean over the three classes of the share told right; ``near`` only counts runs within two decades of the best
  rate that have not diverged;
- sure: share of verdicts with a confidence of at least 0.7, and the share of those that is right;
- opposite: too high told too low, or the other way, over all verdicts;
- factor: median distance in decades between advised and best rate, and the share of wrong rates whose advised rate has a
  regret of at most 2 %;
- alarms: share of runs at a right rate who are warned: another word with a confidence of at least ``WARN_FROM``.

``--unseen`` judges the model that is shipped, as it is, on the problems of ``benchmarks/grids`` that it was not fitted on.

Run: LRLAB_DATA=... python -m benchmarks.diagnosis [-o FILE.json] [--unseen]
"""

import argparse
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.diagnosis_truth import LABELS, SHARES, Seen, deepobs_runs, own_runs
from benchmarks.fit_diagnosis import (
    Rows,
    left_out,
    names_of,
    rows_of,
    sharpened,
    temperature_of,
    usable,
)
from lrlab.diagnosis.rate import (
    DIVERGED_CONFIDENCE,
    WARN_FROM,
    Told,
    diverged_verdict,
    model,
    told_by,
    verdict_of,
)

SETS: Mapping[str, tuple[str, ...]] = {
    "loss": (),
    "loss, validation": ("val_loss",),
    "loss, gradient norm": ("grad_norm",),
    "loss, update ratio": ("update_ratio",),
    "loss, rate": ("lr",),
    "everything": ("val_loss", "update_ratio", "lr"),
}
SURE = 0.7
NEAR = 2.0
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


@dataclass(frozen=True, kw_only=True)
class Told3:
    """Verdicts on runs.

    Args:
        runs: The runs.
        shares: Probabilities, shape (runs, 3).
        factor: What the rate is to be multiplied by, shape (runs,).
    """

    runs: Sequence[Seen]
    shares: np.ndarray
    factor: np.ndarray

    @property
    def said(self) -> np.ndarray:
        """Index of the word."""
        return self.shares.argmax(axis=1)

    @property
    def truth(self) -> np.ndarray:
        """The same of the truth."""
        return np.array([LABELS.index(run.label) for run in self.runs])

    def only(self, chosen: np.ndarray) -> "Told3":
        """Some of the runs."""
        return Told3(
            runs=[run for run, kept in zip(self.runs, chosen, strict=True) if kept],
            shares=self.shares[chosen],
            factor=self.factor[chosen],
        )


def judged(runs: Sequence[Seen], columns: Sequence[str], *, by: str = "problem") -> Told3:
    """What is told of every run by a model that has not seen its problem (or its ``optimizer``, or its length)."""
    kept = usable(runs, columns)
    rows = rows_of(kept, columns)
    groups = np.array([_group(run, by) for run in kept])
    shares, apart = left_out(rows, groups)
    for group in np.unique(groups):
        out = groups == group
        shares[out] = sharpened(shares[out], temperature_of(shares, rows, ~out))
    factor = np.array([verdict_of(Told(tuple(s), a)).factor for s, a in zip(shares, apart, strict=True)])
    return with_diverged(kept, shares, factor, runs)


def judged_as_shipped(runs: Sequence[Seen], columns: Sequence[str]) -> Told3:
    """What the shipped model tells of every run."""
    kept = usable(runs, columns)
    told = [told_by(columns, run.numbers) for run in kept]
    factor = np.array([verdict_of(one).factor for one in told])
    return with_diverged(kept, np.array([one.probabilities for one in told]), factor, runs)


def with_diverged(
    kept: Sequence[Seen], shares: np.ndarray, factor: np.ndarray, runs: Sequence[Seen]
) -> Told3:
    """Verdicts, and those on the diverged runs of the same grids, which are no matter of the model."""
    own = {run.grid for run in kept}
    lost = [run for run in runs if run.diverged and run.grid in own]
    rest = (1 - DIVERGED_CONFIDENCE) / 2
    return Told3(
        runs=[*kept, *lost],
        shares=np.concatenate([shares, np.tile([rest, rest, DIVERGED_CONFIDENCE], (len(lost), 1))]),
        factor=np.concatenate([factor, np.full(len(lost), diverged_verdict().factor)]),
    )


def _group(run: Seen, by: str) -> str:
    if by == "length":
        return "short" if run.steps < 500 else "middle" if run.steps < 1000 else "long"
    return str(getattr(run, by))


def balanced(told: Told3) -> float:
    """Mean over classes of the share told right."""
    said, truth = told.said, told.truth
    return float(np.mean([(said[truth == k] == k).mean() for k in range(3) if (truth == k).any()]))


def figures(told: Told3) -> dict[str, float]:
    """The figures of the head of this file."""
    said, truth = told.said, told.truth
    near = np.array([abs(run.apart) <= NEAR and not run.diverged for run in told.runs])
    sure = told.shares.max(axis=1) >= SURE
    wrong_rate = truth != 1
    after = np.array(
        [run.truth.at(run.lr * factor) for run, factor in zip(told.runs, told.factor, strict=True)]
    )
    off = np.abs([run.apart + np.log10(f) for run, f in zip(told.runs, told.factor, strict=True)])
    return {
        "runs": len(told.runs),
        "balanced": balanced(told),
        "near": balanced(told.only(near)),
        "sure": float(sure.mean()),
        "sure_right": float((said == truth)[sure].mean()),
        "opposite": float((np.abs(said - truth) == 2).mean()),
        "factor_error": float(np.median(off[near])),
        "advised_fine": float((after[wrong_rate & near] <= 0.02).mean()),
        "alarms": float(((told.shares.max(axis=1) >= WARN_FROM) & (said != 1))[truth == 1].mean()),
    }


def reliability(told: Told3) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and verdicts in each bin of confidence."""
    confidence, right = told.shares.max(axis=1), told.said == told.truth
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
    rows = Rows(x=whole.x[:, chosen], label=whole.label, apart=whole.apart, problem=whole.problem)
    shares, apart = left_out(rows)
    return Told3(runs=kept, shares=shares, factor=10.0**-apart)


def show(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table."""
    print(f"\n{title}")
    print(f"{'':<12}  runs  balanced  near  sure  right  opposite  factor off  advised fine  alarms")
    for name, row in rows.items():
        print(
            f"{name:<12} {row['runs']:5.0f}  {row['balanced']:8.2f}  {row['near']:4.2f}  {row['sure']:4.2f}  "
            f"{row['sure_right']:5.3f}  {row['opposite']:8.3f}  {row['factor_error']:10.2f}  "
            f"{row['advised_fine']:12.2f}  {row['alarms']:6.3f}"
        )


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
    names = np.array([run.problem for run in told.runs])
    found = {name: balanced(told.only(names == name)) for name in np.unique(names)}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def at_every_step(told: Told3) -> Told3:
    """Only the views that are logged at every step."""
    return told.only(np.array([run.cadence == "step" for run in told.runs]))


def unseen() -> None:
    """The shipped model on the problems that its fit has not seen."""
    runs = [run for run in own_runs(without=model()["about"]["problems"]) if run.label]
    if not runs:
        print("every problem took part in the fit")
        return
    print(f"not in the fit: {', '.join(sorted({run.grid for run in runs}))}")
    for title, columns in SETS.items():
        told = at_every_step(judged_as_shipped(runs, columns))
        show(f"{title}, the shipped model", by_share(told))
        bins = reliability(told)
        print("said, came true, verdicts:", "  ".join(f"{a:.2f} {b:.2f} ({n})" for a, b, n in bins))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--out", type=Path, help="also write the figures as JSON")
    parser.add_argument(
        "--unseen", action="store_true", help="the shipped model on problems it was not fitted on"
    )
    options = parser.parse_args()
    if options.unseen:
        unseen()
        return
    runs = [run for run in itertools.chain(own_runs(), deepobs_runs()) if run.label]
    if not any(run.problem == "cifar10" for run in runs):
        print("skipped: LRLAB_DATA is not set, so DeepOBS is missing")
        return
    problems = sorted({run.problem for run in runs})
    print(f"{len(runs)} views of runs of {len(problems)} problems: {', '.join(problems)}")
    document: dict[str, object] = {"problems": problems}
    for title, columns in SETS.items():
        whole = judged(runs, columns)
        told = at_every_step(whole)
        rows, problem_rows, bins = by_share(told), by_problem(told), reliability(told)
        show(f"{title}, problems left out one by one", rows)
        print("by problem:", ", ".join(f"{name} {value:.2f}" for name, value in problem_rows.items()))
        print("said, came true, verdicts:", "  ".join(f"{a:.2f} {b:.2f} ({n})" for a, b, n in bins))
        for cadence in ("tenth", "unit"):
            chosen = np.array([run.cadence == cadence and run.share >= 0.1 for run in whole.runs])
            print(f"logged once a {cadence}: balanced {balanced(whole.only(chosen)):.2f}")
        document[title] = {"by_share": rows, "by_problem": problem_rows, "reliability": bins}
    for by in ("optimizer", "length"):
        told = at_every_step(judged(runs, SETS["everything"], by=by))
        show(f"everything, each {by} left out", by_share(told))
    base = at_every_step(slope_only(runs))
    shares = np.array([run.share for run in base.runs])
    print("\nbaselines, balanced: always right 0.33; slope only " + ", ".join(
        f"{100 * share:g} % {balanced(base.only(shares == share)):.2f}" for share in SHARES))  # fmt: skip
    if options.out:
        options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
