"""``lrlab extend``: a larger question for a study that has an answer, or is on its way to one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrlab.api.engines import make_searcher, open_lab
from lrlab.api.import_table import refuse
from lrlab.api.results import Answer
from lrlab.api.sweep import resume
from lrlab.core.lr_range import LRRange
from lrlab.core.study import Study
from lrlab.store.protocol import Store
from lrlab.studies.extend import ask_more, widened
from lrlab.studies.progress import ProgressListener


def check(study: Study, **changes: object) -> None:
    """Refuse changes that do not make the question of ``study`` larger; see ``lrlab.studies.extend.widened``."""
    _widened(study, **changes)


def widen(name: str, *, store: "str | Path | Store | None" = None, **changes: object) -> Study:
    """Put a larger question to a study that no process runs; nothing is trained yet.

    Returns:
        The study as it stands now.

    Raises:
        NotFoundError: If there is no such study.
        SpecError: If a change is narrower than before, or nothing would change.
        ConflictError: If a process runs the study, or it failed.
    """
    lab = open_lab(store)
    _widened(lab.study(name), **changes)
    ledger = lab.store.open(name)
    try:
        ask_more(ledger, _widened(ledger.study, **changes))
        return ledger.study
    finally:
        ledger.close()


def extend(
    name: str,
    *,
    max_cost: float | None = None,
    seeds: int | None = None,
    lr: "str | Sequence[float] | LRRange | None" = None,
    tolerance: float | None = None,
    store: "str | Path | Store | None" = None,
    progress: ProgressListener | None = None,
    **options: Any,
) -> Answer:
    """Ask more of a study that no process runs, and go on with it to the larger question's answer.

    Args:
        name: Name of the study.
        max_cost: New price limit in full runs.
        seeds: New number of seeds.
        lr: New range; holds the one so far.
        tolerance: New tolerance.
        store: As in ``sweep``.
        progress: As in ``sweep``.
        options: As in ``resume``.

    Raises:
        NotFoundError: If there is no such study.
        SpecError: If a change is narrower than before, or nothing would change; and, with the question changed, if only
            the study's own program can build its task: repeat its call with the new values.
        ConflictError: If a process runs the study, or it failed.
    """
    widen(name, store=store, max_cost=max_cost, seeds=seeds, lr=lr, tolerance=tolerance)
    return resume(name, store=store, progress=progress, **options)


def _widened(study: Study, **changes: object) -> Any:
    refuse(study.target, "extend")
    known = [run.key for run in study.runs]
    return widened(study.question, changes, searcher=make_searcher(study.searcher), known=known)
