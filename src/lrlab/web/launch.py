"""Starts ``lrlab sweep``, ``resume`` and ``extend`` as processes of their own; nothing is ever trained in the server."""

import os
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lrlab.core.errors import NotFoundError, StoreError
from lrlab.report.words import plain

_PROGRAM = (sys.executable, "-c", "from lrlab.cli.main import main; main()")
_PRIVATE = ("LRLAB_TOKEN",)  # what it opens is no business of a training
_SAID_BYTES = 8_000
_MOST_KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A command that the page has started.

    Args:
        id: Its name.
        study: The study that it is about.
        words: What follows ``lrlab``.
        process: The process.
        output: What it says, in a file.
    """

    id: str
    study: str
    words: tuple[str, ...]
    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def said(self) -> str:
        """The end of what it has said."""
        try:
            with self.output.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - _SAID_BYTES, 0))
                return plain(file.read().decode("utf-8", "replace")).strip()
        except OSError:
            return ""


def command_line(words: Sequence[str]) -> str:
    """What a person would type."""
    return shlex.join(("lrlab", *words))


class Launcher:
    """The commands that the page has started.

    Args:
        folder: The folder that they are started in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, Started] = {}
        self._lock = threading.Lock()

    def start(self, id: str, study: str, words: Sequence[str]) -> Started:
        """Start ``lrlab WORDS``; the same ``id`` starts once. The process outlives the server.

        Raises:
            StoreError: If no process can be started.
        """
        with self._lock:
            if id in self._started:
                return self._started[id]
            output = Path(tempfile.mkstemp(prefix="lrlab-page-", suffix=".log")[1])
            clean = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
            try:
                with output.open("wb") as file:
                    process = subprocess.Popen(
                        [*_PROGRAM, *words],
                        cwd=self._folder,
                        env=clean,
                        stdin=subprocess.DEVNULL,
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C ends the page, not the study
                    )
            except OSError as error:
                raise StoreError(f"ui: no process can be started: {error.strerror or error}.") from None
            started = Started(id=id, study=study, words=tuple(words), process=process, output=output)
            self._started[id] = started
            self._forget_old()
            return started

    def started(self, id: str) -> Started:
        """What was started under this name.

        Raises:
            NotFoundError: If nothing was.
        """
        if id not in self._started:
            raise NotFoundError(f"ui: nothing was started under the name {id!r:.120}.")
        return self._started[id]

    def knows(self, id: str) -> bool:
        """Whether something was started under this name."""
        return id in self._started

    def close(self) -> None:
        """Forget everything; what runs goes on."""
        for started in self._started.values():
            self._drop(started)
        self._started.clear()

    def _forget_old(self) -> None:
        for id in list(self._started)[:-_MOST_KEPT]:
            if self._started[id].exit_code is not None:
                self._drop(self._started.pop(id))

    @staticmethod
    def _drop(started: Started) -> None:
        # A process that goes on is not waited for: it belongs to nobody now.
        started.process.returncode = started.process.poll() or started.process.returncode or 0
        started.output.unlink(missing_ok=True)
