"""``lrlab.sweep``: which learning rate is best when trained to the end?"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.api.arms import Arms
from lrlab.api.engines import make_runner, make_searcher, open_lab, runs_folder
from lrlab.api.environment import environment
from lrlab.api.interrupt import saving_on_signals
from lrlab.api.live import watching
from lrlab.api.results import Answer
from lrlab.api.targets import build
from lrlab.core.errors import ConflictError, NotFoundError, SpecError, StudyInterrupted
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import StudyState
from lrlab.core.question import Question, is_real
from lrlab.core.study import Study
from lrlab.store.names import checked_name
from lrlab.store.protocol import Ledger, Store
from lrlab.studies.lab import Lab
from lrlab.studies.progress import ProgressListener
from lrlab.studies.resume import check_continues
from lrlab.studies.study import StudyLoop

if TYPE_CHECKING:
    from lrlab.runners.protocol import Runner


def sweep(
    task: object,
    *,
    lr: "str | Sequence[float] | LRRange | None" = None,
    budget: int | None = None,
    metric: "str | Metric | None" = None,
    seed: int = 0,
    seeds: int = 1,
    workers: int | None = None,
    searcher: str = "race",
    max_cost: float | None = None,
    max_time: float | None = None,
    tolerance: float = 0.02,
    current_lr: float | None = None,
    study: str | None = None,
    store: "str | Path | Store | None" = None,
    reduce: str = "best",
    memory_gib: float | None = None,
    threads: int = 1,
    devices: Sequence[str] = (),
    progress: "bool | ProgressListener | None" = None,
    target: Mapping[str, object] | None = None,
) -> Answer:
    """Find the learning rate that is best when trained to the end, and train it.

    Args:
        task: A task, or a function ``train(run)``; or several alternatives ("arms"), each with a rate of its own, by
            name: ``{"sgd": recipe, "adamw": other}``. They must agree in budget, unit and metric.
        lr: Range to search, such as ``(1e-5, 1e-1)`` or ``"1e-5:1e-1"``; by default the task's own, or each arm's.
        budget: Length of a full run, in units; a function needs it.
        metric: What is compared, such as ``"val_loss"``; ``NAME:min`` or ``NAME:max`` where the name does not tell.
        seed: First seed.
        seeds: Seeds of the final comparison.
        workers: Worker processes; 0 trains in this process; by default one a GPU, else one for two cores.
        searcher: ``race``, ``grid:N``, ``halving``, ``halving:N``, or Optuna's: ``optuna:tpe``, ``optuna:gp+asha:16``.
        max_cost: Price limit in full runs, the winner's own included.
        max_time: Time limit in seconds; the study can be resumed.
        tolerance: Regret up to which a rate counts as safe.
        current_lr: Your own rate: always one of the runs.
        study: Name; a study of that name is continued if it asks the same.
        store: Folder of studies, ``"memory"``, or a store; by default the user's data folder.
        reduce: ``"best"`` value so far, or ``"last"``.
        memory_gib: Memory in GiB that all workers together may keep.
        threads: Threads of numerical libraries in each worker.
        devices: Values of CUDA_VISIBLE_DEVICES, dealt out to the workers in turn.
        progress: Whether to show how it goes: True, False, or a function that is called with ``Progress`` at every
            slice's end and twice a second. By default a notebook shows a live view and a script nothing; with True
            a script gets a line on stderr now and then.
        target: How the command line can build the task again; not needed from Python.

    Returns:
        The answer, with every run.

    Raises:
        SpecError: If an argument breaks its rule; nothing was started.
        ConflictError: If the study is running elsewhere, or asks something else.
        TaskError: If the training fails at every rate, or never reports the metric.
        StudyInterrupted: After Ctrl-C; everything is saved.
    """
    watched = watching(progress)
    made = Arms.of(task, budget=budget, metric=metric)
    question = make_question(
        made, lr=lr, seed=seed, seeds=seeds, max_cost=max_cost, tolerance=tolerance,
        current_lr=current_lr, reduce=reduce,
    )  # fmt: skip
    lab = open_lab(store)
    chosen = make_searcher(searcher)
    if max_time is not None and not (is_real(max_time) and max_time > 0):
        raise SpecError(f"max_time: must be above 0 seconds, got {max_time!r}.")
    name = checked_name(study) if study is not None else lab.free_name(made.name)
    target = target or made.target()

    def runner_for(name: str) -> "Runner":
        return make_runner(
            made.in_place(runs_folder(lab.store, name)),
            question,
            workers=workers,
            memory_gib=memory_gib,
            threads=threads,
            devices=devices,
        )

    runner = runner_for(name)  # now, so that wrong arguments are refused before a study is written
    fresh = Study(
        name=name,
        question=question,
        task=made.name,
        searcher=searcher,
        fingerprint=made.fingerprint,
        target=target,
        created=time.time(),
        environment=environment(),
    )
    ledger = _create_unnamed(lab, fresh) if study is None else _open_or_create(lab, fresh)
    if ledger.study.name != name:
        runner = runner_for(ledger.study.name)
    try:
        if ledger.study.state is StudyState.FINISHED:
            return Answer.of(lab.answer(ledger.study), ledger.study)
        with watched as listener, saving_on_signals() as interrupt:
            loop = StudyLoop(
                ledger=ledger,
                searcher=chosen,
                runner=runner,
                conclude=lab.conclude,
                warnings=made.warnings,
                tasks=made.tasks,
                listener=listener,
                interrupted=interrupt,
                max_time_s=max_time,
            )
            answer = loop.carry_out()
        if interrupt():
            name = ledger.study.name
            again = f"lrlab resume {name}" if target else f'lrlab.sweep(..., study="{name}")'
            raise StudyInterrupted(name, command=again, signal=interrupt.signal)
        return Answer.of(answer, ledger.study)
    finally:
        ledger.close()


def resume(
    name: str,
    *,
    store: "str | Path | Store | None" = None,
    progress: "bool | ProgressListener | None" = None,
    **options: Any,
) -> Answer:
    """Continue an interrupted study whose task can be built again, to the answer it would have given.

    Args:
        name: Name of the study.
        store: As in ``sweep``.
        progress: As in ``sweep``.
        options: ``workers``, ``max_time``, ``memory_gib``, ``threads`` and ``devices`` of ``sweep``.

    Raises:
        NotFoundError: If there is no such study.
        SpecError: If only its own program can build its task.
        ConflictError: If it is running, or its code has changed.
    """
    study = open_lab(store).study(name)
    question = study.question
    task = build(study.target)
    return sweep(
        task,
        lr=None if any(arm.lr for arm in question.arms) else question.lr,
        seed=question.seed,
        seeds=question.seeds,
        searcher=study.searcher,
        max_cost=question.max_cost,
        tolerance=question.tolerance,
        current_lr=question.current_lr,
        reduce=question.reduce,
        study=name,
        store=store,
        progress=progress,
        target=study.target,
        **options,
    )


def make_question(
    arms: Arms,
    *,
    lr: "str | Sequence[float] | LRRange | None",
    reduce: str,
    **settings: Any,
) -> Question:
    """What a sweep of ``arms`` asks; see ``sweep``.

    Raises:
        SpecError: If a value breaks its rule, or the task has no range of its own and none is given.
    """
    lr_range, known = arms.ranges(lr)
    task = arms.first
    return Question(
        lr=lr_range,
        budget=task.budget,
        unit=task.unit,
        metric=task.metric,
        resumes=arms.resumes,
        arms=known,
        guide=str(getattr(task, "guide", "")),
        settles=int(getattr(task, "settles", 0)),
        reduce=reduce,  # type: ignore[arg-type]
        **settings,
    )


def _create_unnamed(lab: Lab, study: Study) -> Ledger:
    """A new study under its name or, where another process has just taken that, under the next free one."""
    taken: list[str] = []
    while True:
        try:
            return lab.store.create(study)
        except ConflictError:
            taken.append(study.name)
            study = replace(study, name=lab.free_name(study.task, but=taken))


def _open_or_create(lab: Lab, study: Study) -> Ledger:
    """The ledger of a named study: of a stored one that asks the same, or of a new one."""
    try:
        known = lab.study(study.name)
    except NotFoundError:
        return lab.store.create(study)
    check_continues(known, question=study.question, searcher=study.searcher, fingerprint=study.fingerprint)
    return lab.store.open(study.name)
