"""Where the files of a study lie, and how small ones are written."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFiles:
    """The files that belong to one study.

    Args:
        folder: The folder of studies.
        name: Name of the study.
    """

    folder: Path
    name: str

    @property
    def database(self) -> Path:
        """The study itself."""
        return self.folder / f"{self.name}.sqlite"

    @property
    def draft(self) -> Path:
        """The study while it is being created; hidden from lists."""
        return self.folder / f".{self.name}.sqlite.new"

    @property
    def lock(self) -> Path:
        """The file that the kernel locks."""
        return self.folder / f"{self.name}.lock"

    @property
    def side(self) -> Path:
        """Folder of everything else."""
        return self.folder / f"{self.name}.files"

    @property
    def note(self) -> Path:
        """Tells who holds the lock."""
        return self.side / "holder.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of stored states."""
        return self.side / "checkpoints"

    @property
    def runs(self) -> Path:
        """Folder of what the runs of a shell command write."""
        return self.side / "runs"

    @property
    def commands(self) -> Path:
        """Folder of commands that the holder has not read."""
        return self.side / "commands"

    def column_file(self, number: int) -> Path:
        """Where the records of a run, by its number from 1, stand as columns too; see ``lrlab.store.columns``."""
        return self.side / "columns" / f"{number}.columns"

    def make_folders(self) -> None:
        """Make the folders, for their owner only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.side, self.checkpoints, self.commands):
            folder.mkdir(mode=0o700, exist_ok=True)

    def remove(self) -> None:
        """Remove everything but the lock; also what a process left that was killed while it did this.

        The study's name goes first and at once, so that nobody meets half a study.
        """
        if self.database.exists():
            self.database.replace(self.draft)
        for path in (self.database, self.draft):
            for suffix in ("-wal", "-shm", "-journal", ""):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        if self.side.exists():
            shutil.rmtree(self.side)


def write_file(path: Path, text: str) -> None:
    """Put ``text`` into the file at ``path``, whole and durable or not at all; readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def sync_folder(folder: Path) -> None:
    """Make names that were added to ``folder`` survive a power cut."""
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
