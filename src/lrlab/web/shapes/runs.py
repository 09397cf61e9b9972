"""Shapes of replies about runs: themselves, their verdicts, metrics and logs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field


class RunDocument(BaseModel):
    """A run."""

    run: int
    arm: str
    lr: float
    seed: int
    state: str
    units: int
    target: int
    score: float | None
    records: int
    metrics: list[str]
    seconds: float
    why: str
    detail: str


class RunDocuments(BaseModel):
    """Runs, a page of them."""

    items: list[RunDocument]
    next_cursor: str | None
    total: int


class Evidence(BaseModel):
    """What a verdict rests on."""

    name: str
    value: float | None
    threshold: float | None
    source: str
    steps: tuple[int | None, int | None]
    text: str


class VerdictDocument(BaseModel):
    """A verdict."""

    symptom: str
    severity: Literal["ok", "note", "warn", "error"]
    icon: str
    confidence: float | None
    text: str
    evidence: list[Evidence]
    advice: str | None
    span: tuple[float, float] | None


class RunVerdict(VerdictDocument):
    """The gravest verdict of a run."""

    run: int
    more: int


class RunVerdicts(BaseModel):
    """Verdicts of the runs of a study."""

    items: list[RunVerdict]
    next_cursor: None
    total: int


class Unchecked(BaseModel):
    """What could not be looked at."""

    symptom: str
    missing: list[str]
    text: str


class RateVerdict(BaseModel):
    """Whether the rate is right."""

    verdict: str
    confidence: float | None
    factor: float | None
    text: str


class CheckupDocument(BaseModel):
    """A checkup of a run."""

    mark: str
    rate: RateVerdict | None
    verdicts: list[VerdictDocument]
    unchecked: list[Unchecked]
    why_not: str
    planned: dict[str, Any] | None


class SeriesDocument(BaseModel):
    """A metric of a run; where a value is not finite, ``y`` has null and ``nonfinite`` its place and word."""

    metric: str
    mode: Literal["append", "replace"]
    x: list[float]
    y: list[float | None]
    step: list[int | None]
    nonfinite: list[tuple[int, Literal["nan", "inf", "-inf"]]]
    n_raw: int
    n_out: int
    method: Literal["m4"]
    cursor: int


class SeriesDocuments(BaseModel):
    """Metrics of a run."""

    mark: str
    x: str
    cursor: int
    series: list[SeriesDocument]


class Log(BaseModel):
    """The end of a log; ``cut`` characters lie before it."""

    text: str
    cut: int
    there: bool


class LogLines(BaseModel):
    """Lines of a log, each in pieces: a text, and the words of its look."""

    total: int
    first: int
    lines: list[list[Annotated[list[str], Field(min_length=2, max_length=2)]]]


class LogFound(BaseModel):
    """The number of a line that holds a text."""

    line: int | None
