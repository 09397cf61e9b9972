"""Studies that are made by hand for the tests of the page; nothing is trained."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

import samples

from lrlab.core.metric import Metric
from lrlab.core.outcome import StudyState
from lrlab.core.record import Record
from lrlab.core.study import Study
from lrlab.studies.lab import Lab

TOKEN = "a-token-of-the-tests-0123456789"
HOST = "127.0.0.1:7432"
ORIGIN = f"http://{HOST}"
HOSTILE = "<img src=x onerror=window.__x=1>\"'&</script><script>window.__x=2</script>\u202e"


def hostile() -> Study:
    """A study with text that a page must not obey, wherever foreign text goes."""
    metric = HOSTILE.replace(":", "")
    runs = tuple(
        replace(
            run,
            why=HOSTILE,
            detail=f"{HOSTILE}\n{HOSTILE}",
            records=tuple(Record(at=r.at, metrics={metric: r.metrics["val_loss"]}) for r in run.records),
        )
        for run in samples.race_runs()
    )
    answer = samples.answer(
        runs,
        question=replace(samples.question(current_lr=1e-2), metric=Metric(metric, "min")),
        study="hostile",
        warnings=(samples.Caution(code="NOISE", text=HOSTILE),),
        reasons=(HOSTILE,),
    )
    events = (samples.Event(at=1_750_000_000.0, kind="started", text=HOSTILE),)
    stored = replace(answer, runs=())
    return samples.study(answer, name="hostile", task=HOSTILE, searcher="race", events=events, answer=stored)


def spiky(points: int = 20_000) -> Study:
    """A study with one long run: a spike, and values that are not finite."""
    values = [2.0 + 0.5 * math.sin(k / 900) for k in range(points)]
    values[points // 3] = 777.0
    values[-1] = math.nan
    values[-2] = math.inf
    records = tuple(
        Record(at=k / 1000, metrics={"val_loss": v, "lr": 2e-3}, step=k) for k, v in enumerate(values)
    )
    run = samples.run(samples.RATES[7], 20, outcome=samples.Outcome.FINISHED, records=records)
    return samples.study(samples.answer((run,), study="spiky"), name="spiky")


def kept(lab: Lab, study: Study) -> None:
    """Put a study into a store, as if its process had ended."""
    ledger = lab.store.create(replace(study, state=StudyState.RUNNING))
    ledger.conclude(study.state, study.answer)
    ledger.close()


def with_answer(name: str, sample: str, **more: Any) -> Study:
    """A study around one of the report's samples, with its answer stored."""
    answer = replace(samples.EVERY[sample](), study=name)
    return replace(samples.study(answer, name=name, **more), answer=replace(answer, runs=()))


def troubled() -> Study:
    """A study with a run of two verdicts whose rate was not applied as planned, a healthy run, and one that diverged."""

    def records(kind: str) -> tuple[Record, ...]:
        found = []
        for k in range(2_001):
            share, bad = k / 2_000, kind == "troubled"
            rate = samples.RATES[7] * (1.05 if bad and 300 <= k < 500 else 1)
            noise = 0.02 * math.sin(k * k)
            metrics = {"loss": 0.3 + 2.2 * math.exp((-30 if bad else -6) * share) - 0.02 * share + noise,
                       "lr": 2e-6 if bad and share >= 0.4 else rate}  # fmt: skip
            if bad:
                metrics["grad_norm"] = 1.0 + 5 * noise
            if k % 50 == 0:
                rise = 3 * max(0.0, share - 0.6) if bad else 0.0
                metrics["val_loss"] = 0.4 + 2.0 * math.exp(-8 * share) + rise
            found.append(Record(at=k / 100, metrics=metrics, step=k))
        return tuple(found)

    finished = samples.Outcome.FINISHED
    runs = (
        samples.run(samples.RATES[7], 20, outcome=finished, records=records("troubled")),
        samples.run(samples.RATES[7], 20, outcome=finished, records=records("healthy"), seed=1),
        samples.diverged(samples.RATES[12]),
    )
    return samples.study(samples.answer(runs, study="verdicts"), name="verdicts")
