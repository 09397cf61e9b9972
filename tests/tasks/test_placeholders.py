"""The words of a command: what stands for what, and every way to write it wrong."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.tasks.placeholders import NAMES, check_words, fill

VALUES = {"lr": 1e-05, "budget": 20, "seed": 3, "dir": "/runs/a b"}

WRONG = [
    ([], "no command is given"),
    ("python train.py {lr}", "expected a list of words, got the text"),
    (["python", "train.py"], "{lr} stands nowhere"),
    (["python", "{budget}", "{seed}"], "{lr} stands nowhere"),
    (["python", "{{lr}}"], "{lr} stands nowhere"),
    (["python", 3, "{lr}"], "every word must be a text, got 3"),
    (["python", None], "every word must be a text, got None"),
    (["py\0thon", "{lr}"], "must not hold a NUL"),
    (["train", "{lr}", "{foo}"], "unknown placeholder {foo}"),
    (["train", "{LR}"], "unknown placeholder {LR}"),
    (["train", "{}"], "unknown placeholder {}"),
    (["train", "{0}"], "unknown placeholder {0}"),
    (["train", "{ lr }"], "unknown placeholder { lr }"),
    (["train", "{lr.real}"], "unknown placeholder {lr.real}"),
    (["train", "{lr[0]}"], "unknown placeholder {lr[0]}"),
    (["train", "{lr!r}"], "unknown placeholder {lr!r}"),
    (["train", "{lr:{seed}}"], "unknown placeholder {lr:{seed}}"),
    (["train", '{"lr": 1}'], 'unknown placeholder {"lr": 1}'),
    (["train", "${HOME}", "{lr}"], "unknown placeholder {HOME}"),
    (["train", "{lr"], "the braces of '{lr' do not match"),
    (["train", "lr}"], "the braces of 'lr}' do not match"),
    (["train", "{lr}}"], "do not match"),
    (["train", "{{lr}"], "do not match"),
    (["train", "{lr:d}"], "{lr:d} in '{lr:d}' cannot be written: Unknown format code 'd'"),
    (["train", "{lr}", "{budget:s}"], "{budget:s} in '{budget:s}' cannot be written"),
    (["train", "{lr:.}"], "cannot be written"),
    (["train", "{lr}", "{dir:.2f}"], "cannot be written"),
    (["train", "{lr}", "{seed:%}x{x}"], "unknown placeholder {x}"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "says"), WRONG)
def test_wrong_words(words: list[str], says: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_words(words)
    assert says in str(caught.value)
    assert str(caught.value).startswith("command: ")
    assert "\n" not in str(caught.value)


def test_known_placeholders_are_named() -> None:
    with pytest.raises(SpecError, match=r"Known are {lr}, {budget}, {seed} and {dir}"):
        check_words(["{what}"])


@pytest.mark.parametrize(
    ("word", "filled"),
    [
        ("{lr}", "1e-05"),
        ("--lr={lr}", "--lr=1e-05"),
        ("{lr:.8f}", "0.00001000"),
        ("{lr:g}/{budget:04d}", "1e-05/0020"),
        ("{dir}/log.csv", "/runs/a b/log.csv"),
        ('{{"lr": {lr}, "seed": {seed}}}', '{"lr": 1e-05, "seed": 3}'),
        ("no placeholder", "no placeholder"),
        ("", ""),
        ("ü{seed}ü", "ü3ü"),
        ("a b; rm -rf $HOME `x` {seed}", "a b; rm -rf $HOME `x` 3"),
    ],
)
def test_filling(word: str, filled: str) -> None:
    assert fill(word, VALUES) == filled


def test_which_placeholders_are_used() -> None:
    assert check_words(["{lr}", "{dir}/{seed}", "{{budget}}"]) == {"lr", "dir", "seed"}


@given(lr=st.floats(min_value=1e-30, max_value=1e30))
def test_a_rate_keeps_every_bit(lr: float) -> None:
    assert float(fill("{lr}", {**VALUES, "lr": lr})) == lr


@given(st.lists(st.text(alphabet="{}lrseedbudget:!.[]0 fx\0", max_size=12), max_size=4))
def test_any_words(words: list[str]) -> None:
    with contextlib.suppress(SpecError):
        used = check_words(words)
        assert "lr" in used
        assert used <= set(NAMES)
        assert all(isinstance(fill(word, VALUES), str) for word in words)


@given(st.text(max_size=30))
def test_braces_written_twice_are_braces(text: str) -> None:
    assert fill(text.replace("{", "{{").replace("}", "}}"), VALUES) == text
