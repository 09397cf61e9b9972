"""The API of what can be looked at closely: views of the curves, verdicts, the timeline; and how a study is read again."""

from dataclasses import replace

import pytest
from page_samples import kept, samples, spiky
from starlette.testclient import TestClient

from lrlab.core.history import columns
from lrlab.core.record import Record
from lrlab.studies.lab import Lab
from lrlab.web.shelf import Shelf


def test_curves_come_in_the_view_that_is_asked_for(shown: TestClient) -> None:
    asked = "/api/v1/studies/seeds/curves?by=rate&smooth=2&metric=loss&x=step&scale=log"
    told = shown.get(asked).json()
    curves = [trace for trace in told["figure"]["spec"]["data"] if trace["meta"] == "curve"]
    assert len(curves) == 12  # the highest rate diverged before it recorded a loss
    assert told["y_scale"] == told["figure"]["spec"]["layout"]["yaxis"]["type"] == "log"
    assert told["figure"]["spec"]["layout"]["xaxis"]["title"]["text"] == "step"
    assert shown.get(f"{asked}&after={told['cursor']}").json()["mode"] == "replace"


@pytest.mark.parametrize(
    "query", ["by=seed", "smooth=-1", "smooth=x", "smooth=nan", "scale=cubic", "x=time", "metric=nothing"]
)
def test_what_is_no_view_is_refused(shown: TestClient, query: str) -> None:
    answer = shown.get(f"/api/v1/studies/race/curves?{query}")
    unknown = query == "metric=nothing"
    assert (answer.status_code, answer.json()["code"]) == (
        (404, "not_found") if unknown else (422, "bad_input")
    )


def test_a_run_has_its_verdicts(shown: TestClient) -> None:
    told = shown.get("/api/v1/studies/race/runs/13/verdicts").json()
    first = told["verdicts"][0]
    assert (first["symptom"], first["severity"], first["icon"]) == ("diverged", "error", "✕")
    assert first["evidence"][0]["text"]
    assert told["rate"]["verdict"] == "too_high"
    assert told["unchecked"]
    listed = shown.get("/api/v1/studies/race/verdicts").json()["items"]
    assert {12, 13} <= {item["run"] for item in listed if item["symptom"] == "diverged"}


def test_without_records_or_with_too_many_it_says_why(lab: Lab, opened: object) -> None:
    client = opened()  # type: ignore[operator]
    kept(lab, replace(spiky(20_001), name="long"))
    kept(lab, samples.study(samples.answer((samples.Run(lr=1e-3),), study="bare"), name="bare"))
    assert "lrlab diagnose long" in client.get("/api/v1/studies/long/runs/1/verdicts").json()["why_not"]
    assert "nothing yet" in client.get("/api/v1/studies/bare/runs/1/verdicts").json()["why_not"]


def test_the_timeline_ends_at_the_cost(shown: TestClient) -> None:
    told = shown.get("/api/v1/studies/race/timeline").json()
    ends = [bar["end"] for row in told["rows"] for bar in row["bars"]]
    assert max(ends) == pytest.approx(shown.get("/api/v1/studies/race").json()["cost"])


def test_a_window_of_a_series_has_all_its_points(lab: Lab, opened: object) -> None:
    client = opened()  # type: ignore[operator]
    kept(lab, spiky(20_000))
    told = client.get("/api/v1/studies/spiky/runs/1/series?metric=val_loss&from=6.5&to=6.9").json()["series"][
        0
    ]
    assert told["n_raw"] == told["n_out"] == 401
    assert max(told["y"]) == 777.0


def test_a_study_that_grew_is_read_from_where_it_was_known(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    study = samples.study(samples.answer(), name="grows")
    ledger = lab.store.create(study)
    shelf = Shelf(lab)
    before = shelf.seen("grows").study
    key = study.runs[6].key
    more = [Record(at=21.0, metrics={"val_loss": 0.2}), Record(at=22.0, metrics={"val_loss": 0.1})]
    ledger.append(key, len(study.runs[6].records), more)
    ledger.flush()
    monkeypatch.setattr(Lab, "study", lambda self, name: pytest.fail("it was read from the start"))
    after = shelf.seen("grows").study
    ledger.close()
    grown = next(run for run in after.runs if run.key == key)
    assert grown.records == (*study.runs[6].records, *more)
    assert [run.records for run in after.runs if run.key != key] == [
        r.records for r in before.runs if r.key != key
    ]


def test_a_long_run_reads_the_same_however_it_is_held(
    lab: Lab, opened: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = spiky(6_000)
    kept(lab, replace(study, answer=replace(samples.answer(study.runs, study="spiky"), runs=())))
    client = opened()  # type: ignore[operator]
    base = "/api/v1/studies/spiky"
    paths = ["", "/answer", "/u-curve", "/curves", "/curves?x=step&smooth=2", "/curves?by=rate", "/timeline", "/verdicts",
             "/runs", "/runs/1", "/runs/1/series", "/runs/1/series?after=5990", "/runs/1/verdicts", "/spark.svg",
             "/reading?run=1&place=2", "/export.csv", "/report.html"]  # fmt: skip
    pages = ["/", "/studies/spiky", "/studies/spiky/runs/1"]

    def told() -> list[str]:
        return [client.get(path).text for path in [*(base + path for path in paths), *pages]]

    assert columns(client.app.room.shelf.seen("spiky").study.runs[0].records) is not None
    as_columns = told()
    monkeypatch.setattr(Shelf, "_read", lambda self, name: self.lab.study(name))
    client.app.room.shelf._seen.clear()
    assert columns(client.app.room.shelf.seen("spiky").study.runs[0].records) is None
    for path, one, other in zip([*paths, *pages], as_columns, told(), strict=True):
        assert one == other, path
