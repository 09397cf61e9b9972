"""What holds for every operation that the schema names, and for every page: a new one is held to it by itself."""

import logging
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from page_samples import ORIGIN, TOKEN, kept, with_answer
from starlette.testclient import TestClient

from lrlab.studies.lab import Lab

Opened = Callable[..., TestClient]
BEARER = {"authorization": f"Bearer {TOKEN}"}
NAMES = {"name": "race", "run": 1, "number": 1, "id": "x"}


def operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, address and description of every operation that the schema names."""
    for path, methods in client.get("/api/v1/openapi.json", headers=BEARER).json()["paths"].items():
        for method, told in methods.items():
            yield method.upper(), path.format(**NAMES), told


def _cookie(client: TestClient) -> dict[str, str]:
    settings = client.app.room.settings
    return {"cookie": f"{settings.cookie_name}={settings.keys.cookie}"}


def test_every_change_needs_the_token_and_comes_from_here(opened: Opened, lab: Lab) -> None:
    kept(lab, with_answer("race", "race"))
    client = opened(token=None)
    held, seen = _cookie(client), []
    own = held | {"x-lrlab": "1", "origin": ORIGIN}
    for method, path, told in operations(client):
        if method in ("GET", "HEAD"):
            continue
        body: dict[str, Any] | None = {} if "requestBody" in told else None
        if path == "/api/v1/session":  # whoever has a code needs no token; a code works once
            body = {"code": "of nobody"}
        client.cookies.clear()
        assert client.request(method, path, json=body).status_code == 401, path
        assert client.request(method, path, json=body, headers=held).status_code == 403, path
        assert client.request(method, path, json=body, headers=held | {"x-lrlab": "1"}).status_code == 403, (
            path
        )
        crossing = own | {"sec-fetch-site": "cross-site"}
        assert client.request(method, path, json=body, headers=crossing).status_code == 403, path
        if path == "/api/v1/session":
            body = {"code": client.app.room.settings.keys.new_code()}
        assert client.request(method, path, json=body, headers=BEARER).status_code not in (401, 403), path
        seen.append(path)
    assert len(seen) >= 6
    assert "race" not in lab.store.names()  # the token opens all of them, the deletion too


def test_every_reading_needs_the_token_and_tells_no_other_origin(opened: Opened, lab: Lab) -> None:
    kept(lab, with_answer("race", "race"))
    client = opened(token=None)
    seen = 0
    for method, path, _ in operations(client):
        if (
            method != "GET" or path == "/api/v1/events"
        ):  # the stream has no end; test_security.py asks without a token
            continue
        client.cookies.clear()
        assert (client.get(path).status_code == 401) == (path != "/api/v1/health"), path
        for headers in (BEARER, BEARER | {"origin": ORIGIN}):
            for asked in (method, "OPTIONS"):
                answer = client.request(asked, path, headers=headers)
                assert not any(name.startswith("access-control") for name in answer.headers), path
                assert answer.headers["cache-control"] == "no-store"
        seen += 1
    assert seen >= 20


# --- pages ----------------------------------------------------------------------------------------------------


class _Scripts(HTMLParser):
    """What of a page could run: scripts without an address, addresses that are one, handlers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.external: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self._inside = tag == "script" and told.get("type") != "application/json" and "src" not in told
        self.inline += [name for name in told if name.startswith("on")]
        self.inline += [
            str(value) for value in told.values() if str(value).lower().strip().startswith("javascript:")
        ]
        if tag == "script" and told.get("src"):
            self.external.append(str(told["src"]))

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def pages(client: TestClient) -> set[str]:
    """Addresses of every page: routes outside the API that answer with HTML, and what a wrong address answers."""
    from test_security import routes

    found = {
        path.format(**NAMES)
        for method, path in routes(client)
        if method == "GET" and not path.startswith("/api/")
    }
    return {path for path in found if "html" in client.get(path).headers["content-type"]} | {
        "/nowhere",
        "/studies/none",
    }


def test_no_page_runs_what_is_not_a_file_of_the_program(filled: TestClient) -> None:
    every = pages(filled) | {"/studies/hostile", "/studies/hostile/runs/1"}
    assert every >= {"/", "/new", "/help", "/settings", "/studies/race", "/studies/race/runs/1"}
    for path in every:
        answer = filled.get(path)
        policy = dict(
            part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy["script-src"] == "'self'"
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        scripts = _Scripts(answer.text)
        assert scripts.inline == [], path
        assert all(source.startswith("/static/") for source in scripts.external), path
    filled.headers.pop("authorization")
    assert _Scripts(filled.get("/").text).inline == []  # the door


def test_the_judge_of_scripts_sees_them() -> None:
    text = '<a href="javascript:x()" onclick="y()"></a><script>z()</script><script src="/a.js"></script>'
    scripts = _Scripts(text + '<script type="application/json">{}</script>')
    assert (scripts.inline, scripts.external) == (["onclick", "javascript:x()", "z()"], ["/a.js"])


# --- the token ------------------------------------------------------------------------------------------------


def test_the_token_is_in_nothing_that_is_told_kept_or_written(
    filled: TestClient, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LRLAB_TOKEN", TOKEN)
    caplog.set_level(logging.DEBUG)
    keys = filled.app.room.settings.keys
    asked = 0
    for method, path, _ in list(operations(filled)):
        if path == "/api/v1/events":
            continue
        told = filled.request(
            method, path, json={} if method == "POST" else None, headers={"idempotency-key": "x"}
        )
        for secret in (TOKEN, keys.cookie):
            assert secret not in told.text, path
            if (method, path) != ("POST", "/api/v1/session"):
                assert not any(secret in value for value in told.headers.values()), path
        asked += 1
    assert asked >= 25
    for path in pages(filled):
        assert TOKEN not in filled.get(path).text
    room = filled.app.room
    for value in (room, room.settings, keys, filled.app, filled.app.inner.state):
        assert TOKEN not in repr(value)
        assert keys.cookie not in repr(value)
    assert TOKEN not in caplog.text
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes(), file


def test_what_is_not_registered_starts_nothing(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    client = opened()
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("a process was started"))
    for form in (
        {"target": "os:system"},
        {"target": "bowl"},
        {"kind": "table", "path": "/etc/passwd"},
        {"kind": "command", "path": "rm -rf ."},
    ):
        answer = client.post("/api/v1/studies", json=form)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
        assert answer.json()["errors"]
