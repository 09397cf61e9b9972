"""Shapes of replies about what is done: commands, new studies, problems."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """That the page is there."""

    status: Literal["ok"]
    version: str


class Done(BaseModel):
    """What was done, in a sentence."""

    text: str


class CommandFate(BaseModel):
    """What became of a command."""

    id: str
    fate: Literal["sent", "accepted", "done", "refused", "lost"]
    text: str


class CommandSent(CommandFate):
    """A command that was sent."""

    kind: Literal["pause", "resume", "stop", "extend"]


class Target(BaseModel):
    """A target of ``lrlab.toml``."""

    name: str
    problem: str
    settings: dict[str, Any]
    search: dict[str, Any]


class Targets(BaseModel):
    """The targets."""

    items: list[Target]
    next_cursor: None
    total: int


class Paths(BaseModel):
    """Files and folders that may be data, seen from the page's folder."""

    items: list[str]
    next_cursor: None
    total: int


class CommandLine(BaseModel):
    """What a form is as a command line; a sentence for each field that is wrong."""

    command: str
    errors: dict[str, str]


class StartDocument(BaseModel):
    """A sweep that was started here."""

    id: str
    study: str
    command: str
    state: Literal["starting", "running", "failed"]
    exit_code: int | None
    said: str


class Problem(BaseModel):
    """A problem, as application/problem+json (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    errors: dict[str, str] = Field(
        default={}, description="Field and sentence, where single values are wrong"
    )
    request: str = Field(
        default="", description="With code internal: the name that the server's terminal has for the request"
    )
