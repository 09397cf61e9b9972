"""The API: what it tells equals what is stored."""

import csv
import io
import json
import math
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import samples
from api_answers import API, Opened, strict, told
from page_samples import TOKEN, kept, spiky
from starlette.testclient import TestClient

from lrlab.core.outcome import StudyState
from lrlab.core.record import Record
from lrlab.report import figures
from lrlab.report.charts import u_curve
from lrlab.studies.lab import Lab


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
