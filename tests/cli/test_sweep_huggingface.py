"""``lrlab sweep python FILE.py:task`` with a task of a Trainer."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

pytestmark = pytest.mark.torch

TUNES = """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import lrlab

WORDS = torch.randint(2, 30, (24, 6), generator=torch.Generator().manual_seed(0))
ROWS = [{"input_ids": row, "labels": (row[0] < 15).long()} for row in WORDS]
SMALL = dict(vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)


def make(run, **parts):
    args = TrainingArguments(
        run.folder, learning_rate=run.lr, num_train_epochs=4, per_device_train_batch_size=8, use_cpu=True
    )
    known = dict(train_dataset=ROWS[:16], eval_dataset=ROWS[16:])
    return Trainer(BertForSequenceClassification(BertConfig(**SMALL)), args, **(known | parts))


task = lrlab.huggingface(make, name="small-bert")
returns_nothing = lrlab.huggingface(lambda run: None)
judges_nothing = lrlab.huggingface(lambda run: make(run, eval_dataset=None))
breaks = lrlab.huggingface(lambda run: make(run, no_such_part=1))
"""
SWEEP = ("sweep", "python", "tunes.py:task", "--lr", "1e-4:1e-1", "--searcher", "grid:3", "--workers", 0)


@pytest.fixture(autouse=True)
def _training(place):
    (place / "tunes.py").write_text(TUNES)


def test_a_task_of_a_trainer_is_swept(lrlab):
    said = lrlab(*SWEEP, "--metric", "val_loss", "--json")
    assert said.code in (0, 5), said.err
    assert 1e-4 <= said.document["lr"] <= 1e-1
    assert len(said.document["runs"]) == 3


def test_an_interrupted_study_is_resumed_to_the_same_answer(lrlab):
    whole = lrlab(*SWEEP, "--study", "whole", "--json")
    assert whole.code in (0, 5), whole.err
    part = lrlab(*SWEEP, "--study", "part", "--max-time", "0.01", "--json")
    assert part.document["runs"] != whole.document["runs"]
    rest = lrlab("resume", "part", "--workers", 0, "--json")
    assert rest.code == whole.code, rest.err
    for name in ("lr", "interval", "safe_range", "score"):
        assert rest.document[name] == whole.document[name]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("tunes.py:returns_nothing",), 2, "must return a transformers.Trainer, got NoneType. End it with: return"),
        (("tunes.py:judges_nothing",), 2, "the Trainer has no eval_dataset, so there is nothing to compare rates by"),
        (("tunes.py:breaks",), 3, "failed at lr=1e-4: TypeError"),
        (("tunes.py:task", "--budget", 9), 2, "the budget of small-bert cannot be changed here"),
        (("tunes.py:task", "--metric", "f1", "--lr", "1e-3:1e-2"), 3, "No such metric: f1"),
        (("tunes.py:make", "--budget", 4, "--lr", "1e-3:1e-2"), 3, ""),
        (("tunes.py:tusk",), 7, "has no 'tusk'. It has: "),
    ],
)  # fmt: skip
def test_what_is_refused(lrlab, words, code, says):
    said = lrlab("sweep", "python", *words, "--workers", 0)
    assert said.code == code, said.err
    assert says in " ".join(said.err.split())
    assert said.err.strip()
