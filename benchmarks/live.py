"""Does the race do on real trainings what it does on their recordings? Three recorded workloads, trained anew.

A table, a text and an image workload of ``recorded_workloads.py`` as recipes, as a user would write them: the order of the
data and the weights are lrlab's own, so no curve is a recorded one. Every answer is judged by the recorded grid of the
same workload and schedule, whose nearest rate stands for the answered one.

Run: python -m benchmarks.searchers --live [--workers 2] [--cases]
"""

from benchmarks.record import WARMUP
from benchmarks.recorded_workloads import WORKLOADS, Workload
from benchmarks.replay import Grid, own_grids
from benchmarks.searchers import Case, judge
from lrlab import sweep
from lrlab.torch import Recipe

LIVE = (("cancer-deep-linear", "constant"), ("lines-bag", "cosine"), ("digits-autoencoder", "cosine"))


def recipe(workload: Workload, schedule: str) -> Recipe:
    """The workload as a task of lrlab's own."""
    train, validation = workload.data()
    return Recipe(
        workload.model,
        train,
        workload.loss,
        val_data=validation,
        optimizer=workload.optimizer,
        schedule=schedule,
        warmup=0.0 if schedule == "constant" else WARMUP,
        budget=workload.units,
        batch_size=workload.batch_size,
        name=workload.name,
    )


def live_cases(workers: int) -> list[Case]:
    """Every study: three workloads with the seeds of their grids."""
    workloads = {workload.name: workload for workload in WORKLOADS}
    grids: dict[str, list[Grid]] = {}
    for grid in own_grids():
        grids.setdefault(grid.name.rpartition("/")[0], []).append(grid)
    cases = []
    for name, schedule in LIVE:
        workload = workloads[name]
        task = recipe(workload, schedule)
        for seed, grid in enumerate(grids[f"{name}-{workload.optimizer}-{schedule}"]):
            span = (float(grid.lr[0]), float(grid.lr[-1]))
            answer = sweep(task, lr=span, seed=seed, workers=workers, store="memory", progress=False)
            cases.append(judge("race, live", grid, answer))
    return cases
