"""The API of single points, of windows, of an own rate, of lost processes; and how far a study has come."""

import math
from dataclasses import replace

import pytest

pytest.importorskip("fastapi")

from page_samples import samples
from starlette.testclient import TestClient

from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.report.curves import learning_curves
from lrlab.report.view import View
from lrlab.studies.lab import Lab
from lrlab.web.standing import standing
from lrlab.web.yours import yours_text

STARTED = samples.Event(at=1_000.0, kind="started", text="")


def reading(client: TestClient, name: str = "seeds", **asked: object) -> dict[str, object]:
    answer = client.get(f"/api/v1/studies/{name}/reading", params={"run": 20, "place": 10.2, **asked})
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


def test_a_point_is_told_on_every_axis(shown: TestClient) -> None:
    told = reading(shown)
    lr = samples.RATES[6]
    value = samples.loss(lr, 10.0, 1)
    assert told["lr"] == lr
    assert (told["seeds"], told["at"], told["step"], told["seconds"]) == ([1], 10.0, 1000, 30.0)
    assert (told["raw"], told["shown"]) == ([value], value)
    assert told["text"] == (
        "Learning rate 1e-3, seed 1 finished; epoch 10, step 1000, about 30 s of training; "
        f"val_loss {value!r}."
    )
    assert reading(shown, x="step", place=996)["text"] == told["text"]


def test_a_mean_is_told_with_the_seeds_that_it_is_made_of(shown: TestClient) -> None:
    told = reading(shown, by="rate")
    raw = [samples.loss(samples.RATES[6], 10.0, seed) for seed in range(3)]
    assert told["raw"] == raw
    assert told["shown"] == pytest.approx(math.fsum(raw) / 3, rel=1e-15)
    assert f"drawn {told['shown']!r}" in str(told["text"])


def test_what_cannot_be_read_is_said(shown: TestClient) -> None:
    for asked, code in (
        ({"run": 40, "place": 1}, 404),
        ({"run": 1, "place": 1, "metric": "no such"}, 404),
        ({"run": 0, "place": 1}, 422),
        ({"run": 1, "place": "nan"}, 422),
    ):
        assert shown.get("/api/v1/studies/seeds/reading", params=asked).status_code == code
    # A run that has the metric, but no place on the axis that is asked for.
    told = reading(shown, name="hostile", run=12, place=2, metric="")
    assert told["raw"] == [None]
    answer = shown.get("/api/v1/studies/hostile/reading", params={"run": 12, "place": 2, "x": "step"})
    assert answer.status_code == 404


def test_a_window_is_a_part_with_one_point_on_each_side() -> None:
    answer = samples.grid()
    whole, part = learning_curves(answer), learning_curves(answer, View(window=(4.5, 7.0)))
    assert part.curves[0].x == (4.0, 5.0, 6.0, 7.0, 8.0)
    assert (part.last, part.y_range, part.y_scale) == (whole.last, whole.y_range, whole.y_scale)
    assert not any(c.diverged for c in part.curves)  # they ended before
    assert "This window has" in " ".join(part.caption)
    assert not whole.thinned
    smooth = View(smooth=2.0)
    assert (
        learning_curves(answer, replace(smooth, window=(4.5, 7.0))).curves[3].y
        == (learning_curves(answer, smooth).curves[3].y[4:9])
    )


def test_a_window_comes_from_the_query_in_any_order(shown: TestClient) -> None:
    def points(**asked: object) -> int:
        told = shown.get("/api/v1/studies/seeds/curves", params=asked).json()
        return len(next(t for t in told["figure"]["spec"]["data"] if t["meta"] == "curve")["x"])

    assert points() == 21
    assert points(**{"from": 4.5, "to": 7}) == points(**{"from": 7, "to": 4.5}) == 5
    assert points(**{"from": 18.5}) == 3
    assert points(to=1.5) == 3
    assert points(**{"from": 5, "to": 5}) == 3
    assert shown.get("/api/v1/studies/seeds/curves", params={"from": "nan"}).status_code == 422


def test_an_own_rate_is_weighed_by_what_was_tested(shown: TestClient) -> None:
    told = shown.get("/api/v1/studies/seeds/u-curve", params={"yours": 0.01}).json()
    assert told["values"]["current_lr"] == 0.01
    assert told["yours"].startswith("Your 1e-2 is 4.7× the rate to use, above the safe range 6e-4 to 8e-3")
    answer = samples.grid(3)
    assert "1/22 of the rate to use, below" in yours_text(answer, 1e-4)
    assert "is the rate to use, inside" in yours_text(answer, answer.lr)
    assert "It was tested and diverged in 3 of 3." in yours_text(answer, samples.RATES[12])
    assert "The nearest tested rate, 1e-1, diverged in 3 of 3." in yours_text(answer, 10.0)
    assert yours_text(samples.zero_runs(), 1e-3) == "No rate has been tested yet."
    for wrong in (0, -1, "inf"):
        assert shown.get("/api/v1/studies/seeds/u-curve", params={"yours": wrong}).status_code == 422


def test_the_list_is_sorted_by_score_and_by_age(filled: TestClient) -> None:
    for key, field in (("score", "score"), ("last", "last_data")):
        items = filled.get("/api/v1/studies", params={"sort": key, "dir": "asc"}).json()["items"]
        known = [item[field] for item in items if item[field] is not None]
        assert known == sorted(known)
        assert all(item[field] is None for item in items[len(known) :])
    assert items[0]["name"] == "race"  # it was kept first
    scores = {item["name"]: item["score"] for item in items}
    assert scores["diverged"] is None
    assert scores["race"] == samples.loss(samples.RATES[7], samples.BUDGET)


def test_only_a_lost_process_is_given_up(filled: TestClient, lab: Lab) -> None:
    answer = filled.post("/api/v1/studies/race/lost")
    assert answer.status_code == 409
    assert "no process runs it" in answer.json()["title"]
    ledger = lab.store.create(samples.study(name="held", state=StudyState.RUNNING))
    ledger.commands()
    answer = filled.post("/api/v1/studies/held/lost")
    assert answer.status_code == 409
    assert "it is not lost" in answer.json()["title"]
    ledger.close()


def test_a_running_study_tells_how_far_it_is() -> None:
    runs = (
        samples.run(1e-3, 20, outcome=Outcome.FINISHED),
        replace(samples.run(1e-2, 10, outcome=None, state=State.RUNNING), target=20),
    )
    study = samples.study(
        samples.answer(runs, question=samples.question()),
        searcher="grid:3",
        state=StudyState.RUNNING,
        events=(STARTED,),
    )
    told = standing(study, now=1_030.0)
    assert (told.cost, told.price, told.done, told.share) == (1.5, 3.0, 1, 0.5)
    assert told.left == "About 1.5 full runs left, 30 s."
    assert standing(study, now=1_000.0 + 3 * 3600).left == "About 1.5 full runs left, 3 h 0 min."
    assert standing(study, now=990.0).left == "About 1.5 full runs left."  # clocks can be set back
    paused = replace(study, events=(STARTED, samples.Event(at=1_010.0, kind="paused", text="")))
    assert standing(paused, now=1_030.0).left == "About 1.5 full runs left."
    more = replace(
        study,
        searcher="grid:2",
        runs=(*study.runs, samples.run(1e-4, 20, outcome=Outcome.FINISHED)),
    )
    assert standing(more, now=1_030.0).left.startswith("More than expected")
    assert standing(more, now=1_030.0).share == 1.0
    assert standing(replace(study, state=StudyState.PAUSED), now=1_030.0).left == ""
    unknown = standing(replace(study, searcher="from-elsewhere"), now=1_030.0)
    assert (unknown.price, unknown.share, unknown.left) == (None, None, "")
