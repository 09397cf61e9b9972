"""Are the best rates for training and for validation the same, and does lrlab say so where they are not?

On the recorded grids (``benchmarks/grids``, ``benchmarks/grids_small``, and ``curves`` in ``LRLAB_DATA``): the training loss of a
unit is the mean of its steps', of DeepOBS the recorded one; a score is the best value so far, and a rate's score the mean over
seeds. The rates of a grid are *apart* where they lie a quarter of a decade or more from each other, and it *matters* where the
training's best validates worse by 1 % of the improvement and more than the standard error over seeds.

A claim of an answer ("TRAINS_HIGHER", "TRAINS_LOWER") names a rate. It is true where that rate, over all seeds and trained to
the end, does have a lower training loss than the answer's rate and a worse validation score. "BEST_EARLY" names the unit at which
the winner was at its best; other seeds of its rate are asked whether theirs was in the first three quarters, and what
they would lose by stopping there, as a share of the improvement.

``--would-lose`` compares the estimated regret of rates up to 1.6 decades below the winner with what the whole grid tells.

Run: python -m benchmarks.generalisation [--only race] [--cases] [--would-lose]
"""

import argparse
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.replay import RECORDED, Grid, own_grids, own_table, recorded_grids, trainer
from lrlab.api.engines import make_searcher
from lrlab.core.answer import Answer
from lrlab.core.question import Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.answer import conclude
from lrlab.searchers.regret import look
from lrlab.testing.landscapes import carry_out

SEARCHERS = ("race", "race, max_cost 3", "halving:12", "grid:9")
_APART, _MATTERS = 0.24, 0.01
_SOON = 0.75


@dataclass(frozen=True, kw_only=True)
class Course:
    """A grid with its training loss.

    Args:
        folder: ``grids``, ``grids_small`` or ``deepobs``.
        grid: What a searcher sees.
        losses: Mean training loss of each unit and seed, shape (rates, seeds, units).
        own: Place of the seed that the searcher sees.
    """

    folder: str
    grid: Grid
    losses: np.ndarray
    own: int

    @property
    def ends(self) -> np.ndarray:
        """The best training loss of each rate, mean over seeds; infinite where one diverged. Shape (rates,)."""
        whole = np.isfinite(self.losses).all(axis=-1)
        return np.asarray(np.where(whole, self.losses.min(axis=-1), np.inf).mean(axis=1))

    @property
    def apart(self) -> float:
        """Decades from the best rate for validation to the best for training."""
        lr = self.grid.lr
        return float(math.log10(lr[int(np.argmin(self.ends))] / lr[int(np.argmin(self.grid.ends))]))

    @property
    def matters(self) -> bool:
        """Whether the training's best rate validates worse by more than seeds differ."""
        grid, best, other = self.grid, int(np.argmin(self.grid.ends)), int(np.argmin(self.ends))
        lost = grid.seed_ends[other] - grid.seed_ends[best]
        scale = grid.untrained - min(grid.ends)
        error = lost.std(ddof=1) / math.sqrt(len(lost)) if len(lost) > 1 and np.isfinite(lost).all() else 0.0
        return abs(self.apart) >= _APART and lost.mean() > max(_MATTERS * scale, error)


def courses() -> Iterator[Course]:
    """Every recorded grid with a training loss, and of every seed."""
    for folder in (RECORDED, RECORDED.parent / "grids_small"):
        losses = {}
        for path in sorted(folder.glob("*.npz")):
            _, arrays = own_table(path)
            units = arrays["val_loss"].shape[-1] - 1
            steps = arrays["loss"].astype(float)
            whole = steps[..., : steps.shape[-1] // units * units]
            losses[path.stem] = (
                whole.reshape(*whole.shape[:-1], units, -1).mean(axis=-1),
                [int(seed) for seed in arrays["seed"]],
            )
        for grid in own_grids(folder):
            name, _, seed = grid.name.partition("/")
            loss, seeds = losses[name]
            yield Course(folder=folder.name, grid=grid, losses=loss, own=seeds.index(int(seed)))
    if os.environ.get("LRLAB_DATA"):
        grids = {grid.name: grid for grid in recorded_grids()}
        for path in sorted((Path(os.environ["LRLAB_DATA"]) / "curves").glob("*.npz")):
            grid = grids[path.stem.replace("Optimizer", "").replace("__", "/")]
            with np.load(path, allow_pickle=False) as table:
                rows = np.flatnonzero((table["seed"] == 42) & np.isin(table["lr"], grid.lr))
                rows = rows[np.argsort(table["lr"][rows])]
                loss = table["train_losses"][rows, 1:].astype(float)
            yield Course(folder="deepobs", grid=grid, losses=loss[:, None], own=0)


def studied(course: Course, who: str, seed: int) -> tuple[Question, list[Run], Done | None]:
    """A study whose runs tell their training loss; the searcher does not look at it."""
    name, _, price = who.partition(", max_cost ")
    question = course.grid.question(seed=seed, max_cost=float(price) if price else None)
    runs, done = carry_out(question, make_searcher(name), trainer(course.grid))
    return question, [_with_loss(run, course) for run in runs], done


def _with_loss(run: Run, course: Course) -> Run:
    losses = course.losses[course.grid.index(run.lr), course.own]
    return replace(
        run,
        records=tuple(
            Record(record.at, {**record.metrics, "train_loss": float(losses[int(record.at) - 1])})
            if record.at >= 1
            else record
            for record in run.records
        ),
    )


def is_true(course: Course, answer: Answer) -> bool:
    """Whether the rate that an answer names for training is better in that and worse in validation."""
    assert answer.training is not None
    other, best = (course.grid.index(lr) for lr in (answer.training.lr, answer.lr))
    ends = course.grid.ends
    return bool(course.ends[other] < course.ends[best] and ends[other] > ends[best])


def stopped(course: Course, answer: Answer) -> tuple[float, float]:
    """Of the other seeds at the answer's rate: which share was best soon, and what stopping there would lose."""
    grid = course.grid
    judges = grid.curves[:, None, :] if grid.judges is None else grid.judges
    curves = judges[grid.index(answer.lr), :, 1:]
    others = [curve for number, curve in enumerate(curves) if number != course.own] or [curves[0]]
    assert answer.best_at is not None
    at, scale = int(answer.best_at), grid.untrained - min(grid.ends)
    soon = np.mean([np.argmin(curve) + 1 <= _SOON * grid.budget for curve in others])
    lost = np.mean([(curve[:at].min() - curve.min()) / scale for curve in others])
    return float(soon), float(lost)


def told(who: str, found: Sequence[Course], *, cases: bool) -> str:
    """One row: what a searcher's answers claim, and how often they are right."""
    claims, wanted, hits, soon, lost = [], 0, 0, [], []
    for number, course in enumerate(found):
        question, runs, done = studied(course, who, number)
        answer = conclude(question, runs, done=done)
        wanted += course.matters
        if answer.training is not None:
            claims.append(is_true(course, answer))
            hits += course.matters
            if cases:
                print(
                    f"    {who}: {course.grid.name} answers {answer.lr:.3g}, trains best at {answer.training.lr:.3g} "
                    f"({answer.training.units} units): {'true' if claims[-1] else 'FALSE'}"
                )
        if "BEST_EARLY" in answer.codes:
            there, less = stopped(course, answer)
            soon.append(there)
            lost.append(less)
    return (
        f"| {who} | {len(claims)} of {len(found)} | {sum(claims)} of {len(claims)} | {hits} of {wanted} | {len(soon)} "
        f"| {100 * np.mean(soon):.0f} % | {100 * np.mean(lost):.1f} % ({100 * np.max(lost):.1f} %) |"
    )


def grids_table(found: Sequence[Course]) -> None:
    """How often the two rates differ in truth."""
    print("| grids | apart by 0.25 decades | by 0.5 | by 1 | higher for training | and it matters |")
    print("| --- | --- | --- | --- | --- | --- |")
    for folder in dict.fromkeys(course.folder for course in found):
        mine = {
            c.grid.name.partition("/")[0] if folder != "deepobs" else c.grid.name: c
            for c in found
            if c.folder == folder
        }
        far = [abs(course.apart) for course in mine.values()]
        counts = [sum(one >= least for one in far) for least in (_APART, 0.49, 0.99)]
        higher = sum(course.apart >= _APART for course in mine.values())
        print(
            f"| {folder}: {len(mine)} | {counts[0]} | {counts[1]} | {counts[2]} | {higher} "
            f"| {sum(course.matters for course in mine.values())} |"
        )


def would_lose(found: Sequence[Course]) -> None:
    """Estimates for rates below the winner, against the whole grid."""
    rows: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for number, course in enumerate(found):
        question, runs, _ = studied(course, "race", number)
        picture, grid = look(question, runs), course.grid
        if picture.winner is None or not picture.improvement > 0:
            continue
        curve = grid.curves[grid.index(picture.winner.lr), 1:]
        when = "in the first half" if np.argmin(curve) + 1 <= grid.budget / 2 else "later"
        best = grid.ends[grid.index(picture.winner.lr)]
        for point in picture.points:
            end = grid.ends[grid.index(point.lr)]
            near = -1.6 < math.log10(point.lr / picture.winner.lr) < 0
            if near and math.isfinite(end) and math.isfinite(point.regret) and 8 * point.units <= grid.budget:
                true = min(max((end - best) / (grid.untrained - best), 0.0), 1.0)
                rows[course.folder, when].append((min(point.regret, 1.0), true))
    print("| grids, the winner at its best | rates | said to lose | lose | off by |")
    print("| --- | --- | --- | --- | --- |")
    for (folder, when), pairs in sorted(rows.items()):
        said, true = 100 * np.array(pairs).T
        off = np.abs(said - true).mean()
        print(
            f"| {folder}, {when} | {len(pairs)} | {said.mean():.1f} % | {true.mean():.1f} % | {off:.1f} % |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="only the searchers with this in their name")
    parser.add_argument("--cases", action="store_true", help="print every claim")
    parser.add_argument("--would-lose", action="store_true", help="the estimates for rates below the winner")
    options = parser.parse_args(arguments)
    found = list(courses())
    if options.would_lose:
        would_lose(found)
        return
    grids_table(found)
    print(
        "\n| searcher | claims | true | of those that matter | early stops told | other seeds too | lost by stopping (most) |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for who in SEARCHERS:
        if options.only in who:
            print(told(who, found, cases=options.cases), flush=True)


if __name__ == "__main__":
    main()
