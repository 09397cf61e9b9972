"""The state file of the Hugging Face Trainer."""

import json
from collections.abc import Mapping

from lrlab.core.errors import SpecError
from lrlab.readers.growing import Locate
from lrlab.readers.jsonl import numbers_in
from lrlab.readers.names import Names
from lrlab.readers.protocol import Reading


class TrainerStateReader:
    """Reads ``trainer_state.json``: a whole file, written anew with each checkpoint, each time with all rows so far.

    Args:
        locate: Where the file is now; a newer checkpoint may have another place.
        names: What the keys are called in lrlab.
    """

    def __init__(self, locate: Locate, *, names: Names) -> None:
        self._locate = locate
        self._names = names
        self._known: list[object] = []
        self._columns: dict[str, None] = {}

    @property
    def source(self) -> str:
        """See ``Reader``."""
        return str(self._locate() or "trainer_state.json")

    @property
    def found(self) -> bool:
        """See ``Reader``."""
        return self._locate() is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """See ``Reader``."""
        return tuple(self._columns)

    @property
    def epochs_from(self) -> int | None:
        """See ``Reader``: the Trainer's epoch is the progress, 0.5 after half of the first."""
        return 1

    def read(self, *, final: bool = False) -> Reading:
        """See ``Reader``; a file that is just being written is read the next time."""
        path = self._locate()
        if path is None:
            return Reading()
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return Reading()
        except OSError as error:
            raise SpecError(f"{path}: cannot be read: {error.strerror or error}.") from None
        try:
            whole = json.loads(content)
        except (ValueError, RecursionError) as error:
            if not final:
                return Reading()
            raise SpecError(f"{path}: expected the Trainer's state as JSON ({error}).") from None
        history = whole.get("log_history") if isinstance(whole, dict) else None
        if not isinstance(history, list):
            raise SpecError(
                f'{path}: expected the Trainer\'s state, an object with the list "log_history".',
                hint="Name trainer_state.json of a checkpoint of the Hugging Face Trainer.",
            )
        planned = whole.get("max_steps")
        total = planned if isinstance(planned, int) and planned > 0 else None
        anew = history[: len(self._known)] != self._known
        first = 0 if anew else len(self._known)
        if anew:
            self._columns.clear()
        self._known = history
        rows = []
        for index, entry in enumerate(history[first:], start=first):
            where = f"{path}, log_history[{index}]"
            if not isinstance(entry, Mapping):
                raise SpecError(f"{where}: expected an object, got {entry!r:.40}.")
            numbers = dict(numbers_in(entry))
            self._columns |= dict.fromkeys(numbers)
            if numbers:
                rows.append(self._names.row(numbers, place=f"log_history[{index}]", where=where))
        return Reading(rows=tuple(rows), anew=anew, total_steps=total)
