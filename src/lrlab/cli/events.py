"""What ``--format jsonl`` prints: an event a line while a study goes, the last one ``result`` or ``error``."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TextIO

from lrlab.cli.output import EVENTS as SCHEMA
from lrlab.cli.output import one_document
from lrlab.core.run import Run, RunKey
from lrlab.studies.progress import Progress

Schema = Literal["lrlab.event/1"]
Pair = tuple[float, float]
_EVERY_S = 1.0
# Name, meaning.
EVENTS = (
    ("started", "What is asked, and what it is expected to cost; the first."),
    ("run", "A run that has begun, ended a unit, is frozen, or has ended."),
    ("progress", "How far the study is, and the answer so far; at most one a second."),
    ("result", "The answer, as --json gives it; the last."),
    ("error", "Why there is none: error.code, error.message, error.hint; the last."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What is asked: rates are absolute, costs in full runs."""

    schema: Schema = SCHEMA
    event: Literal["started"] = "started"
    study: str
    rates: Pair
    metric: str
    budget: int
    unit: str
    expected_cost: float
    expected_runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMoved:
    """A run as it stands: ``units`` trained, its score so far or null."""

    schema: Schema = SCHEMA
    event: Literal["run"] = "run"
    arm: str
    lr: float
    seed: int
    status: str
    units: int
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How far a study is; ``runs`` counts them by how they stand; null while there is no answer yet."""

    schema: Schema = SCHEMA
    event: Literal["progress"] = "progress"
    cost: float
    expected_cost: float
    elapsed_s: float
    left_s: float | None
    paused: bool
    runs: dict[str, int]
    lr: float | None
    interval: Pair | None
    safe_range: Pair | None
    score: float | None
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A warning of an answer."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainsBest:
    """A rate that fits the training data better than the answer's and validates worse by ``regret``, a share."""

    lr: float
    units: int
    loss: float
    beside: float
    regret: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A run of an answer."""

    arm: str
    lr: float
    seed: int
    status: str
    units: int
    score: float | None
    detail: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer, as ``--json`` gives it."""

    schema: Schema = SCHEMA
    event: Literal["result"] = "result"
    kind: Literal["sweep"] = "sweep"
    ok: Literal[True] = True
    study: str
    lr: float
    interval: Pair
    safe_range: Pair
    score: float | None
    cost: float
    confidence: float
    confidence_word: str
    reasons: list[str]
    warnings: list[Warned]
    arm: str
    metric: str
    budget: int
    unit: str
    untrained: float | None
    current_lr: float | None
    current_regret: float | None
    lost_cost: float
    seconds: float
    checkpoint: str | None
    final: bool
    training: TrainsBest | None
    best_at: float | None
    runs: list[EndedRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a command to a study that another process, or only its own program, can train."""

    schema: Schema = SCHEMA
    event: Literal["result"] = "result"
    kind: Literal["command", "extend"]
    ok: Literal[True] = True
    study: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why there is no answer; codes as in ``lrlab help exit-codes``."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No answer; a study that was carried out tells its runs beside it, as a result does."""

    schema: Schema = SCHEMA
    event: Literal["error"] = "error"
    kind: str
    ok: Literal[False] = False
    error: Reason


class EventLines:
    """A listener that writes every step of a study as an event.

    Args:
        stream: Where they go, each flushed at once.
        clock: Seconds, monotonic.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._seen: dict[RunKey, tuple[str, int]] = {}
        self._due = -float("inf")
        self._started = False

    def __call__(self, progress: Progress) -> None:
        """Write what is new."""
        if not self._started:
            self._write(_started(progress))
            self._started = True
        for run in progress.runs:
            stands = (run.status, run.units)
            if self._seen.get(run.key) != stands:
                self._seen[run.key] = stands
                self._write(_moved(run, progress))
        if progress.ended or self._clock() >= self._due:
            self._due = self._clock() + _EVERY_S
            self._write(_moment(progress))

    def _write(self, event: Started | RunMoved | Moment) -> None:
        print(one_document(asdict(event)), file=self._stream, flush=True)


def _started(progress: Progress) -> Started:
    question, price = progress.question, progress.price
    return Started(
        study=progress.study,
        rates=(question.lr.low, question.lr.high),
        metric=str(question.metric),
        budget=question.budget,
        unit=question.unit,
        expected_cost=price.cost,
        expected_runs=price.runs,
    )


def _moved(run: Run, progress: Progress) -> RunMoved:
    question = progress.question
    return RunMoved(
        arm=run.arm,
        lr=run.lr,
        seed=run.seed,
        status=run.status,
        units=run.units,
        score=run.score(question.metric, reduce=question.reduce),
    )


def _moment(progress: Progress) -> Moment:
    answer = progress.answer
    return Moment(
        cost=progress.cost,
        expected_cost=progress.price.cost,
        elapsed_s=progress.elapsed_s,
        left_s=progress.left_s,
        paused=progress.paused,
        runs=dict(Counter(run.status for run in progress.runs)),
        lr=answer.lr if answer.found else None,
        interval=answer.interval if answer.found else None,
        safe_range=answer.safe_range if answer.found else None,
        score=answer.score if answer.found else None,
        confidence=answer.confidence if answer.found else None,
    )


def json_schema() -> dict[str, Any]:
    """The JSON schema that every line of ``--format jsonl`` keeps."""
    from pydantic import TypeAdapter

    lines: Any = Started | RunMoved | Moment | Answered | Told | Failed
    return TypeAdapter(lines).json_schema()
