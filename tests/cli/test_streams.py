"""What surrounds the program: closed and full streams, a hang-up, another process that is quicker, a full disk."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrlab.api.whole_file import write_file
from lrlab.core.errors import ConflictError, StoreError
from lrlab.store.sql import SqliteStore

PROGRAM = "import sys; from lrlab.cli.main import main; main()"


def shell(place, text):
    """A shell's line, in which ``lrlab`` is the program."""
    words = ["sh", "-c", text.replace("lrlab", '"$PYTHON" -c "$PROGRAM"', 1)]
    environment = os.environ | {"PYTHON": sys.executable, "PROGRAM": PROGRAM}
    return subprocess.run(
        words, check=False, cwd=place, env=environment, capture_output=True, text=True, timeout=60
    )


def test_a_closed_input_cannot_say_yes(asked, place):
    said = shell(place, "lrlab delete bowl <&-")
    assert said.returncode == 2
    assert "nobody can be asked here" in said.stderr
    assert list(SqliteStore(place / "studies").names()) == ["bowl"]


def test_a_closed_output_is_no_error(asked, place):
    said = shell(place, "lrlab studies >&-")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", ["studies", "studies --json", "export bowl"])
def test_a_full_output_is_told(asked, place, words):
    said = shell(place, f"lrlab {words} >/dev/full")
    assert said.returncode == 1
    assert said.stderr.startswith("lrlab: the output: cannot be used: No space left on device.")
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", "table"), ("sweep", "text"), ("sweep", "images"), ("sweep", "yolo", "detect"), ("import",),
        ("report", "bowl", "-o"), ("export", "bowl", "--format", "csv", "-o"), ("runs", "bowl", "--store"),
    ],
)  # fmt: skip
def test_a_name_that_no_system_takes_is_told(lrlab, asked, words):
    pytest.importorskip("torch")
    said = lrlab(*words, "9" * 400)
    assert said.code == 2, said.err
    assert "9...: cannot be used: File name too long.\n  Name a shorter one." in said.err


def test_a_folder_that_may_not_be_looked_into_is_told(lrlab, place, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", forbidden)
    said = lrlab("import", "theirs.csv")
    assert said.code == 1
    assert said.err.startswith("lrlab: theirs.csv: cannot be used: Permission denied.")


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    kept, link = tmp_path / "report.html", tmp_path / "link.html"
    kept.write_text("the old one")
    link.symlink_to(kept)
    write = Path.write_bytes

    def full(path, content):
        write(path, content[:3])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(StoreError, match=r"link\.html: cannot be written: No space left"):
            write_file(link, b"the new one")
    assert sorted(tmp_path.iterdir()) == [link, kept]
    assert kept.read_text() == "the old one"
    write_file(link, b"the new one")
    assert link.is_symlink()
    assert kept.read_text() == "the new one"


def test_a_name_that_another_process_has_just_taken_is_passed_over(lrlab, sweep, monkeypatch):
    create, refused = SqliteStore.create, []

    def slower(self, study):
        if not refused:
            refused.append(study.name)
            raise ConflictError(f"study {study.name} is being made by another process.")
        return create(self, study)

    monkeypatch.setattr(SqliteStore, "create", slower)
    said = lrlab(*sweep)
    assert said.code == 0, said.err
    assert refused == ["bowl-1"]
    assert [study["study"] for study in lrlab("studies", "--json").document["studies"]] == ["bowl-2"]


def begun(place):
    until = time.monotonic() + 30
    while not (place / "begun.txt").exists():
        assert time.monotonic() < until, "the study does not get going"
        time.sleep(0.02)


def test_a_study_under_nohup_outlives_a_hang_up(place):
    words = ["sweep", "python", "bowl.py:slow", "--budget", "2", "--lr", "1e-3:10", "--workers", "0"]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what nohup does, and a child inherits
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words, "--searcher", "grid:3"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        begun(place)
        process.send_signal(signal.SIGHUP)
        _out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode in (0, 5), err


def test_the_second_ctrl_c_says_how_to_go_on(start, place):
    process = start("sweep", "python", "bowl.py:stubborn", "--budget", 4, "--workers", 1, "--study", "bowl")
    begun(place)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "lrlab: ended at once." in err
    assert "lrlab resume STUDY goes on" in err
