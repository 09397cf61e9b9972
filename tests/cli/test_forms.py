"""The forms of output: tables as CSV, a study as a stream of events, and no questions where nobody answers."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from lrlab.cli.events import EVENTS, EventLines
from tests.cli.conftest import PROGRAM
from tests.cli.test_progress import MOMENT

jsonschema = pytest.importorskip("jsonschema")


def table(said):
    assert said.code == 0, said.err
    return list(csv.DictReader(io.StringIO(said.out)))


@pytest.fixture
def valid(lrlab):
    """Check each line of a stream against the schema that the program publishes; the events come back."""
    schema = lrlab("help", "events", "--json").document["json_schema"]
    check = jsonschema.Draft202012Validator(schema)

    def events(text):
        found = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
        for event in found:
            check.validate(event)
        return found

    return events


# --- CSV ---------------------------------------------------------------------------------------------------


def test_runs_as_csv_are_the_runs_as_json(lrlab, asked):
    rows = table(lrlab("runs", "bowl", "--format", "csv"))
    runs = lrlab("runs", "bowl", "--format", "json").document["runs"]
    assert len(rows) == len(runs) == len(asked["runs"])
    for row, run in zip(rows, runs, strict=True):
        assert set(row) == set(run)
        assert float(row["lr"]) == run["lr"]
        assert (row["status"], int(row["units"])) == (run["status"], run["units"])
        assert (float(row["score"]) if row["score"] else None) == run["score"]
    assert any(row["status"] == "diverged" for row in rows)


def test_the_records_at_a_rate_as_csv(lrlab, asked):
    lr = asked["lr"]
    rows = table(lrlab("runs", "bowl", "--lr", lr, "--format", "csv"))
    (run,) = lrlab("runs", "bowl", "--lr", lr, "--json").document["runs"]
    assert [float(row["at"]) for row in rows] == [record["at"] for record in run["records"]]
    assert [float(row["val_loss"]) for row in rows] == [
        record["metrics"]["val_loss"] for record in run["records"]
    ]


@pytest.mark.parametrize("words", [("studies",), ("studies", "ls")])
def test_studies_as_csv(lrlab, asked, words):
    (row,) = table(lrlab(*words, "--format", "csv"))
    (study,) = lrlab(*words, "--format=json").document["studies"]
    assert set(row) == set(study)
    assert (row["study"], row["state"], float(row["lr"])) == ("bowl", "finished", asked["lr"])
    assert row["problem"] == ""


def test_a_table_without_rows_has_its_head(lrlab, asked):
    studies = lrlab("studies", "--task", "nothing", "--format", "csv")
    assert studies.out.splitlines() == ["study,task,state,created,runs,cost,lr,problem"]
    runs = lrlab("runs", "bowl", "--state", "paused", "--format", "csv")
    assert runs.out.splitlines() == ["arm,lr,seed,status,units,score,detail,seconds,why"]


def test_targets_as_csv_quote_what_needs_it(lrlab, place):
    (place / "lrlab.toml").write_text(
        '[target.net]\nrun = "bowl:train"\nbudget = 4\nmetric = "val_loss:min"\n'
        '[target."odd, one"]\nrun = "nothing:here"\nbudget = 4\nmetric = "val_loss:min"\n'
    )
    said = lrlab("targets", "--format", "csv")
    assert said.code == 2
    good, bad = csv.DictReader(io.StringIO(said.out))
    assert (good["name"], good["budget"], good["problem"]) == ("net", "4", "")
    assert bad["name"] == "odd, one"
    assert "'_', '.' or '-', and got 'odd, one'" in bad["problem"]


def test_what_a_name_holds_stays_in_its_cell(lrlab, place):
    (place / "bowl.py").write_text(
        'def train(run):\n    for _ in run.units():\n        run.report(**{"val_loss": run.lr, "a,\\"b\\"": 1, "lr": 2})\n'
    )
    lrlab(
        "sweep",
        "python",
        "bowl.py:train",
        "--budget",
        2,
        "--workers",
        0,
        "--lr",
        "1e-3:1e-1",
        "--study",
        "odd",
    )
    rows = table(lrlab("runs", "odd", "--lr", "1e-3", "--format", "csv"))
    assert {(row['a,"b"'], row["lr"], row["metric:lr"]) for row in rows} == {("1.0", "0.001", "2.0")}


# --- events ------------------------------------------------------------------------------------------------


def test_a_sweep_as_events_ends_with_its_answer(program, sweep, valid):
    said = program(*sweep, "--study", "bowl", "--format", "jsonl")
    assert said.code == 0, said.err
    events = valid(said.out)
    assert events[0]["event"] == "started"
    assert events[0]["rates"] == [1e-3, 10]
    assert [event["event"] for event in events if event["event"] in ("result", "error")] == ["result"]
    answer = events[-1]
    document = program("studies", "show", "bowl", "--json").document
    assert {name: answer[name] for name in ("lr", "interval", "cost", "runs")} == {
        name: document[name] for name in ("lr", "interval", "cost", "runs")
    }
    # The runs that the events tell are those of the answer, each as it ended.
    last = {
        (event["lr"], event["seed"]): (event["status"], event["units"])
        for event in events
        if event["event"] == "run"
    }
    assert last == {(run["lr"], run["seed"]): (run["status"], run["units"]) for run in answer["runs"]}
    assert events[-2]["event"] == "progress"
    assert events[-2]["cost"] == answer["cost"]
    assert "full runs" not in said.err  # progress is told once


def test_events_arrive_while_it_trains(start, valid):
    words = ("sweep", "python", "bowl.py:slow", "--budget", 16, "--lr", "1e-3:10", "--workers", 0)
    process = start(*words, "--study", "live", "--format", "jsonl")
    first = [process.stdout.readline() for _ in range(3)]
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    events = valid("".join(first) + out)
    assert events[-1]["event"] == "error"
    assert events[-1]["error"]["code"] == "interrupted"
    assert "lrlab resume live" in events[-1]["error"]["hint"]


def test_a_study_goes_on_as_events(lrlab, sweep, valid):
    assert lrlab(*sweep, "--study", "bowl").code == 0
    (answer,) = (
        event
        for event in valid(lrlab("resume", "bowl", "--format", "jsonl").out)
        if event["event"] == "result"
    )
    assert answer["study"] == "bowl"
    wider = valid(lrlab("extend", "bowl", "--lr", "1e-4:10", "--workers", 0, "--format", "jsonl").out)
    assert wider[0]["rates"] == [1e-4, 10]
    assert wider[-1]["event"] == "result"


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("sweep", "python", "bowl.py:explodes", "--budget", 8, "--workers", 0), 4, "all_diverged"),
        (("sweep", "python", "bowl.py:breaks", "--budget", 8, "--workers", 0), 3, "task_failed"),
        (("sweep", "python", "bowl.py:train", "--budget", 0), 2, "usage"),
        (("sweep", "python", "bowl.py:train", "--no-such-option"), 2, "usage"),
        (("sweep", "python", "nowhere.py:train", "--budget", 8), 7, "not_found"),
        (("resume", "nothing"), 7, "not_found"),
        (("extend", "nothing", "--seeds", 2), 7, "not_found"),
    ],
)
def test_without_an_answer_events_end_with_the_error(lrlab, valid, words, code, name):
    said = lrlab(*words, "--format", "jsonl")
    assert said.code == code
    events = valid(said.out)
    assert events[-1]["event"] == "error"
    assert events[-1]["ok"] is False
    assert events[-1]["error"]["message"]
    if code in (3, 4):
        assert events[-1]["error"]["code"] == name
    assert [event["event"] for event in events].count("error") == 1


def test_the_schema_refuses_what_is_no_event(lrlab):
    schema = lrlab("help", "events", "--json").document["json_schema"]
    check = jsonschema.Draft202012Validator(schema)
    good = {"schema": "lrlab.event/1", "event": "error", "kind": "error", "ok": False}
    reason = {"code": "usage", "message": "m", "hint": ""}
    check.validate(good | {"error": reason})
    for wrong in (good, good | {"event": "result", "error": reason}, {"event": "progress"}, {}, []):
        with pytest.raises(jsonschema.ValidationError):
            check.validate(wrong)


def test_help_tells_every_event(lrlab):
    said = lrlab("help", "events").out
    assert [line.split()[0] for line in said.splitlines()] == [name for name, _ in EVENTS]


def test_progress_is_told_once_a_second_and_a_run_when_it_moves():
    from dataclasses import replace

    now, stream = [0.0], io.StringIO()
    lines = EventLines(stream, clock=lambda: now[0])

    def told(moment):
        stream.seek(0)
        stream.truncate()
        lines(moment)
        return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]

    assert told(MOMENT) == ["started", *["run"] * len(MOMENT.runs), "progress"]
    now[0] = 0.9
    assert told(MOMENT) == []
    moved = replace(MOMENT.runs[1], units=3)
    assert told(replace(MOMENT, runs=(MOMENT.runs[0], moved, *MOMENT.runs[2:]))) == ["run"]
    now[0] = 1.1
    assert told(replace(MOMENT, runs=(MOMENT.runs[0], moved, *MOMENT.runs[2:]))) == ["progress"]
    assert told(replace(MOMENT, runs=(), ended=True)) == ["progress"]


def test_a_reader_that_goes_away_loses_nothing(start, place):
    words = ("sweep", "python", "bowl.py:slow", "--budget", 16, "--lr", "1e-3:10", "--workers", 0)
    process = start(*words, "--study", "cut", "--format", "jsonl")
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    process.wait(timeout=30)
    assert "Traceback" not in process.stderr.read()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "resume", "cut", "--workers", "0", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["ok"], done.stderr


# --- wrong words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("runs", "bowl", "--format", "xml"), "runs: --format must be one of text, json, csv, got 'xml'."),
        (("runs", "bowl", "--format", ""), "runs: --format must be one of text, json, csv, got ''."),
        (("runs", "bowl", "--format", "CSV"), "got 'CSV'"),
        (("runs", "bowl", "--format", "jsonl"), "must be one of text, json, csv, got 'jsonl'"),
        (("studies", "--format", "jsonl"), "studies: --format must be one of text, json, csv, got 'jsonl'."),
        (("studies", "ls", "--format", "tsv"), "studies: --format must be one of"),
        (("targets", "--format", "yaml"), "targets: --format must be one of"),
        (("runs", "bowl", "--json", "--format", "csv"), "--json and --format csv ask for two forms"),
        (("studies", "--json", "--format", "text"), "--json and --format text ask for two forms"),
        (("runs", "bowl", "--log", "--format", "csv"), "--log shows text, and --format csv is for tables"),
        (
            ("sweep", "python", "bowl.py:train", "--format", "csv"),
            "sweep: --format must be one of text, json, jsonl",
        ),
        (
            ("resume", "bowl", "--format", "csv"),
            "resume: --format must be one of text, json, jsonl, got 'csv'.",
        ),
        (("extend", "bowl", "--seeds", 2, "--format", "csv"), "extend: --format must be one of"),
        (("runs", "bowl", "--format"), "requires an argument"),
    ],
)
def test_a_form_that_is_none(lrlab, asked, words, said):
    told = lrlab(*words)
    assert told.code == 2
    assert said in told.err + told.out
    assert "Traceback" not in told.err


# --- nobody to ask -------------------------------------------------------------------------------------------


def at_a_terminal(*words, typed="y\n", **environment):
    """A command line with a person at its terminal, who types."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    out, err = process.communicate(timeout=30)
    os.close(ours)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("words", "environment"),
    [(("--no-input",), {}), ((), {"CI": "true"}), ((), {"CI": "1"}), (("--no-input",), {"CI": "false"})],
)
def test_where_nobody_is_to_be_asked_the_flag_is_named(asked, place, words, environment):
    code, _, err = at_a_terminal("delete", "bowl", *words, **environment)
    assert code == 2
    assert "Say so with --yes" in err
    assert (place / "studies" / "bowl.sqlite").exists()


@pytest.mark.parametrize("environment", [{"CI": "false"}, {"CI": "0"}, {"CI": ""}])
def test_outside_of_ci_a_person_is_asked(asked, place, environment):
    code, _, err = at_a_terminal("delete", "bowl", **environment)
    assert code == 0
    assert "Delete study bowl? It loses" in err
    assert not (place / "studies" / "bowl.sqlite").exists()


def test_no_input_with_yes_deletes(lrlab, asked, place):
    assert lrlab("delete", "bowl", "--no-input", "--yes").code == 0
    assert not (place / "studies" / "bowl.sqlite").exists()


def test_ci_draws_nothing_anew(asked, place, sweep):
    """A terminal under continuous integration gets lines."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, sweep)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | {"CI": "true"},
    )  # fmt: skip
    os.close(theirs)
    seen, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert b"Expected cost: about" in seen
    assert b"\x1b" not in seen
