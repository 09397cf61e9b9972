"""The API: studies are deleted and commanded, and their fate comes back."""

from dataclasses import replace

import samples
from api_answers import API, Opened, problem, told
from starlette.testclient import TestClient

from lrlab.core.outcome import StudyState
from lrlab.studies.lab import Lab


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
