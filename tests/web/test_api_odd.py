"""The API and the pages: damaged files, foreign text and strange numbers are shown."""

from dataclasses import replace
from pathlib import Path

import pytest
import samples
from api_answers import API, Opened, problem, told
from page_samples import HOSTILE, hostile, kept, with_answer
from starlette.testclient import TestClient

from lrlab.core.record import Record
from lrlab.store.protocol import Store
from lrlab.studies.lab import Lab


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
