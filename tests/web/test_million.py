"""A run with a million records: its spike is seen, its file is whole, and who looks at it does not wait."""

import csv
import io
import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from page_samples import ORIGIN, TOKEN, kept, samples
from starlette.testclient import TestClient

from lrlab.api.engines import open_lab
from lrlab.core.record import Record
from lrlab.web.application import Page
from lrlab.web.security import Keys
from lrlab.web.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

POINTS, SPIKE = 1_000_000, 777_777
SERIES = "/api/v1/studies/million/runs/1/series?metric=val_loss&max_points=1500"
Opened = tuple[TestClient, tuple[Record, ...]]


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A page over a study with one run, and what was recorded."""
    folder = tmp_path_factory.mktemp("million")
    random = np.random.default_rng(0)
    values = (2 + 0.5 * np.sin(np.arange(POINTS) / 900) + random.normal(0, 0.05, POINTS)).tolist()
    values[SPIKE] = 777.5
    values[10], values[11], values[12], values[13] = math.nan, math.inf, -math.inf, -0.0
    records = tuple(Record(k / 1000, {"val_loss": v, "lr": 2e-3}, k) for k, v in enumerate(values))
    run = samples.run(samples.RATES[7], 20, outcome=samples.Outcome.FINISHED, records=records)
    study = samples.study(samples.answer((run,), study="million"), name="million")
    lab = open_lab(folder / "studies")
    kept(lab, replace(study, answer=replace(samples.answer((run,), study="million"), runs=())))
    return _page(lab, folder), records


def _page(lab: Any, folder: Any) -> TestClient:
    page = Page(lab, Settings(folder=folder, keys=Keys(TOKEN)))
    return TestClient(page, base_url=ORIGIN, headers={"authorization": f"Bearer {TOKEN}"})


def test_the_spike_is_seen_and_the_reply_is_always_the_same(million: Opened) -> None:
    client, _ = million
    texts = {client.get(SERIES).text for _ in range(20)}
    assert len(texts) == 1
    (told,) = client.get(SERIES).json()["series"]
    assert (told["n_raw"], told["n_out"] <= 1_503) == (POINTS, True)
    place = told["step"].index(SPIKE)
    assert (told["x"][place], told["y"][place]) == (SPIKE / 1000, 777.5)
    assert [word for _, word in told["nonfinite"]] == ["nan", "inf", "-inf"]
    near = client.get(f"{SERIES}&from={(SPIKE - 200) / 1000}&to={(SPIKE + 200) / 1000}").json()["series"][0]
    assert near["step"] == list(range(SPIKE - 200, SPIKE + 201))


def test_a_server_that_has_just_begun_makes_no_record(
    million: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its processor works for less than half a second at a million records; to make each takes several times that."""
    client, _ = million
    fresh = _page(client.app.room.lab, client.app.room.settings.folder)
    fresh.get("/api/v1/health")
    monkeypatch.setattr(Record, "__post_init__", lambda self: pytest.fail("a record was made"))
    begun = time.process_time()
    assert fresh.get(SERIES).json()["series"][0]["n_raw"] == POINTS
    assert time.process_time() - begun < 0.5


def test_the_file_has_every_record_to_the_bit(million: Opened) -> None:
    client, records = million
    text = client.get("/api/v1/studies/million/export.csv").text
    rows = csv.DictReader(io.StringIO(text))
    count = 0
    for row, record in zip(rows, records, strict=True):
        value = record.metrics["val_loss"]
        assert row["val_loss"] == repr(value), count
        assert float(row["at"]).hex() == record.at.hex()
        assert int(row["step"]) == record.step
        count += 1
    assert count == POINTS


def test_points_that_come_move_no_column_but_the_last(million: Opened) -> None:
    client, records = million  # the last test: it changes the study
    before = client.get(SERIES).json()["series"][0]
    ledger = client.app.room.lab.store.open("million")
    more = [Record((POINTS + k) / 1000, {"val_loss": 2.0, "lr": 2e-3}, POINTS + k) for k in range(1_000)]
    ledger.append(ledger.study.runs[0].key, len(records), more)
    ledger.close()
    after = client.get(SERIES).json()["series"][0]
    assert after["n_raw"] == POINTS + 1_000
    settled = len(before["x"]) - 4  # the last column has four points at most
    assert settled > 900
    for part in ("x", "y", "step"):
        assert after[part][:settled] == before[part][:settled]
