"""The API: what it tells equals what is stored, what is wrong gets a document that says so."""

import csv
import io
import json
import math
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import samples
from page_samples import HOSTILE, TOKEN, hostile, kept, spiky, with_answer
from starlette.testclient import TestClient

from lrlab.core.outcome import StudyState
from lrlab.core.record import Record
from lrlab.report import figures
from lrlab.report.charts import u_curve
from lrlab.store.protocol import Store
from lrlab.studies.lab import Lab
from lrlab.web.problems import CODES

Opened = Callable[..., TestClient]
API = "/api/v1"


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def told(client: TestClient, path: str, **params: Any) -> Any:
    response = client.get(f"{API}{path}", params=params)
    assert response.status_code == 200, response.text
    return strict(response.text)


def problem(response: Any, status: int, code: str, words: str) -> dict[str, Any]:
    """The document of an error, which every error has."""
    found: dict[str, Any] = strict(response.text)
    assert (response.status_code, found["status"], found["code"]) == (status, status, code)
    assert code in CODES
    assert response.headers["content-type"] == "application/problem+json"
    assert words in f"{found['title']} {found['detail']} {found['hint']}"
    return found


def test_health_is_told_to_everybody(opened: Opened) -> None:
    assert opened(token=None).get(f"{API}/health").json()["status"] == "ok"


def test_every_study_is_a_line(shown: TestClient) -> None:
    found = told(shown, "/studies")
    assert {item["name"] for item in found["items"]} == {"race", "diverged", "edge", "seeds", "hostile"}
    race = next(item for item in found["items"] if item["name"] == "race")
    assert (race["lr"], race["safe_range"], race["state"], race["runs"]) == (
        samples.RATES[7],
        [6e-4, 8e-3],
        "finished",
        13,
    )
    diverged = next(item for item in found["items"] if item["name"] == "diverged")
    assert (diverged["lr"], diverged["safe_range"], diverged["warnings"]) == (
        None,
        [None, None],
        ["ALL_DIVERGED"],
    )


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"q": "RAC"}, ["race"]),
        ({"q": "digits_mlp edg"}, ["edge"]),
        ({"q": "nothing"}, []),
        ({"state": "running"}, []),
        ({"sort": "name", "dir": "asc"}, ["diverged", "edge", "hostile", "race", "seeds"]),
        ({"sort": "runs", "dir": "desc", "limit": 1}, ["seeds"]),
    ],
)
def test_studies_are_found_and_sorted(shown: TestClient, asked: dict[str, Any], names: list[str]) -> None:
    assert [item["name"] for item in told(shown, "/studies", **asked)["items"]] == names


def test_what_has_no_value_is_sorted_last(shown: TestClient) -> None:
    for way in ("asc", "desc"):
        assert told(shown, "/studies", sort="lr", dir=way)["items"][-1]["name"] == "diverged"


def test_pages_of_a_list_hold_everything_once(shown: TestClient) -> None:
    names, cursor = [], None
    while True:
        part = told(shown, "/studies", sort="name", limit=2, **({"cursor": cursor} if cursor else {}))
        names += [item["name"] for item in part["items"]]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert sorted(names) == ["diverged", "edge", "hostile", "race", "seeds"]


@pytest.mark.slow
def test_runs_are_paged_while_new_ones_come(lab: Lab, opened: Opened) -> None:
    answer = samples.many_runs(1_000)
    ledger = lab.store.create(
        samples.study(replace(answer, study="many"), name="many", state=StudyState.RUNNING)
    )
    client = opened()
    numbers: list[int] = []
    cursor = 0
    for turn in range(100):
        part = told(client, "/studies/many/runs", limit=50, cursor=cursor)
        numbers += [item["run"] for item in part["items"]]
        if turn < 5:
            ledger.write_run(samples.run(1.5 + turn, 1, outcome=None, records=()))
            ledger.flush()
        if part["next_cursor"] is None:
            break
        cursor = part["next_cursor"]
    ledger.close()
    assert numbers == list(range(1, 1_006))


def test_a_study_and_its_answer(shown: TestClient) -> None:
    study = told(shown, "/studies/race")
    assert (study["task"], study["budget"], study["unit"], study["live"]) == (
        "digits_mlp",
        20,
        "epoch",
        False,
    )
    assert study["answer"] == told(shown, "/studies/race/answer")
    assert study["answer"]["text"].startswith("Use LR 2.15e-3 (1.6e-3 to 3.9e-3). Safe from 6e-4 to 8e-3.")
    nothing = told(shown, "/studies/diverged/answer")
    assert (nothing["lr"], nothing["score"], nothing["exit_code"]) == (None, None, 4)


def test_the_u_curve_is_the_one_of_the_report(shown: TestClient) -> None:
    found = told(shown, "/studies/race/u-curve")
    lab = shown.app.room.lab
    chart = u_curve(lab.answer(lab.study("race")))
    assert [p["lr"] for p in found["values"]["points"]] == [p.lr for p in chart.points] == list(samples.RATES)
    assert found["values"]["safe_range"] == [6e-4, 8e-3]
    drawn = [
        x
        for t in found["figure"]["spec"]["data"]
        if t["meta"] in ("finished", "partial", "diverged")
        for x in t["x"]
    ]
    assert sorted(drawn) == list(samples.RATES)
    assert len(found["rates"]) == 13


def test_curves_come_whole_and_then_only_what_is_new(lab: Lab, opened: Opened) -> None:
    study = samples.study(
        replace(samples.one_run(), study="live"), name="live", state=StudyState.RUNNING, answer=None
    )
    ledger = lab.store.create(study)
    client = opened()
    first = told(client, "/studies/live/curves")
    assert (first["mode"], first["runs"], first["cursor"]) == ("replace", [1], "6")
    assert told(client, "/studies/live/curves", after=first["cursor"])["items"] == []
    key = study.runs[0].key
    ledger.append(key, 6, [Record(at=6.0, metrics={"val_loss": 0.5}), Record(at=7.0, metrics={"loss": 1.0})])
    ledger.append(key, 8, [Record(at=8.0, metrics={"val_loss": math.nan})])
    ledger.flush()
    second = told(client, "/studies/live/curves", after=first["cursor"])
    assert (second["mode"], second["cursor"]) == ("append", "9")
    assert [(i["run"], i["had"], i["x"], i["y"]) for i in second["items"]] == [(1, 6, [6.0], [0.5])]
    ledger.write_run(samples.run(1e-2, 0, outcome=None, records=()))
    ledger.append((key[0], 1e-2, 0), 0, [Record(at=1.0, metrics={"val_loss": 0.9})])
    ledger.flush()
    assert told(client, "/studies/live/curves", after=second["cursor"])["mode"] == "replace"
    ledger.close()


def test_a_series_keeps_its_spike_and_what_is_not_finite(lab: Lab, opened: Opened) -> None:
    study = spiky()
    kept(lab, study)
    client = opened()
    texts = {
        client.get(f"{API}/studies/spiky/runs/1/series?metric=val_loss&max_points=1500").text
        for _ in range(5)
    }
    assert len(texts) == 1
    (found,) = strict(texts.pop())["series"]
    assert (found["n_raw"], found["cursor"], found["mode"]) == (20_000, 20_000, "replace")
    assert found["n_out"] == len(found["x"]) == len(found["y"]) <= 1_502
    assert 777.0 in found["y"]
    assert found["x"][found["y"].index(777.0)] == pytest.approx(6.666)
    assert [word for _, word in found["nonfinite"]] == ["inf", "nan"]
    assert all(found["y"][index] is None for index, _ in found["nonfinite"])
    rest = told(client, "/studies/spiky/runs/1/series", after=19_990, metric="lr")["series"][0]
    assert (rest["mode"], rest["x"], rest["y"]) == (
        "append",
        [k / 1000 for k in range(19_990, 20_000)],
        [2e-3] * 10,
    )


def test_export_is_raw(lab: Lab, opened: Opened) -> None:
    study = spiky()
    kept(lab, study)
    client = opened()
    answer = client.get(f"{API}/studies/spiky/export.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="spiky.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 20_000
    stored = [record.metrics["val_loss"] for record in study.runs[0].records]
    assert all(
        float(row["val_loss"]).hex() == value.hex() for row, value in zip(rows[:-1], stored[:-1], strict=True)
    )
    assert [row["val_loss"] for row in rows[-2:]] == ["inf", "nan"]
    assert json.loads(client.get(f"{API}/studies/spiky/export.json").text)["schema"].startswith("lrlab.")
    runs = list(csv.DictReader(io.StringIO(client.get(f"{API}/studies/spiky/export.csv?what=runs").text)))
    assert len(runs) == 1


def test_a_cell_is_no_formula(lab: Lab, opened: Opened) -> None:
    """Programs of tables carry out a text that begins like one."""
    texts = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "plain", "-"]
    runs = tuple(
        replace(samples.run(10.0**-k, 1, outcome=None, records=()), why=text) for k, text in enumerate(texts)
    )
    kept(lab, samples.study(samples.answer(runs, study="odd"), name="odd"))
    rows = csv.DictReader(io.StringIO(opened().get(f"{API}/studies/odd/export.csv?what=runs").text))
    assert [row["why"] for row in rows] == ["'=1+1", "'+1+1", "'-1+1", "'@SUM(A1)", "'\t=1+1", "plain", "'-"]


def test_the_report_is_a_file_to_keep(shown: TestClient) -> None:
    answer = shown.get(f"{API}/studies/race/report.html")
    assert answer.headers["content-disposition"] == 'attachment; filename="race.html"'
    assert answer.text.startswith("<!DOCTYPE html>")
    own = answer.text.replace(figures.script(), "")
    assert (len(own) <= 1_000_000, len(own) < len(answer.text) <= 7_000_000) == (True, True)
    for secret in (TOKEN, str(Path.home()), socket.gethostname(), str(shown.app.room.lab.store.folder)):
        assert secret not in own


def test_a_sparkline_is_a_picture(shown: TestClient) -> None:
    for name in ("race", "diverged", "edge", "seeds", "hostile"):
        answer = shown.get(f"{API}/studies/{name}/spark.svg")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.text.startswith("<svg")
        assert "<script" not in answer.text
    assert shown.get(f"{API}/studies/diverged/spark.svg").text.count("<path") == 13


def test_a_study_is_deleted_for_good(filled: TestClient, lab: Lab) -> None:
    assert filled.delete(f"{API}/studies/race").status_code == 204
    assert "race" not in lab.store.names()
    problem(filled.get(f"{API}/studies/race"), 404, "not_found", "there is none of that name")
    assert filled.get("/studies/race").status_code == 404


def test_a_study_that_runs_is_not_deleted(lab: Lab, opened: Opened) -> None:
    ledger = lab.store.create(
        samples.study(replace(samples.one_run(), study="live"), name="live", state=StudyState.RUNNING)
    )
    client = opened()
    problem(client.delete(f"{API}/studies/live"), 409, "conflict", "is being run by process")
    ledger.close()


def test_a_command_reaches_the_study_and_its_fate_comes_back(lab: Lab, opened: Opened) -> None:
    from lrlab.core.command import Fate, Reply

    study = samples.study(replace(samples.one_run(), study="live"), name="live", state=StudyState.RUNNING)
    ledger = lab.store.create(study)
    ledger.commands()
    client = opened()
    sent = [
        client.post(
            f"{API}/studies/live/commands", json={"kind": "pause"}, headers={"idempotency-key": "click-1"}
        )
        for _ in range(2)
    ]
    assert [(response.status_code, response.json()["id"], response.json()["fate"]) for response in sent] == [
        (202, "click-1", "sent")
    ] * 2
    assert told(client, "/studies/live/commands/click-1")["fate"] == "sent"
    (command,) = ledger.commands()
    assert (command.kind, command.id) == ("pause", "click-1")
    ledger.reply(command, Reply(fate=Fate.DONE, text="Paused."))
    ledger.flush()
    assert told(client, "/studies/live/commands/click-1")["text"] == "Paused."
    ledger.close()
    client.post(f"{API}/studies/live/commands", json={"kind": "stop"}, headers={"idempotency-key": "late"})
    problem(client.get(f"{API}/studies/live/commands/late"), 404, "not_found", "no command 'late' was sent")


def test_extend_carries_its_arguments(lab: Lab, opened: Opened) -> None:
    ledger = lab.store.create(
        samples.study(replace(samples.one_run(), study="live"), name="live", state=StudyState.RUNNING)
    )
    client = opened()
    body = {"kind": "extend", "arguments": {"lr": "1e-6:1", "seeds": 2}}
    assert client.post(f"{API}/studies/live/commands", json=body).status_code == 202
    (command,) = ledger.commands()
    assert (command.kind, dict(command.arguments)) == ("extend", {"lr": "1e-6:1", "seeds": 2})
    ledger.close()


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


def test_a_file_that_is_no_study_is_told_and_the_others_are_there(filled: TestClient, lab: Lab) -> None:
    folder: Path = lab.store.folder  # type: ignore[attr-defined]
    (folder / "torn.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    (folder / "empty.sqlite").write_bytes(b"")
    items = {item["name"]: item for item in told(filled, "/studies")["items"]}
    assert len(items) == 7
    assert (items["torn"]["state"], items["race"]["state"]) == ("unreadable", "finished")
    for name in ("torn", "empty"):
        assert items[name]["problem"]
        assert filled.get(f"{API}/studies/{name}").status_code in (409, 503)
        page = filled.get(f"/studies/{name}")
        assert page.status_code in (409, 503)
        assert "lrlab doctor" in page.text or page.status_code == 409
    home = filled.get("/").text
    assert "unreadable" in home
    assert 'href="/studies/race"' in home


def test_a_newer_file_is_told(filled: TestClient, lab: Lab) -> None:
    import sqlite3

    folder: Path = lab.store.folder  # type: ignore[attr-defined]
    with sqlite3.connect(folder / "race.sqlite") as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    problem(filled.get(f"{API}/studies/race"), 409, "conflict", "newer")
    assert "newer" in filled.get("/studies/race").text


def test_foreign_text_is_text(shown: TestClient) -> None:
    for path in ("/", "/studies/hostile", "/studies/hostile/runs/1", "/studies/hostile/runs/12"):
        text = shown.get(path).text
        assert "<img src=x" not in text
        assert "<script>" not in text
        assert "\u202e" not in text
    assert "&lt;img src=x" in shown.get("/studies/hostile").text
    assert told(shown, "/studies/hostile")["task"] == HOSTILE


@pytest.mark.parametrize("sample", sorted(set(samples.EVERY) - {"hostile"}))
def test_every_kind_of_study_has_its_pages(lab: Lab, opened: Opened, sample: str) -> None:
    study = with_answer("it", sample)
    kept(lab, study)
    client = opened()
    for path in (
        "/",
        "/studies/it",
        "/api/v1/studies/it",
        "/api/v1/studies/it/u-curve",
        "/api/v1/studies/it/curves",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
    if study.runs:
        assert client.get("/studies/it/runs/1").status_code == 200
        for metric in told(client, "/studies/it/runs/1/series")["series"]:
            assert len(metric["x"]) == metric["n_out"]


ODD = (Record(at=1, metrics={"val_loss": 1e300}), Record(at=2, metrics={"val_loss": -5e-324}))


def test_strange_names_and_numbers_are_shown(lab: Lab, opened: Opened) -> None:
    runs = (
        replace(samples.run(1.0, 1, outcome=None, records=ODD), lr=1e-300),
        replace(samples.run(1.0, 1, outcome=None, records=ODD), lr=1e308),
        samples.run(1.0, 0, outcome=None, records=()),
    )
    answer = samples.answer(runs, study="odd", lr=1e-300)
    kept(lab, samples.study(answer, name="odd", task="x" * 10_000 + "🦀 שלום"))
    client = opened()
    for path in (
        "/",
        "/studies/odd",
        "/studies/odd/runs/1",
        "/api/v1/studies/odd/u-curve",
        "/api/v1/studies/odd/spark.svg",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, answer.text


def test_a_store_that_ends_with_the_process_is_shown_too(tmp_path: Path) -> None:
    from page_samples import ORIGIN, TOKEN

    from lrlab.api.engines import open_lab
    from lrlab.web.application import Page
    from lrlab.web.security import Keys
    from lrlab.web.settings import Settings

    lab = open_lab("memory")
    store: Store = lab.store
    store.create(hostile()).close()
    page = Page(lab, Settings(folder=tmp_path, keys=Keys(TOKEN)))
    with TestClient(page, base_url=ORIGIN, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        assert told(client, "/studies")["total"] == 1
        assert client.get("/studies/hostile").status_code == 200


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
