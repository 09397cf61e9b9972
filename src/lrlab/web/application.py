"""The page as an application: routes, errors as documents, and the guard around all of it."""

import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from lrlab import __version__
from lrlab.core.errors import LrlabError
from lrlab.report.words import one_line
from lrlab.studies.lab import Lab
from lrlab.web.asks import FormError
from lrlab.web.described import PREFIX, described
from lrlab.web.events import News
from lrlab.web.launch import Launcher
from lrlab.web.problems import problem_body, status_of, status_word
from lrlab.web.rendering import Templates
from lrlab.web.room import Room
from lrlab.web.routes import assets, commands, live, pages, readings, runs, starts, studies
from lrlab.web.security import Guard
from lrlab.web.settings import Settings
from lrlab.web.shelf import Shelf

_LOG = logging.getLogger(__name__)
OPENAPI = f"{PREFIX}/openapi.json"
_LEAST_PACKED = 1_000  # bytes; less does not shrink
_PROBLEM: dict[str, Any] = {"description": "A problem"}  # its shape is put in with those of the replies


class _Described(FastAPI):
    """An application whose OpenAPI document tells the shapes of replies."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = described(super().openapi())
        return self.openapi_schema


class Page:
    """A page that can be served: an ASGI application, and its news, which a server ends before it stops.

    Args:
        lab: The studies that it shows.
        settings: Where it is served, and what it may start.
    """

    def __init__(self, lab: Lab, settings: Settings) -> None:
        shelf = Shelf(lab)
        self.news = News(shelf)
        self.room = Room(shelf=shelf, news=self.news, launcher=Launcher(settings.folder), settings=settings)
        self._templates = Templates(self.room)
        self.inner = self._application()
        self._guard = Guard(
            app=_compressed(self.inner),
            keys=settings.keys,
            hosts=settings.hosts,
            cookie_name=settings.cookie_name,
            door=self._templates.door(),
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as an ASGI application."""
        await self._guard(scope, receive, send)

    def _application(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            yield
            self.news.end()
            self.room.launcher.close()

        app = _Described(
            title="lrlab",
            version=__version__,
            openapi_url=OPENAPI,
            docs_url=None,  # both load from a CDN
            redoc_url=None,
            lifespan=lifespan,
            responses={422: _PROBLEM, "default": _PROBLEM},
        )
        for routes in (studies, readings, runs, commands, starts, live):
            app.include_router(routes.router(self.room), prefix=PREFIX)
        app.include_router(assets.router())
        app.include_router(pages.router(self.room, self._templates))
        app.add_exception_handler(LrlabError, self._refused)
        app.add_exception_handler(RequestValidationError, self._malformed)
        app.add_exception_handler(HTTPException, self._http)
        app.add_exception_handler(Exception, self._broken)
        return app

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, LrlabError)
        extra: dict[str, Any] = {"errors": error.errors} if isinstance(error, FormError) else {}
        return self._problem(
            request, status_of(error), error.code, error.what, detail=error.why, hint=error.hint, **extra
        )

    async def _malformed(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = {
            _field(each["loc"]): str(each["msg"]).removeprefix("Value error, ") for each in error.errors()
        }
        said = "; ".join(f"{name}: {text}" for name, text in list(found.items())[:5])
        return self._problem(request, 422, "bad_input", f"The request is malformed: {said}.", errors=found)

    async def _http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "not_found" if error.status_code == 404 else "http"
        title = "There is no such page." if error.status_code == 404 else f"{status_word(error.status_code)}."
        return self._problem(
            request, error.status_code, code, title, hint="The page Help lists the addresses."
        )

    async def _broken(self, request: Request, error: Exception) -> Response:
        said = f"internal error: {type(error).__name__}"
        name = secrets.token_hex(4)
        # The server prints the traceback behind it.
        _LOG.error("lrlab ui: request %s: %s %s", name, request.method, one_line(request.url.path))
        hint = f"The terminal of lrlab ui has the traceback, of request {name}."
        return self._problem(request, 500, "internal", said, hint=hint, name=name)

    def _problem(
        self, request: Request, status: int, code: str, title: str, *, name: str = "", **more: Any
    ) -> Response:
        if request.scope["path"].startswith("/api/"):
            body = problem_body(status, code, title, request=name, **more)
            return Response(body, status, media_type="application/problem+json")
        html = self._templates.problem(
            status, code, title, detail=more.get("detail", ""), hint=more.get("hint", "")
        )
        return Response(html, status, media_type="text/html; charset=utf-8")


def _compressed(app: FastAPI) -> ASGIApp:
    """The same, in fewer bytes where a reply is long: what a page asks for while a study runs shrinks to a fifth."""
    packed = GZipMiddleware(app, minimum_size=_LEAST_PACKED, compresslevel=1)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        # Events are read as they come; some versions of Starlette would hold them back.
        whole = scope.get("path", "").endswith("/events")
        await (app if whole else packed)(scope, receive, send)

    return answer


def _field(place: Sequence[int | str]) -> str:
    """The name of a field in a body or a query; the kinds that its value could have are left out."""
    names = place[1:3] if place[1:2] == ("arguments",) else place[1:2]
    return ".".join(map(str, names)) or "body"
