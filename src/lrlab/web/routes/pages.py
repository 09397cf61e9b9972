"""The pages: rendered here whole; a browser that hears news asks for the same page again and puts in what differs."""

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from lrlab.api.code import code
from lrlab.api.data import KINDS
from lrlab.api.engines import run_folder
from lrlab.api.project import FILE
from lrlab.core.answer import sentence
from lrlab.core.errors import LrlabError, SpecError
from lrlab.core.lr_range import LRRange, format_lr
from lrlab.core.outcome import State, StudyState
from lrlab.core.run import Run, RunKey
from lrlab.report import pieces
from lrlab.report.html import settings as settings_of
from lrlab.report.tables import ladder, runs_table
from lrlab.web import asks, documents
from lrlab.web.examined import examined
from lrlab.web.plan import planned
from lrlab.web.problems import CODES
from lrlab.web.rendering import Templates
from lrlab.web.room import Room
from lrlab.web.routes.studies import SORTS, chosen
from lrlab.web.shelf import LIVE, Line, Seen
from lrlab.web.standing import standing

_MOST_LINES = 500
_MOST_LADDER_ROWS = 200
_LOG_LINES = 200
_ADVISED = re.compile(r"--lr (\S+:\S*[0-9])")


def router(room: Room, templates: Templates) -> APIRouter:
    """The routes of the pages."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    def page(name: str, /, **values: Any) -> HTMLResponse:
        return HTMLResponse(templates.render(name, **values))

    @routes.get("/")
    @routes.head("/")
    def home(
        request: Request,
        q: Annotated[str, Query(max_length=200)] = "",
        state: Annotated[str, Query(max_length=20)] = "",
        sort: Annotated[str, Query(max_length=20)] = "created",
        dir: Annotated[str, Query(max_length=10)] = "desc",
    ) -> HTMLResponse:
        """Every study, or the door."""
        if not request.scope["lrlab.opened"]:
            return HTMLResponse(templates.door())
        notices = []
        if sort not in SORTS or dir not in ("asc", "desc"):
            notices.append(f"sort={sort}, dir={dir}: not known here, so the newest stand first.")
            sort, dir = "created", "desc"
        every = room.shelf.lines()
        lines = chosen(every, q=q, state=state, sort=sort, descending=dir == "desc")
        shown = lines[:_MOST_LINES]
        live = [line.summary.name for line in shown if _live(line)]
        return page(
            "home.html",
            page="home",
            groups=_groups(shown),
            standings={name: room.shelf.standing(name) for name in live},
            so_far={name: room.shelf.so_far(name) for name in live},
            hidden=len(lines) - len(shown),
            total=len(every),
            notices=notices,
            asked={"q": q, "state": state, "sort": sort, "dir": dir},
            states=[*StudyState, "unreadable"],
            store=str(getattr(room.lab.store, "folder", "memory")),
        )

    @routes.get("/studies/{name}")
    def study(name: str) -> HTMLResponse:
        """The answer first, then what it rests on."""
        return page("study.html", page="study", **_study_values(room, room.shelf.seen(name)))

    @routes.get("/studies/{name}/runs/{number}")
    def run(name: str, number: int) -> HTMLResponse:
        """One run: its metrics over its training, its rate, its log."""
        seen = room.shelf.seen(name)
        own = seen.run(number)
        folder = run_folder(room.lab.store, name, own.key)
        lines, first, log = (
            (0, 0, []) if folder is None else room.logs.window(folder.output, None, _LOG_LINES)
        )
        metrics = documents.metrics_of(own)
        return page(
            "run.html",
            page="run",
            seen=seen,
            run=own,
            number=number,
            metrics=sorted(enumerate(metrics), key=lambda pair: _panel_order(pair[1], seen)),
            score=own.score(seen.study.question.metric, reduce=seen.study.question.reduce),
            log=log,
            lines=lines,
            first=first,
            folder=folder.path if folder is not None else None,
            examined=examined(seen, own),
            planned=planned(seen, own),
            last=room.shelf.last(name) if seen.live and not own.ended else None,
            left=_run_left(own, seen),
            others=[n for n in (number - 1, number + 1) if 1 <= n <= len(seen.study.runs)],
        )

    @routes.get("/new")
    def new() -> HTMLResponse:
        """A new study."""
        try:
            targets, problem = asks.targets(room.settings.folder), ""
        except LrlabError as error:
            targets, problem = (), str(error)
        return page(
            "new.html",
            page="new",
            targets=targets,
            problem=problem,
            files=asks.data_files(room.settings.folder),
            folder=str(room.settings.folder),
            kinds=KINDS,
            toml=FILE,
        )

    @routes.get("/settings")
    def settings() -> HTMLResponse:
        """How the page looks, and where it is."""
        return page(
            "settings.html",
            page="settings",
            store=str(getattr(room.lab.store, "folder", "memory")),
            folder=str(room.settings.folder),
            address=room.settings.address,
        )

    @routes.get("/help")
    def help() -> HTMLResponse:
        """Keys, API, codes."""
        return page("help.html", page="help", codes=CODES, exit_codes=_EXIT_CODES)

    return routes


_EXIT_CODES = (
    (0, "An answer."),
    (2, "A wrong argument; nothing was started."),
    (3, "The training itself failed."),
    (4, "The training diverged at every rate."),
    (5, "An answer with a warning: the best rate is at the edge, or noise hides the effect."),
    (7, "There is no such study, run, module or file."),
    (8, "Somebody else holds the study, its name is taken, or its file is newer."),
    (10, "Worker processes ended again and again, or a study's process does not answer."),
    (130, "Ctrl-C; everything is saved."),
)


def _live(line: Line) -> bool:
    return not line.summary.problem and line.summary.state in LIVE


def _groups(lines: list[Line]) -> list[tuple[str, list[Line]]]:
    running = [line for line in lines if _live(line)]
    rest = [line for line in lines if not _live(line)]
    return [(title, own) for title, own in (("Running now", running), ("Not running", rest)) if own]


def _panel_order(metric: str, seen: Seen) -> tuple[int, str]:
    """The study's own metric first, the applied rate second, the others by name."""
    first = {seen.study.question.metric.name: 0, "lr": 1}
    return first.get(metric, 2), metric


def _run_left(run: Run, seen: Seen) -> float | None:
    """Seconds that a run which trains will still take to the end of its slice; None where that is not known."""
    if run.ended or not seen.live or run.state is not State.RUNNING or not run.records or run.seconds <= 0:
        return None
    done = run.records[-1].at
    return run.seconds * (run.target - done) / done if 0 < done < run.target else None


def _study_values(room: Room, seen: Seen) -> dict[str, Any]:
    study, answer, chart = seen.study, seen.answer, seen.u_curve
    numbers = {run.key: number for number, run in enumerate(study.runs, start=1)}
    rows = runs_table(answer)
    return {
        "seen": seen,
        "study": study,
        "answer": answer,
        "chart": chart,
        "sentence": sentence(answer),
        "tones": {p.lr: p.tone for p in chart.points},
        "rows": [(row, numbers[RunKey(row.arm, row.lr, row.seed)]) for row in rows],
        "curves": seen.curves(),
        "metrics": seen.metrics,
        "steps": any(r.step is not None for run in study.runs for r in run.records[:1] + run.records[-1:]),
        "legend": pieces.legend(chart),
        "means": pieces.means_table(chart),
        "ladder": pieces.ladder_table(ladder(study), chart, most=_MOST_LADDER_ROWS),
        "swatch": pieces.swatch,
        "settings": settings_of(study),
        "buttons": _buttons(seen),
        "wider": _wider(seen),
        "left": standing(study, now=time.time()).left,
        "last": room.shelf.last(study.name),
        "next_step": _next_step(seen),
        "code": code(answer, "torch") if answer.found else "",
    }


def _buttons(seen: Seen) -> Mapping[str, bool]:
    """Which commands make sense now."""
    state, rebuilt = seen.study.state, bool(seen.study.target) and seen.study.target.get("kind") != "import"
    live = state in LIVE
    return {
        "pause": state is StudyState.RUNNING,
        "resume": state is StudyState.PAUSED or (state is StudyState.INTERRUPTED and rebuilt),
        "stop": live,
        "extend": live or (rebuilt and state is not StudyState.FAILED),
        "delete": not live,
    }


def _wider(seen: Seen) -> str:
    """A range to extend to: with what a warning advises, else one decade more on the side where the best may lie."""
    span = seen.study.question.lr
    advised = [found[1] for caution in seen.answer.warnings if (found := _ADVISED.search(caution.text))]
    try:
        lower = seen.answer.codes & {"EDGE_LOW", "ALL_DIVERGED"}
        usual = (span.low / 10, span.high) if lower else (span.low, span.high * 10)
        other = LRRange.parse(advised[0]) if advised else LRRange(*usual)
    except SpecError:  # at the end of what a float can hold
        other = span
    low, high = min(span.low, other.low), max(span.high, other.high)
    return f"{format_lr(low, digits=4)}:{format_lr(high, digits=4)}"


def _next_step(seen: Seen) -> tuple[str, str]:
    """What a state without an answer means, and what to do: a title and a sentence."""
    study, answer = seen.study, seen.answer
    if study.state is StudyState.FAILED:
        return "The training failed.", "The run's page tells why. Mend the training, then sweep again."
    if study.state is StudyState.INTERRUPTED and not study.target:
        return (
            "No process runs it.",
            f'It was started from Python: run that program again with lrlab.sweep(..., study="{study.name}").',
        )
    if study.state is StudyState.INTERRUPTED:
        return "No process runs it any more.", "Everything is saved. Resume goes on where it stood."
    if "ALL_DIVERGED" in answer.codes:
        return "Every rate diverged.", f"Extend the search to lower rates: {_wider(seen)}."
    if not any(run.records for run in study.runs) and study.state is StudyState.RUNNING:
        waited = max(time.time() - study.created, 0.0)
        more = " If this lasts, look at the terminal where it was started." if waited > 60 else ""
        return "Waiting for the first point.", f"It was started {waited:.0f} s ago.{more}"
    if study.state is StudyState.PAUSED:
        return "Paused.", "Its process waits and keeps its memory. Resume goes on."
    if len({run.lr for run in study.runs if run.records}) < 3 and study.state in LIVE:
        return "A curve needs at least three rates.", "They are on their way."
    return "", ""
