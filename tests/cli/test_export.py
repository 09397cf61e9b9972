"""``lrlab export``: every point and every digit, for other programs and for lrlab import."""

import csv
import io
import json
import math
import re
import subprocess
import sys

import pytest

from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.question import Advance
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import HARD_FLOATS, example_answer, example_study

POINTS = tuple(
    Record(k / 4, {"val acc ü": value, "=lr": float(k), "lr": 0.5} if k % 3 else {"lr": value}, k or None)
    for k, value in enumerate(HARD_FLOATS)
)
RUNS = (
    Run(lr=1 / 3, arm="adamw", seed=2**40, records=POINTS, units=9, why="=1+1", seconds=0.1 + 0.2),
    Run(lr=5e-324, arm="-sgd", outcome=Outcome.DIVERGED, detail="line\ntwo, \"said\" 'so'", repeated_units=2),
)


@pytest.fixture
def hard(place):
    """A store with the study hard, which has what is hard to write down."""
    study = example_study(
        "hard", runs=RUNS, advances=(Advance(lr=1 / 3, until=3),), state=StudyState.FINISHED
    )
    ledger = SqliteStore(place / "studies").create(study)
    ledger.note("started", "Ünï\ncode")
    ledger.conclude(StudyState.FINISHED, example_answer())
    ledger.close()
    return ledger.study


def table(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def bits(value):
    return "nan" if math.isnan(value) else value.hex()


def test_points_keep_every_bit(lrlab, hard):
    said = lrlab("export", "hard")
    assert (said.code, said.err) == (0, "")
    rows = table(said.out)
    assert list(rows[0]) == ["arm", "lr", "seed", "at", "step", "metric:lr", "val acc ü", "'=lr", "outcome"]
    assert len(rows) == len(POINTS)
    for row, point in zip(rows, POINTS, strict=True):
        assert (row["arm"], row["outcome"]) == ("adamw", "queued")
        assert (float(row["lr"]), int(row["seed"]), float(row["at"])) == (1 / 3, 2**40, point.at)
        assert row["step"] == ("" if point.step is None else str(point.step))
        for column, name in (("metric:lr", "lr"), ("val acc ü", "val acc ü"), ("'=lr", "=lr")):
            if name in point.metrics:
                assert bits(float(row[column])) == bits(point.metrics[name])
            else:
                assert row[column] == ""
    assert {"nan", "inf", "-inf", "-0.0", "5e-324"} <= {row["metric:lr"] for row in rows} | {
        row["val acc ü"] for row in rows
    }


def test_runs_have_a_row_each(lrlab, hard):
    first, second = table(lrlab("export", "hard", "--what", "runs").out)
    assert (first["units"], first["paid_units"], first["seconds"]) == ("9", "9", repr(0.1 + 0.2))
    assert first["why"] == "'=1+1"  # no program of tables takes it for a formula
    assert (second["arm"], second["outcome"], second["score"]) == ("'-sgd", "diverged", "")
    assert (second["paid_units"], second["detail"]) == ("2", RUNS[1].detail)
    study = hard.runs[0].score(hard.question.metric, reduce="last")
    assert first["score"] == ("" if math.isinf(study) else repr(study))


def test_parquet_is_the_same_table(lrlab, hard, place):
    parquet = pytest.importorskip("pyarrow.parquet")
    for what in ("points", "runs"):
        said = lrlab("export", "hard", "-o", f"{what}.parquet", "--what", what)
        assert (said.code, said.out) == (0, f"{what}.parquet\n"), said.err
        rows = parquet.read_table(place / f"{what}.parquet").to_pylist()
        told = table(lrlab("export", "hard", "--what", what).out)
        assert len(rows) == len(told)
        for row, other in zip(rows, told, strict=True):
            assert {name.removeprefix("'") for name in other} == set(row)
            for name, cell in other.items():
                value = row[name.removeprefix("'")]
                if isinstance(value, float):
                    assert bits(value) == bits(float(cell))
                else:
                    assert ("" if value is None else str(value)) == cell.removeprefix("'")


def test_json_is_the_study(lrlab, hard, place):
    said = lrlab("export", "hard", "-o", "hard.json", "--json")
    document = said.document
    assert (document["schema"], document["format"]) == ("lrlab.exported/1", "json")
    text = (place / "hard.json").read_text(encoding="utf-8")
    assert document["bytes"] == len(text.encode())
    kept = json.loads(text, parse_constant=pytest.fail)
    assert kept["schema"] == "lrlab.export/2"
    assert kept["study"]["answer"]["score"] == "-Infinity"
    assert [event["text"] for event in kept["study"]["events"]] == ["Ünï\ncode"]
    assert lrlab("export", "hard", "--format", "json").out == text


def test_a_file_is_replaced_only_when_asked(lrlab, asked, place):
    (place / "mine.csv").write_text("precious")
    said = lrlab("export", "bowl", "-o", "mine.csv")
    assert said.code == 8
    assert "mine.csv is there already" in said.err
    assert "--force" in said.err
    assert (place / "mine.csv").read_text() == "precious"
    assert lrlab("export", "bowl", "-o", "mine.csv", "--force").code == 0
    assert (place / "mine.csv").read_text() == lrlab("export", "bowl", "-o", "-").out
    (place / "link.csv").symlink_to("mine.csv")
    assert lrlab("export", "bowl", "-o", "link.csv", "--what", "runs", "--force").code == 0
    assert (place / "link.csv").is_symlink()
    assert (place / "mine.csv").read_text() == lrlab("export", "bowl", "--what", "runs").out


def test_nothing_is_left_where_it_fails(lrlab, asked, place, monkeypatch):
    before = sorted(place.iterdir())

    def breaks(*args):
        yield "half a"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lrlab.api.export.study_json", breaks)
    said = lrlab("export", "bowl", "-o", "full.json")
    assert said.code == 1
    assert "full.json: cannot be written: No space left on device" in said.err
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nobody",), 7, 'study "nobody": there is none of that name. Did you mean|The store is empty'),
        (("bowl", "-o", "x.xlsx"), 2, r"the file must end in .csv, .json or .parquet, got 'x.xlsx'"),
        (("bowl", "-o", "x"), 2, "or name the format: --format csv"),
        (("bowl", "--format", "xml"), 2, "the format must be csv, json or parquet, got 'xml'"),
        (("bowl", "--what", "curves"), 2, "what must be points or runs, got 'curves'"),
        (("bowl", "--format", "json", "--what", "runs"), 2, "runs cannot be chosen for JSON"),
        (("bowl", "--format", "parquet", "-o", "-"), 2, "Parquet is no text for a terminal or a pipe"),
        (("bowl", "--json"), 2, "--json tells about a file that is written, and none is named"),
        (("bowl", "-o", ".", "--format", "csv"), 2, r"\. is a folder"),
        (("bowl", "-o", "/dev/null", "--format", "csv", "--force"), 2, "/dev/null is no plain file"),
        (("bowl", "-o", "nowhere/x.csv"), 1, "nowhere/x.csv: cannot be written: No such file or directory"),
        ((), 2, "Missing argument 'STUDY'"),
    ],
)
def test_what_cannot_be_exported(lrlab, asked, words, code, message):
    if "parquet" in words:
        pytest.importorskip("pyarrow")
    said = lrlab("export", *words)
    assert said.code == code
    flat = " ".join((said.err + said.out).split())
    assert re.search(message, flat, re.IGNORECASE), flat
    assert "Traceback" not in flat


def test_it_works_while_the_study_runs(lrlab, place):
    ledger = SqliteStore(place / "studies").create(example_study("live", runs=(Run(lr=0.1),)))
    try:
        ledger.append(Run(lr=0.1).key, 0, [Record(1, {"val_loss": 0.5})])
        ledger.flush()
        (row,) = table(lrlab("export", "live").out)
        assert (row["at"], row["val_loss"], row["outcome"]) == ("1.0", "0.5", "queued")
        kept = json.loads(lrlab("export", "live", "--format", "json").out)
        assert kept["study"]["state"] == "interrupted"  # nobody runs the copy
    finally:
        ledger.close()


def test_a_reader_that_goes_is_no_error(asked, place):
    program = "import sys; from lrlab.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "export", "bowl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_an_answer_exports_itself(asked, place):
    from lrlab.api.engines import open_lab
    from lrlab.api.results import Answer
    from lrlab.core.errors import SpecError

    lab = open_lab()
    study = lab.study("bowl")
    answer = Answer.of(lab.answer(study), study)
    assert answer.export("bowl.csv", what="runs") == place.joinpath("bowl.csv").relative_to(place)
    assert len(table((place / "bowl.csv").read_text())) == len(answer.runs)
    assert (
        (place / answer.export("bowl.txt", format="json"))
        .read_text()
        .startswith('{"schema":"lrlab.export/2"')
    )
    with pytest.raises(SpecError, match="this answer has no study"):
        Answer.of(lab.answer(study), None).export("x.csv")  # type: ignore[arg-type]
