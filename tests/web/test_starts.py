"""New studies: only what is registered or lies in the page's folder, as a process of its own."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_samples import kept, with_answer
from starlette.testclient import TestClient

from lrlab.studies.lab import Lab

Opened = Callable[..., TestClient]
API = "/api/v1"

BOWL = """
def train(run):
    run.log(at=0, val_loss=1.0)
    for unit in run.units():
        run.report(val_loss=0.1 + (1 - run.lr) ** 2 / (unit + 1))

def breaks(run):
    raise ValueError("no data here")
"""
TOML = """
[target.bowl]
run = "bowl.py:train"
budget = 8
lr = "1e-2:1"

[target.wrong]
run = "bowl.py:train"
budgt = 8
"""


@pytest.fixture
def project(opened: Opened, tmp_path: Path) -> TestClient:
    """A page whose folder has two targets, one of them broken, and some data."""
    client = opened()
    work = tmp_path / "work"
    (work / "bowl.py").write_text(BOWL)
    (work / "lrlab.toml").write_text(TOML)
    (work / "iris.csv").write_text("a,b,kind\n" + "".join(f"{k},{k % 3},{k % 2}\n" for k in range(40)))
    (work / ".hidden").mkdir()
    (work / ".hidden" / "secret.csv").write_text("a,b\n1,2\n")
    for name in ("cat", "dog"):
        (work / "pictures" / name).mkdir(parents=True)
        (work / "pictures" / name / "1.png").write_bytes(b"")
    (tmp_path / "outside.csv").write_text("a,b\n1,2\n")
    (work / "way-out.csv").symlink_to(tmp_path / "outside.csv")
    return client


def preview(client: TestClient, **form: Any) -> Any:
    answer = client.post(f"{API}/command-line", json=form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def settled(client: TestClient, started: Any) -> Any:
    until = time.monotonic() + 60
    while started["state"] == "starting":
        assert time.monotonic() < until
        started = client.get(f"{API}/starts/{started['id']}").json()
    return started


def test_targets_and_data_are_listed(project: TestClient) -> None:
    items = project.get(f"{API}/targets").json()["items"]
    assert [(item["name"], bool(item["problem"])) for item in items] == [("bowl", False), ("wrong", True)]
    assert project.get(f"{API}/data").json()["items"] == ["iris.csv", "pictures", "way-out.csv"]
    page = project.get("/new").text
    for text in ("bowl (bowl.py:train)", "wrong (", "unknown key", "iris.csv"):
        assert text in page


def test_without_a_project_the_page_says_how_to_begin(opened: Opened) -> None:
    page = opened().get("/new").text
    assert "lrlab init" in page
    assert "There is no target in" in page


def test_the_command_line_is_told(project: TestClient, lab: Lab) -> None:
    store = lab.store.folder  # type: ignore[attr-defined]
    told = preview(project, target="bowl", lr="1e-4:1", budget="12", seeds=2, searcher="grid:5", study="mine")
    assert told["command"] == (
        f"lrlab sweep bowl --lr=1e-4:1 --budget=12 --seeds=2 --searcher=grid:5 --study=mine --store={store}"
    )
    told = preview(
        project, kind="table", path="iris.csv", target_column="kind", model="linear", tolerance="0.05"
    )
    assert told["command"] == (
        f"lrlab sweep table iris.csv --tolerance=0.05 --model=linear --target=kind --study=iris-1 --store={store}"
    )
    assert "--study=pictures-1" in preview(project, kind="images", path="pictures", image_size=16)["command"]


WRONG = [
    ({}, "path", "choose a target, or the kind of data"),
    ({"target": "nope"}, "target", "names no target 'nope'. It names: bowl, wrong"),
    ({"target": "wrong"}, "target", "unknown key 'budgt'"),
    ({"target": "bowl.py:train"}, "target", "names no target"),
    ({"target": "--help"}, "target", "names no target"),
    ({"kind": "python", "path": "bowl.py:train"}, "path", "kind"),
    ({"kind": "command", "path": "rm"}, "path", "kind"),
    ({"kind": "table"}, "path", "must lie inside the page's folder"),
    ({"kind": "table", "path": "none.csv"}, "path", "there is no 'none.csv'"),
    ({"kind": "table", "path": "../outside.csv"}, "path", "must lie inside"),
    ({"kind": "table", "path": "way-out.csv"}, "path", "must lie inside"),
    ({"kind": "table", "path": "/etc/passwd"}, "path", "must lie inside"),
    ({"kind": "table", "path": "~/x.csv"}, "path", "there is no"),
    ({"kind": "table", "path": "hf:imdb"}, "path", "there is no"),
    ({"kind": "table", "path": "a\0b"}, "path", "is no path"),
    ({"kind": "table", "path": "iris.csv", "label": "kind"}, "label", "is for text"),
    ({"kind": "table", "path": "iris.csv", "image_size": 9}, "image_size", "is for images"),
    ({"target": "bowl", "model": "mlp"}, "model", "is for table and text and images"),
    ({"target": "bowl", "lr": "1"}, "lr", "expected a pair"),
    ({"target": "bowl", "lr": "1:1e-3"}, "lr", "Did you mean"),
    ({"target": "bowl", "lr": "0:1"}, "lr", "finite and above 0"),
    ({"target": "bowl", "budget": "0"}, "budget", "at least 1"),
    ({"target": "bowl", "budget": "many"}, "budget", "must be a number"),
    ({"target": "bowl", "budget": "1e400"}, "budget", "whole number"),
    ({"target": "bowl", "seeds": 1.5}, "seeds", ""),
    ({"target": "bowl", "metric": "beauty"}, "metric", "small or large is good"),
    ({"target": "bowl", "searcher": "magic"}, "searcher", "searcher"),
    ({"target": "bowl", "current_lr": "-1"}, "current_lr", "above 0"),
    ({"target": "bowl", "max_cost": "0.5"}, "max_cost", "must be above"),
    ({"target": "bowl", "tolerance": "1"}, "tolerance", "must be above 0 and below 1"),
    ({"target": "bowl", "workers": "-1"}, "workers", "at least 0"),
    ({"target": "bowl", "optimizer": "a\nb"}, "optimizer", "a line of at most 200"),
    ({"target": "bowl", "study": "../x"}, "study", "a name has 1 to 100"),
    ({"target": "bowl", "study": "--store=/tmp"}, "study", "a name has 1 to 100"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "field", "words"), WRONG)
def test_a_wrong_value_is_said_at_its_field_and_nothing_starts(
    project: TestClient, form: dict[str, Any], field: str, words: str
) -> None:
    answer = project.post(f"{API}/studies", json=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert field in answer.json()["errors"]
    assert words in answer.json()["errors"][field]
    assert project.app.room.launcher._started == {}


def test_every_wrong_value_is_said_at_once(project: TestClient) -> None:
    told = preview(project, target="nope", lr="x", seeds="0")
    assert set(told["errors"]) == {"target", "lr", "seeds"}


def test_a_target_is_swept(project: TestClient, lab: Lab) -> None:
    form = {"target": "bowl", "workers": "0", "searcher": "grid:3"}
    answers = [
        project.post(f"{API}/studies", json=form, headers={"idempotency-key": "one"}) for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [202, 202]
    assert answers[0].json()["study"] == answers[1].json()["study"] == "bowl-1"
    assert settled(project, answers[0].json())["state"] == "running"
    process = project.app.room.launcher.started("one").process
    assert process.wait(timeout=60) == 0 or process.returncode == 5
    assert lab.answer(lab.study("bowl-1")).found
    assert len(lab.store.names()) == 1
    taken = project.post(f"{API}/studies", json=form | {"study": "bowl-1"})
    assert (taken.status_code, "taken" in taken.json()["title"]) == (409, True)

    # Nobody runs it now: to extend it, a process is started, too.
    body = {"kind": "extend", "arguments": {"lr": "1e-3:1"}}
    sent = project.post(f"{API}/studies/bowl-1/commands", json=body, headers={"idempotency-key": "wider"})
    assert sent.status_code == 202
    assert project.app.room.launcher.started("wider").process.wait(timeout=60) in (0, 5)
    told = project.get(f"{API}/studies/bowl-1/commands/wider").json()
    assert (told["fate"], "lrlab extend bowl-1 --lr=1e-3:1" in told["text"]) == ("done", True)
    assert lab.study("bowl-1").question.lr.low == 1e-3


def test_what_ends_at_once_says_why(project: TestClient, tmp_path: Path) -> None:
    (tmp_path / "work" / "lrlab.toml").write_text('[target.gone]\nrun = "gone.py:train"\nbudget = 8\n')
    begun = project.post(f"{API}/studies", json={"target": "gone", "lr": "1e-3:1"}).json()
    told = settled(project, begun)
    assert (told["state"], told["exit_code"]) == ("failed", 7)
    assert "there is no file" in told["said"]


def test_a_started_process_does_not_learn_the_token(
    project: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LRLAB_TOKEN", "not-for-the-training")
    (tmp_path / "work" / "bowl.py").write_text(
        "import os\nopen('told.txt', 'w').write(os.environ.get('LRLAB_TOKEN', 'nothing'))\n" + BOWL
    )
    begun = project.post(f"{API}/studies", json={"target": "bowl", "workers": 0, "searcher": "grid:3"}).json()
    settled(project, begun)
    project.app.room.launcher.started(begun["id"]).process.wait(timeout=60)
    assert (tmp_path / "work" / "told.txt").read_text() == "nothing"


def test_what_only_its_program_can_go_on_with_says_so(opened: Opened, lab: Lab) -> None:
    kept(lab, with_answer("own", "edge"))
    client = opened()
    answer = client.post(
        f"{API}/studies/own/commands", json={"kind": "extend", "arguments": {"lr": "1e-6:1"}}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert 'lrlab.sweep(..., study="own")' in answer.json()["hint"]
    assert 'id="do-extend"' not in client.get("/studies/own").text
