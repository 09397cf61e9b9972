"""The program's own files: styles, scripts, and Plotly's JavaScript from the installed package."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from lrlab.report import figures
from lrlab.report.palette import DARK, LIGHT, Theme, tone_color

_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HOUR = {"cache-control": "public, max-age=3600"}
_REVALIDATED = {"cache-control": "no-cache"}


def router() -> APIRouter:
    """The routes below ``/static``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/plotly.js")
    def plotly() -> Response:
        return Response(_plotly(), media_type="text/javascript; charset=utf-8", headers=_HOUR)

    @routes.get("/static/colors.css")
    def colors() -> Response:
        return Response(_colors(), media_type="text/css; charset=utf-8", headers=_REVALIDATED)

    @routes.get("/static/{name}")
    def own(name: str) -> Response:
        kind = _KINDS.get(name[name.rfind(".") :])
        file = files("lrlab.web").joinpath("static", name)
        if kind is None or not name.replace(".", "").replace("-", "").isalnum() or not file.is_file():
            raise HTTPException(404)
        return Response(file.read_bytes(), media_type=f"{kind}; charset=utf-8", headers=_REVALIDATED)

    return routes


@cache
def _plotly() -> bytes:
    return figures.script().encode()


@cache
def _colors() -> str:
    """The colours of the charts, for everything else: the system's theme, unless the person has chosen one."""

    def block(theme: Theme) -> str:
        names = ("background", "text", "muted", "grid", "accent", "safe", "diverged")
        pairs = [f"--{name}: {getattr(theme, name)};" for name in names]
        return f"color-scheme: {theme.name}; {' '.join(pairs)} --mark: {tone_color(0.5, theme)};"

    dark = f":root:not([data-theme=light]) {{ {block(DARK)} }}"
    return f":root {{ {block(LIGHT)} }}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n:root[data-theme=dark] {{ {block(DARK)} }}\n"
