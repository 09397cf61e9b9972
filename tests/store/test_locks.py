"""One process at a time holds a study."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from lrlab.core import wire
from lrlab.core.command import Command, Fate, Reply
from lrlab.core.errors import ConflictError, StoreError
from lrlab.core.outcome import StudyState
from lrlab.store.book import ENDED
from lrlab.store.protocol import Holder
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import EXAMPLE_RUN, example_points, example_study

HOLDER = """
import sys
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import EXAMPLE_RUN, example_points
ledger = SqliteStore(sys.argv[1]).open("x")
ledger.write_run(EXAMPLE_RUN)
ledger.append(EXAMPLE_RUN.key, 0, example_points(10))
ledger.flush()
ledger.append(EXAMPLE_RUN.key, 10, example_points(5, start=10))
print("ready", flush=True)
for line in sys.stdin:
    print([command.kind for command in ledger.commands()], flush=True)
ledger.close()
"""


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    store = SqliteStore(tmp_path)
    store.create(example_study()).close()
    return store


@contextmanager
def other_process(store: SqliteStore) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds study ``x``; it has 10 acknowledged and 5 open records."""
    command = [sys.executable, "-c", HOLDER, str(store.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_another_process_is_named_heard_and_read(store: SqliteStore) -> None:
    with other_process(store) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for take in (store.open, store.delete):
            with pytest.raises(
                ConflictError,
                match=rf'study "x" is being run by process {process.pid} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC',
            ):
                take("x")
        assert store.load("x").state is store.summaries()[0].state is StudyState.RUNNING
        assert len(store.load("x").runs[0].records) == 10
        assert store.send("x", Command(kind="stop"))
        assert store.send("x", Command(kind="extend", arguments={"lr": "ü"}))
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "['stop', 'extend']\n"
        process.stdin.close()
        assert process.wait() == 0
    assert len(store.load("x").runs[0].records) == 15
    store.open("x").close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_killed_process_holds_nothing(store: SqliteStore) -> None:
    with other_process(store) as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert (store.folder / "x.files" / "holder.json").exists()
    assert store.load("x").state is store.summaries()[0].state is StudyState.INTERRUPTED
    assert not store.send("x", Command(kind="stop"))
    assert list((store.folder / "x.files" / "commands").iterdir()) == []
    ledger = store.open("x")
    assert len(ledger.study.runs[0].records) == 10
    ledger.close()


def test_a_note_alone_holds_nothing_even_of_a_living_process(store: SqliteStore) -> None:
    holder = Holder(pid=os.getpid(), host=platform.node(), since=0.0)
    (store.folder / "x.files" / "holder.json").write_text(wire.dumps(Holder, holder))
    assert store.load("x").state is StudyState.INTERRUPTED
    store.open("x").close()


@pytest.mark.parametrize("note", [b"", b"{", b"\xff", b'{"pid": "x"}'])
def test_a_torn_note_is_no_note(store: SqliteStore, note: bytes) -> None:
    ledger = store.open("x")
    (store.folder / "x.files" / "holder.json").write_bytes(note)
    with pytest.raises(ConflictError, match='study "x" is being run by another process'):
        store.open("x")
    ledger.close()


def test_another_machine_is_named() -> None:
    away = Holder(pid=12, host="node-7", since=1_700_000_000)
    assert str(away) == "process 12 on node-7 since 2023-11-14 22:13:20 UTC"


def test_a_reader_that_looks_for_an_instant_does_not_keep_a_writer_out(store: SqliteStore) -> None:
    reader = FileLock(store.folder / "x.lock", thread_local=False)
    reader.acquire()
    timer = threading.Timer(0.03, reader.release)
    timer.start()
    store.open("x").close()
    timer.join()


def test_two_readers_that_look_at_once_do_not_take_each_other_for_a_holder(store: SqliteStore) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    holder = Holder(pid=gone.pid, host=platform.node(), since=0.0)
    (store.folder / "x.files" / "holder.json").write_text(wire.dumps(Holder, holder))
    with FileLock(store.folder / "x.lock"):
        assert store.load("x").state is StudyState.INTERRUPTED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_can_neither_write_nor_free_the_study(store: SqliteStore) -> None:
    ledger = store.open("x")
    ledger.write_run(EXAMPLE_RUN)
    ledger.append(EXAMPLE_RUN.key, 0, example_points(3))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            ledger.flush()
        except StoreError as error:
            status = 0 if f"belongs to process {os.getppid()}" in str(error) else 2
        ledger.close()
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(ConflictError, match="is being run"):
        store.open("x")
    ledger.close()
    assert len(store.load("x").runs[0].records) == 3


def test_a_command_that_a_killed_process_left_open_is_refused_by_the_next(store: SqliteStore) -> None:
    taken, unread = Command(kind="stop"), Command(kind="pause")
    with other_process(store) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert store.send("x", taken)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "['stop']\n"
        assert store.send("x", unread)
        process.kill()
        process.wait()
    assert (store.heard("x"), store.reply("x", taken.id)) == (None, None)
    ledger = store.open("x")
    assert list(ledger.commands()) == []
    ledger.close()
    for command in (taken, unread):
        assert store.reply("x", command.id) == Reply(fate=Fate.REFUSED, text=ENDED)
    assert list((store.folder / "x.files" / "commands").iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"stop", b"", b"{", b"stop \xff\xfe", b"[]", b"null", b'{"kind": "stop", "id": ""}',
        b'{"kind": "halt", "id": "1"}', b'{"kind": "stop", "id": "../1"}', b'{"kind": 3, "id": "1"}',
        b'{"kind": "stop", "id": "1", "arguments": 5}', b'{"kind": "stop", "id": "%s"}' % (b"x" * 101), b"\0" * 99,
    ],
)  # fmt: skip
def test_strange_files_among_the_commands_harm_nothing_and_are_told(
    store: SqliteStore, content: bytes
) -> None:
    ledger = store.open("x")
    commands = store.folder / "x.files" / "commands"
    (commands / "1.json").write_bytes(content)
    (commands / ".2.json.99.tmp").write_text("half a comm")
    good = Command(kind="stop")
    assert store.send("x", good)
    assert list(ledger.commands()) == [good]
    assert [event.kind for event in ledger.study.events] == ["unreadable_command"]
    assert not (commands / "1.json").exists()
    ledger.close()


def test_a_process_that_looks_for_no_commands_gets_old(store: SqliteStore) -> None:
    ledger = store.open("x")
    os.utime(store.folder / "x.files" / "holder.json", (0, time.time() - 42))
    heard = store.heard("x")
    assert heard is not None
    assert 41 < heard < 60
    ledger.commands()
    again = store.heard("x")
    assert again is not None
    assert again < 30
    ledger.close()
