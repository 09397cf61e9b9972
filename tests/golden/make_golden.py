"""Makes ``study-schema-2.sqlite``: a small study as schema 2 keeps it.

    python tests/golden/make_golden.py

Old files must stay readable, so a golden file is made once, by the lrlab whose schema it shows, and then kept.
"""

import math
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from lrlab.core.answer import Answer, Caution
from lrlab.core.command import Command, Fate, Reply
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.question import Advance, Arm, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Event, Study
from lrlab.store.sql import SqliteStore

NAME = "study-schema-2"
FILE = Path(__file__).with_name(f"{NAME}.sqlite")


COMMAND = Command(kind="extend", arguments={"lr": "1e-5:1"}, id="first")
REPLY = Reply(fate=Fate.DONE, text="Extended: rates 0.001:1 became 1e-05:1 ü.")


def golden_study() -> Study:
    """What the file holds; the file of schema 1 holds it too, but for what is new in schema 2."""
    question = Question(
        lr=LRRange(1e-5, 1.0),
        budget=4,
        metric=Metric("val_acc", "max"),
        unit="epoch",
        reduce="best",
        tolerance=0.02,
        max_cost=3.0,
        seed=1,
        seeds=2,
        arms=(Arm(name="adamw", optimizer="adamw", schedule="cosine"), Arm(name="sgd ü", optimizer="sgd")),
        resumes="exact",
        current_lr=0.01,
        known=(RunKey("sgd ü", 1.0, 1),),
    )
    good = Run(
        lr=0.0031622776601683794,
        seed=1,
        arm="adamw",
        target=4,
        outcome=Outcome.FINISHED,
        state=State.RUNNING,
        why="the middle of the bowl",
        checkpoint="run-0",
        seconds=12.5,
    ).with_records(
        tuple(
            Record(k / 2, {"val_acc": 1 - 2.0**-k, "verlust ü": 1 / (k + 3)}, step=50 * k) for k in range(9)
        )
    )
    bad = Run(lr=1.0, seed=1, arm="sgd ü", target=4, outcome=Outcome.DIVERGED, lost_units=1).with_records(
        (
            Record(0, {"val_acc": 0.1, "loss": -0.0}),
            Record(0.5, {"val_acc": 5e-324, "loss": math.inf}, step=2**60),
            Record(1, {"val_acc": math.nan, "loss": -math.inf}),
        )
    )
    waiting = Run(lr=1e-5, seed=2**40, arm="adamw", target=2, reopened=True)
    answer = Answer(
        lr=good.lr,
        interval=(1e-3, 1e-2),
        safe_range=(5e-4, math.inf),
        score=0.99609375,
        cost=1.5,
        confidence=0.75,
        question=question,
        reasons=("one seed only",),
        arm="adamw",
        warnings=(Caution(code="NOISE", text="Runs differ by as much as rates do."),),
        study=NAME,
        untrained=0.1,
        current_regret=0.03,
        seconds=20.25,
    )
    return Study(
        name=NAME,
        question=question,
        task="mlp on digits",
        searcher="race",
        fingerprint="0123456789abcdef",
        target={
            "kind": "python",
            "ref": "train:main",
            "options": {"depth": 3, "width": 1.5, "names": ["a", None]},
        },
        created=1_700_000_000.125,
        state=StudyState.STOPPED,
        runs=(good, bad, waiting),
        advances=tuple(
            Advance(lr=run.lr, until=2, seed=run.seed, arm=run.arm, why="first") for run in (good, bad)
        ),
        events=(Event(at=1_700_000_001.0, kind="started", text="Started."),),
        answer=answer,
        environment={"python": "3.11.0", "machine": "example"},
    )


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(folder)
        # Written as a study is: begun, grown, concluded.
        study = golden_study()
        begun = replace(study, runs=(), advances=(), answer=None, state=StudyState.RUNNING)
        ledger = store.create(begun)
        ledger.decide(study.advances)
        for run in study.runs:
            ledger.write_run(run)
            ledger.append(run.key, 0, run.records)
            ledger.flush()
        ledger.reply(COMMAND, REPLY)
        ledger.conclude(study.state, study.answer)
        ledger.close()
        shutil.copy(store.folder / FILE.name, FILE)
    FILE.chmod(0o644)


if __name__ == "__main__":
    main()
