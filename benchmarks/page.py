"""The page on large studies: how long the server takes; nothing is trained. Usage: python -m benchmarks.page

With --live [SECONDS] a browser watches studies that run instead: see ``benchmarks.page_live``.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from starlette.testclient import TestClient

from lrlab.api.engines import open_lab
from lrlab.core.answer import Answer
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study
from lrlab.studies.lab import Lab

TOKEN = "a-token-of-the-benchmark-0123"


def study(name: str, *, runs: int, points: int) -> Study:
    """A study of made-up curves."""
    random = np.random.default_rng(0)
    rates = LRRange(1e-5, 1.0).points(runs) if runs > 1 else (1e-3,)
    made = []
    for rate in rates:
        values = 1 + np.abs(np.log10(rate / 1e-3)) + random.normal(0, 0.05, points)
        records = tuple(
            Record(at=(k + 1) / points * 10, metrics={"val_loss": float(v)}, step=k)
            for k, v in enumerate(values)
        )
        made.append(Run(lr=rate, units=10, target=10, records=records, outcome=Outcome.FINISHED, seconds=1.0))
    question = Question(lr=LRRange(1e-5, 1.0), budget=10, metric=Metric("val_loss"))
    return Study(
        name=name,
        question=question,
        task="made up",
        state=StudyState.FINISHED,
        runs=tuple(made),
        created=1.0e9,
    )


def keep(lab: Lab, made: Study) -> None:
    """Put a study into the store with its answer."""
    answer: Answer = lab.conclude(made.question, made.runs)
    ledger = lab.store.create(replace(made, state=StudyState.RUNNING))
    ledger.conclude(made.state, replace(answer, runs=(), study=made.name))
    ledger.close()


def timed(
    what: str, ask: Callable[[], object], *, times: int = 1, before: Callable[[], object] = int
) -> None:
    """Print how long something takes: the median, the 95th percentile and the longest of several, and the longest that
    the processor worked at it; ``before`` each time something else is done that does not count."""
    took, worked = [], []
    for _ in range(times):
        before()
        begun, at_work = time.perf_counter(), time.process_time()
        ask()
        worked.append(1000 * (time.process_time() - at_work))
        took.append(1000 * (time.perf_counter() - begun))
    middle, late = np.quantile(took, (0.5, 0.95))
    more = f", p95 {late:.0f} ms, longest of {times} {max(took):.0f} ms" if times > 1 else ""
    print(f"{what:<64} {middle:8.0f} ms{more}, processor {max(worked):.0f} ms", flush=True)


class Server:
    """The page over a store; it can forget everything, as if it had been started again.

    Args:
        lab: The studies.
        folder: The page's folder.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._open: TestClient | None = None

    def restart(self) -> None:
        """Begin anew; the files lie in the system's cache."""
        from lrlab.web.application import Page
        from lrlab.web.security import Keys
        from lrlab.web.settings import Settings

        self.close()
        page = Page(self._lab, Settings(folder=self._folder, keys=Keys(TOKEN)))
        headers = {"authorization": f"Bearer {TOKEN}"}
        self._open = TestClient(page, base_url="http://127.0.0.1:7432", headers=headers)
        self._open.__enter__()
        self.get("/api/v1/health")

    def close(self) -> None:
        """End it."""
        if self._open is not None:
            self._open.__exit__(None, None, None)

    def get(self, path: str) -> object:
        """Ask for a page or a document; it must be there."""
        assert self._open is not None
        answer = self._open.get(path)
        assert answer.status_code == 200, answer.text[:300]
        return answer.content

    def times(self, what: str, path: str, *, cold: int, warm: int) -> None:
        """Print what a request takes when the server has just been started, and when it comes again."""
        timed(f"{what}, first", lambda: self.get(path), times=cold, before=self.restart)
        timed(f"{what}, again", lambda: self.get(path), times=warm)


def main() -> None:
    """Print the figures."""
    if sys.argv[1:2] == ["--live"]:
        from benchmarks.page_live import live

        live(float(sys.argv[2]) if len(sys.argv) > 2 else 60.0)
        return
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(
        f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}; requests in the server's process"
    )
    with tempfile.TemporaryDirectory() as folder:
        lab = open_lab(Path(folder) / "studies")
        keep(lab, study("long", runs=1, points=points))
        keep(lab, study("wide", runs=64, points=16_000))
        for k in range(100):
            keep(lab, study(f"small-{k}", runs=10, points=5))
        server = Server(lab, Path(folder))
        server.times("home, 102 studies with 1,065 runs", "/", cold=1, warm=5)
        series = "/api/v1/studies/long/runs/1/series?metric=val_loss"
        server.times(f"{points:,} points: 1,500 of them", f"{series}&max_points=1500", cold=20, warm=50)
        timed(
            f"{points:,} points: another 1,000 of them",
            lambda: server.get(f"{series}&max_points=1000"),
            times=20,
        )
        server.times(f"{points:,} points: the run's page", "/studies/long/runs/1", cold=5, warm=5)
        server.times(
            "64 runs of 16,000 points: learning curves", "/api/v1/studies/wide/curves", cold=10, warm=10
        )
        server.times("64 runs of 16,000 points: the study's page", "/studies/wide", cold=5, warm=5)
        ledger = lab.store.open("long")
        run = ledger.study.runs[0]
        more = [Record(at=11 + k / 1000, metrics={"val_loss": 1.0}, step=points + k) for k in range(1_000)]
        ledger.append(run.key, points, more)
        ledger.close()
        timed("1,000 points have come: 1,500 of all", lambda: server.get(f"{series}&max_points=1500"))
        for file in (Path(folder) / "studies" / "long.files" / "columns").iterdir():
            file.unlink()
        server.times("without the file of columns: 1,500 points", f"{series}&max_points=1500", cold=2, warm=1)
        server.close()


if __name__ == "__main__":
    main()
