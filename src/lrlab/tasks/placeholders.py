"""``{lr} {budget} {seed} {dir}`` in the words of a command."""

import string
from collections.abc import Iterator, Mapping, Sequence

from lrlab.core.errors import SpecError

NAMES = ("lr", "budget", "seed", "dir")
_KNOWN = "Known are {lr}, {budget}, {seed} and {dir}; a brace that is meant as such is written twice: {{ }}."
_SAMPLES: Mapping[str, object] = {"lr": 1e-3, "budget": 10, "seed": 0, "dir": "run"}


def check_words(words: Sequence[str]) -> frozenset[str]:
    """The placeholders that the words of a command use.

    Raises:
        SpecError: If there are no words, a placeholder is unknown or malformed, or ``{lr}`` is missing.
    """
    if isinstance(words, str):
        raise SpecError(
            f"command: expected a list of words, got the text {words!r:.60}.",
            hint='Such as ["python", "train.py", "--lr", "{lr}"]; a shell is used only as ["bash", "-c", ...].',
        )
    if not words:
        raise SpecError(
            "command: no command is given.", hint="Write it after --, such as -- python train.py --lr {lr}."
        )
    for word in words:
        if not isinstance(word, str):
            raise SpecError(
                f"command: every word must be a text, got {word!r:.60}.", hint="Write numbers as texts."
            )
        if "\0" in word:
            raise SpecError("command: a word must not hold a NUL character.")
    used = frozenset[str]().union(*(names_in(word) for word in words))
    for word in words:
        fill(word, _SAMPLES)
    if "lr" not in used:
        raise SpecError(
            "command: {lr} stands nowhere in the command, so every run would train at the same rate.",
            hint="Put it where the rate belongs, such as --lr {lr}.",
        )
    return used


def fill(word: str, values: Mapping[str, object]) -> str:
    """``word`` with the values in place of the placeholders.

    Example:
        >>> fill("opt={{lr: {lr:.6f}}}", {"lr": 1e-3})
        'opt={lr: 0.001000}'
    """
    filled = ""
    for text, name, form in _parts(word):
        filled += text
        if name is None:
            continue
        value = values[name]
        try:
            filled += format(value, form) if form else _plain(value)
        except (ValueError, TypeError) as error:
            raise SpecError(
                f"command: {{{name}:{form}}} in {word!r} cannot be written: {error}.",
                hint="After the colon stands a format of Python, such as {lr:.8f}.",
            ) from None
    return filled


def _plain(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def names_in(word: str) -> frozenset[str]:
    """The placeholders that a word uses.

    Raises:
        SpecError: If one is unknown or malformed.
    """
    return frozenset(name for _, name, _ in _parts(word) if name is not None)


def _parts(word: str) -> Iterator[tuple[str, str | None, str]]:
    """Text, placeholder and format, in turn."""
    try:
        parts = list(string.Formatter().parse(word))
    except ValueError as error:
        raise SpecError(f"command: the braces of {word!r:.60} do not match ({error}).", hint=_KNOWN) from None
    for text, name, form, conversion in parts:
        if name is not None and (name not in NAMES or conversion or "{" in (form or "")):
            whole = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise SpecError(f"command: unknown placeholder {{{whole}}} in {word!r:.60}.", hint=_KNOWN)
        yield text, name, form or ""
