"""The page on large studies: how long the server takes; nothing is trained. Usage: python -m benchmarks.page"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

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

if TYPE_CHECKING:
    from lrlab.web.application import Page

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


def timed(what: str, ask: Callable[[], object], *, times: int = 1) -> None:
    """Print how long something takes: the median, and the longest of several."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - begun))
    worst = f", longest of {times}: {max(took):.0f} ms" if times > 1 else ""
    print(f"{what:<68} {sorted(took)[len(took) // 2]:8.0f} ms{worst}", flush=True)


def main() -> None:
    """Print the figures."""
    from starlette.testclient import TestClient

    from lrlab.web.application import Page
    from lrlab.web.security import Keys
    from lrlab.web.settings import Settings

    points = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        lab = open_lab(Path(folder) / "studies")
        keep(lab, study("long", runs=1, points=points))
        keep(lab, study("wide", runs=64, points=1_500))
        for k in range(100):
            keep(lab, study(f"small-{k}", runs=10, points=5))
        page = Page(lab, Settings(folder=Path(folder), keys=Keys(TOKEN)))
        headers = {"authorization": f"Bearer {TOKEN}"}
        with TestClient(page, base_url="http://127.0.0.1:7432", headers=headers) as client:

            def get(path: str) -> Callable[[], object]:
                def ask() -> object:
                    answer = client.get(path)
                    assert answer.status_code == 200, answer.text[:300]
                    return answer.content

                return ask

            series = "/api/v1/studies/long/runs/1/series?metric=val_loss&max_points=1500"
            timed("home, 102 studies with 1,065 runs, first", get("/"))
            timed("home, again", get("/"), times=5)
            timed("64 runs of 1,500 points: the study's page, first", get("/studies/wide"))
            timed("64 runs of 1,500 points: learning curves", get("/api/v1/studies/wide/curves"), times=5)
            timed(f"{points:,} points: the study is read from its file", lambda: page_reads(page, "long"))
            timed(f"{points:,} points: 1,500 of them, first", get(series))
            timed(f"{points:,} points: 1,500 of them, again", get(series), times=20)
            ledger = lab.store.open("long")
            run = ledger.study.runs[0]
            more = [
                Record(at=11 + k / 1000, metrics={"val_loss": 1.0}, step=points + k) for k in range(1_000)
            ]
            ledger.append(run.key, points, more)
            ledger.close()
            timed("1,000 points have come: the study is read again", lambda: page_reads(page, "long"))


def page_reads(page: "Page", name: str) -> None:
    """Have the page read a study, as a request does."""
    page.room.shelf.seen(name)


if __name__ == "__main__":
    main()
