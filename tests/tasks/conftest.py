"""Shell scripts as tasks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lrlab.tasks.command import command
from lrlab.tasks.command_session import CommandSession
from tests.tasks.command_runs import Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a shell script as a task; what still runs at the end is ended."""
    sessions: list[CommandSession] = []

    def begin(script: str, lr: float = 0.1, **settings: Any) -> CommandSession:
        words = ["sh", "-c", script.replace("{", "{{").replace("}", "}}"), "{lr}", "{dir}"]
        task = command(words, **{"budget": 4, "runs_folder": tmp_path / "runs"} | settings)
        sessions.append(task.start(lr, seed=0))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.close()
