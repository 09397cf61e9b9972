"""What every route of one page shares."""

from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import JSONResponse

from lrlab.studies.lab import Lab
from lrlab.web.events import News
from lrlab.web.launch import Launcher
from lrlab.web.settings import Settings
from lrlab.web.shelf import Shelf


@dataclass(frozen=True, kw_only=True)
class Room:
    """One page: its studies, its news, what it has started, what it was started with.

    Args:
        shelf: The studies.
        news: What has changed.
        launcher: The commands that were started here.
        settings: What the page was started with.
    """

    shelf: Shelf
    news: News
    launcher: Launcher
    settings: Settings
    sent: set[tuple[str, str]] = field(default_factory=set)  # study and id of commands that were left

    @property
    def lab(self) -> Lab:
        """The studies themselves."""
        return self.shelf.lab

    @property
    def store_words(self) -> tuple[str, ...]:
        """How a command names the same store."""
        folder = getattr(self.lab.store, "folder", None)
        return (f"--store={folder}",) if folder is not None else ()


def listed(items: list[Any], *, total: int, following: str | None = None) -> JSONResponse:
    """A list as the API tells it."""
    return JSONResponse({"items": items, "next_cursor": following, "total": total})


def no_content() -> JSONResponse:
    """Done, and there is nothing to tell."""
    response = JSONResponse(None, status_code=204)
    response.body = b""
    del response.headers["content-length"]
    return response
