"""Names to engines: the one place that knows which concrete store and runner there are."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrlab.core.answer import Answer, Caution
from lrlab.core.errors import SpecError
from lrlab.core.question import Done, Question, is_real, whole_number
from lrlab.core.run import DEFAULT_ARM, Run, RunKey
from lrlab.store.files import StudyFiles
from lrlab.store.memory import MemoryStore
from lrlab.store.protocol import Store
from lrlab.studies.lab import Lab
from lrlab.tasks.protocol import Task
from lrlab.tasks.run_folder import RunFolder, run_name

if TYPE_CHECKING:  # a list of studies needs neither, and NumPy makes them slow to import
    from lrlab.runners.protocol import Runner
    from lrlab.searchers.protocol import Searcher


def default_folder() -> Path:
    """``LRLAB_STORE``, or the ``studies`` folder in the user's data folder."""
    named = os.environ.get("LRLAB_STORE", "")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_path

    return user_data_path("lrlab", appauthor=False) / "studies"


def open_store(store: "str | Path | Store | None" = None) -> Store:
    """The store that ``store`` names.

    Args:
        store: A folder, ``"memory"`` for one that ends with the process, a store, or None for ``default_folder()``.

    Raises:
        SpecError: If it is none of these.
    """
    if store == "memory":
        return MemoryStore()
    if store is None or isinstance(store, str | Path):
        text = str(store or "")
        if "://" in text:
            raise SpecError(f"store: only folders are supported, got {text!r}.", hint="Name a folder.")
        from lrlab.store.sql import SqliteStore

        return SqliteStore(Path(text).expanduser() if text else default_folder())
    if hasattr(store, "create") and hasattr(store, "load"):
        return store
    raise SpecError(f"store: expected a folder or a store, got {type(store).__name__}.")


def open_lab(store: "str | Path | Store | None" = None) -> Lab:
    """The studies of a store."""
    return Lab(open_store(store), conclude)


def conclude(
    question: Question,
    runs: Sequence[Run],
    /,
    *,
    done: Done | None = None,
    extra_warnings: tuple[Caution, ...] = (),
) -> Answer:
    """The answer that runs support; see ``lrlab.searchers.answer``."""
    from lrlab.searchers.answer import conclude

    return conclude(question, runs, done=done, extra_warnings=extra_warnings)


def make_searcher(text: str) -> "Searcher":
    """The searcher that a text names: one of ``searchers/choose.py``, or Optuna's (``optuna:tpe+asha:16``).

    Raises:
        SpecError: If there is none of that name, or Optuna is not installed.
    """
    if isinstance(text, str) and text.strip().partition(":")[0] == "optuna":
        from lrlab.adapters.optuna import optuna_searcher

        return optuna_searcher(text)
    from lrlab.searchers.choose import searcher as choose_searcher

    return choose_searcher(text)


def runs_folder(store: Store, study: str) -> Path | None:
    """Where what the runs of a shell command write belongs; None in a store without files."""
    folder = getattr(store, "folder", None)
    return StudyFiles(folder=folder, name=study).runs if isinstance(folder, Path) else None


def run_folder(store: Store, study: str, key: RunKey) -> RunFolder | None:
    """What a run of a shell command has written; None where there is nothing."""
    place = runs_folder(store, study)
    if place is not None and key.arm != DEFAULT_ARM:
        place /= key.arm
    found = RunFolder(place / run_name(key.lr, key.seed)) if place is not None else None
    return found if found is not None and found.path.is_dir() else None


def default_workers() -> int:
    """One a GPU, else one for two cores, at least one. GPUs are counted without loading torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        gpus = len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    else:
        gpus = sum(1 for entry in Path("/dev").glob("nvidia[0-9]*"))
    return gpus or max((os.cpu_count() or 1) // 2, 1)


def make_runner(
    tasks: Mapping[str, Task],
    question: Question,
    *,
    workers: int | None = None,
    memory_gib: float | None = None,
    threads: int = 1,
    devices: Sequence[str] = (),
) -> "Runner":
    """A runner for a study's tasks.

    Args:
        tasks: The training target of each arm.
        question: What is asked.
        workers: 0 trains in this process; None is ``default_workers()``, or one a device where devices are named.
        memory_gib: Memory in GiB that all workers together may keep; None: 60 % of what is free.
        threads: Threads of numerical libraries in each worker.
        devices: Values of CUDA_VISIBLE_DEVICES, dealt out to the workers in turn.

    Raises:
        SpecError: If an argument breaks its rule.
    """
    from lrlab.runners.inline import InlineRunner
    from lrlab.runners.memory import MemoryBound
    from lrlab.runners.processes import ProcessRunner

    if isinstance(devices, str):
        raise SpecError(f'devices: expected a list such as ["0", "1"], got {devices!r}.')
    if workers is None:
        workers = len(devices) or default_workers()
    workers = whole_number("workers", workers, 0, hint="0 trains in this process.")
    threads = whole_number("threads", threads, 1)
    bound = MemoryBound.default(max(workers, 1))
    if memory_gib is not None:
        if not (is_real(memory_gib) and memory_gib > 0):
            raise SpecError(f"memory: must be above 0 GiB, got {memory_gib!r}.")
        bound = MemoryBound(host_bytes=int(memory_gib * 2**30 / max(workers, 1)))
    if workers == 0 and (threads != 1 or devices):
        raise SpecError(
            "workers: 0 trains in this process, which keeps the threads and devices that it has.",
            hint="Leave threads and devices out, or use at least one worker.",
        )
    if workers == 0:
        return InlineRunner(tasks, metric=question.metric, budget=question.budget, bound=bound)
    return ProcessRunner(
        tasks,
        metric=question.metric,
        budget=question.budget,
        workers=workers,
        bound=bound,
        threads=threads,
        devices=tuple(map(str, devices)),
    )
