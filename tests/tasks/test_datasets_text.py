"""Texts from files: how columns, classes and words are found, and what is refused with file, line and what to do."""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.core.errors import LrlabError, NotFoundError, SpecError
from lrlab.tasks.data.text import load_text
from lrlab.tasks.data.words import UNKNOWN, as_numbers, usual_length, vocabulary, words

_draw = random.Random(0)
TEXTS = [f"this {'good' if i % 2 else 'bad'} thing is number {i} of them" for i in range(30)]
LABELS = ["pos" if i % 2 else "neg" for i in range(30)]
RATINGS = [(1 if i % 2 else -1) * (i + 1) / 8 for i in range(30)]
PLAIN = "\n".join(["text,label", *map(",".join, zip(TEXTS, LABELS, strict=True))])
RATED = "\n".join(
    f"{i}_1\t{rating}\t{text}" for i, (rating, text) in enumerate(zip(RATINGS, TEXTS, strict=True))
)
LINES = "\n".join(json.dumps({"text": t, "label": y}) for t, y in zip(TEXTS, LABELS, strict=True))


def saved(folder: Path, content: "str | bytes", name: str = "t.csv") -> str:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def changed(content: str, line: int, text: str) -> str:
    lines = content.split("\n")
    lines[line - 1] = text
    return "\n".join(lines)


def codes(data) -> list[str]:
    return [caution.code for caution in data.warnings]


def read_back(data, row) -> list[str]:
    return [data.features[place] for place in row if place]


# --- formats ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", [True, False])
def test_parted_files_are_read(tmp_path, mark, end, header):
    content = PLAIN if header else PLAIN.partition("\n")[2]
    data = load_text(saved(tmp_path, content.replace(",", mark).replace("\n", end)))
    assert data.classes == ("neg", "pos")
    assert [part[0].shape for part in (data.train, data.val, data.test)] == [(18, 8), (6, 8), (6, 8)]
    assert data.train[0].dtype == data.train[1].dtype == np.int64
    columns = ("'text'", "'label'") if header else ("'1'", "'2'")
    assert "30 texts in column {}, label {}, 2 classes (neg 15, pos 15)".format(*columns) in data.description
    assert codes(data) == []


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.txt"])
def test_json_lines_are_read(tmp_path, name):
    data = load_text(saved(tmp_path, LINES + "\n\n", name))
    assert (data.classes, len(data.train[1])) == (("neg", "pos"), 18)


def test_json_values_and_missing_fields(tmp_path):
    rows = [{"id": i, "text": text, "y": i % 2 == 0} for i, text in enumerate(TEXTS)]
    rows[4] = {"id": 4, "text": TEXTS[4]}
    rows[5]["text"] = None
    data = load_text(saved(tmp_path, "\n".join(map(json.dumps, rows)), "t.jsonl"))
    assert data.classes == ("false", "true")
    assert [c.text for c in data.warnings] == [
        "Left out without a value of 'y': 1 of 30 rows (the first is line 5).",
        "Left out without a word: 1 of 29 rows (the first is line 6).",
    ]


def test_ratings_without_a_header_and_with_quotes_inside(tmp_path):
    content = changed(RATED, 3, '2_1\t-0.375\t"bad" they said, and "worse')
    data = load_text(saved(tmp_path, content, "t.txt"), threshold=0)
    assert data.classes == ("below 0", "at least 0")
    assert sum(len(part[1]) for part in (data.train, data.val, data.test)) == 30
    assert "column '3', label '2'" in data.description


def test_a_rating_at_the_threshold_is_at_least_it(tmp_path):
    data = load_text(saved(tmp_path, RATED), threshold=0.25)
    y = np.concatenate([part[1] for part in (data.train, data.val, data.test)])
    assert (y.sum(), len(y)) == (15, 30)
    lifted = load_text(saved(tmp_path, RATED), threshold=0.2500001)
    assert sum(part[1].sum() for part in (lifted.train, lifted.val, lifted.test)) == 14


def test_few_whole_numbers_are_classes(tmp_path):
    content = "\n".join(["stars,review", *(f"{i % 5 + 1},{text}" for i, text in enumerate(TEXTS))])
    assert load_text(saved(tmp_path, content)).classes == ("1", "2", "3", "4", "5")


def test_quoted_cells_hold_what_parts_them(tmp_path):
    rows = [f'"{text}, and ""more"";\nof it",{label}' for text, label in zip(TEXTS, LABELS, strict=True)]
    data = load_text(saved(tmp_path, "\n".join(["text,label", *rows])))
    assert read_back(data, data.train[0][0])[-3:] == ["more", "of", "it"]
    tabbed = [f'"{text}, and ""more""\nof it"\t{label}' for text, label in zip(TEXTS, LABELS, strict=True)]
    data = load_text(saved(tmp_path, "\n".join(["text\tlabel", *tabbed])))
    assert read_back(data, data.train[0][0])[-3:] == ["more", "of", "it"]


def test_a_column_of_row_numbers_is_left_out(tmp_path):
    rows = PLAIN.split("\n")
    content = "\n".join([f",{rows[0]}", *(f"{i},{row}" for i, row in enumerate(rows[1:]))])
    data = load_text(saved(tmp_path, content))
    assert data.classes == ("neg", "pos")
    assert [c.text for c in data.warnings] == [
        "The first column has no name and is left out: it numbers the rows."
    ]


@pytest.mark.parametrize(
    ("encoding", "given"),
    [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("utf-32", None), ("utf-16-le", "utf-16-le"),
     ("shift_jis", "shift_jis"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16")],
)  # fmt: skip
def test_encodings(tmp_path, encoding, given):
    data = load_text(saved(tmp_path, PLAIN.replace("thing", "ねこ").encode(encoding)), encoding=given)
    assert {"ね", "こ"} <= set(data.features)
    assert (data.classes, codes(data)) == (("neg", "pos"), [])
    assert "column 'text'" in data.description  # no mark in the name of the first column


@pytest.mark.parametrize(
    ("raw", "word", "said"), [(b"caf\xe9", "café", "Windows-1252"), (b"caf\x8d", "caf", "Latin-1")]
)
def test_western_letters_are_told(tmp_path, raw, word, said):
    data = load_text(saved(tmp_path, PLAIN.encode().replace(b"thing", raw)))
    assert word in data.features
    (caution,) = data.warnings
    assert caution.code == "ENCODING"
    assert f"t.csv is not UTF-8 (line 2) and was read as {said}" in caution.text


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rows", "copies"),
    [("amazonReviewSnippets", 3708, 11), ("tweets", 4200, 63), ("nytEditorialSnippets", 5190, 71)],
)
def test_real_ratings_are_read(name, rows, copies):
    path = Path(os.environ["LRLAB_DATA"]) / "sentiment" / f"{name}_GroundTruth.txt"
    with pytest.raises(
        SpecError, match=r"column '2': expected classes, got numbers from -.* such as --threshold 0"
    ):
        load_text(str(path))
    data = load_text(str(path), threshold=0)
    count = sum(len(part[1]) for part in (data.train, data.val, data.test))
    assert rows - 1 <= count <= rows
    assert f"Copies of other texts: {copies} of {count}." in data.warnings[-1].text
    assert 20 < data.train[0].shape[1] < 60


# --- columns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label"), [("body", "mood"), ("2", "3"), (2, 3), ("body", None), (None, "mood")]
)
def test_columns_are_named_or_numbered(tmp_path, text, label):
    rows = [f"u{i},{t},{y}" for i, (t, y) in enumerate(zip(TEXTS, LABELS, strict=True))]
    data = load_text(saved(tmp_path, "\n".join(["user,body,mood", *rows])), text=text, label=label)
    assert data.description.startswith("t.csv: 30 texts in column 'body', label 'mood'")


def test_a_named_first_line_is_a_header_whatever_it_looks_like(tmp_path):
    content = PLAIN.replace("text,label", "text,pos")  # pos occurs below it
    assert "column 'text'" in load_text(saved(tmp_path, content), text="text").description
    assert "column '1'" in load_text(saved(tmp_path, content)).description


def test_a_text_is_told_by_its_name_among_texts(tmp_path):
    rows = [f"{t} title,{t},{y}" for t, y in zip(TEXTS, LABELS, strict=True)]
    assert (
        "column 'review'" in load_text(saved(tmp_path, "\n".join(["title,review,label", *rows]))).description
    )


DOUBTFUL = {
    "two texts": ("a,b,label", [f"{t},{t} b,{y}" for t, y in zip(TEXTS, LABELS, strict=True)], "which column is the text"),
    "two named texts": ("text,review,label", [f"{t},{t} b,{y}" for t, y in zip(TEXTS, LABELS, strict=True)], "--text COLUMN"),
    "no text": ("a,label", [f"word{i},{y}" for i, y in enumerate(LABELS)], r"which column is the text\? It has 'a' \(such"),
    "two labels": ("text,label,rating", [f"{t},{y},{i % 2}" for i, (t, y) in enumerate(zip(TEXTS, LABELS, strict=True))],
                   r"which column is the label\? It has 'text' \(such as 'this bad thing is number 0 of'\), 'label' \(such"),
    "two others": ("text,mood,group", [f"{t},{y},{y}" for t, y in zip(TEXTS, LABELS, strict=True)], "--label COLUMN"),
    "only keys": ("text,name", [f"{t},u{i}" for i, t in enumerate(TEXTS)], "which column is the label"),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_is_in_doubt_is_asked(tmp_path, name):
    header, rows, said = DOUBTFUL[name]
    with pytest.raises(SpecError, match=said):
        load_text(saved(tmp_path, "\n".join([header, *rows])))


# --- parts --------------------------------------------------------------------------------------------------


def test_copies_of_a_text_are_in_one_part(tmp_path):
    rows = [f"{TEXTS[i % 12].upper() if i > 12 else TEXTS[i % 12]}!,{LABELS[i % 12]}" for i in range(60)]
    rows.append(f"{TEXTS[0]}!,pos")  # the same with another label
    data = load_text(saved(tmp_path, "\n".join(["text,label", *rows])))
    seen = [{tuple(row) for row in part[0].tolist()} for part in (data.train, data.val, data.test)]
    # Only the training part tells words apart that occur nowhere else, so the numbers of the texts stand in.
    assert sum(map(len, (data.train[1], data.val[1], data.test[1]))) == 61
    assert seen[0].isdisjoint(seen[1] | seen[2])
    (caution,) = data.warnings
    assert caution.text == (
        "Copies of other texts: 49 of 61. All copies of a text are in one part. Texts whose copies have different labels: 1."
    )


def test_a_class_of_copies_is_rare(tmp_path):
    content = PLAIN + "\nthe same,odd" * 9
    data = load_text(saved(tmp_path, content))
    assert "RARE_CLASS" in codes(data)
    assert 2 not in {*data.val[1], *data.test[1]} or data.classes[2] != "odd"
    odd = data.classes.index("odd")
    assert (odd in data.train[1], odd in data.val[1], odd in data.test[1]) == (True, False, False)


def test_the_seed_moves_the_parts_and_nothing_else_does(tmp_path):
    path = saved(tmp_path, PLAIN)
    first, again, other = load_text(path), load_text(path), load_text(path, seed=1)
    np.testing.assert_array_equal(first.train[0], again.train[0])
    assert first.train[0].tolist() != other.train[0].tolist()


def test_the_vocabulary_knows_the_training_part_only(tmp_path):
    rows = [f"{text} word{i} word{i}" for i, text in enumerate(TEXTS)]
    data = load_text(
        saved(tmp_path, "\n".join(["text,label", *map(",".join, zip(rows, LABELS, strict=True))]))
    )
    own = [word for word in data.features if word.startswith("word")]
    assert len(own) == len(data.train[1])
    assert (data.val[0][:, -2:] == UNKNOWN).all()
    assert "% of the words to choose by are unknown" in data.description


# --- the hub ------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """A folder with a data set that the datasets package reads, and its cache beside it."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "moods"
    folder.mkdir()
    return folder


def write_part(folder: Path, part: str, numbers: range) -> None:
    rows = [{"text": f"{TEXTS[i % 30]} {i // 30}", "label": LABELS[i % 30], "tags": [i]} for i in numbers]
    saved(folder, "\n".join(map(json.dumps, rows)), f"{part}.jsonl")


def test_the_makers_parts_are_kept(hub):
    write_part(hub, "train", range(40))
    write_part(hub, "validation", range(40, 52))
    write_part(hub, "test", range(50, 60))  # two of them are in the part to choose by too
    data = load_text(f"hf:{hub}")
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [40, 10, 10]
    assert data.classes == ("neg", "pos")
    said = " ".join(caution.text for caution in data.warnings)
    assert "neither text, number nor class: tags" in said
    assert (
        "Left out, because they occur in a part that is chosen by or judged with too: 2 of 62 texts." in said
    )


def test_a_missing_part_is_cut_from_the_training(hub):
    write_part(hub, "train", range(40))
    write_part(hub, "test", range(40, 60))
    data = load_text(f"hf:{hub}")
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [32, 8, 20]


def test_one_part_is_divided_as_a_file(hub):
    write_part(hub, "train", range(30))
    data = load_text(f"hf:{hub}")
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [18, 6, 6]


def test_classes_have_their_names_and_secret_ones_are_missing(hub, monkeypatch):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    parts = {
        part: datasets.Dataset.from_dict(
            {"text": TEXTS, "label": [i % 2 for i in range(30)]}, features=features
        )
        for part in ("train", "unsupervised")
    }
    parts["test"] = datasets.Dataset.from_dict({"text": TEXTS[:9], "label": [-1] * 9}, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config: datasets.DatasetDict(parts))
    data = load_text("hf:somebody/moods:small")
    assert data.classes == ("no", "yes")
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [18, 6, 6]
    said = " ".join(caution.text for caution in data.warnings)
    assert "Parts of hf:somebody/moods:small that are not used: unsupervised." in said


def test_what_the_hub_refuses(hub, monkeypatch):
    import datasets

    def unreachable(name, config):
        raise ConnectionError("Couldn't reach the hub.\nAnd much more")

    write_part(hub, "test", range(30))
    with pytest.raises(SpecError, match="expected a part called train, got 'test'"):
        load_text(f"hf:{hub}")
    with pytest.raises(SpecError, match="hf:: expected the name of a data set"):
        load_text("hf:")
    with pytest.raises(SpecError, match="encoding: hf:moods is no text file"):
        load_text("hf:moods", encoding="utf-8")
    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(SpecError, match=r"cannot load it: Couldn't reach the hub. Check the name"):
        load_text("hf:moods")
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(
        NotFoundError, match=r"needs datasets, which is not installed. .*pip install datasets"
    ):
        load_text("hf:moods")


# --- refusals -----------------------------------------------------------------------------------------------

MALFORMED = {
    "empty": ("", {}, "t.csv: the file is empty"),
    "blank": (" \n\n\t\n", {}, "t.csv: the file is empty"),
    "header only": ("text,label\n", {"label": "label"}, "a header and no row. Give rows"),
    "one column": ("good thing\nbad thing", {}, "line 1: expected a text and a label parted by a tab"),
    "ragged commas": (changed(PLAIN, 7, "a,b,c"), {}, r"line 7: expected 2 cells as in most lines, got 3.*by commas"),
    "ragged tabs": (changed(RATED, 9, "1\t2"), {}, "line 9: expected 3 cells as in most lines, got 2.*by tabs"),
    "open quote": (changed(PLAIN, 5, '"a b,pos'), {}, "line 5: expected cells parted by commas, got something else"),
    "quote inside": (changed(PLAIN, 6, '"a" b,pos'), {}, "line 6: expected cells parted by commas.*in double quotes"),
    "two names": (PLAIN.replace("text,label", "text,text"), {"text": "text"}, "two columns have the name 'text'"),
    "no name": ("text,\n" + PLAIN, {"text": "text"}, "line 1: column 2 has no name. Give it one"),
    "binary": (b"text,label\na\0b,pos", {}, "line 2: expected text, got a byte 0"),
    "no text column": (PLAIN, {"text": "body"}, r"no column 'body'\. It has 'text' \(such as 'this bad .*with --text"),
    "no label column": (PLAIN, {"label": "mood"}, r"no column 'mood'.*'label' \(such as 'neg'\).*with --label"),
    "number too high": (RATED, {"text": "4"}, "no column '4'"),
    "number zero": (RATED, {"label": 0}, "no column '0'"),
    "the same column": (PLAIN, {"text": "text", "label": "text"}, "named as the text and as its label"),
    "ratings": (RATED, {}, r"'2': expected classes, got numbers from -3.625 to 3.75, 30 different.*--threshold 0"),
    "positive ratings": (RATED.replace("\t-", "\t"), {"label": "2"}, r"--threshold 1\.93"),
    "mostly ones": ("\n".join(f"{i}_1\t{1 if i < 20 else i / 8}\t{t}" for i, t in enumerate(TEXTS)), {"text": 3, "label": 2},
                    r"--threshold 1\.6"),
    "threshold of words": (PLAIN, {"threshold": 0}, "line 2, column 'label': a threshold is for numbers, got 'neg'"),
    "threshold outside": (RATED, {"threshold": 9}, r"every value is below 9.*from -3.625 to 3.75"),
    "threshold nan": (RATED, {"threshold": float("nan")}, "threshold: must be a number, got nan"),
    "threshold text": (RATED, {"threshold": "0"}, "threshold: must be a number, got '0'"),
    "infinite rating": (changed(RATED, 4, "3_1\tinf\ta b c"), {"threshold": 0}, "line 4, column '2': .*got 'inf'"),
    "one class": (PLAIN.replace("neg", "pos"), {"label": "label"}, "every sample is of the class 'pos'"),
    "many classes": (PLAIN.replace("pos", "p").replace("neg", "n"), {"label": "text", "text": "label"}, "30 different classes"),
    "few rows": ("\n".join(PLAIN.split("\n")[:8]), {}, "7 samples are too few"),
    "labels gone": (PLAIN.replace("neg", "").replace("1 of them,pos", "1 of them,"), {"label": "label"},
                    "line 2, column 'label': the value to predict is missing here and in 18 of 30"),
    "texts gone": ("\n".join(["text,label", *(f"...,{y}" for y in LABELS)]), {"text": "text"},
                   "line 2, column 'text': expected a text, got '...', which has no word, as 30 of 30 rows"),
    "no such encoding": (PLAIN, {"encoding": "utf-9"}, "encoding: there is no encoding of text 'utf-9'. Name one such as"),
    "no text encoding": (PLAIN, {"encoding": "base64"}, "there is no encoding of text 'base64'"),
    "wrong encoding": (changed(PLAIN, 3, "café,pos").encode("latin-1"), {"encoding": "utf-8"},
                       r"line 3: byte \d+ of the file \(0xe9\) does not fit.*another --encoding"),
    "not ascii": (changed(PLAIN, 3, "café,pos"), {"encoding": "ascii"}, r"line 3: byte \d+ of the file \(0xc3\)"),
    "broken mark": (b"\xef\xbb\xbf" + PLAIN.encode() + b"\n\xff,pos", {}, "line 32: it begins as UTF-8 and is none: byte"),
    "half of UTF-16": (PLAIN.encode("utf-16")[:-1], {}, "it begins as UTF-16 and is none"),
}  # fmt: skip
MALFORMED_JSON = {
    "no JSON": (changed(LINES, 4, "good thing, pos"), "t.jsonl, line 4: expected a JSON object, got 'good thing, pos': Expecting"),
    "a list": (changed(LINES, 5, '["a", "b"]'), r"line 5: expected a JSON object, got .*Write one object a line"),
    "a whole array": ("[\n" + LINES + "\n]", r"line 1: expected a JSON object, got '\['"),
    "cut off": (LINES[:-9], "line 30: expected a JSON object"),
    "nested": (changed(LINES, 6, '{"text": ["a"], "label": "pos"}'), r"line 6, field 'text': expected a text or a number, got \[\"a\"\]"),
    "half a pair": (changed(LINES, 7, '{"text": "\\ud800 a", "label": "pos"}'), "line 7, field 'text': expected a text, got half"),
    "deep": ("[" * 100_000, "line 1: expected a JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(tmp_path, name):
    content, options, said = MALFORMED[name]
    with pytest.raises(SpecError, match=said):
        load_text(saved(tmp_path, content), **options)


@pytest.mark.parametrize("name", MALFORMED_JSON)
def test_malformed_json_is_refused(tmp_path, name):
    content, said = MALFORMED_JSON[name]
    with pytest.raises(SpecError, match=said):
        load_text(saved(tmp_path, content, "t.jsonl"))


def test_a_file_must_be_there(tmp_path):
    with pytest.raises(NotFoundError, match=r"nothing.csv: expected a file, and it is not there"):
        load_text(str(tmp_path / "nothing.csv"))
    with pytest.raises(NotFoundError, match="expected a file, and it is a folder"):
        load_text(str(tmp_path))


@given(
    content=st.binary(max_size=200),
    line=st.integers(1, 30),
    name=st.sampled_from(["t.csv", "t.tsv", "t.jsonl"]),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path, content, line, name):
    base = LINES if name == "t.jsonl" else PLAIN
    for whole in (content, changed(base, line, "\1").encode().replace(b"\1", content)):
        try:
            data = load_text(saved(tmp_path, whole, name))
        except LrlabError as error:
            assert len(str(error)) > 20  # noqa: PT017 - either is right
        else:
            assert 0 <= data.train[0].min() <= data.train[0].max() < len(data.features)


# --- words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't BUY it!", ["dont", "buy", "it", "!"]),
        ("3.5 of 10?!", ["3", "5", "of", "10", "?", "!"]),
        ("naïve Straße, ﬁne", ["naïve", "straße", "fine"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("我喜欢", ["我", "喜", "欢"]),
        ("ok👍🏽", ["ok", "👍", "🏽"]),
        ("snake_case-word", ["snake", "case", "word"]),
        ("... -- ()", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@given(text=st.text(max_size=40))
def test_words_of_any_text_are_words_again(text):
    found = words(text)
    assert all(word and not word.isspace() for word in found)
    assert words(" ".join(found)) == found


def test_the_vocabulary_is_ordered_and_drops_single_words():
    assert vocabulary([["b", "a", "b"], ["a", "b", "c"]]) == ("<padding>", "<unknown>", "b", "a")
    assert vocabulary([["b"], ["a"]]) == ("<padding>", "<unknown>", "a", "b")
    assert len(vocabulary([[str(i)] * 2 for i in range(20_010)])) == 20_002


def test_numbers_are_padded_and_cut():
    numbers = as_numbers([["a", "x", "a"], ["b"]], ("<padding>", "<unknown>", "a", "b"), length=2)
    assert numbers.tolist() == [[2, 1], [3, 0]]
    assert as_numbers([["<padding>"]], ("<padding>", "<unknown>"), length=1).tolist() == [[1]]


def test_the_usual_length_is_of_nearly_all():
    assert usual_length([["w"] * n for n in range(1, 101)]) == 96
    assert usual_length([["w"] * 1000] * 9) == 128
    assert usual_length([["w"]] * 99 + [["w"] * 50]) == 1
