"""Follow a log that grows, or a run of a study: a checkup whenever something new has come and it costs little."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from lrlab.api import logged
from lrlab.api.diagnose import Checkup, Settings, run_of_study
from lrlab.api.logged import Logged
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.run import Run
from lrlab.diagnosis.alerts import Alert, Debounce
from lrlab.readers.choose import check_source, open_reader
from lrlab.readers.protocol import Reader

_SHARE = 20.0  # a checkup that took a second waits for this many
_LOSSES = ("loss", "val_loss")


class Source(Protocol):
    """What is followed."""

    name: str

    def news(self, *, final: bool) -> bool:
        """Look, for the last time or not; whether something has come."""
        ...

    def logged(self) -> Logged:
        """Everything so far."""
        ...

    @property
    def rate(self) -> float | None:
        """The run's rate, where the source knows it."""
        ...

    @property
    def waits_for(self) -> str:
        """What has to come before anything can be told, for a person; "" where nothing."""
        ...

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        ...


class LogFile:
    """A file or folder, which may come later; see ``diagnose`` for what is read.

    Args:
        place: It.
        columns: lrlab's names to the log's own.

    Raises:
        SpecError: If it is no log that grows.
    """

    rate = None
    over = False

    def __init__(self, place: Path, columns: Mapping[str, str]) -> None:
        self.name = str(place)
        self._place = place
        self._columns = columns
        self._reader: Reader | None = None
        self._total: int | None = None  # optimizer steps of the whole training, where the log has its plan
        self._rows = logged.Rows()
        check_source(str(place.absolute()))

    def news(self, *, final: bool) -> bool:
        """See ``Source``."""
        if self._reader is None:
            log = self._log()
            if log is None:
                return False
            self._reader = open_reader(str(log.absolute()), columns=self._columns)
        reading = self._reader.read(final=final)
        if reading.anew:
            self._rows, self._total = logged.Rows(), None
        self._total = reading.total_steps or self._total
        self._rows.add(reading.rows)
        return bool(reading.rows)

    def _log(self) -> Path | None:
        """The log itself, once it is there."""
        if not self._place.is_dir():
            return self._place if self._place.exists() else None
        try:
            return logged.log_in(self._place)
        except NotFoundError:
            return None

    def logged(self) -> Logged:
        """See ``Source``."""
        if self._reader is None:
            return self._rows.logged(())
        return replace(self._rows.logged(self._reader.columns), total=self._total)

    @property
    def waits_for(self) -> str:
        """See ``Source``."""
        if self._reader is None:
            return f"a log in {self.name}" if self._place.is_dir() else f"{self.name}, which is not there yet"
        if not len(self._rows):
            return f"the first row of {self.name}"
        named = self._reader.columns
        absent = [f"{column!r} for {name}" for name, column in self._columns.items() if column not in named]
        if absent or not any(name in self._rows.columns for name in _LOSSES):
            what = " and ".join(absent) or "loss or val_loss (name it: --column loss=NAME)"
            return f"a column {what}; so far {self.name} has {', '.join(named[:20]) or 'none'}"
        return ""


class StudyRun:
    """A run of a study in the store.

    Args:
        study: The study's name.
        lr: The run's rate; None for the study's winner.
        seed: The run's seed; None for any.
        store: Where the study is.

    Raises:
        NotFoundError: If there is no such study or run.
    """

    waits_for = ""

    def __init__(self, study: str, *, lr: float | None, seed: int | None, store: str | None) -> None:
        from lrlab.api.engines import open_lab

        self._lab = open_lab(store)
        self._study = study
        self._find: Callable[[], Run] = lambda: run_of_study(study, lr=lr, seed=seed, store=store)
        self._run = self._find()
        self._seen = 0
        self.name = f"{study}, {self._run.key}"

    def news(self, *, final: bool) -> bool:
        """See ``Source``."""
        self._run = self._find()
        seen, self._seen = self._seen, len(self._run.records)
        return self._seen > seen

    def logged(self) -> Logged:
        """See ``Source``."""
        return logged.of_things(self._run.records, {})

    @property
    def rate(self) -> float:
        """See ``Source``."""
        return self._run.lr

    @property
    def over(self) -> bool:
        """See ``Source``: it has ended, or no process trains the study."""
        return self._run.outcome is not None or not self._lab.runs_elsewhere(self._study)


def source_of(
    text: str,
    *,
    columns: Mapping[str, str],
    lr: float | None = None,
    seed: int | None = None,
    store: str | None = None,
) -> Source:
    """What a text names: a file or folder that is there, a study, or a file that may come.

    Raises:
        NotFoundError: If it is none of them.
        SpecError: If it is empty, or no log that grows.
    """
    from lrlab.api.engines import open_lab

    if not text.strip():
        raise SpecError("watch: names nothing.", hint="Name a log, a folder with one, or a study.")
    place = Path(text).expanduser()
    if place.exists():
        return LogFile(place, columns)
    if text in open_lab(store).store.names():
        return StudyRun(text, lr=lr, seed=seed, store=store)
    if place.suffix or "/" in text or os.sep in text:
        return LogFile(place, columns)
    raise NotFoundError(
        f"watch: there is no file, folder or study {text!r}.",
        hint=f"lrlab studies lists the studies; a folder that will come is named ./{text}/",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What came of one look.

    Args:
        alerts: What there is to tell.
        checkup: The newest checkup; None before the first.
        waits_for: What has to come before anything can be told, where that has changed; else "".
    """

    alerts: tuple[Alert, ...] = ()
    checkup: Checkup | None = None
    waits_for: str = ""


def follow(
    source: Source,
    settings: Settings,
    *,
    debounce: Debounce,
    every_s: float,
    idle_s: float | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[Look]:
    """Look again and again; ends when the run is over.

    A checkup takes all that was logged; it is made when something has come, and takes at most a twentieth of the time.

    Args:
        source: What is followed.
        settings: What is told beside the log.
        debounce: What of the checkups is told.
        every_s: Seconds between looks.
        idle_s: Seconds without anything new after which the run counts as over; None for never.
        clock: Seconds, monotonic.
        sleep: Waits.

    Raises:
        SpecError: If the log is malformed, or goes on for longer than was told.
    """
    checkup: Checkup | None = None
    told, fresh, due, came = "", False, clock(), clock()
    while True:
        ended = source.over or (idle_s is not None and clock() - came >= idle_s)
        if source.news(final=ended):
            fresh, came = True, clock()
        waits = source.waits_for
        alerts: tuple[Alert, ...] = ()
        if fresh and not waits and (ended or clock() >= due):
            began = clock()
            checkup = settings.checkup(source.logged(), source.name, source.rate, running=not ended)
            fresh = False
            due = clock() + _SHARE * (clock() - began)
            ended = ended or (checkup.total_steps is not None and checkup.steps >= checkup.total_steps)
            alerts = debounce.update(checkup, last=ended)
        yield Look(alerts=alerts, checkup=checkup, waits_for=waits if waits != told else "")
        told = waits
        if ended:
            return
        sleep(every_s)
