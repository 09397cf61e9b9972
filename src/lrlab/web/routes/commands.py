"""Commands for a study: left for the process that runs it, or started where none does."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from lrlab.api.extend import check
from lrlab.core.command import Command, Fate, new_id
from lrlab.core.errors import ConflictError, NotFoundError, SpecError
from lrlab.core.outcome import StudyState
from lrlab.core.study import Study
from lrlab.web.launch import Started, command_line
from lrlab.web.room import LARGEST_WHOLE, Id, Room, no_text

_NUMBER = r" *\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})? *"
_RANGE = f"^{_NUMBER}:{_NUMBER}$"


def _pair(text: str) -> str:
    if re.fullmatch(_RANGE, text) is None:
        raise ValueError(f'expected a pair such as "1e-5:1e-1", got {text!r}')
    return text


# The sentence is for a person, the pattern for a program.
Pair = Annotated[
    str,
    Field(max_length=100, json_schema_extra={"pattern": _RANGE, "examples": ["1e-6:1"]}),
    AfterValidator(_pair),
]


class Wider(BaseModel):
    """What an extension widens."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    lr: Pair | None = None
    seeds: Annotated[int, Field(ge=1, le=LARGEST_WHOLE), BeforeValidator(no_text)] | None = None
    max_cost: Annotated[float, Field(ge=1, strict=True)] | None = None
    tolerance: Annotated[float, Field(gt=0, lt=1, strict=True)] | None = None


class Order(BaseModel):
    """A command."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["pause", "resume", "stop", "extend"]
    arguments: Wider = Wider()


def router(room: Room) -> APIRouter:
    """The routes below ``/studies/{name}/commands``."""
    routes = APIRouter(tags=["commands"])

    @routes.post("/studies/{name}/commands", status_code=202)
    def send(
        name: str,
        order: Order,
        idempotency_key: Id = None,
    ) -> JSONResponse:
        """Pause, resume, stop or extend a study; sent again under the same Idempotency-Key, it acts once."""
        arguments = {key: value for key, value in order.arguments.model_dump().items() if value is not None}
        command = Command(
            kind=order.kind,
            arguments=arguments if order.kind == "extend" else {},
            id=idempotency_key if idempotency_key is not None else new_id(),
        )
        study = room.shelf.seen(name).study
        if order.kind == "extend":
            _check(study, arguments)
        if not room.launcher.knows(command.id):
            if room.lab.runs_elsewhere(name) or order.kind in ("pause", "stop"):
                reply = room.lab.order(name, command, wait_s=0)
                room.sent.add((name, command.id))
                return JSONResponse(
                    {"id": command.id, "kind": command.kind, "fate": reply.fate, "text": reply.text}, 202
                )
            _go_on(room, study, command)
        return JSONResponse({**fate(room, name, command.id), "kind": command.kind}, 202)

    @routes.get("/studies/{name}/commands/{id}")
    def tell(name: str, id: str) -> JSONResponse:
        """What became of a command."""
        return JSONResponse(fate(room, name, id))

    @routes.post("/studies/{name}/lost")
    def lost(name: str) -> JSONResponse:
        """End the process that holds a study, if it is silent and on this machine; the study can then be resumed."""
        return JSONResponse({"text": room.lab.mark_lost(name)})

    return routes


def _check(study: Study, arguments: dict[str, Any]) -> None:
    """Refuse what does not make the study's question larger.

    Raises:
        ConflictError: If it does not; each value is right in itself, but not for this study.
    """
    try:
        check(study, **arguments)
    except SpecError as error:
        raise ConflictError(error.what, why=error.why, hint=error.hint) from None


def fate(room: Room, name: str, id: str) -> dict[str, Any]:
    """What became of a command, and when its study was last heard of.

    Raises:
        NotFoundError: If the page knows of no such command.
    """
    heard = room.lab.store.heard(name)
    if room.launcher.knows(id):
        return _of_started(room.launcher.started(id), live=heard is not None)
    reply = room.lab.reply(name, id)
    if reply is not None:
        return {"id": id, "fate": reply.fate, "text": reply.text, "heard_s": heard}
    if (name, id) not in room.sent:
        raise NotFoundError(f'study "{name}": no command {id!r:.120} was sent.')
    if heard is None:
        text = "The process that ran the study ended before it carried this out."
        return {"id": id, "fate": "lost", "text": text, "heard_s": None}
    return {"id": id, "fate": Fate.SENT, "text": "It waits for the study's process.", "heard_s": heard}


def _go_on(room: Room, study: Study, command: Command) -> None:
    """Start what continues a study that no process runs.

    Raises:
        ConflictError: If only the study's own program can do that.
    """
    if not study.target:
        raise ConflictError(
            f'study "{study.name}" was started from Python, and only its own program can go on with it.',
            hint=f'Run that program again with lrlab.sweep(..., study="{study.name}").',
        )
    if command.kind == "resume" and study.state in (StudyState.FINISHED, StudyState.FAILED):
        raise ConflictError(
            f'study "{study.name}" is {study.state}, so there is nothing to resume.', hint="Extend it."
        )
    options = [f"--{key.replace('_', '-')}={value}" for key, value in command.arguments.items()]
    room.launcher.start(command.id, study.name, [command.kind, study.name, *options, *room.store_words])


def _of_started(started: Started, *, live: bool) -> dict[str, Any]:
    code = started.exit_code
    word: str = Fate.ACCEPTED
    if live or code in (0, 4, 5):
        word = Fate.DONE
    elif code is not None:
        word = Fate.REFUSED
    text = {
        Fate.DONE: f"Started: {command_line(started.words)}",
        Fate.ACCEPTED: "A process for it is being started.",
    }.get(Fate(word), started.said() or f"It ended at once, with exit code {code}.")
    return {"id": started.id, "fate": word, "text": text, "heard_s": None}
