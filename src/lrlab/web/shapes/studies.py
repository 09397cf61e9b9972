"""Shapes of replies about studies: the list, one, its answer and charts."""

from typing import Any, Literal

from pydantic import BaseModel

Pair = tuple[float, float]
Ends = tuple[float | None, float | None]
Figure = dict[str, Any]  # of Plotly, in both themes
State = Literal["running", "paused", "interrupted", "finished", "stopped", "failed"]


class StudyLine(BaseModel):
    """A study in the list."""

    name: str
    task: str
    state: State | Literal["unreadable"]
    created: str
    runs: int
    cost: float
    lr: float | None
    safe_range: Ends | None
    confidence: float | None
    warnings: list[str]
    problem: str


class StudyLines(BaseModel):
    """A list."""

    items: list[StudyLine]
    next_cursor: str | None
    total: int


class Warned(BaseModel):
    """A warning of an answer."""

    code: str
    text: str


class AnswerDocument(BaseModel):
    """An answer."""

    text: str
    lr: float | None
    interval: Ends | None
    safe_range: Ends | None
    score: float | None
    cost: float | None
    lost_cost: float | None
    confidence: float | None
    confidence_word: str
    reasons: list[str]
    warnings: list[Warned]
    arm: str
    untrained: float | None
    current_regret: float | None
    seconds: float | None
    final: bool
    exit_code: int


class Told(BaseModel):
    """An event of a study."""

    at: str
    kind: str
    text: str


class Measured(BaseModel):
    """What is compared between runs."""

    name: str
    direction: Literal["min", "max"]
    reduce: Literal["best", "last"]


class StudyDocument(BaseModel):
    """A study."""

    name: str
    mark: str
    task: str
    state: State
    searcher: str
    created: str
    cost: float
    expected_cost: float | None
    metric: Measured
    lr_range: Pair
    budget: int
    unit: str
    seeds: int
    tolerance: float
    max_cost: float | None
    current_lr: float | None
    live: bool
    can_be_rebuilt: bool
    runs: int
    answer: AnswerDocument
    events: list[Told]


class UPoint(BaseModel):
    """A run in the U-curve."""

    arm: str
    lr: float
    seed: int
    status: str
    kind: Literal["finished", "partial", "diverged", "none"]
    units: int
    at: float
    score: float | None
    tone: float


class UMean(BaseModel):
    """The mean of the seeds at a rate."""

    arm: str
    lr: float
    value: float
    low: float
    high: float
    seeds: int


class UValues(BaseModel):
    """What the U-curve shows."""

    metric: str
    direction: Literal["min", "max"]
    unit: str
    budget: int
    arm: str
    arms: list[str]
    points: list[UPoint]
    means: list[UMean]
    lr: float | None
    score: float | None
    interval: Ends | None
    safe_range: Ends | None
    tolerance: float
    current_lr: float | None
    x_range: Pair
    y_range: Pair | None
    y_scale: Literal["linear", "log"]
    clipped: int
    edge: str
    caption: list[str]


class Rate(BaseModel):
    """A rate, as it is read aloud."""

    lr: float
    text: str


class UCurveDocument(BaseModel):
    """The U-curve."""

    mark: str
    final: bool
    values: UValues
    figure: Figure
    rates: list[Rate]
    caption: list[str]


class Curves(BaseModel):
    """All learning curves."""

    mark: str
    mode: Literal["replace"]
    cursor: str
    figure: Figure
    runs: list[int]
    hidden: int
    y_scale: Literal["linear", "log"]
    caption: list[str]


class CurveChange(BaseModel):
    """What has come to one line: it keeps its first ``had`` points."""

    run: int
    lr: float
    seed: int
    arm: str
    had: int
    x: list[float]
    y: list[float]


class CurvesChange(BaseModel):
    """What has come to learning curves."""

    mark: str
    mode: Literal["append"]
    cursor: str
    items: list[CurveChange]
    caption: list[str]


class Slices(BaseModel):
    """A run's row of the timeline."""

    label: str
    lr: float
    status: str
    bars: list[dict[str, Any]]


class TimelineDocument(BaseModel):
    """The timeline."""

    mark: str
    rows: list[Slices]
    figure: Figure
    caption: list[str]


class Reading(BaseModel):
    """What one point of the learning curves stands for."""

    lr: float
    arm: str
    seeds: list[int]
    state: str
    unit: str
    at: float
    step: int | None
    seconds: float | None
    metric: str
    raw: list[float | None]
    shown: float | None
    text: str
