"""Studies: the list, one of them, its answer and charts, its export."""

import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask

from lrlab.api.export import plan as planned
from lrlab.api.export import write_study
from lrlab.core.answer import Answer
from lrlab.core.errors import SpecError
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.report import figures
from lrlab.report.html import report_html
from lrlab.report.interactive import rates, themed
from lrlab.report.timeline import timeline
from lrlab.report.view import View
from lrlab.store.protocol import StudySummary
from lrlab.web import documents
from lrlab.web.room import Room, listed, no_content
from lrlab.web.spark import spark

SORTS = ("created", "name", "state", "cost", "lr", "runs")
Line = tuple[StudySummary, "Answer | None"]


def chosen(
    lines: Iterable[Line], *, q: str = "", state: str = "", sort: str = "created", descending: bool = True
) -> list[Line]:
    """The lines of the list that are asked for, in order; what has no value comes last.

    Raises:
        SpecError: If ``sort`` is unknown.
    """
    if sort not in SORTS:
        raise SpecError(f"studies: sort must be one of {', '.join(SORTS)}, got {sort!r:.40}.")
    words = q.lower().split()
    found = [
        line
        for line in lines
        if all(word in f"{line[0].name} {line[0].task}".lower() for word in words)
        and state in ("", "unreadable" if line[0].problem else str(line[0].state))
    ]

    def value(line: Line) -> Any:
        own = getattr(line[0], sort)
        return str(own) if sort == "state" else own

    known = sorted((line for line in found if value(line) is not None), key=value, reverse=descending)
    return known + [line for line in found if value(line) is None]


def router(room: Room) -> APIRouter:
    """The routes below ``/studies``."""
    routes = APIRouter(tags=["studies"])

    @routes.get("/studies")
    def studies(
        q: Annotated[str, Query(max_length=200, description="Words of name or task")] = "",
        state: Annotated[str, Query(max_length=20)] = "",
        sort: str = "created",
        dir: Literal["asc", "desc"] = "desc",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> JSONResponse:
        """Studies, a line each."""
        lines = chosen(room.shelf.lines(), q=q, state=state, sort=sort, descending=dir == "desc")
        first = 0
        if cursor is not None:
            names = [line[0].name for line in lines]
            if cursor not in names:
                raise SpecError(
                    f"studies: the cursor {cursor!r:.120} is gone.", hint="Begin without a cursor."
                )
            first = names.index(cursor) + 1
        part = lines[first : first + limit]
        following = part[-1][0].name if part and first + limit < len(lines) else None
        return listed(
            [documents.summary_document(*line) for line in part], total=len(lines), following=following
        )

    @routes.get("/studies/{name}")
    def study(name: str) -> JSONResponse:
        """A study with its answer and events, without runs."""
        return JSONResponse(documents.study_document(room.shelf.seen(name)))

    @routes.delete("/studies/{name}", status_code=204, response_class=Response)
    def delete(name: str) -> Response:
        """Remove a study with its runs, answer and files, for good."""
        room.lab.delete(name)
        return no_content()

    @routes.get("/studies/{name}/answer")
    def answer(name: str) -> JSONResponse:
        """The answer, or the one so far."""
        return JSONResponse(documents.answer_document(room.shelf.seen(name).answer))

    @routes.get("/studies/{name}/u-curve")
    def u_curve(name: str) -> JSONResponse:
        """What the U-curve shows, as values and as a Plotly figure in both themes."""
        seen = room.shelf.seen(name)
        chart = seen.u_curve
        return JSONResponse({
            "mark": seen.mark,
            "final": seen.answer.final,
            "values": documents.chart_values(chart),
            "figure": themed(partial(_u_figure, chart)),
            "rates": rates(chart),
            "caption": [*chart.caption, *([chart.edge] if chart.edge else [])],
        })  # fmt: skip

    @routes.get("/studies/{name}/curves")
    def curves(
        name: str,
        after: Annotated[
            str | None, Query(max_length=20_000, description="The cursor of an earlier reply")
        ] = None,
        metric: Annotated[str, Query(max_length=300, description="By default the study's own")] = "",
        x: Annotated[Literal["unit", "step"], Query(description="What the x axis counts")] = "unit",
        scale: Annotated[Literal["auto", "linear", "log"], Query(description="Of the y axis")] = "auto",
        smooth: Annotated[float, Query(ge=0, le=1e12, description="Half-life of a moving average, in x")] = 0,
        by: Annotated[Literal["run", "rate"], Query(description="A line a run, or a mean a rate")] = "run",
        every: Annotated[bool, Query(description="All lines, however many")] = False,
    ) -> JSONResponse:
        """The learning curves: all of them as a Plotly figure, or what has come since ``after``."""
        seen = room.shelf.seen(name)
        own = metric if metric != seen.study.question.metric.name else ""
        view = View(
            metric=own, x=x, scale="" if scale == "auto" else scale, smooth=smooth, by=by, every=every
        )
        chart = seen.curves(view)
        delta = documents.curves_delta(seen, after, view) if after is not None else None
        if delta is not None:
            axes = {"x_range": chart.x_range, "y_range": chart.y_range, "y_scale": chart.y_scale}
            return JSONResponse({"mark": seen.mark, "caption": chart.caption, "axes": axes, **delta})
        return JSONResponse({
            "mark": seen.mark,
            "mode": "replace",
            "cursor": documents.cursor_of(seen.study.runs),
            "figure": themed(partial(_curves_figure, chart)),
            "runs": documents.run_numbers(seen, chart),
            "hidden": chart.hidden,
            "y_scale": chart.y_scale,
            "caption": chart.caption,
        })  # fmt: skip

    @routes.get("/studies/{name}/timeline")
    def slices(name: str) -> JSONResponse:
        """Which slice of which run the cost went to, in order, as values and as a Plotly figure."""
        seen = room.shelf.seen(name)
        chart = timeline(seen.study)
        return JSONResponse({
            "mark": seen.mark,
            "rows": documents.strict([asdict(row) for row in chart.rows]),
            "figure": themed(partial(_timeline_figure, chart)),
            "caption": chart.caption,
        })  # fmt: skip

    @routes.get("/studies/{name}/spark.svg")
    def sparkline(name: str) -> Response:
        """The U-curve as a small picture."""
        return Response(spark(room.shelf.seen(name).u_curve), media_type="image/svg+xml")

    @routes.get("/studies/{name}/export.{form}", response_class=FileResponse)
    def export(
        name: str, form: Literal["csv", "json"], what: Literal["points", "runs"] | None = None
    ) -> FileResponse:
        """Every record of every run, with all its digits."""
        plan = planned(None, form=form, what=what)
        with tempfile.NamedTemporaryFile(prefix="lrlab-export-", delete=False) as file:
            place = Path(file.name)
            try:
                with room.lab.store.snapshot(name) as snapshot:

                    def records(run: Run) -> Iterable[Record]:
                        return snapshot.records(run.key)

                    write_study(snapshot.study, file, plan=plan, records=records)
            except BaseException:
                place.unlink(missing_ok=True)
                raise
        kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
        return FileResponse(
            place, media_type=kind, filename=f"{name}.{form}", background=BackgroundTask(place.unlink, True)
        )

    @routes.get("/studies/{name}/report.html")
    def report(name: str) -> Response:
        """The report: one file that opens without a network, to keep and to share."""
        seen = room.shelf.seen(name)
        return Response(
            report_html(seen.study, seen.answer),
            media_type="text/html; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}.html"'},
        )

    return routes


def _u_figure(chart: Any, theme: Any) -> Any:
    return figures.u_curve_figure(chart, theme=theme, legend=False)


def _timeline_figure(chart: Any, theme: Any) -> Any:
    return figures.timeline_figure(chart, theme=theme)


def _curves_figure(chart: Any, theme: Any) -> Any:
    return figures.curves_figure(chart, theme=theme, legend=False)
