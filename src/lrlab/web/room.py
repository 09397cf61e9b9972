"""What every route of one page shares."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator, Field

from lrlab.core.command import ID
from lrlab.studies.lab import Lab
from lrlab.web.events import News
from lrlab.web.launch import Launcher
from lrlab.web.logs import Logs
from lrlab.web.settings import Settings
from lrlab.web.shelf import Shelf

LARGEST_WHOLE = 2**53  # beyond it JSON of many programs has no whole numbers


def no_text(value: Any) -> Any:
    """``value``, unless it is a text or a truth; as JSON Schema has it, 2 and 2.0 are whole numbers, "2" and true are none.

    Raises:
        ValueError: If it is one.
    """
    if isinstance(value, str | bool):
        raise ValueError("must be a whole number")
    return value


Whole = Annotated[int, Field(ge=-LARGEST_WHOLE, le=LARGEST_WHOLE), BeforeValidator(no_text)]
Id = Annotated[
    str | None, Header(pattern=f"^{ID}$", description="A name for the request; sent again, it acts once")
]


@dataclass(frozen=True, kw_only=True)
class Room:
    """One page: its studies, its news, what it has started, what it was started with.

    Args:
        shelf: The studies.
        news: What has changed.
        launcher: The commands that were started here.
        settings: What the page was started with.
        logs: The logs of runs that were looked at.
    """

    shelf: Shelf
    news: News
    launcher: Launcher
    settings: Settings
    logs: Logs = field(default_factory=Logs)
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


def file_of(kind: str) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of a reply that is no JSON document of the API.

    Args:
        kind: Its media type.
    """
    return {200: {"content": {kind: {}}}}


def no_content() -> JSONResponse:
    """Done, and there is nothing to tell."""
    response = JSONResponse(None, status_code=204)
    response.body = b""
    del response.headers["content-length"]
    return response
