"""The study that the crash tests kill: ``python -m tests.studies.crash_study FOLDER TRAIN WORKERS [early]``.

Prints a JSON line whenever more records are acknowledged, with the workers' process ids, and the answer at its end.
With ``early`` it claims records when they are handed over, not when they are committed: the control without the
protection, which the harness must catch.
"""

import json
import sys
from pathlib import Path
from typing import Any

from lrlab.api.results import digest
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Question
from lrlab.core.run import DEFAULT_ARM
from lrlab.core.study import Study
from lrlab.runners.processes import ProcessRunner
from lrlab.store.sql import SqliteStore
from lrlab.studies.study import StudyLoop
from lrlab.tasks.function import task
from tests.studies import ladder

NAME = "crash"
QUESTION = Question(lr=LRRange(1e-3, 2.0), budget=48, metric=Metric("val_loss"))


class Announcing:
    """A ledger that tells on stdout what it has acknowledged."""

    def __init__(self, ledger: Any, runner: ProcessRunner, *, early: bool) -> None:
        self._ledger = ledger
        self._runner = runner
        self._early = early
        self._claimed: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def append(self, key: Any, first: int, records: Any) -> int:
        new: int = self._ledger.append(key, first, records)
        if self._early:
            self._claim({**self._claimed, repr(key.lr): first + len(records)})
        return new

    def tick(self) -> None:
        self._ledger.tick()
        self._settle()

    def flush(self) -> None:
        self._ledger.flush()
        self._settle()

    def _settle(self) -> None:
        if not self._early:
            self._claim({repr(key.lr): count for key, count in self._ledger.acknowledged.items()})

    def _claim(self, counts: dict[str, int]) -> None:
        if counts != self._claimed:
            self._claimed = counts
            print(json.dumps({"acknowledged": counts, "workers": self._runner.pids()}), flush=True)


def main(folder: str, train: str, workers: str, *control: str) -> None:
    store = SqliteStore(Path(folder))
    known = NAME in store.names()
    ledger = store.open(NAME) if known else store.create(Study(name=NAME, question=QUESTION, task=train))
    made = task(getattr(ladder, train), budget=QUESTION.budget)
    runner = ProcessRunner(
        {DEFAULT_ARM: made}, metric=QUESTION.metric, budget=QUESTION.budget, workers=int(workers)
    )
    announcing: Any = Announcing(ledger, runner, early="early" in control)
    loop = StudyLoop(ledger=announcing, searcher=ladder.ladder, runner=runner, conclude=ladder.conclude)
    answer = loop.carry_out()
    ledger.close()
    print(json.dumps({"answer": digest(answer)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
