"""``lrlab sweep text``: a file on the command line, to the test scores of the winner."""

import json
import random

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

SMALL = ("--budget", 4, "--workers", 0, "--searcher", "grid:3", "--lr", "1e-4:1e-1")
_draw = random.Random(0)
REST = ["the", "film", "was", "and", "a", "plot", "of", "it", "with", "words"]
MOODS = {"pos": "good fine great", "neg": "bad poor dull"}


def sentence(label: str) -> str:
    rest = _draw.choices(REST, k=_draw.randrange(3, 9))
    return " ".join([*_draw.choices(MOODS[label].split(), k=2), *rest])


ROWS = [(sentence(label), label) for label in ("pos", "neg") * 50]
RATED = "\n".join(
    f"{i}_1\t{(1 if label == 'pos' else -1) * (i + 1) / 25}\t{text}" for i, (text, label) in enumerate(ROWS)
)


@pytest.fixture
def files(place):
    (place / "moods.csv").write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in ROWS)]))
    (place / "moods.jsonl").write_text("\n".join(json.dumps({"text": t, "label": y}) for t, y in ROWS))
    (place / "rated.txt").write_text(RATED)
    return place


def test_texts_are_swept_and_the_winner_judged(lrlab, files):
    said = lrlab("sweep", "text", "moods.csv", *SMALL)
    assert said.code in (0, 5), said.err
    assert said.out.startswith("Use LR ")
    assert said.out.splitlines()[-1].startswith("The winner on the test part, which no search saw: loss ")
    assert (
        "moods.csv: 100 texts in column 'text', label 'label', 2 classes (neg 50, pos 50); 60 to train on"
        in said.err
    )
    assert "A text is its first " in said.err


@pytest.mark.parametrize("model", ["bag", "gru", "transformer"])
def test_models_learn(lrlab, files, model):
    said = lrlab(
        "sweep",
        "text",
        "moods.jsonl",
        "--model",
        model,
        "--optimizer",
        "adam",
        "--batch-size",
        8,
        "--json",
        *SMALL,
    )
    assert said.document["test"]["test_acc"] > 0.8
    assert set(said.document["test"]) == {
        "test_loss",
        "test_acc",
        "test_balanced_acc",
        "test_f1",
        "test_auroc",
    }


def test_formats_give_one_answer(lrlab, files):
    documents = [
        lrlab("sweep", "text", name, "--json", *SMALL).document for name in ("moods.csv", "moods.jsonl")
    ]
    assert documents[0]["score"] == documents[1]["score"]
    assert documents[0]["test"] == documents[1]["test"]


def test_ratings_have_a_threshold(lrlab, files):
    said = lrlab("sweep", "text", "rated.txt", *SMALL)
    assert said.code == 2
    assert "expected classes, got numbers from -4 to 3.96" in " ".join(said.err.split())
    assert "--threshold 0" in said.err
    said = lrlab("sweep", "text", "rated.txt", "--threshold", 0, "--metric", "val_auroc", "--json", *SMALL)
    assert (said.document["ok"], said.document["metric"]) == (True, "val_auroc:max")
    named = lrlab("sweep", "text", "rated.txt", "--text", 3, "--label", 2, "--threshold", "-0.01",
                  "--metric", "val_auroc", "--json", *SMALL)  # fmt: skip
    assert named.document["test"] == said.document["test"]


def test_a_data_set_of_the_hub(lrlab, files, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", files / "cache")
    (files / "hub").mkdir()
    for part, rows in (("train", ROWS[:80]), ("test", ROWS[80:])):
        (files / "hub" / f"{part}.jsonl").write_text(
            "\n".join(json.dumps({"text": text, "label": label}) for text, label in rows)
        )
    said = lrlab("sweep", "text", "hf:hub", "--study", "hub", "--json", *SMALL)
    assert said.document["ok"], said.err
    assert "16 to choose by, 20 to judge with at the end" in said.err
    monkeypatch.chdir(files / "hub")
    again = lrlab("resume", "hub", "--workers", 0, "--json").document
    assert again["test"] == said.document["test"]


def test_an_interrupted_study_goes_on_to_the_same_answer(lrlab, files):
    words = ("sweep", "text", "moods.csv", "--json", *SMALL)
    first = lrlab(*words, "--max-time", "1e-3", "--study", "short").document
    assert not first["final"]
    second = lrlab("resume", "short", "--workers", 0, "--json").document
    whole = lrlab(*words, "--study", "whole").document
    told = ("lr", "interval", "safe_range", "score", "cost", "test")
    assert {name: second[name] for name in told} == {name: whole[name] for name in told}


def test_a_changed_file_is_another_study(lrlab, files):
    lrlab("sweep", "text", "moods.csv", *SMALL, "--max-time", "1e-3", "--study", "mine")
    (files / "moods.csv").write_text((files / "moods.csv").read_text().replace("dull", "grey"))
    said = lrlab("resume", "mine", "--workers", 0)
    # The same places in the vocabulary give the same training: only what a model sees counts.
    assert said.code in (0, 5)
    (files / "moods.csv").write_text((files / "moods.csv").read_text().replace("bad", "good"))
    said = lrlab("sweep", "text", "moods.csv", *SMALL, "--study", "mine")
    assert (said.code, 'study "mine" cannot be continued' in said.err) == (8, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "where is the data? Name a file or folder: lrlab sweep text PATH"),
        (("nothing.csv",), 7, "nothing.csv: expected a file, and it is not there. Check its path"),
        (("moods.csv", "--text", "body"), 2, "there is no column 'body'. It has 'text' (such as '"),
        (("moods.csv", "--label", "3"), 2, "there is no column '3'"),
        (("moods.csv", "--text", "text", "--label", "text"), 2, "is named as the text and as its label"),
        (("moods.csv", "--threshold", 0), 2, "line 2, column 'label': a threshold is for numbers, got 'pos'"),
        (("rated.txt", "--threshold", 9), 2, "every value is below 9"),
        (("rated.txt", "--threshold", "nan"), 2, "threshold: must be a number, got nan"),
        (("moods.csv", "--encoding", "utf-9"), 2, "encoding: there is no encoding of text 'utf-9'"),
        (("moods.csv", "--encoding", "utf-16"), 2, "moods.csv"),
        (("moods.csv", "--target", "label"), 2, "--target is not for text. Leave it out"),
        (("moods.csv", "--leave-out", "label"), 2, "--leave-out is not for text"),
        (("moods.csv", "--unit", "step"), 2, "--unit is not for text"),
        (("moods.csv", "--model", "mlp"), 2, "for text it must be 'bag' or 'gru' or 'transformer', got 'mlp'"),
        (("moods.csv", "--metric", "val_mae"), 2, "does not report val_mae"),
        (("broken.jsonl",), 2, "broken.jsonl, line 2: expected a JSON object, got '{\"text\":'"),
        (("ragged.tsv",), 2, "ragged.tsv, line 3: expected 2 cells as in most lines, got 1"),
        (("empty.csv",), 2, "empty.csv: the file is empty"),
        (("latin.csv", "--encoding", "utf-8"), 2, "latin.csv, line 2: byte 18 of the file (0xe9) does not fit"),
        (("doubt.csv",), 2, "which column is the text? It has 'a' (such as '"),
        (("hf:",), 2, "expected the name of a data set"),
    ],
)  # fmt: skip
def test_what_is_refused(lrlab, files, words, code, says):
    (files / "broken.jsonl").write_text('{"text": "a b c", "label": "x"}\n{"text": \n')
    (files / "ragged.tsv").write_text("text\tlabel\na b c\tx\na b c\nd e f\ty\n")
    (files / "empty.csv").write_text("")
    (files / "latin.csv").write_bytes(b"text,label\nun caf\xe9,x\n")
    (files / "doubt.csv").write_text("a,b,label\n" + "".join(f"{t},{t},{y}\n" for t, y in ROWS))
    said = lrlab("sweep", "text", *words)
    assert (said.code, said.out) == (code, ""), said.err
    assert says in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert not (files / "studies").exists()


def test_options_of_data_are_for_data(lrlab, sweep, place):
    for option, value in (("--text", "a"), ("--label", "a"), ("--threshold", 0), ("--encoding", "utf-8")):
        said = lrlab(*sweep, option, value)
        assert said.code == 2
        assert f"{option} is for data (table, text" in " ".join(said.err.split())
