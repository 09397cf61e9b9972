"""A process that holds a study and does not answer is given up; any other is left alone."""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.api.engines import open_lab
from lrlab.core.errors import ConflictError, NotFoundError
from lrlab.store.protocol import Holder
from lrlab.studies.lost import mark_lost

HOLDS = """
import sys, time
from lrlab.api.engines import open_lab
from lrlab.testing.store_values import example_study
ledger = open_lab(sys.argv[1]).store.create(example_study("held"))
ledger.commands()
print("held", flush=True)
time.sleep(600)
"""


class Silent:
    """A store whose holder is made up."""

    def __init__(self, holder: Holder | None, heard: float | None) -> None:
        self._holder, self._heard = holder, heard

    def holder(self, name: str) -> Holder | None:
        return self._holder

    def heard(self, name: str) -> float | None:
        return self._heard


def here(since: float = 4e9, host: str = "here") -> Holder:
    return Holder(pid=os.getpid(), host=host, since=since)


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (Silent(None, None), "no process runs it"),
        (Silent(here(), 9.9), "answered 10 s ago, so it is not lost"),
        (Silent(here(host="node-7"), 60.0), "only that machine can end it"),
        (Silent(here(since=0.0), 60.0), "is another one than the one that took it"),
    ],
)
def test_a_process_that_is_not_lost_is_left_alone(store: Silent, said: str) -> None:
    ended: list[int] = []
    with pytest.raises(ConflictError, match=said):
        mark_lost(store, "x", host="here", end=ended.append)  # type: ignore[arg-type]
    assert ended == []


def test_a_silent_process_is_ended() -> None:
    ended: list[int] = []
    said = mark_lost(Silent(here(), 10.0), "x", host="here", end=ended.append)  # type: ignore[arg-type]
    assert ended == [os.getpid()]
    assert "silent for 10 s" in said


def test_a_suspended_process_gives_its_study_back(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    lab = open_lab(tmp_path)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        note = tmp_path / "held.files" / "holder.json"
        with pytest.raises(ConflictError, match="not lost"):
            lab.mark_lost("held")
        old = note.stat().st_mtime - 30
        os.utime(note, (old, old))
        holder = lab.store.holder("held")
        assert holder is not None
        assert (holder.pid, holder.host) == (process.pid, platform.node())
        assert f"Process {process.pid}" in lab.mark_lost("held")
        process.wait(timeout=10)  # where it was waited for already, Python tells no signal
        assert lab.store.heard("held") is None
        lab.store.open("held").close()
    finally:
        process.kill()
        process.communicate()
    with pytest.raises(NotFoundError):
        lab.mark_lost("unknown")
