"""How a study goes, while it goes: redrawn in place on a terminal, a line now and then elsewhere."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lrlab.api.progress_text import URGENCY, Lines, price_line, so_far, status_line
from lrlab.cli.output import redraws, speaks_unicode, width
from lrlab.core.lr_range import format_lr
from lrlab.core.run import DEFAULT_ARM, Run
from lrlab.report.palette import GLYPHS
from lrlab.report.words import counted, format_score, one_line
from lrlab.studies.progress import Progress, ProgressListener

_STYLES = {
    "running": "cyan",
    "finished": "green",
    "diverged": "red",
    "failed": "red",
    "lost": "red",
    "dropped": "dim",
    "stopped": "dim",
    "queued": "dim",
}


@contextmanager
def progress_view(stream: TextIO) -> Iterator[ProgressListener]:
    """A listener that shows progress on ``stream`` while the block runs."""
    if not redraws(stream):
        yield Lines(stream)
        return
    console = Console(file=stream, width=width(), highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield _Redrawn(live, stream)


class _Redrawn:
    """A block of lines that is drawn anew at every call."""

    def __init__(self, live: Live, stream: TextIO) -> None:
        self._live = live
        self._unicode = speaks_unicode(stream)
        self._told_price = False

    def __call__(self, progress: Progress) -> None:
        if not self._told_price:
            self._live.console.print(Text(price_line(progress)), soft_wrap=True)
            self._told_price = True
        console = self._live.console
        console.width = width()
        self._live.update(picture(progress, height=console.height, unicode=self._unicode), refresh=True)


def picture(progress: Progress, *, height: int, unicode: bool) -> RenderableType:
    """Everything that is known, for a terminal of ``height`` lines."""
    total = max(progress.price.cost, 1e-9)
    bar = Table.grid(expand=True)  # a bar alone would end without a line feed
    bar.add_row(ProgressBar(total=total, completed=min(progress.cost, total)))
    return Group(
        _line(status_line(progress), style="bold"),
        bar,
        *_rates(progress, most=max(height - 5, 3), unicode=unicode),
        _line(so_far(progress)),
    )


def _line(text: str, *, style: str = "") -> Text:
    return Text(text, style=style, overflow="ellipsis", no_wrap=True)


def _rates(progress: Progress, *, most: int, unicode: bool) -> Iterator[RenderableType]:
    """A line for each rate; where there are more than ``most``, those that are over give way first."""
    groups: dict[tuple[str, float], list[Run]] = {}
    for run in sorted(progress.runs, key=lambda run: run.key):
        groups.setdefault((run.arm, run.lr), []).append(run)
    urgent = sorted(
        groups, key=lambda key: (all(run.ended for run in groups[key]), _best(groups[key], progress))
    )
    if len(urgent) > most:
        del urgent[most - 1 :]
    table = Table.grid(padding=(0, 2), pad_edge=True)
    for _ in range(5):
        table.add_column(no_wrap=True)
    for key in sorted(urgent):
        table.add_row(*_row(key, groups[key], progress, unicode=unicode))
    yield table
    if len(groups) > len(urgent):
        yield _line(f"  and {counted(len(groups) - len(urgent), 'more rate')}")


def _row(
    key: tuple[str, float], runs: list[Run], progress: Progress, *, unicode: bool
) -> tuple[RenderableType, ...]:
    arm, lr = key
    question = progress.question
    # A rate that several seeds share stands for all of them; the word that matters most is shown.
    word = min((run.status for run in runs), key=URGENCY.index)
    signs = "".join(GLYPHS[run.status] for run in runs) + " " if unicode else ""
    loss = _best(runs, progress)
    score = format_score(question.metric.loss(loss)) if math.isfinite(loss) else ""
    units = max(run.units for run in runs)
    return (
        Text(format_lr(lr), style="bold" if lr == progress.answer.lr else ""),
        Text(f"{signs}{word}", style=_STYLES.get(word, "")),
        Text(f"{units}/{counted(question.budget, question.unit)}"),
        Text(f"{one_line(question.metric.name)} {score}" if score else ""),
        Text("" if arm == DEFAULT_ARM else one_line(arm)),
    )


def _best(runs: list[Run], progress: Progress) -> float:
    """The best score of a rate's seeds, turned so that smaller is better."""
    question = progress.question
    return min(question.metric.loss(run.score(question.metric, reduce=question.reduce)) for run in runs)
