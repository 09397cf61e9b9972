"""Where alerts go: a stream, a file of JSON lines, a command, a function."""

import json
import math
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from lrlab.core.errors import NotFoundError, SpecError
from lrlab.diagnosis.alerts import Alert
from lrlab.report.words import plain

Tell = Callable[[Alert], None]
_PATIENCE_S = 10.0  # for a command that still runs when the watching ends
_STDERR = 2


def document(alert: Alert) -> dict[str, object]:
    """An alert for a program: one level, and strict JSON."""
    verdict = asdict(alert.verdict)
    return {
        "change": alert.change,
        "step": alert.step,
        "unit": alert.unit,
        "source": alert.source,
        **_strict(verdict),
    }


def _strict(thing: Mapping[str, object]) -> dict[str, object]:
    return {key: _finite(value) for key, value in thing.items()}


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return _strict(value)
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def to_stream(stream: TextIO, *, name: str = "lrlab") -> Tell:
    """A line an alert."""
    return lambda alert: print(plain(f"{name}: {alert}"), file=stream, flush=True)


def to_file(path: "str | Path") -> Tell:
    """A JSON line an alert, appended and on the disk at once.

    Raises:
        SpecError: If the file cannot be written.
    """
    place = Path(path).expanduser()
    try:
        place.open("a", encoding="utf-8").close()
    except OSError as error:
        raise SpecError(
            f"watch: alerts {str(path)!r} cannot be written: {error.strerror or error}.",
            hint="Name a file in a folder that is there.",
        ) from None

    def tell(alert: Alert) -> None:
        with place.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"schema": "lrlab.alert/1", **document(alert)}, allow_nan=False) + "\n")

    return tell


class Listeners:
    """Tells everybody; who cannot listen is left out from then on, which is told once.

    Args:
        listeners: Functions of an alert; those with ``close`` are closed at the end.
        complain: Is told what went wrong.
    """

    def __init__(
        self, listeners: "Sequence[Callable[[Alert], object]]", *, complain: Callable[[str], None]
    ) -> None:
        self._listeners = list(listeners)
        self._complain = complain

    def __call__(self, alert: Alert) -> None:
        """Tell them."""
        for listener in list(self._listeners):
            try:
                listener(alert)
            except Exception as error:
                self._listeners.remove(listener)
                self._complain(
                    f"an alert could not be told and no other will be: {type(error).__name__}: {error}"
                )

    def close(self) -> None:
        """Nothing more will come."""
        for listener in self._listeners:
            if isinstance(listener, Command):
                listener.close()


class Command:
    """Starts a program an alert and does not wait for it.

    The program reads the alert as JSON from its input and, in a few words, from variables that begin with
    ``LRLAB_ALERT_``. That it could not be started or has failed is told once.

    Args:
        words: The program and its arguments, as one text that a shell would part, or as a list; no shell is used.
        complain: Is told what went wrong.

    Raises:
        SpecError: If there are no words, or a quote has no end.
        NotFoundError: If there is no such program.
    """

    def __init__(self, words: "str | Sequence[str]", *, complain: Callable[[str], None]) -> None:
        try:
            self._words = shlex.split(words) if isinstance(words, str) else [str(word) for word in words]
        except ValueError as error:
            raise SpecError(f"watch: on_alert {words!r} cannot be parted into words: {error}.") from None
        if not self._words:
            raise SpecError("watch: on_alert names no program.", hint="Such as: notify-send lrlab")
        if shutil.which(self._words[0]) is None:
            raise NotFoundError(
                f"watch: on_alert: there is no program {self._words[0]!r}.",
                hint="Name one that is on the PATH, or its whole path; a pipe needs: sh -c '...'",
            )
        self._complain = complain
        self._running: list[subprocess.Popen[str]] = []
        self._complained = False

    def __call__(self, alert: Alert) -> None:
        """Start it."""
        self._look()
        try:
            process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=_STDERR,  # stdout is for the result
                env=os.environ | variables(alert),
                text=True,
            )
            self._running.append(process)
            assert process.stdin is not None
            with process.stdin as into:
                into.write(json.dumps(document(alert), allow_nan=False) + "\n")
        except BrokenPipeError:
            pass  # it does not read its input, as it may
        except OSError as error:
            self._failed(f"cannot be started: {error.strerror or error}")

    def close(self) -> None:
        """Wait for those that still run, a moment."""
        for process in self._running:
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._failed(f"still runs after {_PATIENCE_S:g} s, and goes on alone")
                process.returncode = 0  # so that nobody asks for it any more
        self._look()

    def _look(self) -> None:
        for process in [one for one in self._running if one.poll() is not None]:
            self._running.remove(process)
            if process.returncode:
                self._failed(f"has ended with exit code {process.returncode}")

    def _failed(self, how: str) -> None:
        if not self._complained:
            self._complained = True
            self._complain(f"on_alert: {shlex.join(self._words)} {how}. This is told once.")


def variables(alert: Alert) -> dict[str, str]:
    """An alert as environment variables."""
    verdict, advice = alert.verdict, alert.verdict.advice
    told = {
        "CHANGE": alert.change,
        "SYMPTOM": verdict.symptom,
        "SEVERITY": verdict.severity,
        "STEP": str(alert.step),
        "SOURCE": alert.source,
        "SENTENCE": verdict.sentence,
        "ADVICE": "" if advice is None else advice.text,
        "FACTOR": "" if advice is None or advice.factor is None else f"{advice.factor:g}",
    }
    return {f"LRLAB_ALERT_{name}": value.replace("\0", "") for name, value in told.items()}
