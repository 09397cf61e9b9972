"""Starts a command and watches over it: ``python launch.py FD``, a program of its own, on the standard library alone.

It stands between a worker of lrlab and the command. The command gets a session of its own; what it starts is adopted
here when its parent ends (Linux), so that nothing escapes. Orders come over a socket: ``freeze``, ``thaw``, ``end``.
When the socket closes, because the worker has ended in whatever way, everything here is ended.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

GRACE_S = 5.0  # from SIGTERM to SIGKILL
_STOP_S = 2.0
_LEAVE_S = 1.0  # for helpers that end by themselves after the command
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LINUX = sys.platform == "linux"


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(root: int) -> dict[int, str]:
    """Every process below ``root`` that has not ended, parents before children, with the letter of its state."""
    children: dict[int, dict[int, str]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if state not in "ZX":
            children.setdefault(int(parent), {})[int(entry.name)] = state
    found: dict[int, str] = {}
    line = [root]
    for process in line:
        below = children.get(process, {})
        found |= below
        line += below
    return found


class Watch:
    """One command with everything that it has started."""

    def __init__(self, pipe: socket.socket, command: "subprocess.Popen[bytes]") -> None:
        self._pipe = pipe
        self._command = command

    def _left(self) -> dict[int, str]:
        """What has not ended, with the letters of the states; outside Linux the command alone is known."""
        if _LINUX:
            return descendants(os.getpid())
        return {self._command.pid: "?"} if self._command.poll() is None else {}

    def _send(self, number: int, processes: Iterable[int]) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, number) if _LINUX else os.killpg(process, number)

    def freeze(self) -> None:
        """Stop everything, and what was started meanwhile; done when all of it stands still."""
        until = time.monotonic() + _STOP_S
        while running := [process for process, state in self._left().items() if state not in "Tt"]:
            self._send(signal.SIGSTOP, running)
            if not _LINUX or time.monotonic() > until:  # one that waits for a disk stops later
                return
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let everything go on, children first, so that no parent sees a stopped child."""
        self._send(signal.SIGCONT, reversed(self._left()))

    def gone(self, within_s: float) -> bool:
        """Whether nothing is left, at the latest after this time."""
        until = time.monotonic() + within_s
        while True:
            self._reap()
            if not self._left():
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.01)

    def _reap(self) -> None:
        """Take leave of adopted children that have ended."""
        while self._command.poll() is not None:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    return
            except ChildProcessError:
                return

    def end(self) -> None:
        """End everything: SIGTERM first, SIGKILL for what does not heed it."""
        self._send(signal.SIGTERM, self._left())
        self._send(signal.SIGCONT, self._left())
        if self.gone(GRACE_S):
            return
        while not self.gone(0.05):
            self._send(signal.SIGKILL, self._left())

    def tell(self, **message: object) -> None:
        """Say something to the worker, if it is still there."""
        with contextlib.suppress(OSError):
            self._pipe.sendall(json.dumps(message).encode() + b"\n")

    def serve(self, wake: socket.socket) -> None:
        """Carry out orders until the command has ended, or the worker has."""
        while self._command.poll() is None:
            ready, _, _ = select.select([self._pipe, wake], [], [])
            if wake in ready:
                wake.recv(4096)
            if self._pipe in ready:
                orders = self._pipe.recv(4096).decode()
                if not orders or "end" in orders.split():
                    return
                for order in orders.split():
                    self.freeze() if order == "freeze" else self.thaw()
                    self.tell(did=order)


def main() -> None:
    """Take the set-up from the socket, start the command, watch over it, and tell how it ended."""
    pipe = socket.socket(fileno=int(sys.argv[1]))
    pipe.set_inheritable(False)
    setup = json.loads(pipe.makefile("rb", buffering=0).readline())
    wake, alarm = socket.socketpair()
    alarm.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(alarm.fileno(), warn_on_full_buffer=False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        with open(setup["log"], "ab") as log:
            command = subprocess.Popen(
                setup["words"],
                cwd=setup["folder"],
                env=os.environ | setup["environment"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - one thread
            )
    except OSError as error:
        pipe.sendall(json.dumps({"failed": error.strerror or str(error)}).encode() + b"\n")
        return
    watch = Watch(pipe, command)
    watch.tell(started=command.pid)
    watch.serve(wake)
    code = command.poll()
    left = code is not None and not watch.gone(_LEAVE_S)
    watch.end()
    watch.tell(code=command.wait() if code is None else code, left=left)


if __name__ == "__main__":
    main()
