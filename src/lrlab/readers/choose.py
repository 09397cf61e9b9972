"""Text to reader: ``metrics.csv``, ``runs/*/trainer_state.json``, ``stdout:val_loss=([0-9.e+-]+)``."""

import glob
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from lrlab.core.errors import SpecError
from lrlab.readers.csv_file import CsvReader
from lrlab.readers.growing import Locate
from lrlab.readers.jsonl import JsonLinesReader
from lrlab.readers.names import Names
from lrlab.readers.output import OutputReader, compiled
from lrlab.readers.protocol import Reader, Reading
from lrlab.readers.tensorboard import TensorBoardReader, is_event_file
from lrlab.readers.trainer_state import TrainerStateReader

OUTPUT = "stdout:"
_FORMATS: dict[str, Callable[..., Reader]] = {
    "csv": CsvReader,
    "jsonl": JsonLinesReader,
    "tensorboard": TensorBoardReader,
    "trainer_state": TrainerStateReader,
}
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_NO_LOGS = frozenset(
    {".pt", ".pth", ".ckpt", ".safetensors", ".h5", ".keras", ".npz", ".npy", ".pkl", ".parquet", ".xlsx", ".png",
     ".zip", ".gz", ".sqlite", ".db"}
)  # fmt: skip
_LOOK_BYTES = 4096


def check_source(text: str, *, metric: str = "") -> None:
    """Refuse what no reader can be made of, before anything is started.

    Raises:
        SpecError: If the pattern is none, the format unknown, or the file is none that holds a log.
    """
    if text.startswith(OUTPUT):
        compiled(text.removeprefix(OUTPUT), metric)
        return
    form, place = _form_of(text)
    if not place.strip():
        raise SpecError(
            f"read: {text!r} names no file.", hint="Such as metrics.csv, or stdout:val_loss=([0-9.e+-]+)."
        )
    suffix = Path(place).suffix.lower()
    if not form and suffix in _NO_LOGS:
        unpack = "Unpack it first. " if suffix in (".gz", ".zip") else ""
        raise SpecError(
            f"read: {place} is no log that can be read ({suffix}).",
            hint=f"{unpack}Readable are CSV, TSV, JSON lines, TensorBoard's event files and the Trainer's trainer_state.json.",
        )


def open_reader(
    text: str,
    *,
    metric: str = "",
    columns: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: Path | None = None,
) -> Reader:
    """A reader of what ``text`` names.

    Args:
        text: A file, which may be there later; a folder of TensorBoard; a pattern with ``*`` or ``**``, of which the
            newest match is read; ``FORMAT:FILE`` with the format ``csv``, ``jsonl``, ``tensorboard`` or
            ``trainer_state`` where the name does not tell it; or ``stdout:REGEX``.
        metric: The name of the pattern's group, where it has none.
        columns: lrlab's names to the log's own, where they are not known.
        folder: What relative names start from; the working folder by default.
        output: The file with the program's output, for ``stdout:``.

    Raises:
        SpecError: As ``check_source``, or if ``stdout:`` is asked for and there is no output.
    """
    check_source(text, metric=metric)
    names = Names(columns or {})
    if text.startswith(OUTPUT):
        if output is None:
            raise SpecError(
                f"read: {text!r} reads a program's output, and there is none here.", hint="Name a file."
            )
        return OutputReader(lambda: output, pattern=text.removeprefix(OUTPUT), metric=metric, names=names)
    form, place = _form_of(text)
    locate = _locator(place, folder or Path.cwd())
    if form:
        return _FORMATS[form](locate, names=names)
    return _LateReader(locate, place=place, names=names)


def place_of(text: str) -> str:
    """The file of a text that names one, without the format."""
    return _form_of(text)[1]


def _form_of(text: str) -> tuple[str, str]:
    form, colon, place = text.partition(":")
    return (form, place) if colon and form in _FORMATS else ("", text)


def _locator(place: str, folder: Path) -> Locate:
    whole = folder / Path(place).expanduser()
    if not glob.has_magic(place):
        return lambda: whole if whole.exists() else None

    def newest() -> Path | None:
        found = [
            folder / name
            for name in glob.glob(str(Path(place).expanduser()), root_dir=folder, recursive=True)
        ]
        return max(found, key=lambda path: (_written(path), path.name), default=None)

    return newest


def _written(path: Path) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


class _LateReader:
    """A reader of a file that may not exist yet; its name, or else its content, tells the format."""

    def __init__(self, locate: Locate, *, place: str, names: Names) -> None:
        self._locate = locate
        self._place = place
        self._names = names
        self._reader: Reader | None = None

    @property
    def source(self) -> str:
        return self._place if self._reader is None else self._reader.source

    @property
    def found(self) -> bool:
        return self._reader is not None and self._reader.found

    @property
    def columns(self) -> tuple[str, ...]:
        return () if self._reader is None else tuple(self._reader.columns)

    @property
    def epochs_from(self) -> int | None:
        return None if self._reader is None else self._reader.epochs_from

    def read(self, *, final: bool = False) -> Reading:
        if self._reader is None:
            path = self._locate()
            form = "" if path is None else _format(path)
            if not form:
                return Reading()
            self._reader = _FORMATS[form](self._locate, names=self._names)
        return self._reader.read(final=final)


def _format(path: Path) -> str:
    """The format of a file that exists; "" while nothing tells it."""
    if path.is_dir() or is_event_file(path):
        return "tensorboard"
    if path.name == "trainer_state.json":
        return "trainer_state"
    known = _SUFFIXES.get(path.suffix.lower())
    if known:
        return known
    try:
        with path.open("rb") as file:
            head = file.read(_LOOK_BYTES)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror or error}.") from None
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        raise SpecError(
            f"{path}: expected one JSON object a line, got one list.", hint="Write JSON lines or CSV."
        )
    if text.startswith(b"{"):
        return (
            "trainer_state"
            if b'"log_history"' in head or b"\n" in head[:2] or text[1:2] in b"\r\n"
            else "jsonl"
        )
    return "csv" if b"\n" in head else ""
