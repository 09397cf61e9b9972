"""Studies: the list, one of them, its answer and charts, its export."""

import tempfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask

from lrlab.api.export import plan as planned
from lrlab.api.export import write_study
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.report import figures
from lrlab.report.html import report_html
from lrlab.report.interactive import rates, themed
from lrlab.report.timeline import timeline
from lrlab.web import documents
from lrlab.web.looks import Look
from lrlab.web.room import Room, file_of, listed, no_content
from lrlab.web.shelf import Line
from lrlab.web.spark import spark
from lrlab.web.yours import with_yours, yours_text

Sort = Literal["created", "name", "state", "cost", "lr", "runs", "score", "last"]
SORTS = get_args(Sort)


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
        if all(word in f"{line.summary.name} {line.summary.task}".lower() for word in words)
        and state in ("", "unreadable" if line.summary.problem else str(line.summary.state))
    ]

    def value(line: Line) -> Any:
        own = getattr(line if sort in ("score", "last") else line.summary, sort)
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
        sort: Sort = "created",
        dir: Literal["asc", "desc"] = "desc",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> JSONResponse:
        """Studies, a line each."""
        lines = chosen(room.shelf.lines(), q=q, state=state, sort=sort, descending=dir == "desc")
        first = 0
        if cursor is not None:
            names = [line.summary.name for line in lines]
            if cursor not in names:
                raise NotFoundError(
                    f"studies: the cursor {cursor!r:.120} is gone.", hint="Begin without a cursor."
                )
            first = names.index(cursor) + 1
        part = lines[first : first + limit]
        following = part[-1].summary.name if part and first + limit < len(lines) else None
        return listed(
            [documents.summary_document(line) for line in part], total=len(lines), following=following
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
    def u_curve(
        name: str,
        yours: Annotated[
            float | None,
            Query(gt=1e-100, lt=1e100, allow_inf_nan=False, description="A rate to compare with"),
        ] = None,
    ) -> JSONResponse:
        """What the U-curve shows, as values and as a Plotly figure in both themes."""
        seen = room.shelf.seen(name)
        chart = seen.u_curve if yours is None else with_yours(seen.answer, yours)
        return JSONResponse({
            "mark": seen.mark,
            "final": seen.answer.final,
            "values": documents.chart_values(chart),
            "figure": themed(partial(_u_figure, chart)),
            "rates": rates(chart),
            "yours": "" if yours is None else yours_text(seen.answer, yours),
            "caption": [*chart.caption, *([chart.edge] if chart.edge else [])],
        })  # fmt: skip

    @routes.get("/studies/{name}/curves")
    def curves(
        name: str,
        look: Look,
        after: Annotated[
            str | None,
            Query(max_length=20_000, pattern=documents.CURSOR, description="The cursor of an earlier reply"),
        ] = None,
    ) -> JSONResponse:
        """The learning curves: all of them as a Plotly figure, or what has come since ``after``."""
        seen = room.shelf.seen(name)
        view = replace(look, metric="") if look.metric == seen.study.question.metric.name else look
        try:
            chart = seen.curves(view)
        except SpecError as error:  # each value is right, and there is no such metric
            raise NotFoundError(error.what, hint=f"It has: {', '.join(seen.metrics)}.") from None
        delta = documents.curves_delta(seen, after, view) if after is not None else None
        seen.drawn.keep(view, documents.cursor_of(seen.study.runs), chart)
        if delta is not None:
            axes = {"x_range": chart.x_range, "y_range": chart.y_range, "y_scale": chart.y_scale}
            return JSONResponse({
                "mark": seen.mark, "caption": chart.caption, "axes": axes, "last": chart.last, **delta
            })  # fmt: skip
        return JSONResponse({
            "mark": seen.mark,
            "mode": "replace",
            "cursor": documents.cursor_of(seen.study.runs),
            "figure": themed(partial(_curves_figure, chart)),
            "runs": documents.run_numbers(seen, chart),
            "hidden": chart.hidden,
            "thinned": chart.thinned,
            "last": chart.last,
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

    @routes.get("/studies/{name}/spark.svg", response_class=Response, responses=file_of("image/svg+xml"))
    def sparkline(name: str) -> Response:
        """The U-curve as a small picture."""
        return Response(spark(room.shelf.seen(name).u_curve), media_type="image/svg+xml")

    @routes.get("/studies/{name}/export.csv", response_class=FileResponse, responses=file_of("text/csv"))
    def export_csv(name: str, what: Literal["points", "runs"] = "points") -> FileResponse:
        """Every record of every run, with all its digits; or a row a run."""
        return exported(name, "csv", what)

    @routes.get(
        "/studies/{name}/export.json", response_class=FileResponse, responses=file_of("application/json")
    )
    def export_json(name: str, request: Request) -> FileResponse:
        """The whole study, with all its digits."""
        return exported(name, "json", request.query_params.get("what"))

    def exported(name: str, form: str, what: str | None) -> FileResponse:
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

    @routes.get("/studies/{name}/report.html", response_class=Response, responses=file_of("text/html"))
    def report(name: str) -> Response:
        """The report: one file that opens without a network, to keep and to share."""
        study = room.lab.study(name)  # each record by itself, as the file holds them
        return Response(
            report_html(study, room.lab.answer(study)),
            media_type="text/html; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}.html"'},
        )

    return routes


def _u_figure(chart: Any, theme: Any) -> Any:
    return figures.u_curve_spec(chart, theme=theme, legend=False)


def _timeline_figure(chart: Any, theme: Any) -> Any:
    return figures.timeline_spec(chart, theme=theme)


def _curves_figure(chart: Any, theme: Any) -> Any:
    return figures.curves_spec(chart, theme=theme, legend=False)
