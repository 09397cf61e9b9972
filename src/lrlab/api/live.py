"""A sweep that is watched: one output of the notebook's cell that is written anew while it runs."""

import contextlib
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from lrlab.api.notebook import Output, in_notebook
from lrlab.api.progress_text import Lines, clock, price_line, so_far, status_line
from lrlab.core.errors import SpecError
from lrlab.report.markup import Safe
from lrlab.report.notebook import live_html, live_pictures, progress_bar
from lrlab.studies.progress import Progress, ProgressListener

_TEXT_EVERY_S = 1.0
_FIRST_PICTURES_S = 3.0
_PICTURES_EVERY_S = 2.0
_PICTURES_SHARE = 0.03  # of the time at most: with workers=0 drawing holds up the training
_RETURNED = frozenset({"TIME_UP", "STOPPED"})  # ended early, but with an answer that shows its own picture


def watching(
    progress: "bool | ProgressListener | None",
) -> "AbstractContextManager[ProgressListener | None]":
    """Who is told how a sweep goes while the block runs.

    Args:
        progress: See ``lrlab.sweep``.

    Raises:
        SpecError: If it is nothing that can be told.
    """
    if progress is None or isinstance(progress, bool):
        if progress is not False and in_notebook():
            return LiveView(Output())
        return contextlib.nullcontext(Lines(sys.stderr) if progress else None)
    if not callable(progress):
        raise SpecError(
            f"progress: must be True, False or a function of one Progress, got {progress!r:.80}.",
            hint="Leave it out: a notebook shows a live view, a script nothing.",
        )
    return contextlib.nullcontext(progress)


class Screen(Protocol):
    """What ``Output`` offers."""

    def show(self, html: str, text: str) -> None: ...


class LiveView:
    """Shows a sweep in one output: text once a second, pictures as often as they cost little.

    At the end only the sentence stays, because the answer that is returned has the picture. An error in here is told
    once and never reaches the sweep.

    Args:
        output: Where it is shown.
        clock: Seconds, monotonic.
    """

    def __init__(self, output: Screen, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._clock = clock
        self._text_due = float("-inf")
        self._pictures_due: float | None = None
        self._pictures = Safe("")
        self._name = ""  # of the study, once it is known
        self._ended = False
        self._failed = False
        self.spent_s = 0.0  # seconds that showing has taken

    def __enter__(self) -> "LiveView":
        return self

    def __exit__(self, *_: object) -> None:
        if self._name and not self._ended:
            self._guarded(self._leave)

    def __call__(self, progress: Progress) -> None:
        """Show how the study stands, if that is due."""
        if progress.ended or self._clock() >= self._text_due:
            self._guarded(lambda: self._show(progress))

    def _guarded(self, show: Callable[[], None]) -> None:
        if self._failed:
            return
        began = self._clock()
        try:
            show()
        except Exception as error:  # whatever it is, the training is worth more than its picture
            self._failed = True
            print(
                f"lrlab: the live view has failed and is left out; the sweep goes on. "
                f"{type(error).__name__}: {error}",
                file=sys.stderr,
            )
        now = self._clock()
        self.spent_s += now - began
        self._text_due = now + _TEXT_EVERY_S

    def _show(self, progress: Progress) -> None:
        first, self._name = not self._name, progress.study or "sweep"
        if progress.ended:
            self._end(progress)
            return
        self._draw(progress)
        share = min(progress.cost / max(progress.price.cost, 1e-9), 0.99)
        status = price_line(progress) if first else status_line(progress)
        status = status.replace("Ctrl-C saves.", "Interrupting the kernel saves.")
        said = so_far(progress) if progress.answer.found else ""
        html = live_html(status, share=share, said=said, drawn=self._pictures)
        self._output.show(html, " ".join(filter(None, (progress_bar(share), status, said))))

    def _draw(self, progress: Progress) -> None:
        now = self._clock()
        if self._pictures_due is None:
            self._pictures_due = now + _FIRST_PICTURES_S
        if now < self._pictures_due or not any(run.records for run in progress.runs):
            return
        self._pictures = live_pictures(replace(progress.answer, runs=progress.runs))
        done = self._clock()
        self._pictures_due = done + max(_PICTURES_EVERY_S, (done - now) / _PICTURES_SHARE)

    def _end(self, progress: Progress) -> None:
        self._ended = True
        counts = status_line(progress).partition("; ")[2]
        spent = f"{progress.cost:.2f} full runs in {clock(progress.elapsed_s)}"
        returned = progress.answer.final or progress.answer.codes & _RETURNED
        how = "" if returned else "interrupted and saved; "
        status = f"{self._name}: {how}{counts}; {spent}."
        drawn = Safe("") if returned else self._pictures
        said = so_far(progress)
        self._output.show(live_html(status, share=None, said=said, drawn=drawn), f"{said} {status}")

    def _leave(self) -> None:
        status = f"{self._name}: ended by an error; what was trained is saved."
        self._output.show(live_html(status, share=None, said="", drawn=self._pictures), status)
