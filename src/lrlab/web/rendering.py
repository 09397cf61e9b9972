"""The page's HTML: Jinja templates in which every value is text unless it is a piece of the report."""

import math
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lrlab import __version__
from lrlab.core.lr_range import format_lr
from lrlab.report.markup import Safe, unbroken
from lrlab.report.palette import GLYPHS
from lrlab.report.words import counted, format_score, format_span, length, one_line, percent, plain, short
from lrlab.web.room import Room

# States of studies that no run has.
_STUDY_GLYPHS = GLYPHS | {"interrupted": "◇", "unreadable": "!"}


class Templates:
    """The templates of one page.

    Args:
        room: What every page shows.
    """

    def __init__(self, room: Room) -> None:
        self._environment = Environment(
            loader=PackageLoader("lrlab.web", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            lr=_rate,
            score=format_score,
            span=format_span,
            percent=percent,
            short=short,
            line=one_line,
            numbers=lambda text: Markup(unbroken(text, class_="number")),  # noqa: S704 (it escapes)
            date=lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}",
            stamp=lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}",
            rfc=lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}",
            glyph=lambda word: _STUDY_GLYPHS.get(str(word), ""),
            length=length,
            counted=counted,
        )
        self._environment.globals.update(version=__version__)
        self._room = room

    def render(self, name: str, /, **values: Any) -> str:
        """The page of a template."""
        return self._environment.get_template(name).render(**values)

    def door(self) -> bytes:
        """What a browser without the cookie sees; it shows no study."""
        return self.render("door.html", page="door").encode()

    def problem(self, status: int, code: str, title: str, *, detail: str, hint: str) -> str:
        """What a browser sees where a page cannot be shown."""
        return self.render(
            "problem.html", page="problem", status=status, code=code, title=title, detail=detail, hint=hint
        )


def _rate(value: float | None, digits: int = 3) -> str:
    """A rate as a person writes it; of one that a training has made of nothing, what it is."""
    if value is None:
        return "–"
    return f"{value:g}" if math.isinf(value) else format_lr(value, digits=digits)


def _shown(value: Any) -> Any:
    """Text without what a page obeys; pieces of the report as they are."""
    if isinstance(value, Safe):
        return Markup(value)  # noqa: S704 (it says that it is HTML)
    if value is None or hasattr(value, "__html__"):
        return "" if value is None else value
    return plain(str(value))
