"""Logs of TensorBoard: a folder of event files."""

from dataclasses import replace
from pathlib import Path

from lrlab.core.errors import SpecError
from lrlab.readers.event_file import Damage, take_events
from lrlab.readers.growing import GrowingFile, Locate
from lrlab.readers.names import Names
from lrlab.readers.protocol import Reading, Row

_PATTERN = "*tfevents*"


def is_event_file(path: Path) -> bool:
    """Whether a file's name says that TensorBoard wrote it."""
    return "tfevents" in path.name


class TensorBoardReader:
    """Reads the scalars of event files, one row an event, each file on from where it was left.

    The tags of files in folders below the named one begin with the folder, as TensorBoard shows them: Keras writes
    ``train/epoch_loss`` and ``validation/epoch_loss``.

    Args:
        locate: The folder, or one file.
        names: What the tags are called in lrlab.
    """

    def __init__(self, locate: Locate, *, names: Names) -> None:
        self._locate = locate
        self._names = names
        self._files: dict[Path, _EventFile] = {}
        self._columns: dict[str, None] = {}

    @property
    def source(self) -> str:
        """See ``Reader``."""
        return str(self._locate() or "TensorBoard's files")

    @property
    def found(self) -> bool:
        """See ``Reader``."""
        return bool(self._paths())

    @property
    def columns(self) -> tuple[str, ...]:
        """See ``Reader``."""
        return tuple(self._columns)

    @property
    def epochs_from(self) -> int | None:
        """See ``Reader``."""
        return None

    def _paths(self) -> list[Path]:
        place = self._locate()
        if place is None:
            return []
        return sorted(place.rglob(_PATTERN)) if place.is_dir() else [place]

    def read(self, *, final: bool = False) -> Reading:
        """See ``Reader``; an incomplete last record is nothing but a file that is being written."""
        rows: list[Row] = []
        anew = False
        for path in self._paths():
            file = self._files.setdefault(path, _EventFile(path, self._prefix(path)))
            new, again = file.read(self._names)
            rows += new
            anew = anew or again
            self._columns |= file.tags
        return Reading(rows=tuple(rows), anew=anew)

    def _prefix(self, path: Path) -> str:
        place = self._locate()
        if place is None or path == place:
            return ""
        folder = path.parent.relative_to(place).as_posix()
        return "" if folder == "." else f"{folder}/"


class _EventFile:
    """One event file with what was read of it."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._file = GrowingFile(lambda: path)
        self._rest = b""
        self._at = 0  # where the rest stands in the file
        self.tags: dict[str, None] = {}

    def read(self, names: Names) -> tuple[list[Row], bool]:
        chunk = self._file.read()
        if chunk.anew:
            self._rest, self._at = b"", 0
        self._rest += chunk.data
        try:
            events, used = take_events(self._rest, first=self._at)
        except Damage as damage:
            raise SpecError(
                f"{self._path}, {damage}.", hint="Expected an event file of TensorBoard that is whole."
            ) from None
        rows = []
        for event in events:
            scalars = {self._prefix + tag: value for tag, value in event.scalars.items()}
            self.tags |= dict.fromkeys(scalars)
            place = f"step {event.step}"
            row = names.row(scalars, place=place, where=f"{self._path}, {place}")
            rows.append(replace(row, step=event.step) if row.step is None and event.step >= 0 else row)
        self._rest, self._at = self._rest[used:], self._at + used
        return rows, chunk.anew
