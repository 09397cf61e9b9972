"""What the tables show: every run, and how far each one went."""

import math
from dataclasses import dataclass

from lrlab.core.answer import Answer
from lrlab.core.outcome import Outcome
from lrlab.core.run import Run
from lrlab.core.study import Study
from lrlab.report.palette import GLYPHS
from lrlab.report.words import counted, format_score, short

MOST_LEVELS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run in the table.

    Args:
        arm: Its alternative.
        lr: Its rate.
        seed: Its seed.
        status: Its state or outcome, in a word.
        units: Whole units done.
        score: Its score; None where it diverged or has no finite value.
        seconds: Training time.
        why: Why the searcher asked for its last slice.
        detail: Why it ended.
        winner: Whether it is the answer's run.
    """

    arm: str
    lr: float
    seed: int
    status: str
    units: int
    score: float | None
    seconds: float
    why: str
    detail: str
    winner: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A run at one budget level.

    Args:
        share: Part of the way from the level below that is done, 0 to 1.
        word: ``advanced`` if it went further, else its state or outcome; "" where it never got that far.
        text: The whole cell in words.
    """

    share: float
    word: str
    text: str

    @property
    def glyph(self) -> str:
        """The sign of its word."""
        return GLYPHS.get(self.word, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRow:
    """One run on the ladder; a cell for each level."""

    arm: str
    lr: float
    seed: int
    status: str
    units: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """How far every run went, over the budgets that the searcher asked for.

    Args:
        unit: What a unit is.
        levels: Budgets in units, ascending; at most twelve, the highest among them.
        rows: By arm, rate and seed.
        caption: What a reader must know, a sentence each.
    """

    unit: str
    levels: tuple[int, ...]
    rows: tuple[LadderRow, ...]
    caption: tuple[str, ...]


def runs_table(answer: Answer) -> tuple[RunRow, ...]:
    """A row for every run of an answer, by arm, rate and seed."""
    question, winner = answer.question, answer.winner
    rows = []
    for run in sorted(answer.runs, key=lambda run: run.key):
        score = run.score(question.metric, reduce=question.reduce)
        rows.append(
            RunRow(
                arm=run.arm,
                lr=run.lr,
                seed=run.seed,
                status=run.status,
                units=run.units,
                score=score if math.isfinite(score) and run.outcome is not Outcome.DIVERGED else None,
                seconds=run.seconds,
                why=run.why,
                detail=run.detail,
                winner=winner is not None and run.key == winner.key,
            )
        )
    return tuple(rows)


def ladder(study: Study) -> Ladder:
    """The ladder of a study; the order of its runs does not matter."""
    asked = {advance.until for advance in study.advances} or {run.target or run.units for run in study.runs}
    levels = _thinned(sorted(level for level in asked if level > 0))
    question = study.question
    rows = []
    for run in sorted(study.runs, key=lambda run: run.key):
        score = format_score(run.score(question.metric, reduce=question.reduce))
        rows.append(
            LadderRow(
                arm=run.arm,
                lr=run.lr,
                seed=run.seed,
                status=run.status,
                units=run.units,
                cells=_cells(run, levels, unit=question.unit, score=f"{question.metric.name} {score}"),
            )
        )
    said = (
        [f"{counted(len(asked), 'budget')} asked for, {len(levels)} shown."]
        if len(levels) < len(asked)
        else []
    )
    return Ladder(unit=question.unit, levels=levels, rows=tuple(rows), caption=tuple(said))


def _thinned(levels: list[int]) -> tuple[int, ...]:
    if len(levels) <= MOST_LEVELS:
        return tuple(levels)
    return tuple(levels[round(k * (len(levels) - 1) / (MOST_LEVELS - 1))] for k in range(MOST_LEVELS))


def _cells(run: Run, levels: tuple[int, ...], *, unit: str, score: str) -> tuple[Cell, ...]:
    cells = []
    below = 0
    standing = False
    for level in levels:
        share = min(max((run.units - below) / (level - below), 0.0), 1.0)
        if run.units > level or (run.units == level and run.target > level and not run.ended):
            word = "advanced"
        elif standing or (run.units == 0 and run.target == 0 and run.outcome is None):
            word = ""
        else:
            word, standing = run.status, True
        text = f"{unit} {level}: {word}" if word else f"{unit} {level}: not reached"
        if word == run.status and word:
            why = short((run.detail.strip().splitlines() or [""])[-1], 160)
            text = f"{unit} {run.units} of {level}: {word}, {score}" + (f"; {why}" if why else "")
        cells.append(Cell(share=share, word=word, text=text))
        below = level
    return tuple(cells)
