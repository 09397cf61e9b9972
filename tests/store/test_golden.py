"""A study that an older schema wrote can be read and continued for ever."""

import math
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lrlab.core.command import Command, Fate, Reply
from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.record import Record
from lrlab.core.study import Study
from lrlab.store.sql import SqliteStore
from lrlab.store.version import SCHEMA_VERSION
from lrlab.testing.store_values import same_records

GOLDEN = Path(__file__).parent.parent / "golden"
MADE = runpy.run_path(str(GOLDEN / "make_golden.py"))
NAMES = [f"study-schema-{version}" for version in range(1, SCHEMA_VERSION + 1)]

pytestmark = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def store(tmp_path: Path, name: str) -> SqliteStore:
    shutil.copy(GOLDEN / f"{name}.sqlite", tmp_path)
    return SqliteStore(tmp_path)


def golden_study(name: str) -> Study:
    """What the file of this name holds: schema 1 knew less."""
    study: Study = MADE["golden_study"]()
    if name == "study-schema-1":
        question = replace(study.question, known=())
        assert study.answer is not None
        answer = replace(study.answer, question=question, study=name)
        runs = tuple(replace(run, reopened=False) for run in study.runs)
        study = replace(study, name=name, question=question, runs=runs, answer=answer)
    return study


def assert_same(study: Study, expected: Study) -> None:
    """Equality to the bit; NaN equals NaN."""
    assert len(study.runs) == len(expected.runs)
    for run, other in zip(study.runs, expected.runs, strict=True):
        assert same_records(run.records, other.records)
        assert replace(run, records=()) == replace(other, records=())
    assert replace(study, runs=()) == replace(expected, runs=())


def test_it_reads_as_it_was_written(store: SqliteStore, name: str) -> None:
    expected = golden_study(name)
    assert_same(store.load(name), expected)
    ledger = store.open(name)
    assert_same(ledger.study, expected)
    ledger.close()
    assert_same(store.load(name), expected)


def test_some_values_word_for_word(store: SqliteStore, name: str) -> None:
    study = store.load(name)
    good, bad, waiting = study.runs
    assert (good.lr, good.units, good.outcome) == (0.0031622776601683794, 4, Outcome.FINISHED)
    assert [record.at for record in good.records] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    assert good.records[-1].metrics == {"val_acc": 0.99609375, "verlust ü": 1 / 11}
    assert (bad.arm, bad.units, bad.lost_units) == ("sgd ü", 1, 1)
    assert math.copysign(1, bad.records[0].metrics["loss"]) == -1
    assert math.isnan(bad.records[2].metrics["val_acc"])
    assert bad.records[1] == Record(0.5, {"val_acc": 5e-324, "loss": math.inf}, 2**60)
    assert (waiting.seed, waiting.records) == (2**40, ())
    assert study.answer is not None
    assert (study.answer.safe_range, study.answer.codes) == ((5e-4, math.inf), {"NOISE"})
    (summary,) = store.summaries()
    assert (summary.runs, summary.cost, summary.lr, summary.state) == (3, 1.25, good.lr, StudyState.STOPPED)


def test_it_goes_on(store: SqliteStore, name: str) -> None:
    ledger = store.open(name)
    good, _, waiting = ledger.study.runs
    assert ledger.append(good.key, 0, good.records) == 0
    assert ledger.append(waiting.key, 0, [Record(1, {"val_acc": 0.5})]) == 1
    ledger.conclude(StudyState.FINISHED, ledger.study.answer)
    ledger.close()
    study = store.load(name)
    assert (study.runs[2].units, study.state, len(study.events)) == (1, StudyState.FINISHED, 1)


def test_replies_are_kept_from_schema_2_on(store: SqliteStore, name: str) -> None:
    told = None if name == "study-schema-1" else MADE["REPLY"]
    assert store.reply(name, MADE["COMMAND"].id) == told
    ledger = store.open(name)  # the older file is migrated
    again = Command(kind="stop", id="second")
    ledger.reply(again, Reply(fate=Fate.DONE, text="Stopped."))
    ledger.close()
    assert store.reply(name, "second") == Reply(fate=Fate.DONE, text="Stopped.")
    assert store.reply(name, MADE["COMMAND"].id) == told
