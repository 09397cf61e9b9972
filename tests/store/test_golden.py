"""A study that schema 1 wrote can be read and continued for ever."""

import math
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.record import Record
from lrlab.core.study import Study
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import same_records

GOLDEN = Path(__file__).parent.parent / "golden"
NAME = "study-schema-1"


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    shutil.copy(GOLDEN / f"{NAME}.sqlite", tmp_path)
    return SqliteStore(tmp_path)


def assert_same(study: Study, expected: Study) -> None:
    """Equality to the bit; NaN equals NaN."""
    assert len(study.runs) == len(expected.runs)
    for run, other in zip(study.runs, expected.runs, strict=True):
        assert same_records(run.records, other.records)
        assert replace(run, records=()) == replace(other, records=())
    assert replace(study, runs=()) == replace(expected, runs=())


def test_it_reads_as_it_was_written(store: SqliteStore) -> None:
    expected = runpy.run_path(str(GOLDEN / "make_golden.py"))["golden_study"]()
    assert_same(store.load(NAME), expected)
    ledger = store.open(NAME)
    assert_same(ledger.study, expected)
    ledger.close()
    assert_same(store.load(NAME), expected)


def test_some_values_word_for_word(store: SqliteStore) -> None:
    study = store.load(NAME)
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


def test_it_goes_on(store: SqliteStore) -> None:
    ledger = store.open(NAME)
    good, _, waiting = ledger.study.runs
    assert ledger.append(good.key, 0, good.records) == 0
    assert ledger.append(waiting.key, 0, [Record(1, {"val_acc": 0.5})]) == 1
    ledger.conclude(StudyState.FINISHED, ledger.study.answer)
    ledger.close()
    study = store.load(NAME)
    assert (study.runs[2].units, study.state, len(study.events)) == (1, StudyState.FINISHED, 1)
