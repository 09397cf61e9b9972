"""The output contract: where everything goes, and in which form."""

import math
import os
import pty
import select
import subprocess
import sys

import pytest

from lrlab.cli.output import Output

DOCUMENT_KEYS = {
    "schema", "ok", "study", "lr", "interval", "safe_range", "score", "cost", "confidence", "confidence_word",
    "reasons", "warnings", "arm", "metric", "budget", "unit", "untrained", "current_lr", "current_regret",
    "lost_cost", "seconds", "checkpoint", "final", "training", "best_at",
    "runs",
}  # fmt: skip
RUN_KEYS = {"arm", "lr", "seed", "status", "units", "score", "detail", "seconds", "why"}


def controls(text: str) -> list[str]:
    return [character for character in text if ord(character) < 32 and character not in "\n"]


def test_the_result_is_on_stdout_and_the_rest_on_stderr(lrlab, sweep):
    said = lrlab(*sweep, "--study", "bowl")
    assert said.code == 0, said.err
    assert said.out.startswith("Use LR ")
    assert "Confidence" in said.out
    assert "Expected cost: about" in said.err
    assert "lrlab report bowl -o report.html" in said.err
    assert "Use LR" not in said.err.splitlines()[0]


def test_json_is_one_strict_document(program, sweep):
    said = program(*sweep, "--json", "--study", "bowl", "--current-lr", "0.05")
    assert said.code == 0, said.err
    document = said.document
    assert set(document) == DOCUMENT_KEYS
    assert document["schema"] == "lrlab.sweep/1"
    assert document["ok"] is True
    assert document["study"] == "bowl"
    assert document["interval"][0] <= document["lr"] <= document["interval"][1]
    assert document["metric"] == "val_loss:min"
    assert document["current_lr"] == 0.05
    assert all(set(run) == RUN_KEYS for run in document["runs"])
    assert {run["lr"] for run in document["runs"]} >= {document["lr"], 0.05}
    assert any(run["status"] == "diverged" for run in document["runs"])
    assert controls(said.err) == []


def test_quiet_leaves_the_result_alone(lrlab, sweep):
    said = lrlab(*sweep, "-q")
    assert said.out.startswith("Use LR ")
    assert said.err == ""


def test_what_a_training_prints_does_not_mix_with_the_result(lrlab, sweep):
    words = [word if word != "bowl.py:train" else "bowl.py:talks" for word in sweep]
    said = lrlab(*words, "--json")
    assert said.document["ok"]
    assert "a training prints what it likes" in said.err


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_longer_than_the_terminal(lrlab, sweep, asked, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert asked["ok"]
    for words in (
        sweep,
        ("studies",),
        ("studies", "show", "bowl"),
        ("runs", "bowl"),
        ("plot", "bowl"),
        ("studies",),
    ):
        said = lrlab(*words)
        assert said.code == 0, said.err
        assert max(map(len, said.out.splitlines())) <= columns, words
        assert controls(said.out + said.err) == []


def test_ascii_where_the_terminal_knows_nothing_else(program, sweep):
    said = program(*sweep, PYTHONIOENCODING="ascii")
    assert said.code == 0, said.err
    assert (said.out + said.err).isascii()
    assert "\\x" not in said.out, "signs are replaced, not escaped"


def on_a_terminal(words, **environment: str) -> bytes:
    """What a command line writes to stderr where that is a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from lrlab.cli.main import main; main()", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=slave,
        env=os.environ | {"TERM": "xterm-256color"} | environment,
    )
    os.close(slave)
    written = b""
    try:
        while process.poll() is None or select.select([master], [], [], 0)[0]:
            if select.select([master], [], [], 0.05)[0]:
                written += os.read(master, 65536)
    except OSError:  # the last holder has closed its end
        pass
    os.close(master)
    process.communicate()
    assert process.returncode == 0
    return written


def test_a_terminal_is_redrawn_in_place(place, sweep):
    written = on_a_terminal(sweep)
    assert b"\x1b[" in written
    assert b"Expected cost" in written


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_wants_less_gets_no_escapes(place, sweep, setting):
    written = on_a_terminal(sweep, **setting)
    assert b"\x1b" not in written
    assert b"Expected cost" in written


def test_an_error_says_what_and_what_to_do(lrlab):
    said = lrlab("sweep", "python", "bowl.py:train", "--budget", 5, "--lr", "1e-1:1e-5")
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("lrlab: lr range: the low end must be below the high end")
    assert "Did you mean 1e-5:1e-1?" in said.err
    assert "Traceback" not in said.err


def test_an_error_as_a_document(lrlab):
    said = lrlab("runs", "nothing", "--json")
    assert said.code == 7
    assert said.document == {
        "schema": "lrlab.error/1",
        "ok": False,
        "error": {
            "code": "not_found",
            "message": said.document["error"]["message"],
            "hint": "The store is empty.",
        },
    }
    assert "nothing" in said.document["error"]["message"]
    assert said.err == ""


def test_a_wrong_line_as_a_document(lrlab):
    said = lrlab("sweep", "python", "--json", "--no-such-option")
    assert said.code == 2
    assert said.document["error"]["code"] == "usage"
    assert "--no-such-option" in said.document["error"]["message"]


def test_debug_shows_where(lrlab):
    said = lrlab("runs", "nothing", "--debug")
    assert said.code == 7
    assert "Traceback" in said.err


def test_foreign_text_cannot_drive_the_terminal(capsys):
    output = Output()
    output.result("\x1b[31mred\x07")
    output.note("note \x1b]0;title\x07")
    output.failure("bad \x9b2J", code="x", exit_code=1)
    out, err = capsys.readouterr()
    assert controls(out) == controls(err) == []
    assert "\x9b" not in err


def test_numbers_that_json_does_not_know_become_null(capsys):
    Output(json=True).document("test", {"values": (math.nan, math.inf, 0.1), "deep": {"x": [-math.inf]}})
    assert '"values": [\n    null,\n    null,\n    0.1\n  ]' in capsys.readouterr().out
