"""The folder of one run of a command."""

import re
import shutil
from pathlib import Path

from lrlab.core.errors import SpecError
from lrlab.readers.output import plain_text

OUTPUT = "output.log"
COMMAND = "command.txt"  # also tells a run's folder from one that is somebody's own
_TAIL_LINES, _TAIL_BYTES = 15, 4096
_MOST_NAMES = 20


def run_name(lr: float, seed: int) -> str:
    """Name of a run's folder among those of its study."""
    return f"lr-{lr!r}-seed-{seed}"


class RunFolder:
    """Where a run writes what it likes; its output and its command line are kept there too.

    Args:
        path: The folder; made by ``make``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def output(self) -> Path:
        """The file with everything that the run has printed."""
        return self.path / OUTPUT

    def make(self, command: str) -> None:
        """Make it, empty; what an earlier start of the same run left is removed.

        Args:
            command: The command line of the run, to be kept.

        Raises:
            SpecError: If it cannot be made, or is somebody's own.
        """
        mark = self.path / COMMAND
        try:
            if self.path.exists():
                if not mark.is_file():
                    raise SpecError(
                        f"{self.path}: is there already, and is no run's folder.",
                        hint="Name another place for runs.",
                    )
                shutil.rmtree(self.path)
            self.path.mkdir(parents=True)
            mark.write_text(command + "\n", encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise SpecError(f"{self.path}: cannot be made anew: {error.strerror or error}.") from None

    def content(self) -> str:
        """Names of what the run has written, for a sentence."""
        names = sorted(path.name for path in self.path.iterdir() if path.name not in (OUTPUT, COMMAND))
        more = ", ..." if len(names) > _MOST_NAMES else ""
        return (", ".join(names[:_MOST_NAMES]) or "nothing") + more

    def log(self) -> str:
        """What the run has printed, as a terminal would show it in the end: bars at their last state, no colours."""
        try:
            raw = self.output.read_bytes()
        except OSError:
            return ""
        lines = (line.rstrip(b"\r").rpartition(b"\r")[2] for line in raw.split(b"\n"))
        return "\n".join(plain_text(line).rstrip() for line in lines).rstrip()

    def tail(self) -> str:
        """The last lines of the run's output, as a text of its own."""
        try:
            with self.output.open("rb") as log:
                log.seek(max(log.seek(0, 2) - _TAIL_BYTES, 0))
                raw = log.read()
        except OSError:
            raw = b""
        lines = [line for piece in re.split(rb"[\r\n]", raw) if (line := plain_text(piece).rstrip())]
        return "Its last output:\n" + "\n".join(lines[-_TAIL_LINES:]) if lines else "It has printed nothing."
