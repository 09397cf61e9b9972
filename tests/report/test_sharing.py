import json
from dataclasses import replace

import pytest
import samples

from lrlab.core import wire
from lrlab.core.answer import Answer
from lrlab.core.outcome import Outcome
from lrlab.report.sharing import answer_json, scrubbed, shared_answer, shared_environment


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ('File "/home/Bob Smith/p/train.py", line 3', 'File "train.py", line 3'),
        ("see /home/bob/x/y.txt: bad", "see y.txt: bad"),
        ("~/secret/x.csv", "x.csv"),
        ("C:\\Users\\bob\\x.py", "x.py"),
        ("no such file: '/home/bob/my data/x.npz'", "no such file: 'x.npz'"),
        ("python /home/bob/train.py --out=/scratch/bob/run", "python train.py --out=run"),
        ("bob@host:/data/secret/x", "bob@host:x"),
        ("val/loss and/or 1/2", "val/loss and/or 1/2"),
        ("</script></b> stays", "</script></b> stays"),
        ("red \x1b[31m", "red \\x1b[31m"),
    ],
)
def test_folders_are_cut_off(text, shared):
    assert scrubbed(text) == shared


def test_an_answer_that_is_shared_tells_no_folder():
    shared = shared_answer(samples.hostile())
    assert shared.checkpoint == "weights.safetensors"
    assert all("/home" not in run.detail and "train.py" in run.detail for run in shared.runs)
    assert "bob" not in wire.dumps(Answer, shared)


def test_long_details_keep_their_end():
    long = replace(samples.run(1e-3, 1, outcome=Outcome.FAILED), detail="x" * 5000 + " ValueError: the end")
    (run,) = shared_answer(samples.answer((long,))).runs
    assert len(run.detail) == 1_000
    assert run.detail.endswith("ValueError: the end")


def test_the_environment_names_no_person_and_no_machine():
    told = shared_environment(
        {"torch": "2.4", "HOSTNAME": "b", "user": "bob", "cwd": "/x/y", "python": "3.11"}
    )
    assert told == {"torch": "2.4", "python": "3.11"}


def test_a_small_answer_keeps_every_record():
    answer = samples.answer()
    text, kept, total = answer_json(answer)
    assert kept == total == sum(len(run.records) for run in answer.runs)
    again = wire.loads(Answer, text)
    # A NaN among the records is not equal to itself; the text is.
    assert wire.dumps(Answer, again) == text


def test_a_large_answer_is_thinned_and_keeps_every_score():
    long = tuple(
        samples.run(lr, 20, outcome=Outcome.FINISHED, records=samples.records(lr, 20, per_unit=200))
        for lr in samples.RATES
    )
    answer = samples.answer(long)
    text, kept, total = answer_json(answer, largest=300_000)
    assert len(text) <= 300_000
    assert kept < total == 13 * 4001
    metric = answer.question.metric
    assert json.loads(text)["lr"] == answer.lr
    for before, after in zip(answer.runs, wire.loads(Answer, text).runs, strict=True):
        assert after.score(metric) == before.score(metric)
        assert after.score(metric, reduce="last") == before.score(metric, reduce="last")
        assert after.untrained(metric) == before.untrained(metric)
