"""Writes studies in child processes that are killed; says on stdout what each had acknowledged.

    python crash_writer.py FOLDER statement|moment|create|close|open|delete

Every child works on a store of its own, FOLDER/N, and one line of JSON is printed for it. The modes: before the
N-th SQL statement, at any moment after the (5 N)-th group, or before the N-th line of code that touches files.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from lrlab.core.question import Advance
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.store.engine import raw_connection
from lrlab.store.ledger import SqliteLedger
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import example_study

GROUPS = 3
RUNS = (Run(lr=0.1), Run(lr=0.01))
POINTS = 5
PARTS = {"sql", "ledger", "files", "locks", "database"}  # of lrlab.store: what touches files


# Opening and creating pass so many lines that a part of them is enough to meet each stage.
STRIDE = {"create": 7, "open": 7, "delete": 4}


def write_groups(ledger: SqliteLedger, say: Callable[[int], None], groups: int = GROUPS) -> None:
    """Group g puts 5 records into each run, sets their target to g, and adds one advance and one event."""
    for group in range(1, groups + 1):
        for run in RUNS:
            ledger.write_run(replace(run, target=group))
            first = (group - 1) * POINTS
            ledger.append(
                run.key, first, [Record(i / 2, {"loss": i / 3}, i) for i in range(first, first + POINTS)]
            )
        ledger.decide([Advance(lr=0.1, until=group)])
        ledger.note("group", str(group))
        ledger.flush()
        say(group)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_and_die_at_statement(folder: Path, number: int, say: Callable[[int], None]) -> None:
    ledger = SqliteStore(folder).create(example_study())
    left = iter(range(number - 1))
    raw_connection(ledger._connection).set_trace_callback(
        lambda _: None if next(left, None) is not None else die()
    )
    write_groups(ledger, say)


def write_and_leave(folder: Path, groups: int, say: Callable[[int], None]) -> None:
    """Ends without closing, so that everything is still in the write-ahead log."""
    ledger = SqliteStore(folder).create(example_study())
    write_groups(ledger, say, groups)
    os._exit(0)  # returning would free the connection, and SQLite would tidy up


def act_and_die_at_line(folder: Path, number: int, action: str, say: Callable[[int], None]) -> None:
    store = SqliteStore(folder)
    if action == "close":
        ledger = store.create(example_study())
        write_groups(ledger, say)
    left = iter(range(number - 1))

    def count(frame: FrameType, event: str, _: object) -> object:
        if Path(frame.f_code.co_filename).stem not in PARTS:
            return None
        if event == "line" and next(left, None) is None:
            die()
        return count

    sys.settrace(count)
    if action == "create":
        store.create(example_study())
    elif action == "close":
        ledger.close()
    elif action == "open":
        store.open("x")
    else:
        store.delete("x")


def in_child(
    work: Callable[[Callable[[int], None]], None], *, kill_after: int | None = None
) -> tuple[int, int]:
    """Run ``work`` in a child, and kill that once it has acknowledged ``kill_after`` groups.

    Returns:
        The child's exit status, negative for a signal, and how many groups it had acknowledged.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(lambda group: os.write(writing, bytes([group])) and None)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    said = 0
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while pipe.read(1):
            said += 1
            if said == kill_after:
                os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def main(folder: Path, mode: str) -> None:
    # Everything is imported and used once before the first fork, so that kills meet work and not imports.
    warm = SqliteStore(folder / "warm")
    warm.create(example_study()).close()
    warm.open("x").close()
    warm.delete("x")
    for number in range(1, 500, STRIDE.get(mode, 1)):
        place = folder / str(number)
        if mode == "statement":
            status, said = in_child(partial(write_and_die_at_statement, place, number))
        elif mode == "moment":
            status, said = in_child(partial(write_and_leave, place, 100), kill_after=5 * number)
        else:
            if mode in ("open", "delete"):
                in_child(partial(write_and_leave, place, GROUPS))
            status, said = in_child(partial(act_and_die_at_line, place, number, mode))
        print(json.dumps({"folder": str(place), "status": status, "acknowledged": said}), flush=True)
        if status == 0 or (mode == "moment" and number == 8):
            break


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
