"""The API: what is wrong gets a document that says so."""

from typing import Any

import pytest
from api_answers import API, Opened, problem, strict, told
from starlette.testclient import TestClient

from lrlab.studies.lab import Lab
from lrlab.web.problems import CODES

COMMANDS = "/studies/race/commands"
WRONG = [
    ("GET", "/studies/none", None, 404, "not_found", 'study "none": there is none of that name'),
    ("GET", "/studies/%2e%2e%2fetc", None, 404, "not_found", "no such page"),
    ("GET", "/studies/a%00b", None, 404, "not_found", "there is none of that name"),
    ("GET", "/studies?sort=beauty", None, 422, "bad_input", "sort: Input should be 'created', 'name'"),
    ("GET", "/studies?limit=0", None, 422, "bad_input", "limit"),
    ("GET", "/studies?limit=501", None, 422, "bad_input", "limit"),
    ("GET", "/studies?dir=up", None, 422, "bad_input", "dir"),
    ("GET", "/studies?cursor=gone", None, 404, "not_found", "the cursor 'gone' is gone"),
    ("GET", "/studies/race/runs/0", None, 404, "not_found", "there is no run 0"),
    ("GET", "/studies/race/runs/14", None, 404, "not_found", "It has 13 runs"),
    ("GET", "/studies/race/runs/one", None, 422, "bad_input", "run"),
    ("GET", "/studies/race/runs/99999999999999999999", None, 404, "not_found", "there is no run"),
    ("GET", "/studies/race/runs?cursor=-1", None, 422, "bad_input", "cursor"),
    ("GET", "/studies/race/runs/1/series?metric=nope", None, 404, "not_found", "It has: val_loss, loss"),
    ("GET", "/studies/race/runs/1/series?max_points=7", None, 422, "bad_input", "max_points: Input should be greater than or equal to 8"),
    ("GET", "/studies/race/runs/1/series?max_points=16001", None, 422, "bad_input", "less than or equal to 16000"),
    ("GET", "/studies/race/runs/1/series?from=inf", None, 422, "bad_input", "finite"),
    ("GET", "/studies/race/runs/1/series?max_points=1e9", None, 422, "bad_input", "max_points"),
    ("GET", "/studies/race/runs/1/series?after=-1", None, 422, "bad_input", "after"),
    ("GET", "/studies/race/curves?after=a.b", None, 422, "bad_input", "after: String should match"),
    ("GET", "/studies/race/curves?metric=nope", None, 404, "not_found", "It has: val_loss, loss"),
    ("GET", "/studies/race/export.parquet", None, 404, "not_found", "no such page"),
    ("GET", "/studies/race/export.csv?what=all", None, 422, "bad_input", "what: Input should be 'points' or 'runs'"),
    ("GET", "/studies/race/export.json?what=runs", None, 422, "bad_input", "runs cannot be chosen for JSON"),
    ("GET", "/studies/race/commands/none", None, 404, "not_found", "no command 'none' was sent"),
    ("GET", "/starts/none", None, 404, "not_found", "nothing was started under the name 'none'"),
    ("GET", "/nowhere", None, 404, "not_found", "no such page"),
    ("PATCH", "/studies/race", None, 405, "http", "Method Not Allowed"),
    ("POST", COMMANDS, {"kind": "pause"}, 409, "conflict", "no process runs it"),
    ("POST", COMMANDS, {"kind": "stop"}, 409, "conflict", "no process runs it"),
    ("POST", COMMANDS, {"kind": "resume"}, 409, "conflict", "only its own program can go on with it"),
    ("POST", COMMANDS, {"kind": "dance"}, 422, "bad_input", "kind"),
    ("POST", COMMANDS, {}, 422, "bad_input", "kind"),
    ("POST", COMMANDS, [], 422, "bad_input", "malformed"),
    ("POST", COMMANDS, {"kind": "extend"}, 409, "conflict", "nothing would change"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"lr": "1e-3:1"}}, 409, "conflict", "must hold the range searched so far"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"lr": "1:1e-3"}}, 409, "conflict", "Did you mean"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"lr": "up"}}, 422, "bad_input", "lr: expected a pair"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"seeds": 0}}, 422, "bad_input", "greater than or equal to 1"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"seeds": "2"}}, 422, "bad_input", "must be a whole number"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"seeds": True}}, 422, "bad_input", "must be a whole number"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"seeds": 1}}, 409, "conflict", "nothing would change"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"max_cost": 0.5}}, 422, "bad_input", "greater than or equal to 1"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"tolerance": 1}}, 422, "bad_input", "less than 1"),
    ("POST", COMMANDS, {"kind": "extend", "arguments": {"budget": 9}}, 422, "bad_input", "budget"),
    ("POST", COMMANDS, {"kind": "pause", "more": 1}, 422, "bad_input", "more"),
    ("POST", "/studies", {"target": "x"}, 422, "bad_input", "names no target 'x'"),
    ("POST", "/studies", {"run": "os:system"}, 422, "bad_input", "run"),
    ("POST", "/session", {"code": 1}, 422, "bad_input", "code"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "words"), WRONG)
def test_what_is_wrong_is_said(
    shown: TestClient, method: str, path: str, body: Any, status: int, code: str, words: str
) -> None:
    problem(shown.request(method, f"{API}{path}", json=body), status, code, words)


@pytest.mark.parametrize(
    "body",
    ['{"kind": NaN}', '{"kind": "pause"', "\ud800".encode("utf-8", "surrogatepass"), "[" * 100_000, "1e999"],
)
def test_what_is_no_json_is_said(shown: TestClient, body: str | bytes) -> None:
    answer = shown.post(f"{API}{COMMANDS}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert strict(answer.text)["code"] in ("bad_input", "http")


@pytest.mark.parametrize("id", ["", "a b", "x" * 101, "../x", "é"])
def test_an_id_has_a_rule(shown: TestClient, id: str) -> None:
    answer = shown.post(
        f"{API}{COMMANDS}", json={"kind": "pause"}, headers={b"idempotency-key": id.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")


def test_the_schema_is_openapi_without_pages_from_elsewhere(opened: Opened) -> None:
    client = opened()
    schema = told(client, "/openapi.json")
    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) >= {"/api/v1/studies", "/api/v1/studies/{name}/commands", "/api/v1/events"}
    assert not any(path.startswith(("/studies", "/static")) for path in schema["paths"])
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def test_every_code_stands_in_help(opened: Opened) -> None:
    text = opened().get("/help").text
    assert all(f"<code>{code}</code>" in text for code in CODES)


def test_an_error_of_lrlab_itself_tells_no_secret(
    opened: Opened, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened()

    def broken(name: str) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(client.app.room.shelf, "seen", broken)
    answer = client.get(f"{API}/studies/race")
    problem(answer, 500, "internal", "internal error: RuntimeError")
    assert "secret" not in answer.text
    assert client.get("/studies/race").status_code == 500
