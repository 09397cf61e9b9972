"""A folder with small trainings, a store in it, and ways to call the command line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

# Gradient descent in a bowl: too high a rate diverges, too low a rate crawls.
TRAININGS = """
import math, os, sys, time


def _descend(run, pause=0.0):
    weights, curvatures = [1.0, 1.0, 1.0], [1.0, 0.3, 0.1]
    run.log(at=0, val_loss=sum(curvatures))
    for _ in run.units():
        time.sleep(pause)
        for _ in range(3):
            weights = [w - run.lr * 2 * c * w for w, c in zip(weights, curvatures)]
        run.report(val_loss=0.05 + sum(c * w * w for w, c in zip(weights, curvatures)))


def train(run):
    _descend(run)


def talks(run):
    print("a training prints what it likes")
    _descend(run)


def slow(run):
    with open("begun.txt", "a") as file:
        print(f"{run.lr!r}", file=file)
    _descend(run, pause=0.05)


def stubborn(run):
    with open("begun.txt", "a") as file:
        print(f"{run.lr!r}", file=file)
    for _ in run.units():
        time.sleep(60)
        run.report(val_loss=0.5)


def breaks(run):
    raise ValueError("no data here")


def explodes(run):
    for _ in run.units():
        run.report(val_loss=math.nan)


def silent(run):
    for _ in run.units():
        run.report(val_acc=0.5)


lone = 3
"""
DIES = """
import os, sys

if "runners" in sys.argv[0]:
    os._exit(9)


def train(run):
    pass
"""
PROGRAM = "import sys; from lrlab.cli.main import main; main()"


class Said(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its JSON document; Python's own additions to JSON are refused."""
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with ``bowl.py`` and ``dies.py`` and nothing of other tests."""
    (tmp_path / "bowl.py").write_text(TRAININGS)
    (tmp_path / "dies.py").write_text(DIES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LRLAB_STORE", str(tmp_path / "studies"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("CI", raising=False)
    before = sys.path[:]
    yield tmp_path
    sys.path[:] = before
    for name in ("bowl", "dies"):
        sys.modules.pop(name, None)


Call = Callable[..., Said]


@pytest.fixture
def lrlab(place: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call a command line in this process."""
    from lrlab.cli.main import run

    def call(*words: object) -> Said:
        capsys.readouterr()
        code = run([str(word) for word in words])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(place: Path) -> Iterator[Start]:
    """Start a command line in a process of its own; what still runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*words: object, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def program(start: Start) -> Call:
    """Call a command line in a process of its own."""

    def call(*words: object, **environment: str) -> Said:
        process = start(*words, **environment)
        out, err = process.communicate(timeout=60)
        return Said(process.returncode, out, err)

    return call


BOWL = ("sweep", "python", "bowl.py:train", "--budget", 16, "--lr", "1e-3:10", "--workers", 0)


@pytest.fixture
def sweep() -> tuple[object, ...]:
    """The words of a sweep that takes a moment and finds a rate."""
    return BOWL


@pytest.fixture(scope="session")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A store with the finished study bowl, and what its sweep said."""
    folder = tmp_path_factory.mktemp("answered")
    (folder / "bowl.py").write_text(TRAININGS)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, BOWL), "--study", "bowl", "--store", "studies", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return folder / "studies", json.loads(done.stdout)


@pytest.fixture
def asked(answered: tuple[Path, Any], place: Path) -> Any:
    """What the sweep of the finished study bowl said, which is in the store."""
    shutil.copytree(answered[0], place / "studies")
    return answered[1]
