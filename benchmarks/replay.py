"""Replay of recorded learning-rate grids: a study without a training.

A rate that a searcher asks for snaps to the nearest recorded one (on the logarithmic axis). Two runs that snap to the
same recorded curve are charged twice: nothing is free that a real study would pay. A frozen run resumes where it was
left. A curve that is not finite from some unit on has diverged there, and is charged up to that unit.

There are two sets: ``deepobs``, full-size trainings in the folder ``curves`` of ``LRLAB_DATA``, one seed a rate; and
``own``, the grids in the folder ``grids``, made by ``record.py``, three seeds a rate. Of those a searcher sees one seed,
each in turn, and is judged by the mean of all.
"""

import json
import math
import os
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lrlab.core.answer import Answer
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State
from lrlab.core.question import Arm, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.answer import conclude
from lrlab.searchers.protocol import Searcher
from lrlab.testing.landscapes import Landscape, Train, carry_out

METRIC = Metric("test_loss", "min")
SETS = ("deepobs", "own", "all")
RECORDED = Path(__file__).parent / "grids"
_DEEPOBS_NAMES = {"GradientDescent": "sgd", "Momentum": "momentum", "Adam": "adam"}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A recorded grid, as a searcher sees it: one curve a rate, at one seed.

    Args:
        name: Which training, and seed.
        problem: Grids of one problem belong together when constants are left out.
        lr: Rates, ascending, shape (rates,).
        curves: Metric before training and after each unit, shape (rates, units + 1); smaller is better.
        judges: The same of every seed, by whose mean a rate is judged, shape (rates, seeds, units + 1); by default the
            curves themselves.
        optimizer: Its name, which a study would tell the searcher; "" if unknown.
        schedule: The same.
    """

    name: str
    problem: str
    lr: np.ndarray
    curves: np.ndarray
    judges: np.ndarray | None = None
    optimizer: str = ""
    schedule: str = ""
    seed_ends: np.ndarray = field(init=False)  # the final score of each rate and seed, the best so far
    ends: tuple[float, ...] = field(init=False)  # its mean over seeds; infinite where one of them diverged
    untrained: float = field(init=False)

    def __post_init__(self) -> None:
        judges = self.curves[:, None, :] if self.judges is None else self.judges
        seed_ends = _final_scores(judges)
        object.__setattr__(self, "seed_ends", seed_ends)
        object.__setattr__(self, "ends", tuple(seed_ends.mean(axis=1).tolist()))
        # The middle one over rates, which all start alike, averaged over seeds.
        object.__setattr__(self, "untrained", float(np.nanmedian(judges[:, :, 0], axis=0).mean()))

    @property
    def budget(self) -> int:
        """Units of a full run."""
        return int(self.curves.shape[1] - 1)

    def index(self, lr: float) -> int:
        """The recorded rate that ``lr`` snaps to."""
        return int(np.argmin(np.abs(np.log10(self.lr) - math.log10(lr))))

    def regret(self, lr: float) -> float:
        """Share of the improvement that ``lr`` leaves: 0 for the best recorded rate, at most 1."""
        best = min(self.ends)
        lost = (self.ends[self.index(lr)] - best) / (self.untrained - best)
        return min(lost, 1.0)

    @property
    def oracle_regret(self) -> float:
        """Regret of the rate that is best in the searcher's one seed: what that seed cannot tell."""
        return self.regret(float(self.lr[int(np.argmin(_final_scores(self.curves)))]))

    @property
    def best_indices(self) -> list[int]:
        """The best rate, and those whose mean over seeds is within seed noise of it.

        That is the standard error of the mean difference from the best rate, seed by seed: what as many other seeds
        would have changed. With one seed there is only the best.
        """
        best = int(np.argmin(self.ends))
        seeds = self.seed_ends.shape[1]
        if seeds == 1:
            return [best]
        found = [best]
        for index in range(len(self.lr)):
            more = self.seed_ends[index] - self.seed_ends[best]
            if (
                index != best
                and np.isfinite(more).all()
                and more.mean() <= more.std(ddof=1) / math.sqrt(seeds)
            ):
                found.append(index)
        return found

    def question(self, **settings: object) -> Question:
        """The question that a study of this grid asks."""
        return Question(
            lr=LRRange(float(self.lr[0]), float(self.lr[-1])),
            budget=self.budget,
            metric=METRIC,
            arms=(Arm(optimizer=self.optimizer, schedule=self.schedule),),
            **settings,  # type: ignore[arg-type]
        )


def _final_scores(curves: np.ndarray) -> np.ndarray:
    """The best value after training began, along the last axis; infinite where a value is not finite."""
    trained = curves[..., 1:]
    return np.where(np.isfinite(trained).all(axis=-1), trained.min(axis=-1), np.inf)


def grids_of(which: str) -> list[Grid]:
    """The grids of ``deepobs``, ``own`` or ``all``; what is not there is told on stderr."""
    found = []
    if which in ("deepobs", "all"):
        if os.environ.get("LRLAB_DATA"):
            found += recorded_grids()
        else:
            print("skipped: LRLAB_DATA is not set", file=sys.stderr)
    if which in ("own", "all"):
        found += own_grids()
    return found


def recorded_grids(*, highest: float = 10.0) -> list[Grid]:
    """The grids in the folder ``curves`` of ``LRLAB_DATA``; the program ends with a word where it is not set.

    Args:
        highest: Rates above are left out.
    """
    folder = os.environ.get("LRLAB_DATA", "")
    if not folder:
        print("skipped: LRLAB_DATA is not set")
        sys.exit(0)
    grids = []
    for path in sorted((Path(folder) / "curves").glob("*.npz")):
        with np.load(path, allow_pickle=False) as table:
            rows = np.flatnonzero((table["seed"] == 42) & (table["lr"] <= highest * 1.01))
            rows = rows[np.argsort(table["lr"][rows])]
            name = path.stem.replace("Optimizer", "").replace("__", "/")
            grids.append(
                Grid(
                    name=name,
                    problem=name.partition("/")[0],
                    lr=table["lr"][rows].astype(float),
                    curves=table["test_losses"][rows].astype(float),
                    optimizer=_DEEPOBS_NAMES.get(name.partition("/")[2], ""),
                    schedule="constant",
                )
            )
    return grids


def own_grids(folder: Path = RECORDED) -> list[Grid]:
    """The grids that ``record.py`` wrote to ``folder``, one for each seed that a searcher may see."""
    grids = []
    for path in sorted(folder.glob("*.npz")):
        meta, arrays = own_table(path)
        curves = arrays["val_loss"].astype(float)
        for number, seed in enumerate(arrays["seed"]):
            grids.append(
                Grid(
                    name=f"{path.stem}/{seed}",
                    problem=meta["workload"],
                    lr=arrays["lr"],
                    curves=curves[:, number],
                    judges=curves,
                    optimizer=meta["optimizer"],
                    schedule=meta["schedule"],
                )
            )
    return grids


def own_table(path: Path) -> tuple[Mapping[str, Any], dict[str, np.ndarray]]:
    """What a file of ``record.py`` says about its grid, and its arrays; see there."""
    with np.load(path, allow_pickle=False) as table:
        arrays = {name: table[name] for name in table.files if name != "meta"}
        return json.loads(str(table["meta"])), arrays


def made_up_grids(count: int = 24, *, budget: int = 40) -> list[Grid]:
    """Grids of closed-form trainings with early bias, noise, cliffs and decaying schedules; the same at every call."""
    grids = []
    rates = np.array([float(f"{rate:.3g}") for rate in 10 ** np.arange(-5, 1.01, 0.2)])
    for number in range(count):
        draw = random.Random(number)
        landscape = Landscape(
            name=f"made up/{number}",
            speed=10 ** draw.uniform(0, 4),
            power=draw.uniform(0.3, 1.2),
            floor_noise=10 ** draw.uniform(-1.5, -0.1),
            highest=10 ** draw.uniform(-2.5, 1),
            patience=draw.choice((1, 1, 3, 12)),
            decays=number % 2 == 1,
            jitter=10 ** draw.uniform(-3.5, -2),
            between_seeds=10 ** draw.uniform(-3.5, -2),
        )
        units = range(budget + 1)
        curves = [[landscape.value(lr, unit, seed=0, budget=budget) for unit in units] for lr in rates]
        grids.append(Grid(name=landscape.name, problem="made up", lr=rates, curves=np.array(curves)))
    return grids


def trainer(grid: Grid) -> Train:
    """Trains runs on the recorded curves that they snap to."""

    def train(run: Run, until: int) -> Run:
        curve = grid.curves[grid.index(run.lr)]
        records = list(run.records) or [Record(0.0, {METRIC.name: float(curve[0])})]
        units, outcome = run.units, run.outcome
        for unit in range(run.units + 1, until + 1):
            value = float(curve[unit])
            records.append(Record(float(unit), {METRIC.name: value}))
            if not math.isfinite(value):
                outcome = Outcome.DIVERGED
                break
            units = unit
        if outcome is None and units == grid.budget:
            outcome = Outcome.FINISHED
        return replace(
            run, units=units, target=until, records=tuple(records), outcome=outcome, state=State.FROZEN
        )

    return train


def study(grid: Grid, searcher: Searcher, **settings: object) -> Answer:
    """The answer of a whole study on recorded curves; ``settings`` are the question's."""
    question = grid.question(**settings)
    runs, done = carry_out(question, searcher, trainer(grid))
    return conclude(question, runs, done=done)
