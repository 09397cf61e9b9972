"""Health, the exchange of a link's code, and live news."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from lrlab import __version__
from lrlab.web.problems import problem_body
from lrlab.web.room import Room, file_of, no_content


class Exchange(BaseModel):
    """What a link carries."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(max_length=200)]


def router(room: Room) -> APIRouter:
    """The routes that no study belongs to."""
    routes = APIRouter(tags=["page"])
    settings = room.settings

    @routes.get("/health")
    def health() -> JSONResponse:
        """That the page is there; the only thing that it tells everybody."""
        return JSONResponse({"status": "ok", "version": __version__})

    @routes.post("/session", status_code=204, response_class=Response)
    def open_session(exchange: Exchange) -> Response:
        """Exchange a link's code, which works once, for the cookie."""
        if not settings.keys.exchange(exchange.code):
            often = settings.keys.guessed_too_often
            status, code = (429, "too_many_guesses") if often else (401, "no_token")
            hint = "lrlab ui has printed a new link." if not often else "Wait a minute."
            body = problem_body(
                status, code, "This link was used before, or is no link of this page.", hint=hint
            )
            return Response(body, status, media_type="application/problem+json")
        settings.used()
        response: Response = no_content()
        response.set_cookie(
            settings.cookie_name,
            settings.keys.cookie,
            httponly=True,
            samesite="strict",
            path="/",
            max_age=None,
        )
        return response

    @routes.get("/session", status_code=204, response_class=Response)
    def session() -> Response:
        """That the cookie, or the token, still opens the page."""
        return no_content()

    @routes.get("/events", response_class=StreamingResponse, responses=file_of("text/event-stream"))
    async def events(last_event_id: Annotated[str | None, Header(max_length=20)] = None) -> StreamingResponse:
        """Which studies have changed, as server-sent events: ``study``, ``deleted``, ``reset``; at most twice a second."""
        last = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else None
        return StreamingResponse(
            room.news.stream(last=last), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    return routes
