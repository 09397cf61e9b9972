"""What is a schedule worth, each at its own best rate?

Six ways to let AdamW's rate run, on four small real trainings: images of blood cells, customer feedback, a table, and
the next character of a text. All but one-cycle, which has its own, rise over the first 5 % of the training. Each is
trained at rates half a decade apart, then a quarter of a decade around its best one and further out where that lies at
an end, with 3 seeds; the rate with the best validation loss is its own. What is told is the loss on the test part. A
seed draws the weights, the order of the batches and, but for the text, the three parts of the data.

Everything is judged twice, each time with its own tuned rates: by the weights of the best unit, which a person would
keep, and by the weights at the end of the training. Differences are per cent of the way from the untrained model's loss
to that of the best schedule.

Run: python -m benchmarks.schedules -o schedules.jsonl [--picture FILE.png] [--only WORKLOAD] [--table]

``-o`` holds every finished training: what was broken off goes on from there. ``--table`` trains nothing.
"""

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.recorded_workloads import CharacterModel, manual_characters, next_character
from benchmarks.schedules_picture import Panel, save
from benchmarks.workloads import (
    Arrays,
    BagOfEmbeddings,
    crops,
    data_folder,
    mlp,
    sentences,
    small_cnn,
    split,
    table,
)
from lrlab.core.lr_range import format_lr
from lrlab.tasks.torch_optimizers import choose
from lrlab.torch import Recipe

SEEDS = (0, 1, 2)
WARMUP = 0.05  # share of the training
SCHEDULES = {
    "constant": "warmup 5% then constant",
    "cosine": "warmup 5% then cosine",
    "linear": "warmup 5% then linear",
    "one-cycle": "one-cycle",
    "wsd": "wsd warmup 5% decay 20%",
    "schedule-free": "constant",
}
FIRST = range(-12, -5, 2)  # quarters of a decade: 1e-3 to 3e-2
LOWEST, HIGHEST = -24, 0
JUDGED = {"kept": "weights of the best unit", "end": "weights at the end of the training"}

Key = tuple[str, int, int]  # schedule, quarter of a decade, seed


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A training with a test part.

    Args:
        build: Makes the recipe, given the arguments ``schedule`` and ``optimizer``.
        test: Inputs and targets that neither training nor tuning sees.
        loss: Mean over a batch.
        steps: Optimizer steps of a training.
    """

    build: Callable[..., Recipe]
    test: Arrays
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    steps: int

    def recipe(self, schedule: str) -> Recipe:
        """The training under one of ``SCHEDULES``."""
        if schedule != "schedule-free":
            return self.build(schedule=SCHEDULES[schedule], optimizer="adamw")
        rise = math.ceil(WARMUP * self.steps)
        # The same decay of weights as PyTorch's AdamW; its own default is none.
        make = partial(choose("schedule-free-adamw").make, warmup_steps=rise, weight_decay=0.01)
        return self.build(schedule="constant", optimizer=make)


def _classifier(
    model: Callable[[], nn.Module], parts: tuple[Arrays, Arrays, Arrays], seed: int, **settings: Any
) -> Workload:
    """A classification whose three parts are drawn anew by ``seed``, so that no small part speaks for all."""
    x, y = (torch.cat([part[side] for part in parts]) for side in (0, 1))
    train, validation, test = split(x, y, seed=seed)
    steps = settings["budget"] * math.ceil(len(train[0]) / settings["batch_size"])
    build = partial(Recipe, model, train, val_data=validation, val_batch_size=1024, **settings)
    return Workload(build=build, test=test, loss=nn.functional.cross_entropy, steps=steps)


def _characters() -> Workload:
    windows, validation = manual_characters()
    train, test = ((windows[0][part], windows[1][part]) for part in (slice(None, -200), slice(-200, None)))
    steps = 300
    build = partial(
        Recipe, CharacterModel, train, next_character, val_data=validation, budget=steps, unit="step",
        eval_every=30, batch_size=12, val_batch_size=200,
    )  # fmt: skip
    return Workload(build=build, test=test, loss=next_character, steps=steps)


def workloads(folder: Path | None) -> dict[str, tuple[Workload, ...]]:
    """All four, one of each seed; those whose data lies in ``folder`` only where there is one."""
    cancer = table("breast_cancer")
    found = {
        "table": tuple(_classifier(mlp(30, 2), cancer, seed, budget=30, batch_size=16) for seed in SEEDS),
        "characters": (_characters(),) * len(SEEDS),
    }
    if folder is not None:
        cells, texts = crops(folder), sentences(folder, "amazonReviewSnippets")
        found["blood cells"] = tuple(
            _classifier(small_cnn(3, 24, 3), cells, seed, budget=4, batch_size=32) for seed in SEEDS
        )
        found["feedback"] = tuple(
            _classifier(lambda: BagOfEmbeddings(4000, 2), texts, seed, budget=8, batch_size=32)
            for seed in SEEDS
        )
    return found


def train(workload: Workload, schedule: str, *, lr: float, seed: int) -> dict[str, dict[str, float]]:
    """Validation and test loss of one training: untrained, kept and at the end; infinite where it diverged."""
    recipe = workload.recipe(schedule)
    session = recipe.start(lr, seed=seed)
    losses = [record.metrics["val_loss"] for record in session.advance(recipe.budget) if record.ends_unit]
    found = {"untrained": {"test": _test(workload, recipe.start(lr, seed=seed).state(), recipe)}}
    for name in JUDGED:
        validation = min(losses[1:]) if name == "kept" else losses[-1]
        if not math.isfinite(validation):
            found[name] = {"validation": math.inf, "test": math.inf}
            continue
        test = _test(workload, session.state(), recipe, best=name == "kept")
        found[name] = {"validation": validation, "test": test}
    session.close()
    return found


@torch.no_grad()
def _test(workload: Workload, state: Mapping[str, object], recipe: Recipe, *, best: bool = False) -> float:
    model = recipe.load_model(state, best=best)
    return workload.loss(model(workload.test[0]), workload.test[1]).item()


class Results:
    """Every finished training, in a file that is gone on with."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self.rows: dict[str, dict[Key, dict[str, Any]]] = {}
        for line in lines:
            self._keep(json.loads(line))

    def _keep(self, row: dict[str, Any]) -> None:
        key = (row["schedule"], row["quarter"], row["seed"])
        self.rows.setdefault(row["workload"], {})[key] = row

    def add(self, row: dict[str, Any]) -> None:
        """One more training."""
        self._keep(row)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")

    def quarters(self, workload: str, schedule: str) -> list[int]:
        """Rates at which every seed was trained, ascending."""
        done = self.rows.get(workload, {})
        every = {quarter for name, quarter, _ in done if name == schedule}
        return sorted(q for q in every if all((schedule, q, seed) in done for seed in SEEDS))

    def losses(self, workload: str, schedule: str, quarter: int, judged: str, part: str) -> list[float]:
        """One loss a seed."""
        rows = (self.rows[workload][schedule, quarter, seed] for seed in SEEDS)
        return [float(row[judged][part]) for row in rows]

    def tuned(self, workload: str, schedule: str, judged: str) -> int:
        """The schedule's own rate: that with the best mean validation loss."""

        def mean(quarter: int) -> float:
            return statistics.fmean(self.losses(workload, schedule, quarter, judged, "validation"))

        return min(self.quarters(workload, schedule), key=mean)


def missing(results: Results, workload: str, schedule: str) -> Iterator[int]:
    """Rates that are still to be trained, until the best one has a neighbour on both sides."""
    yield from (quarter for quarter in FIRST if quarter not in results.quarters(workload, schedule))
    while True:
        known = results.quarters(workload, schedule)
        best = {results.tuned(workload, schedule, judged) for judged in JUDGED}
        wanted = {place for quarter in best for place in (quarter - 1, quarter + 1)} - set(known)
        wanted = {place for place in wanted if LOWEST <= place <= HIGHEST}
        if not wanted:
            return
        yield from sorted(wanted)


def measure(results: Results, known: Mapping[str, tuple[Workload, ...]]) -> None:
    """Train what is missing."""
    for name, drawn in known.items():
        for schedule in SCHEDULES:
            for quarter in missing(results, name, schedule):
                for seed, workload in zip(SEEDS, drawn, strict=True):
                    if (schedule, quarter, seed) in results.rows.get(name, {}):
                        continue
                    began = time.process_time()
                    found = train(workload, schedule, lr=10 ** (quarter / 4), seed=seed)
                    seconds = round(time.process_time() - began, 3)
                    own = {"workload": name, "schedule": schedule, "quarter": quarter, "seed": seed}
                    results.add({**own, **found, "seconds": seconds})
            tuned = results.tuned(name, schedule, "kept")
            print(f"{name}, {schedule}: own rate {format_lr(10 ** (tuned / 4))}", file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How one schedule did on one workload.

    Args:
        quarter: Its own rate, in quarters of a decade.
        tests: Test loss of each seed.
        behind: How far each seed stays behind the best schedule's same seed, in per cent of the way from untrained to
            the best schedule's mean.
        borrowed: The mean of that at the rate that was tuned for ``constant``.
    """

    quarter: int
    tests: tuple[float, ...]
    behind: tuple[float, ...]
    borrowed: float


def standings(results: Results, workload: str, judged: str) -> dict[str, Standing]:
    """All schedules on one workload."""
    own = {name: results.tuned(workload, name, judged) for name in SCHEDULES}
    tests = {name: results.losses(workload, name, own[name], judged, "test") for name in SCHEDULES}
    winner = min(tests, key=lambda name: statistics.fmean(tests[name]))
    best = statistics.fmean(tests[winner])
    rows = results.rows[workload].values()
    way = statistics.fmean(row["untrained"]["test"] for row in rows) - best
    found = {}
    for name in SCHEDULES:
        near = min(results.quarters(workload, name), key=lambda quarter: abs(quarter - own["constant"]))
        borrowed = statistics.fmean(results.losses(workload, name, near, judged, "test"))
        found[name] = Standing(
            quarter=own[name],
            tests=tuple(tests[name]),
            behind=tuple(100 * (a - b) / way for a, b in zip(tests[name], tests[winner], strict=True)),
            borrowed=100 * (borrowed - best) / way,
        )
    return found


def told(results: Results, known: list[str], judged: str) -> str:
    """A table in Markdown."""
    found = {workload: standings(results, workload, judged) for workload in known}
    lines = [
        f"Test loss and own rate; {JUDGED[judged]}",
        "",
        f"| schedule | {' | '.join(known)} | behind, mean | worst workload | worst seed | at constant's rate |",
        "| --- |" + " ---: |" * (len(known) + 4),
    ]
    for name in SCHEDULES:
        cells, behind, seeds, borrowed = [], [], [], []
        for workload in known:
            one = found[workload][name]
            mean, noise = statistics.fmean(one.tests), statistics.stdev(one.tests)
            cells.append(f"{mean:.4f} ± {noise:.4f} at {format_lr(10 ** (one.quarter / 4))}")
            behind.append(statistics.fmean(one.behind))
            seeds.append(max(one.behind))
            borrowed.append(one.borrowed)
        numbers = (statistics.fmean(behind), max(behind), max(seeds), statistics.fmean(borrowed))
        lines.append(
            f"| {name} | {' | '.join(cells)} | {' | '.join(f'{value:.1f} %' for value in numbers)} |"
        )
    noise = statistics.fmean(
        statistics.stdev(one.behind) for every in found.values() for one in every.values()
    )
    lines.append(
        f"\nStandard deviation of what a schedule stays behind, over seeds: {noise:.1f} % of the way."
    )
    return "\n".join(lines)


def panels(results: Results, known: list[str], judged: str) -> list[Panel]:
    """One picture's part for each workload: test loss over the rate, and each schedule's own rate."""
    found = []
    for workload in known:
        curves, own = {}, {}
        for name in SCHEDULES:
            points = [
                (10 ** (q / 4), statistics.fmean(results.losses(workload, name, q, judged, "test")))
                for q in results.quarters(workload, name)
            ]
            curves[name] = [point for point in points if math.isfinite(point[1])]
            tuned = 10 ** (results.tuned(workload, name, judged) / 4)
            own[name] = next(point for point in points if point[0] == tuned)
        found.append(Panel(title=workload, curves=curves, own=own))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Train, tell, draw."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("-o", "--output", type=Path, default=Path("build/schedules.jsonl"))
    options.add_argument("--picture", type=Path)
    options.add_argument("--only", action="append")
    options.add_argument("--table", action="store_true", help="only tell what is there")
    given = options.parse_args(arguments)
    torch.set_num_threads(1)
    if data_folder() is None:
        print("blood cells and feedback: skipped: LRLAB_DATA is not set")
    known = workloads(data_folder())
    known = {name: one for name, one in known.items() if given.only is None or name in given.only}
    if not known:
        print(
            f"schedules: there is no workload {given.only}; there are {', '.join(workloads(data_folder()))}."
        )
        return 2
    results = Results(given.output)
    if not given.table:
        measure(results, known)
    names = [name for name in known if len(results.rows.get(name, {})) >= len(SCHEDULES) * len(SEEDS)]
    for judged in JUDGED:
        print("\n" + told(results, names, judged))
    seconds = sum(row["seconds"] for name in names for row in results.rows[name].values())
    count = sum(len(results.rows[name]) for name in names)
    print(f"\n{count} trainings, {seconds / 60:.1f} minutes of one processor.")
    if given.picture:
        save(panels(results, names, "end"), given.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
