"""A command under lrlab's control: started, frozen, thawed and ended with everything that it starts."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrlab.core.errors import UnusableTaskError
from lrlab.tasks import launch

_START_S, _ACK_S = 60.0, 10.0
_END_S = launch.GRACE_S + 5.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command has ended.

    Args:
        code: Its exit code; negative: the signal that ended it; None where even its watcher was killed.
        left: Whether it left processes in the background, which were ended too.
    """

    code: int | None
    left: bool

    def __str__(self) -> str:
        if self.code is None:
            return "was lost with the process that watches over it"
        if self.code < 0:
            names = {number.value: number.name for number in signal.Signals}
            text = f"was ended by signal {-self.code} ({names.get(-self.code, 'unknown')})"
            return text + (
                ", which often is the system, short of memory" if self.code == -signal.SIGKILL else ""
            )
        return f"exited with code {self.code}"


class Program:
    """One running command.

    Args:
        words: The program and its arguments; no shell reads them.
        folder: Its working folder.
        log: Where its output goes, both streams in one file.
        environment: Variables beside the inherited ones.

    Raises:
        UnusableTaskError: If it cannot be started.
    """

    def __init__(
        self, words: Sequence[str], *, folder: str, log: Path, environment: Mapping[str, str]
    ) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", launch.__file__, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # what is meant for lrlab's terminal or group is not for it
            )
        self._pipe = ours
        self._rest = b""
        self._ending: Ending | None = None
        self._pid = 0
        setup = {"words": list(words), "folder": folder, "log": str(log), "environment": dict(environment)}
        with contextlib.suppress(OSError):
            ours.sendall(json.dumps(setup).encode() + b"\n")
        told = self._hear(_START_S)
        if "failed" in told:
            self.close()
            raise UnusableTaskError(
                f"command: {words[0]!r} cannot be started in {folder}: {told['failed']}.",
                hint="Name a program that this shell finds, or its whole path.",
            )
        self._pid = int(told.get("started", 0))  # type: ignore[call-overload]

    @property
    def pid(self) -> int:
        """Process id of the command."""
        return self._pid

    @property
    def ending(self) -> Ending | None:
        """How it has ended, or None while it runs or is frozen."""
        while self._ending is None and select.select([self._pipe], [], [], 0)[0]:
            self._hear(0)
        return self._ending

    def freeze(self) -> None:
        """Stop it and everything it has started; it uses no processor until ``thaw``."""
        self._order("freeze")

    def thaw(self) -> None:
        """Let it go on."""
        self._order("thaw")

    def _order(self, order: str) -> None:
        with contextlib.suppress(OSError):
            self._pipe.sendall(order.encode() + b"\n")
        until = time.monotonic() + _ACK_S
        while self._ending is None and self._hear(until - time.monotonic()).get("did") != order:
            if time.monotonic() > until:
                return

    def _hear(self, within_s: float) -> dict[str, object]:
        """The next message of the watcher; {} where none comes."""
        while b"\n" not in self._rest:
            if not select.select([self._pipe], [], [], max(within_s, 0))[0]:
                return {}
            more = b""
            with contextlib.suppress(OSError):
                more = self._pipe.recv(65536)
            if not more:
                self._lost()
                return {}
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, object] = json.loads(line)
        if "code" in message:
            self._ending = Ending(int(message["code"]), bool(message["left"]))  # type: ignore[call-overload]
        return message

    def _lost(self) -> None:
        """The watcher was killed: end the command at least, whose process group is known."""
        if self._ending is None:
            self._ending = Ending(None, left=False)
            if self._pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """End it with everything that it has started, and wait for that; calling it twice is fine."""
        if self._watcher.returncode is not None:
            return
        with contextlib.suppress(OSError):
            self._pipe.sendall(b"end\n")
        try:
            self._watcher.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._watcher.kill()
            self._watcher.wait()
        while self._ending is None:  # also reads the ending, where it has come
            self._hear(0)
        self._pipe.close()
