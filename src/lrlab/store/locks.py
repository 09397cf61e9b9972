"""Who holds a study: one process at a time."""

import contextlib
import os
import platform
import time
from collections.abc import Callable

from lrlab.core import wire
from lrlab.core.errors import ConflictError, StoreError
from lrlab.store.files import StudyFiles, write_file
from lrlab.store.protocol import Holder

# A reader that asks whether a study is held touches the lock for an instant; a writer waits that out.
_PATIENCE_S = 0.25


class StudyLock:
    """The lock of one study: a file that the kernel locks, and a note that tells who holds it.

    The kernel gives the lock back when the process ends, in whichever way. The note is a file of its own
    because older filelocks empty the file that they try to lock.
    """

    def __init__(self, files: StudyFiles) -> None:
        self._name = files.name
        self._note = files.note
        from filelock import FileLock  # slow to import, and a list of finished studies needs none

        self._lock = FileLock(str(files.lock), mode=0o600, thread_local=False)

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            ConflictError: If a process holds it; names the process.
        """
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=_PATIENCE_S, poll_interval=0.01)
        except Timeout:
            raise ConflictError(
                f'study "{self._name}" is being run by {self._holder() or "another process"}.',
                hint="Wait until it is done, or stop it there.",
            ) from None

    def sign(self, now: Callable[[], float]) -> None:
        """Leave the note that this process holds the lock."""
        holder = Holder(pid=os.getpid(), host=platform.node(), since=now())
        write_file(self._note, wire.dumps(Holder, holder))

    def show_life(self) -> None:
        """Leave a trace of now in the note."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._note)

    def heard_s(self) -> float | None:
        """Seconds since the holder last showed life; None where no living process holds the lock."""
        try:
            at = self._note.stat().st_mtime
        except OSError:
            return None
        return max(time.time() - at, 0.0) if self.held() else None

    def holder(self) -> Holder | None:
        """The process that holds the lock; None where no living one does."""
        holder = self._holder()
        return holder if self.held() else None

    def release(self) -> None:
        """Give the lock back."""
        try:
            self._note.unlink(missing_ok=True)
        finally:
            self._lock.release()

    def held(self) -> bool:
        """Whether a living process holds the lock now."""
        import psutil
        from filelock import Timeout

        holder = self._holder()
        if holder is None:
            return False
        try:
            self._lock.acquire(timeout=0)
        except (Timeout, OSError):
            # Perhaps it was only another reader that asks the same about a process that crashed.
            return holder.host != platform.node() or psutil.pid_exists(holder.pid)
        self._lock.release()
        return False

    def _holder(self) -> Holder | None:
        try:
            return wire.loads(Holder, self._note.read_bytes())
        except (OSError, StoreError):
            return None
