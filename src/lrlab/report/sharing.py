"""What a report that leaves the machine may tell: no folders, no names of people or machines."""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lrlab.core import wire
from lrlab.core.answer import Answer, Caution
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study
from lrlab.report.downsample import m4
from lrlab.report.words import plain

# A traceback's end says what went wrong; its beginning is the way there.
_LONGEST_DETAIL = 1_000
_LARGEST_ANSWER = 800_000
_QUOTED = re.compile(r"""(["'])(?:/|~|[A-Za-z]:[\\/]|\\\\)[^"'\n]*\1""")
_BARE = re.compile(
    r"(?<![\w.<])(?:~|[A-Za-z]:|\\\\)?(?:[\\/][^\s\\/\"'<>|:,;()]+){2,}[\\/]?|~[\\/][^\s\"'<>|:,;()]+"
)
_PRIVATE = (
    "host",
    "user",
    "node",
    "home",
    "path",
    "cwd",
    "dir",
    "folder",
    "executable",
    "argv",
    "command",
    "token",
)


def scrubbed(text: str) -> str:
    """Text with every absolute path cut down to its last part, and without what a page obeys."""
    text = _QUOTED.sub(lambda found: found[1] + _last_part(found[0][1:-1]) + found[1], text)
    return plain(_BARE.sub(lambda found: _last_part(found[0]), text))


def shared_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without entries that name a person, a machine or a place on it."""
    return {
        scrubbed(name): scrubbed(value)
        for name, value in environment.items()
        if not any(word in name.lower() for word in _PRIVATE)
    }


def shared_answer(answer: Answer) -> Answer:
    """The answer with every text scrubbed, details shortened, and its checkpoint by name only."""
    return replace(
        answer,
        runs=tuple(_shared_run(run) for run in answer.runs),
        reasons=tuple(scrubbed(reason) for reason in answer.reasons),
        warnings=tuple(
            Caution(code=caution.code, text=scrubbed(caution.text)) for caution in answer.warnings
        ),
        checkpoint=None if answer.checkpoint is None else _last_part(answer.checkpoint),
    )


def shared_study(study: Study) -> Study:
    """The study with every text of its runs scrubbed, and details shortened."""
    return replace(study, runs=tuple(_shared_run(run) for run in study.runs))


def answer_json(answer: Answer, *, largest: int = _LARGEST_ANSWER) -> tuple[str, int, int]:
    """The answer as JSON of about ``largest`` characters at most, and how many of how many records it keeps.

    Where the records are too many, each run keeps those with the metric that ``m4`` keeps, ever fewer down to
    eight a run: every score stays what it was.
    """
    total = sum(len(run.records) for run in answer.runs)
    text = wire.dumps(Answer, answer)
    points = 2_048
    while len(text) > largest and points >= 8:
        runs = tuple(replace(run, records=_thinned(run, answer, points)) for run in answer.runs)
        answer = replace(answer, runs=runs)
        text = wire.dumps(Answer, answer)
        points //= 2
    return text, sum(len(run.records) for run in answer.runs), total


def _thinned(run: Run, answer: Answer, points: int) -> tuple[Record, ...]:
    name = answer.question.metric.name
    own = sorted((record for record in run.records if name in record.metrics), key=lambda record: record.at)
    finite = [record for record in own if np.isfinite(record.metrics[name])]
    x = np.array([record.at for record in finite], dtype=np.float64)
    y = np.array([record.metrics[name] for record in finite], dtype=np.float64)
    kept = [finite[index] for index in m4(x, y, points=points)]
    # The end of a diverged run is not finite, and is what its outcome rests on.
    return tuple(kept + own[-1:] if own and own[-1] not in kept else kept)


def _shared_run(run: Run) -> Run:
    detail = scrubbed(run.detail)
    if len(detail) > _LONGEST_DETAIL:
        detail = "…" + detail[1 - _LONGEST_DETAIL :]
    return replace(run, detail=detail, why=scrubbed(run.why))


def _last_part(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]
