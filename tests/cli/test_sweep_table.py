"""``lrlab sweep table``: a file on the command line, to the test scores of the winner."""

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

SMALL = ("--budget", 4, "--workers", 0, "--searcher", "grid:3", "--lr", "1e-4:1")
CLASSES = "\n".join(
    ["age,smokes,dose,outcome", *(f"{20 + i * 7 % 50},{'yes' if i % 3 else 'no'},{i % 11 / 2},{'ill' if i * 7 % 50 > 24 else 'well'}" for i in range(90))]
)  # fmt: skip
NUMBERS = "\n".join(
    ["size;rooms;price", *(f"{i % 40},5;{i % 5};{3 * (i % 40) + i % 5},25" for i in range(90))]
)


@pytest.fixture
def files(place):
    (place / "patients.csv").write_text(CLASSES)
    (place / "flats.csv").write_text(NUMBERS)
    return place


def test_classes(lrlab, files):
    said = lrlab("sweep", "table", "patients.csv", "--target", "outcome", *SMALL)
    assert said.code in (0, 5), said.err
    assert said.out.startswith("Use LR ")
    judged = said.out.splitlines()[-1]
    assert judged.startswith("The winner on the test part, which no search saw: loss ")
    assert [word in judged for word in (" acc ", " balanced_acc ", " f1 ", " auroc ")] == [True] * 4
    assert "patients.csv: 90 rows, 4 numbers a row, 2 classes (" in said.err
    assert "54 to train on, 18 to choose by, 18 to judge with at the end." in said.err


def test_a_regression(lrlab, files):
    said = lrlab("sweep", "table", "flats.csv", "--target", "price", "--metric", "val_mae", "--json", *SMALL)
    document = said.document
    assert (document["ok"], document["metric"]) == (True, "val_mae:min")
    assert set(document["test"]) == {"test_loss", "test_mae"}
    best = min(run["score"] for run in document["runs"] if run["score"] is not None)
    assert document["score"] == best
    assert document["score"] < document["untrained"]


def test_numbers_are_a_regression_on_demand_only_where_they_are_few(lrlab, files):
    words = ("sweep", "table", "flats.csv", "--target", "rooms", "--json", *SMALL)
    assert "test_acc" in lrlab(*words).document["test"]
    assert "test_mae" in lrlab(*words, "--task", "regression").document["test"]


@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_models(lrlab, files, model):
    said = lrlab("sweep", "table", "patients.csv", "--target", "outcome", "--model", model, "--json", *SMALL)
    assert said.document["test"]["test_acc"] > 0.5


def test_parquet(lrlab, files):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import csv, parquet

    parquet.write_table(csv.read_csv(files / "patients.csv"), files / "patients.parquet")
    documents = [
        lrlab("sweep", "table", name, "--target", "outcome", "--json", *SMALL).document
        for name in ("patients.csv", "patients.parquet")
    ]
    assert pa is not None
    assert documents[0]["test"] == documents[1]["test"]
    assert documents[0]["lr"] == documents[1]["lr"]


def test_what_a_reader_must_know_is_in_the_answer(lrlab, files):
    (files / "patients.csv").write_text(CLASSES.replace("\n23,", "\n,").replace("caf\xe9", "x"))
    document = lrlab("sweep", "table", "patients.csv", "--target", "outcome", "--json", *SMALL).document
    assert "IMPUTED" in [warning["code"] for warning in document["warnings"]]


def test_an_interrupted_study_goes_on_from_another_folder(lrlab, files, monkeypatch):
    words = ("sweep", "table", "patients.csv", "--target", "outcome", "--json", *SMALL)
    first = lrlab(*words, "--max-time", "1e-3", "--study", "short").document
    assert not first["final"]
    (files / "elsewhere").mkdir()
    monkeypatch.chdir(files / "elsewhere")
    second = lrlab("resume", "short", "--workers", 0, "--json").document
    monkeypatch.chdir(files)
    whole = lrlab(*words, "--study", "whole").document
    told = ("lr", "interval", "safe_range", "score", "cost", "test")
    assert {name: second[name] for name in told} == {name: whole[name] for name in told}


def test_a_changed_file_is_another_study(lrlab, files):
    words = ("sweep", "table", "patients.csv", "--target", "outcome", "--study", "mine", *SMALL)
    lrlab(*words, "--max-time", "1e-3")
    (files / "patients.csv").write_text(CLASSES.replace("\n27,", "\n28,"))
    for said in (lrlab("resume", "mine"), lrlab(*words)):
        assert (said.code, 'study "mine" cannot be continued' in said.err) == (8, True)
    (files / "patients.csv").unlink()
    said = lrlab("resume", "mine")
    assert (said.code, "patients.csv: expected a file, and it is not there" in said.err) == (7, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "where is the data? Name a file or folder: lrlab sweep table PATH"),
        (("nothing.csv", "--target", "y"), 7, "nothing.csv: expected a file, and it is not there. Check its path"),
        ((".", "--target", "y"), 7, "expected a file, and it is a folder"),
        (("patients.csv",), 2, "which column is to be predicted? It has 'age', 'smokes', 'dose', 'outcome'. Name it with --target"),
        (("patients.csv", "--target", "age2"), 2, "patients.csv: there is no column 'age2'. It has 'age',"),
        (("patients.csv", "--target", "outcome", "--leave-out", "outcome"), 2, "leave_out: 'outcome' is the target"),
        (("patients.csv", "--target", "outcome", "--leave-out", "sex"), 2, "Name one of these with --leave-out"),
        (("patients.csv", "--target", "outcome", "--task", "regression"), 2, "line 2, column 'outcome': expected a number"),
        (("patients.csv", "--target", "outcome", "--task", "ranking"), 2, 'task: must be "classification" or "regression"'),
        (("patients.csv", "--target", "outcome", "--model", "bag"), 2, "for table it must be 'mlp' or 'linear', got 'bag'"),
        (("patients.csv", "--target", "outcome", "--metric", "val_mae"), 2, "does not report val_mae; it reports train_loss, val_loss"),
        (("patients.csv", "--target", "outcome", "--threshold", 0), 2, "--threshold is not for table. Leave it out"),
        (("patients.csv", "--target", "outcome", "--batch-size", 0), 2, "batch_size"),
        (("patients.csv", "--target", "outcome", "--encoding", "utf9"), 2, "there is no encoding of text 'utf9'"),
        (("broken.csv", "--target", "b"), 2, "broken.csv, line 3: expected 2 cells as in the header, got 3"),
        (("broken.parquet", "--target", "b"), 2, "broken.parquet: cannot be read as Parquet"),
        (("sklearn:boston",), 2, "expected one of breast_cancer"),
        (("sklearn:wine", "--encoding", "utf-8"), 2, "encoding: sklearn:wine is no text file"),
    ],
)  # fmt: skip
def test_what_is_refused(lrlab, files, words, code, says):
    if "broken.parquet" in words:
        pytest.importorskip("pyarrow")
    (files / "broken.csv").write_text("a,b\n1,2\n1,2,3\n")
    (files / "broken.parquet").write_text("a,b\n1,2\n")
    said = lrlab("sweep", "table", *words)
    assert (said.code, said.out) == (code, ""), said.err
    assert says in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert not (files / "studies").exists()
    error = lrlab("sweep", "table", *words, "--json").document["error"]
    assert error["message"]
