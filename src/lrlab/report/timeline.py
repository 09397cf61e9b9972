"""What the timeline shows: which slice of which run the money went to, one after the other."""

from collections import defaultdict
from dataclasses import dataclass

from lrlab.core.lr_range import format_lr
from lrlab.core.question import Advance
from lrlab.core.run import RunKey
from lrlab.core.study import Study
from lrlab.report.charts import placed, tones
from lrlab.report.words import counted, short

MOST_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One slice of one run.

    Args:
        begin: What the study had cost before it, in full runs.
        end: What it had cost after it.
        text: The slice in words.
    """

    begin: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """The slices of one run, in order."""

    label: str
    lr: float
    tone: float
    status: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Slices of runs over the cost of the study.

    Args:
        rows: By arm, rate and seed; at most 200.
        cost: Right end of the axis, in full runs.
        caption: What a reader must know, a sentence each.
    """

    rows: tuple[TimelineRow, ...]
    cost: float
    caption: tuple[str, ...]


def timeline(study: Study) -> Timeline:
    """The timeline of a study: its slices in the order in which the searcher asked for them."""
    question = study.question
    runs = placed(study.runs)
    units = {run.key: run.units for run in runs}
    asked = study.advances or [
        Advance(arm=run.arm, lr=run.lr, seed=run.seed, until=run.units) for run in study.runs if run.units
    ]
    done: dict[RunKey, int] = defaultdict(int)
    bars: dict[RunKey, list[Bar]] = defaultdict(list)
    cost = 0.0
    for advance in asked:
        key = advance.key
        until = min(advance.until, units.get(key, 0))
        if until <= done[key]:
            continue  # it has not begun, or its run had ended before
        length = (until - done[key]) / question.budget
        why = f": {short(advance.why, 120)}" if advance.why else ""
        text = f"lr {format_lr(advance.lr)}, seed {advance.seed}, {question.unit} {done[key]} to {until}{why}"
        bars[key].append(Bar(begin=cost, end=cost + length, text=text))
        cost, done[key] = cost + length, until
    tone = tones(runs)
    several = {"seed": len({run.seed for run in runs}) > 1, "arm": len(question.arms) > 1}
    rows = [
        TimelineRow(
            label=format_lr(run.lr) + (f", seed {run.seed}" if several["seed"] else "")
            + (f", {short(run.arm, 20)}" if several["arm"] else ""),
            lr=run.lr, tone=tone(run.lr), status=run.status, bars=tuple(bars[run.key]),
        )
        for run in runs if bars[run.key]
    ]  # fmt: skip
    said = [
        "A bar is one slice of a run, as long as it cost; slices stand in the order in which they were asked for."
    ]
    if len(rows) > MOST_ROWS:
        said.append(f"{counted(len(rows) - MOST_ROWS, 'more run')} not drawn.")
    return Timeline(rows=tuple(rows[:MOST_ROWS]), cost=cost, caption=tuple(said))
