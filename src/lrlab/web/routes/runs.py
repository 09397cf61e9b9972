"""Runs: the list of a study's, one of them, its records."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from lrlab.api.engines import run_folder
from lrlab.core.errors import NotFoundError
from lrlab.web import documents
from lrlab.web.examined import examined
from lrlab.web.plan import planned
from lrlab.web.room import LARGEST_WHOLE, Room, listed

_MOST_SERIES = 200
_MOST_EXAMINED = 64
_USUAL_POINTS = 1_500
_LOG_CHARACTERS = 200_000
_MOST_LINES = 1_000


def router(room: Room) -> APIRouter:
    """The routes below ``/studies/{name}/runs``."""
    routes = APIRouter(tags=["runs"])

    @routes.get("/studies/{name}/runs")
    def runs(
        name: str,
        state: Annotated[str, Query(max_length=20)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Annotated[
            int, Query(ge=0, le=10**9, description="The number of the last run that is known")
        ] = 0,
    ) -> JSONResponse:
        """Runs in the order in which they were asked for; new ones come last, so a cursor stays right."""
        seen = room.shelf.seen(name)
        every = [
            (number, run) for number, run in enumerate(seen.study.runs, start=1) if state in ("", run.status)
        ]
        rest = [pair for pair in every if pair[0] > cursor]
        part = rest[:limit]
        following = str(part[-1][0]) if len(rest) > limit else None
        return listed(
            [documents.run_document(run, number, seen) for number, run in part],
            total=len(every),
            following=following,
        )

    @routes.get("/studies/{name}/runs/{run}")
    def one(name: str, run: int) -> JSONResponse:
        """A run without its records."""
        seen = room.shelf.seen(name)
        return JSONResponse(documents.run_document(seen.run(run), run, seen))

    @routes.get("/studies/{name}/verdicts")
    def verdicts(name: str) -> JSONResponse:
        """The gravest verdict of each run that has ended; of a large study, of its last runs."""
        seen = room.shelf.seen(name)
        ended = [(n, run) for n, run in enumerate(seen.study.runs, start=1) if run.ended][-_MOST_EXAMINED:]
        items = []
        for number, own in ended:
            told = [
                v
                for v in examined(seen, own).document()["verdicts"]
                if v["severity"] != "ok" and v["symptom"] != "cannot_tell"
            ]
            if told:
                items.append({"run": number, "more": len(told) - 1, **told[0]})
        return listed(items, total=len(items))

    @routes.get("/studies/{name}/runs/{run}/verdicts")
    def checkup(name: str, run: int) -> JSONResponse:
        """What a checkup of the run says, and its planned rate."""
        seen = room.shelf.seen(name)
        own = seen.run(run)
        told = {"mark": seen.mark, **examined(seen, own).document(), "planned": planned(seen, own)}
        return JSONResponse(documents.strict(told))

    @routes.get("/studies/{name}/runs/{run}/series")
    def series(
        name: str,
        run: int,
        metric: Annotated[list[str] | None, Query(description="Names; by default every metric")] = None,
        after: Annotated[
            int, Query(ge=0, description="The cursor of an earlier reply: only what came since")
        ] = 0,
        max_points: Annotated[
            int, Query(ge=documents.LEAST_POINTS, le=documents.MOST_POINTS, description="Of each metric")
        ] = _USUAL_POINTS,
        low: Annotated[
            float | None,
            Query(alias="from", allow_inf_nan=False, description="Only from here on, on the x axis"),
        ] = None,
        high: Annotated[
            float | None, Query(alias="to", allow_inf_nan=False, description="Only up to here")
        ] = None,
    ) -> JSONResponse:
        """Metrics of a run over its training, down-sampled: the lowest and highest of each column are kept."""
        seen = room.shelf.seen(name)
        own = seen.run(run)
        if (run,) not in seen.series:
            seen.series[(run,)] = documents.metrics_of(own)
        known = seen.series[(run,)]
        wanted = known if metric is None else metric
        for each in wanted:
            if each not in known:
                raise NotFoundError(
                    f"series: run {run} has no metric {each!r:.80}.",
                    hint=f"It has: {', '.join(known) or 'none'}.",
                )
        total = len(own.records)
        first = min(after, total)
        found = []
        for each in wanted[:_MOST_SERIES]:
            key, whole = (run, each), (run, each, max_points)
            if not first and low is None and high is None and whole in seen.series:
                found.append(seen.series[whole])
                continue
            if first:
                some = documents.series_of(own, each, first)
            else:  # a long run is asked for again and again, at every zoom
                some = seen.series[key] = seen.series.get(key) or documents.series_of(own, each)
                some = documents.part_of(some, low, high)
            told = documents.series_document(some, each, after=first, total=total, points=max_points)
            if not first and low is None and high is None and max_points == _USUAL_POINTS:
                seen.series[whole] = told
            found.append(told)
        return JSONResponse({
            "mark": seen.mark, "x": seen.study.question.unit, "cursor": len(own.records), "series": found,
        })  # fmt: skip

    @routes.get("/studies/{name}/runs/{run}/log")
    def log(name: str, run: int) -> JSONResponse:
        """The end of what the run of a command has printed."""
        own = room.shelf.seen(name).run(run)
        folder = run_folder(room.lab.store, name, own.key)
        text = folder.log() if folder is not None else ""
        cut = max(len(text) - _LOG_CHARACTERS, 0)
        return JSONResponse({"text": text[cut:], "cut": cut, "there": folder is not None})

    @routes.get("/studies/{name}/runs/{run}/log/lines")
    def log_lines(
        name: str,
        run: int,
        first: Annotated[
            int | None,
            Query(ge=0, le=LARGEST_WHOLE, description="Number of a line, from 0; none for the end"),
        ] = None,
        count: Annotated[int, Query(ge=1, le=_MOST_LINES)] = 200,
    ) -> JSONResponse:
        """Some lines of the log, each in pieces: a text, and the words of its look such as ``red bold``."""
        folder = run_folder(room.lab.store, name, room.shelf.seen(name).run(run).key)
        if folder is None:
            return JSONResponse({"total": 0, "first": 0, "lines": []})
        total, begin, lines = room.logs.window(folder.output, first, count)
        return JSONResponse({"total": total, "first": begin, "lines": lines})

    @routes.get("/studies/{name}/runs/{run}/log/find")
    def log_find(
        name: str,
        run: int,
        text: Annotated[str, Query(min_length=1, max_length=200)],
        start: Annotated[
            int, Query(ge=0, le=LARGEST_WHOLE, description="Number of the line to begin with")
        ] = 0,
        backwards: bool = False,
    ) -> JSONResponse:
        """The next line of the log that holds a text, in whatever case; after the end it goes on at the begin."""
        folder = run_folder(room.lab.store, name, room.shelf.seen(name).run(run).key)
        found = None
        if folder is not None:
            found = room.logs.find(folder.output, text, start, backwards=backwards)
        return JSONResponse({"line": found})

    return routes
