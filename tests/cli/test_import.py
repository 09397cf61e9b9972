"""``lrlab import``: an exported study comes back whole; a grid that was paid for gets its answer."""

import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.question import Advance
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Event
from lrlab.store.export import study_from_json, study_json
from lrlab.store.memory import MemoryStore
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import HARD_FLOATS, HARD_TEXTS, example_answer, example_study

# --- a study comes back ------------------------------------------------------------------------------------------

NUMBERS = st.floats() | st.sampled_from(HARD_FLOATS)
TEXTS = st.text(max_size=8) | st.sampled_from([text for text in HARD_TEXTS if len(text) < 100])
NAMES = TEXTS.filter(bool)
RECORDS = st.builds(
    Record,
    at=st.floats(0, 1e6),
    metrics=st.dictionaries(NAMES, NUMBERS, max_size=3),
    step=st.none() | st.integers(0, 2**53),
)
RUNS = st.builds(
    Run,
    lr=st.floats(1e-300, 1e3),
    seed=st.integers(0, 10**9),
    arm=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5),
    target=st.integers(0, 100),
    records=st.lists(RECORDS, max_size=4).map(tuple),
    outcome=st.none() | st.sampled_from(Outcome),
    state=st.sampled_from(State),
    detail=TEXTS,
    lost_units=st.integers(0, 9),
    repeated_units=st.integers(0, 9),
    why=TEXTS,
    checkpoint=TEXTS,
    seconds=st.floats(0, 1e9),
    reopened=st.booleans(),
)
STUDIES = st.builds(
    example_study,
    name=st.just("x"),
    state=st.sampled_from(
        [StudyState.FINISHED, StudyState.INTERRUPTED, StudyState.STOPPED, StudyState.FAILED]
    ),
    runs=st.lists(RUNS, max_size=4, unique_by=lambda run: run.key).map(tuple),
    advances=st.lists(st.builds(Advance, lr=st.floats(1e-9, 1), until=st.integers(1, 9), why=TEXTS)).map(
        tuple
    ),
    events=st.lists(st.builds(Event, at=NUMBERS, kind=TEXTS, text=TEXTS)).map(tuple),
    answer=st.none() | st.just(example_answer()),
    environment=st.dictionaries(TEXTS, TEXTS, max_size=2),
)


def written(study):
    return "".join(study_json(study, lambda run: run.records))


@given(study=STUDIES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_study_that_is_imported_exports_the_same_bytes(study):
    store, other = MemoryStore(), MemoryStore()
    store.create(study).close()
    text = written(store.load("x"))
    read = study_from_json(text.encode(), where="x.json")
    other.create(read).close()
    assert written(read) == text
    assert written(other.load("x")) == text


def test_the_fields_are_those_of_this_version():
    """Whoever changes a value in core raises VERSION in store/export.py, and adds its fields here."""
    study = example_study(
        runs=(Run(lr=1.0),), events=(Event(at=0, kind="", text=""),), answer=example_answer()
    )
    kept = json.loads(written(study))["study"]
    fields = {
        name: sorted(part) for name, part in kept.items() if isinstance(part, dict) and name != "environment"
    }
    assert sorted(kept) == [
        "advances", "answer", "created", "environment", "events", "fingerprint", "name", "question", "runs",
        "searcher", "state", "target", "task",
    ]  # fmt: skip
    assert fields["question"] == [
        "arms", "budget", "current_lr", "guide", "known", "lr", "max_cost", "metric", "reduce", "resumes", "seed",
        "seeds", "settles", "tolerance", "unit",
    ]  # fmt: skip
    assert fields["answer"] == [
        "arm", "best_at", "checkpoint", "confidence", "cost", "current_regret", "final", "interval", "lost_cost", "lr",
        "question", "reasons", "runs", "safe_range", "score", "seconds", "study", "training", "untrained", "warnings",
    ]  # fmt: skip
    assert sorted(kept["runs"][0]) == [
        "arm", "checkpoint", "detail", "lost_units", "lr", "outcome", "records", "reopened", "repeated_units", "seconds",
        "seed", "state", "target", "units", "why",
    ]  # fmt: skip


def test_there_and_back(lrlab, asked, place):
    assert lrlab("export", "bowl", "-o", "bowl.json").code == 0
    before = lrlab("studies", "show", "bowl", "--json").document
    said = lrlab("import", "bowl.json")
    assert said.code == 8
    assert 'there is a study "bowl" already' in said.err
    assert "--study bowl-1" in said.err
    said = lrlab("import", "bowl.json", "--store", "other")
    assert said.code == 0, said.err
    assert said.out.startswith("Use LR ")
    assert lrlab("studies", "show", "bowl", "--store", "other", "--json").document == before
    assert (
        lrlab("export", "bowl", "--store", "other", "--format", "json").out
        == (place / "bowl.json").read_text()
    )
    said = lrlab("import", "bowl.json", "--study", "copy", "--json")
    assert said.document["study"] == "copy"
    assert said.document["lr"] == asked["lr"]
    assert lrlab("runs", "copy").out == lrlab("runs", "bowl").out
    said = lrlab("resume", "copy", "-q", "--workers", 0)  # it is finished, and its task can be built here
    assert said.out.startswith("Use LR ")


def test_an_interrupted_study_goes_on_elsewhere(lrlab, place):
    words = (
        "sweep",
        "python",
        "bowl.py:slow",
        "--budget",
        16,
        "--lr",
        "1e-3:10",
        "--workers",
        0,
        "--study",
        "s",
    )
    assert lrlab(*words, "--max-time", 0.5, "-q").code in (0, 5)
    assert lrlab("export", "s", "-o", "s.json").code == 0
    assert lrlab("import", "s.json", "--store", "other").code in (0, 5)
    assert "Use LR" in lrlab("resume", "s", "--store", "other", "--workers", 0, "-q").out


# --- what is no such file ----------------------------------------------------------------------------------------


def one(**changes):
    study = example_study(
        "x",
        runs=(Run(lr=0.1, records=(Record(1, {"val_loss": 0.5}),), units=1), Run(lr=0.2)),
        events=(Event(at=0, kind="started", text="."),),
        state=StudyState.FINISHED,
    )
    document = json.loads(written(study))
    for path, value in changes.items():
        *way, last = path.split("__")
        part = document
        for step in way:
            part = part[int(step) if step.isdecimal() else step]
        if value is ...:
            del part[last]
        else:
            part[int(last) if last.isdecimal() else last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", 2, "bad.json: is no JSON: EOF while parsing a value at line 1 column 0"),
        ("\0\1", 2, "bad.json: is no JSON: expected value at line 1 column 1"),
        (one()[:400], 2, r"is no JSON: EOF while parsing .* at line 1 column 400"),
        (one().replace('"step"', "step"), 2, r"is no JSON: .* at line 1 column \d+"),
        (one(study__created=1).replace('"created": 1', '"created": NaN'), 2, "is no JSON: expected value"),
        ("[]", 2, "is no study that lrlab has exported"),
        ('{"a": 1}', 2, 'is no study that lrlab has exported. Such a file begins with {"schema":"lrlab.export/2"'),
        (one(schema="lrlab.sweep/1"), 2, "its schema is 'lrlab.sweep/1'"),
        (one(schema="lrlab.export/0"), 2, "is no study that lrlab has exported"),
        (one(schema=1), 2, "its schema is 1"),
        (one(schema="lrlab.export/3"), 8, r"was written by a newer lrlab. \(Its format is 3, this lrlab knows 2.\)"),
        (one(study=...), 2, "is damaged at study: Field required"),
        (one(study=[]), 2, "is damaged at study: Input should be an object"),
        (one(more=1), 2, "more is nothing that a study has"),
        (one(study__colour="red"), 2, "study.colour is nothing that a study has"),
        (one(study__runs__0__reopend=True), 2, "study.runs.0.reopend is nothing that a study has"),
        (one(study__runs__0__records__0__time=1), 2, "study.runs.0.records.0.time is nothing"),
        (one(study__question__lr__mid=1), 2, "study.question.lr.mid is nothing"),
        (one(study__question=...), 2, "is damaged at study.question: Field required"),
        (one(study__question__budget="x"), 2, "is damaged at study.question.budget: Input should be a valid integer"),
        (one(study__question__budget=0), 2, "is damaged.*budget: must be at least 1, got 0"),
        (one(study__question__lr__low=-1), 2, "is damaged.*must be finite and above 0"),
        (one(study__state="asleep"), 2, "is damaged at study.state: Input should be 'running'"),
        (one(study__runs__0__lr="fast"), 2, "is damaged at study.runs.0.lr: Input should be a valid number"),
        (one(study__runs__0__records__0__at=-1), 2, "is damaged.*at must be finite and at least 0, got -1"),
        (
            one(study__runs__0__records__0__metrics__val_loss="low"),
            2,
            "is damaged at study.runs.0.records.0.metrics.val_loss: Input should be a valid number",
        ),
        (one(study__runs__0__outcome="won"), 2, "is damaged at study.runs.0.outcome"),
        (one(study__runs__1__lr=0.1), 2, r"study.runs.1 is a second run with lr 0.1, seed 0"),
        (one(study__runs__0__units=0), 2, "study.runs.0 has done 0 units, and its records reach 1"),
        (one(study__events__0__text=None), 2, "is damaged at study.events.0.text: Input should be a valid string"),
        (one(study__name="../x"), 2, "a name has 1 to 100 letters"),
    ],
)  # fmt: skip
def test_a_damaged_study_is_refused_whole(lrlab, place, text, code, message):
    (place / "bad.json").write_text(text)
    said = lrlab("import", "bad.json")
    flat = " ".join(said.err.split())
    assert said.code == code, flat
    assert re.search(message, flat), flat
    assert "Traceback" not in said.err
    assert list((place / "studies").glob("*.sqlite")) == []


def test_a_changed_place_is_found(lrlab, asked, place):
    """Wherever a file is cut, it is refused and nothing is imported."""
    lrlab("export", "bowl", "-o", "bowl.json")
    whole = (place / "bowl.json").read_bytes()
    for cut in range(0, len(whole) - 2, max(len(whole) // 40, 1)):
        (place / "cut.json").write_bytes(whole[:cut])
        said = lrlab("import", "cut.json", "--store", "other")
        assert said.code == 2, cut
        assert "is no JSON" in said.err
    assert not list((place / "other").glob("*")) if (place / "other").exists() else True


# --- a grid that was paid for ------------------------------------------------------------------------------------


def curves(rate="lr", seed="seed", count="epoch", first=1, separator=","):
    lines = [separator.join((rate, seed, count, "val_loss", "host"))]
    for lr in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        for number in (0, 1):
            for k in range(8):
                value = 0.1 + 0.1 * (math.log10(lr) + 2) ** 2 + math.exp(-k) + 0.001 * number
                value = math.nan if lr == 1 and k > 2 else value
                lines.append(
                    separator.join((repr(lr), str(number), str(first + k), repr(value), f"gpu{number}"))
                )
    return "\n".join(lines) + "\n"


def test_curves_get_an_answer(lrlab, place):
    (place / "grid.csv").write_text(curves())
    said = lrlab("import", "grid.csv")
    assert said.code == 0, said.err
    assert said.out.startswith("Use LR 1e-2 (")
    assert "Cost: 0 full runs." in said.out
    assert "IMPORTED" in said.out
    answer = lrlab("studies", "show", "grid-1", "--json").document
    assert (answer["budget"], answer["unit"], answer["state"], answer["cost"]) == (8, "epoch", "finished", 0)
    assert answer["safe_range"][0] < 1e-2 < answer["safe_range"][1]
    assert sum(run["units"] for run in answer["runs"]) == 8 * 8 + 2 * 4
    assert {run["status"] for run in answer["runs"] if run["lr"] == 1} == {"diverged"}
    assert "paid for none of the 9 full runs" in answer["warnings"][-1]["text"]
    pytest.importorskip("plotly")
    for words in (("runs", "grid-1"), ("plot", "grid-1"), ("report", "grid-1"), ("export", "grid-1")):
        assert lrlab(*words).code == 0
    (run,) = lrlab("runs", "grid-1", "--lr", "1", "--json").document["runs"][:1]
    assert [record["at"] for record in run["records"]] == [1, 2, 3, 4]
    assert lrlab("import", "grid.csv", "-q").code == 0
    assert {row["study"] for row in lrlab("studies", "--json").document["studies"]} == {"grid-1", "grid-2"}


def test_the_same_table_in_other_forms(lrlab, place):
    (place / "grid.csv").write_text(curves())
    expected = lrlab("import", "grid.csv", "--json").document
    (place / "a.tsv").write_text(curves("learning_rate", "random_seed", "Epoch", first=0, separator="\t"))
    rows = [dict(zip(("lr", "seed", "epoch", "val_loss"), map(float, line.split(",")[:4]), strict=True))
            for line in curves().splitlines()[1:]]  # fmt: skip
    rows.sort(key=lambda row: -row["epoch"] + row["lr"])  # the order of rows tells nothing
    (place / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place / "c.csv").write_text(curves("eta", "trial", "round"))
    names = ("--column", "lr=eta", "--column", "seed=trial", "--column", "epoch=round")
    (place / "d.csv").write_text(curves(count="step"))
    files = [("a.tsv",), ("b.jsonl",), ("c.csv", *names), ("d.csv",)]
    try:
        import pyarrow
        import pyarrow.parquet

        columns = {name: [row[name] for row in rows] for name in rows[0]}
        pyarrow.parquet.write_table(pyarrow.table(columns), place / "e.parquet")
        files.append(("e.parquet",))
    except ImportError:
        pass
    for words in files:
        said = lrlab("import", *words, "--json")
        assert said.code == 0, (words, said.out)
        got = said.document
        assert got["unit"] == ("step" if words[0] == "d.csv" else "epoch")
        for key in ("lr", "interval", "safe_range", "score", "confidence"):
            assert got[key] == expected[key], (words, key)
        assert [(run["lr"], run["seed"], run["units"], run["status"]) for run in got["runs"]] == [
            (run["lr"], run["seed"], run["units"], run["status"]) for run in expected["runs"]
        ]


def test_final_scores_get_an_answer(lrlab, place):
    (place / "final.csv").write_text("lr,val_acc\n1e-4,.5\n1e-3,.8\n1e-2,.9\n1e-1,.7\n1,nan\n10,\n")
    said = lrlab("import", "final.csv", "--metric", "val_acc", "--budget", 20, "--study", "mine", "--json")
    assert said.code == 0, said.out
    document = said.document
    assert (document["lr"], document["budget"], document["study"]) == (1e-2, 20, "mine")
    runs = {run["lr"]: run for run in document["runs"]}
    assert {lr: run["status"] for lr, run in runs.items()} == {
        1e-4: "finished", 1e-3: "finished", 1e-2: "finished", 1e-1: "finished", 1: "diverged", 10: "failed",
    }  # fmt: skip
    assert (runs[1e-2]["units"], runs[1]["units"], runs[10]["units"]) == (20, 19, 0)
    assert any("without any val_acc counts as failed" in warning["text"] for warning in document["warnings"])


def test_a_run_without_any_number_has_failed(lrlab, place):
    (place / "t.csv").write_text("lr,epoch,val_loss\n.1,1,2\n.1,2,1\n.2,1,3\n.2,2,2\n.4,1,\n.4,2,\n")
    document = lrlab("import", "t.csv", "--json").document
    assert [(run["status"], run["units"]) for run in document["runs"]] == [
        ("finished", 2),
        ("finished", 2),
        ("failed", 0),
    ]


def test_shorter_runs_are_told(lrlab, place):
    rows = "".join(
        f"{lr},{k},{1 / k + lr}\n" for lr in (0.1, 0.2, 0.4) for k in range(1, 10 if lr < 0.4 else 4)
    )
    (place / "t.csv").write_text("lr,epoch,val_loss\n" + rows)
    document = lrlab("import", "t.csv", "--json").document
    assert [run["units"] for run in document["runs"]] == [9, 9, 3]
    assert "ENDED_EARLY" in {warning["code"] for warning in document["warnings"]}


def test_a_table_cannot_go_on(lrlab, place):
    (place / "grid.csv").write_text(curves())
    lrlab("import", "grid.csv", "-q")
    before = lrlab("export", "grid-1", "--format", "json").out
    for words in (("resume", "grid-1"), ("extend", "grid-1", "--seeds", 5)):
        said = lrlab(*words)
        assert said.code == 2
        assert (
            f"{words[0]}: this study was imported from grid.csv, and a table cannot be trained on" in said.err
        )
    assert lrlab("export", "grid-1", "--format", "json").out == before


GOOD = "lr,epoch,val_loss\n0.1,1,1\n0.2,1,2\n"


@pytest.mark.parametrize(
    ("name", "text", "words", "code", "message"),
    [
        ("t.csv", None, (), 7, "t.csv is not there"),
        ("t.csv", "", (), 2, "t.csv: holds no row with a number"),
        ("t.csv", "lr,epoch,val_loss\n", (), 2, "holds no row with a number"),
        ("t.csv", "1,2,3\n4,5,6\n", (), 2, "t.csv, line 1: expected a header that names the columns"),
        ("t.csv", "epoch,val_loss\n1,2\n", (), 2, "no column with the learning rate. Its columns of numbers: epoch, val_loss"),
        ("t.csv", "lr,epoch,loss\n.1,1,2\n", (), 2, "there is no column val_loss. .* Choose one: --metric NAME"),
        ("t.csv", GOOD, ("--metric", "quality"), 2, "cannot tell from the name 'quality' whether small or large is good"),
        ("t.csv", GOOD, ("--metric", "quality:max"), 2, "there is no column quality"),
        ("t.csv", GOOD, ("--column", "lr"), 2, "expected NAME=COLUMN, got 'lr'"),
        ("t.csv", GOOD, ("--column", "lr=eta"), 2, "there is no column of numbers 'eta' for lr"),
        ("t.csv", GOOD + "0,1,1\n", (), 2, "t.csv, line 4, lr: a learning rate must be finite and above 0, got 0.0"),
        ("t.csv", GOOD + "-1,1,1\n", (), 2, "line 4, lr: .* got -1.0"),
        ("t.csv", GOOD + "inf,1,1\n", (), 2, "line 4, lr: .* got inf"),
        ("t.csv", GOOD + ",1,1\n", (), 2, "t.csv, line 4: there is no learning rate"),
        ("t.csv", GOOD + "x,1,1\n", (), 2, "line 4, column lr: expected a number, got 'x'"),
        ("t.csv", GOOD + "0.3,1\n", (), 2, "line 4: expected 3 cells, as the header has, got 2"),
        ("t.csv", GOOD + "0.3,-1,1\n", (), 2, "line 4, column epoch: expected an epoch of at least 0, got -1"),
        ("t.csv", GOOD + "0.2,1,3\n", (), 2, "line 3 and line 4: the run at 0.2 reports epoch 1 twice.*--column seed=NAME"),
        ("t.csv", "lr,val_loss\n.1,1\n.1,2\n.2,1\n", (), 2, "line 2 and line 3: two rows have the rate 0.1 and the same seed"),
        ("t.csv", "lr,epoch,val_loss\n.1,1,1\n.1,2,1\n", (), 2, "every row has the rate 1e-1, and one rate tells nothing"),
        ("t.csv", "lr,lr,val_loss\n.1,1,1\n", (), 2, "line 1: two columns are named lr"),
        ("t.csv", "lr,seed,val_loss\n.1,0.5,1\n", (), 2, "line 2: a seed must be a whole number from 0 .* got 0.5"),
        ("t.csv", GOOD + "0.3,9,1\n", ("--budget", 4), 2, "a run goes on to epoch 9, and the budget is 4"),
        ("t.csv", GOOD, ("--budget", 0), 2, "budget: must be at least 1, got 0"),
        ("t.csv", GOOD, ("--unit", "step"), 2, "there is no column step. Name it: --column step=NAME"),
        ("t.csv", GOOD, ("--unit", "hour"), 2, 'unit: must be "epoch" or "step", got \'hour\''),
        ("t.csv", GOOD, ("--epochs-from", 2), 2, "epochs_from: must be 0 or 1, got 2"),
        ("t.csv", GOOD, ("--reduce", "mean"), 2, 'reduce: must be "best" or "last"'),
        ("t.csv", GOOD, ("--study", "a b"), 2, "a name has 1 to 100 letters"),
        ("t.csv", '"lr,epoch\n', (), 2, "line 1: expected cells parted by"),
        ("t.jsonl", "[1]\n", (), 2, "t.jsonl, line 1: expected a JSON object, got a list"),
        ("t.jsonl", '{"lr": 0.1,\n', (), 2, "t.jsonl|no row with a number"),
        ("t.parquet", "PAR", (), 2, "t.parquet: cannot be read as Parquet"),
        ("t.xlsx", "x", (), 2, "t.xlsx is no file that can be imported. A table ends in .csv"),
        ("t.json", '[{"lr": 1}]', (), 2, "is no study that lrlab has exported"),
        ("t.json", one(), ("--metric", "val_acc"), 2, "t.json is a whole study, which takes no metric"),
    ],
)  # fmt: skip
def test_a_table_that_tells_no_grid(lrlab, place, name, text, words, code, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    if text is not None:
        (place / name).write_text(text)
    said = lrlab("import", name, *words)
    flat = " ".join(said.err.split())
    assert said.code == code, flat
    assert re.search(message, flat), flat
    assert "Traceback" not in said.err
    assert list((place / "studies").glob("*.sqlite")) == []


def test_a_large_table_is_quick(place):
    from lrlab.api.import_study import import_study

    rows = "".join(f"{10 ** -(k % 5)!r},{k // 5 + 1},{1 / (k + 1)!r}\n" for k in range(5000))
    (place / "big.csv").write_text("lr,step,val_loss\n" + rows)
    study = import_study("big.csv", store=SqliteStore(place / "studies"))
    assert [len(run.records) for run in study.runs] == [1000] * 5


def test_a_file_of_the_first_version_is_still_read():
    """Its answer has no word on training and validation."""
    study = replace(example_study(), answer=replace(example_answer(), runs=()))
    document = json.loads(written(study))
    del document["study"]["answer"]["training"]
    del document["study"]["answer"]["best_at"]
    document["schema"] = "lrlab.export/1"
    read = study_from_json(json.dumps(document).encode(), where="x.json")
    assert (read.answer.training, read.answer.best_at) == (None, None)
    assert read.answer.interval == study.answer.interval
