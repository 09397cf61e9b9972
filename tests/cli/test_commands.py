"""Each command, once as text and once as a document."""

import re
import subprocess
import sys
import time

import pytest

from lrlab.core.lr_range import format_lr


def test_the_guide_is_short(lrlab):
    said = lrlab()
    assert said.code == 0
    assert len(said.out.splitlines()) == 12
    named = set(re.findall(r"lrlab ([a-z]+)", said.out)) - {"finds"}
    assert {"demo", "sweep", "studies", "resume", "report", "doctor", "help"} <= named
    for name in named:
        assert lrlab(name, "--help").code == 0


def test_every_option_is_explained(lrlab):
    for name in ("sweep", "resume", "stop", "studies", "runs", "plot", "report", "doctor", "version", "demo"):
        said = lrlab(name, "--help")
        for option in re.findall(r"^  (?:-\w, )?--[a-z-]+(?: [^ ]+)?(.*)$", said.out, re.MULTILINE):
            assert option.strip(), f"{name}: {said.out}"


def test_help_of_one_command(lrlab):
    assert lrlab("help", "sweep").out.strip() == lrlab("sweep", "--help").out.strip()
    said = lrlab("help", "nonsense")
    assert said.code == 7
    assert "There are: demo, sweep" in said.err


def test_version(lrlab):
    assert re.fullmatch(r"lrlab \d+\.\d+\.\d+\n", lrlab("version").out)
    assert lrlab("version", "--json").document["schema"] == "lrlab.version/1"


def test_studies_lists_and_shows(lrlab, asked):
    listed = lrlab("studies")
    assert re.search(r"^bowl +finished +" + re.escape(format_lr(asked["lr"])), listed.out, re.MULTILINE)
    assert lrlab("studies", "ls").out == listed.out
    (row,) = lrlab("studies", "--json").document["studies"]
    assert (row["study"], row["lr"], row["state"]) == ("bowl", asked["lr"], "finished")
    shown = lrlab("studies", "show", "bowl")
    assert shown.out.startswith("Use LR ")
    assert "target     bowl.py:train" in shown.out
    document = lrlab("studies", "show", "bowl", "--json").document
    assert {name: document[name] for name in asked if name != "schema"} == {
        name: value for name, value in asked.items() if name != "schema"
    }
    assert document["settings"]["searcher"] == "race"
    assert document["log"]


def test_no_studies_yet(lrlab):
    said = lrlab("studies")
    assert (said.code, "lrlab demo" in said.out) == (0, True)
    assert lrlab("studies", "--json").document["studies"] == []


def test_runs(lrlab, asked):
    said = lrlab("runs", "bowl")
    assert len(said.out.splitlines()) == 1 + len(asked["runs"])
    assert lrlab("runs", "bowl", "--json").document["runs"] == asked["runs"]


def test_runs_at_one_rate(lrlab, asked):
    said = lrlab("runs", "bowl", "--lr", format_lr(asked["lr"]))
    assert "val_loss" in said.out
    assert "finished after 16 units" in said.out
    assert re.search(
        r"until 1: \S+ (is a rung of the first|lies between the best rungs of the) ladder\.", said.out
    )
    assert "it is trained to the end." in said.out
    (run,) = lrlab("runs", "bowl", "--lr", asked["lr"], "--json").document["runs"]
    assert [decision["until"] for decision in run["decisions"]][-1] == 16
    assert run["decisions"][-1]["why"] == run["why"]
    assert [record["at"] for record in run["records"]] == list(range(17))
    said = lrlab("runs", "bowl", "--lr", "123")
    assert said.code == 7
    assert format_lr(asked["lr"]) in said.err


def test_a_failed_run_keeps_its_traceback(lrlab):
    said = lrlab(
        "sweep", "python", "bowl.py:breaks", "--budget", 4, "--workers", 0, "--study", "broken", "-q"
    )
    assert said.code == 3
    assert "no data here" in said.err
    rate = lrlab("runs", "broken", "--json").document["runs"][0]["lr"]
    said = lrlab("runs", "broken", "--lr", rate)
    assert "ValueError: no data here" in said.out
    assert 'bowl.py", line' in said.out


def test_plot(lrlab, asked, place):
    said = lrlab("plot", "bowl")
    assert "val_loss" in said.out
    assert lrlab("plot", "bowl", "--json").document["chart"]["lr"] == asked["lr"]
    pytest.importorskip("matplotlib")
    for suffix, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        said = lrlab("plot", "bowl", "-o", f"curve.{suffix}")
        assert (said.code, said.out) == (0, f"curve.{suffix}\n"), said.err
        assert (place / f"curve.{suffix}").read_bytes().startswith(start)
    said = lrlab("plot", "bowl", "-o", "curve.gif")
    assert said.code == 2
    assert "must end in .png, .svg or .html" in said.err


def test_report(lrlab, asked, place):
    pytest.importorskip("plotly")
    assert lrlab("report", "bowl").out == "bowl.html\n"
    page = (place / "bowl.html").read_text(encoding="utf-8")
    assert "<html" in page
    assert "Use LR" in page
    said = lrlab("report", "bowl", "-o", place / "nowhere" / "x.html")
    assert said.code == 1
    assert "cannot be written: No such file or directory" in said.err


def test_doctor_is_content_with_a_good_store(lrlab, asked):
    document = lrlab("doctor", "--json").document
    assert document["ok"] is True
    names = {check["name"] for check in document["checks"]}
    assert {"lrlab", "torch", "sqlite", "cores", "memory", "store", "disk", "studies"} <= names
    assert {check["state"] for check in document["checks"]} <= {"ok", "warning"}
    assert asked["checkpoint"] is None


@pytest.fixture
def no_probe(monkeypatch):
    """Spare the process that loads torch."""
    found = {"sqlite": "3", "torch": "", "devices": []}
    monkeypatch.setattr("lrlab.cli.doctor._probed", lambda: found)


def test_doctor_knows_how_to_get_torch(lrlab, no_probe):
    said = lrlab("doctor")
    assert said.code == 0
    assert re.search(r"^warning +torch +not installed.*pip install 'lrlab\[torch\]'", said.out, re.MULTILINE)


def test_doctor_names_what_is_broken(lrlab, monkeypatch):
    monkeypatch.setattr("lrlab.cli.doctor._PROBE", "raise ImportError('libtorch.so: no such file')")
    said = lrlab("doctor")
    assert said.code == 1
    assert re.search(r"^broken +torch +import torch fails: .*libtorch.so", said.out, re.MULTILINE)


def test_doctor_names_a_damaged_study(lrlab, asked, place, no_probe):
    file = place / "studies" / "bowl.sqlite"
    content = bytearray(file.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    file.write_bytes(content)
    said = lrlab("doctor")
    assert said.code == 1
    assert re.search(r"^broken +study bowl", said.out, re.MULTILINE), said.out
    document = lrlab("doctor", "--json").document
    assert document["ok"] is False
    assert "study bowl" in document["error"]["message"]
    listed = lrlab("studies")
    assert (listed.code, "bowl   unreadable" in listed.out) == (0, True)


def test_doctor_names_a_store_that_cannot_be_written(lrlab, place, no_probe):
    (place / "file").write_text("")
    said = lrlab("doctor", "--store", place / "file" / "studies")
    assert said.code == 1
    assert re.search(r"^broken +store", said.out, re.MULTILINE)


def test_resume_of_a_finished_study_gives_its_answer(lrlab, asked):
    said = lrlab("resume", "bowl", "--workers", 0, "--json")
    assert said.document == asked


def test_stop(lrlab, start, sweep, place):
    words = [word if word != "bowl.py:train" else "bowl.py:slow" for word in sweep]
    running = start(*words, "--study", "bowl", "--budget", 2000, "--json")
    while not (place / "begun.txt").exists():
        time.sleep(0.02)
    said = lrlab("stop", "bowl")
    assert (said.code, said.out) == (0, "bowl: Stopped; its results stay.\n"), said.err
    out, _ = running.communicate(timeout=20)
    assert '"STOPPED"' in out
    said = lrlab("stop", "bowl")
    assert said.code == 8
    assert "no process runs it" in said.err


@pytest.mark.parametrize("words", [("runs", "bowk"), ("resume", "bowk"), ("stop", "bowk"), ("plot", "bowk"),
                                   ("report", "bowk"), ("studies", "show", "bowk")], ids=" ".join)  # fmt: skip
def test_a_wrong_name_is_answered_with_near_ones(lrlab, asked, words):
    said = lrlab(*words)
    assert said.code == 7
    assert "Did you mean 'bowl'?" in said.err


def test_another_store(lrlab, sweep, place):
    said = lrlab(*sweep, "--study", "bowl", "--store", place / "my studies")
    assert said.code == 0
    assert f"lrlab report bowl --store '{place / 'my studies'}'" in said.err
    assert lrlab("runs", "bowl", "--store", place / "my studies").code == 0
    assert lrlab("runs", "bowl").code == 7


def test_a_closed_pipe_ends_quietly(place):
    done = subprocess.run(
        f"'{sys.executable}' -c 'from lrlab.cli.main import main; main()' help sweep | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
