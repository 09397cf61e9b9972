"""New studies: what can be trained here, and starting a sweep as a process of its own."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lrlab.core.command import new_id
from lrlab.core.errors import ConflictError, LrlabError
from lrlab.web import asks
from lrlab.web.documents import strict
from lrlab.web.launch import Started, command_line
from lrlab.web.room import Id, Room, Whole, listed

Text = Annotated[str, Field(max_length=300)]
Real = Annotated[float, Field(strict=True)]  # a text of digits is a text, whose length has a bound


class Form(BaseModel):
    """The form New study; every value may be a text, as a browser sends it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    target: Text | None = None
    kind: Text | None = None
    path: Text | None = None
    lr: Text | None = None
    budget: Text | Whole | None = None
    metric: Text | None = None
    seeds: Text | Whole | None = None
    seed: Text | Whole | None = None
    searcher: Text | None = None
    current_lr: Text | Real | None = None
    max_cost: Text | Real | None = None
    tolerance: Text | Real | None = None
    workers: Text | Whole | None = None
    optimizer: Text | None = None
    model: Text | None = None
    batch_size: Text | Whole | None = None
    target_column: Text | None = None
    text: Text | None = None
    label: Text | None = None
    image_size: Text | Whole | None = None
    study: Text | None = None


def router(room: Room) -> APIRouter:
    """The routes that start studies."""
    routes = APIRouter(tags=["new studies"])
    folder = room.settings.folder

    @routes.get("/targets")
    def targets() -> JSONResponse:
        """The targets that lrlab.toml names."""
        found = [
            {"name": t.name, "kind": t.kind, "what": t.what, "data": t.data, "problem": t.problem,
             "settings": strict(dict(t.settings)), "search": strict(dict(t.search))}
            for t in asks.targets(folder)
        ]  # fmt: skip
        return listed(found, total=len(found))

    @routes.get("/data")
    def data() -> JSONResponse:
        """Files and folders in the page's folder that may be data."""
        found = asks.data_files(folder)
        return listed(found, total=len(found))

    @routes.post("/command-line")
    def preview(form: Form) -> JSONResponse:
        """The command line that the form is, and what is wrong with it; nothing is started."""
        try:
            asked = asks.ask(form.model_dump(), folder)
        except asks.FormError as error:
            return JSONResponse({"command": "", "errors": error.errors})
        return JSONResponse({"command": command_line(_words(room, asked, form.study)[0]), "errors": {}})

    @routes.post("/studies", status_code=202)
    def start(form: Form, idempotency_key: Id = None) -> JSONResponse:
        """Start a sweep as a process of its own."""
        id = idempotency_key if idempotency_key is not None else new_id()
        if not room.launcher.knows(id):
            asked = asks.ask(form.model_dump(), folder)
            words, name = _words(room, asked, form.study)
            if name in room.lab.store.names():
                raise ConflictError(f'study "{name}": the name is taken.', hint="Choose another one.")
            room.launcher.start(id, name, words)
        return JSONResponse(_told(room, room.launcher.started(id)), 202)

    @routes.get("/starts/{id}")
    def started(id: str) -> JSONResponse:
        """How a sweep that was started here stands."""
        return JSONResponse(_told(room, room.launcher.started(id)))

    return routes


def _words(room: Room, asked: asks.Ask, name: str | None) -> tuple[list[str], str]:
    """The words of the sweep, with its name and its store; and the name."""
    chosen = name or room.lab.free_name(asked.stem)
    own = [] if name else [f"--study={chosen}"]
    return [*asked.words, *own, *room.store_words], chosen


def _told(room: Room, started: Started) -> dict[str, Any]:
    code = started.exit_code
    try:
        there = room.lab.store.heard(started.study) is not None or code in (0, 4, 5)
    except LrlabError:
        there = False  # not yet
    state = "running" if there else "starting" if code is None else "failed"
    return {
        "id": started.id,
        "study": started.study,
        "command": command_line(started.words),
        "state": state,
        "exit_code": code,
        "said": started.said() if state == "failed" else "",
    }
