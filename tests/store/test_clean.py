"""Text and values made fit to be kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.store.clean import TEXT_BYTES, clean, clean_text
from lrlab.testing.store_values import example_question, example_study

anything = st.text(st.characters(exclude_categories=()))  # surrogates and control characters included


@given(anything)
def test_clean_text_is_valid_utf8_without_nul_and_stays_as_it_is(text: str) -> None:
    kept = clean_text(text)
    assert "\0" not in kept
    assert kept.encode().decode() == kept
    assert bool(kept) == bool(text)
    assert clean_text(kept) == kept


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
def test_valid_text_is_kept(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "�"),
        ("\ude00\ud83d", "��"),
        ("a\0b", "ab"),
        ("\0\0", "�"),
        ("", ""),
    ],
)
def test_examples(text: str, kept: str) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize("letter", ["a", "ü", "損", "😀"])
def test_the_limit_is_in_bytes_on_both_sides(letter: str) -> None:
    most = letter * (TEXT_BYTES // len(letter.encode()))
    assert clean(most) == most
    kept = clean(most + letter)
    assert kept != most + letter
    assert len(kept.encode()) <= TEXT_BYTES
    assert "left out" in kept
    assert kept.startswith(letter * 4000)
    assert kept.endswith(letter * 4000)


def test_it_looks_into_every_part_and_leaves_clean_values_alone() -> None:
    study = example_study()
    assert clean(study) is study
    bad = example_study(target={"a\0": ["b\0", ("c\0", {"d\0": 1.5})], "e": None}, environment={"k\0": "v\0"})
    assert clean(bad).target == {"a": ["b", ("c", {"d": 1.5})], "e": None}
    assert clean(bad).environment == {"k": "v"}
    assert clean(bad).question == example_question()
    assert clean(RunKey("a\0", 0.1, 2)) == RunKey("a", 0.1, 2)
    assert isinstance(clean(RunKey("a\0", 0.1, 2)), RunKey)
    run = Run(lr=0.1, records=(Record(1, {"x\0": 1.0}), Record(2, {"y": 2.0})))
    assert clean(run).records == (Record(1, {"x": 1.0}), run.records[1])
    assert clean(run).records[1] is run.records[1]


def test_the_mark_tells_how_much_is_left_out_at_least() -> None:
    text = "a" * TEXT_BYTES + "b" * 1000
    kept = clean(text)
    assert "[... 1000 bytes or more left out ...]" in kept
    assert json.loads(json.dumps(kept)) == kept
