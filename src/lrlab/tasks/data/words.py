"""Texts as words, and words as numbers."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

PADDING, UNKNOWN = 0, 1
_RESERVED = ("<padding>", "<unknown>")
_MOST_WORDS = 20_000
_LONGEST = 128  # words of a text; what comes later rarely changes what it says, and costs most
_COVERED = 95  # per cent of the texts that are read whole


class _Marks(dict[int, str]):
    """What each character becomes, worked out when it first occurs."""

    def __missing__(self, code: int) -> str:
        mark = chr(code)
        kind = unicodedata.category(mark)
        if mark in "'’" or kind in ("Cf", "Cs"):
            made = ""  # don't is one word, and so is an emoji of several parts
        elif mark in "!?" or kind in ("So", "Sk") or _is_word_alone(code):
            made = f" {mark} "
        else:
            made = mark if kind[0] in "LMN" else " "
        self[code] = made
        return made


_marks = _Marks()


def words(text: str) -> list[str]:
    """The words of a text in lower case: letters and digits, ``!`` and ``?``, and pictures.

    A character of Chinese or Japanese writing is a word, as nothing parts words there.

    Example:
        >>> words("Don't buy it!! 2 of 3 broke ;-)")
        ['dont', 'buy', 'it', '!', '!', '2', 'of', '3', 'broke']
    """
    return unicodedata.normalize("NFKC", text).lower().translate(_marks).split()


def vocabulary(texts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The words of a training part by how often they occur, behind the padding and the unknown word.

    A word that occurs once is left to the unknown one, which is learned by that; at most 20,000 are kept.

    Args:
        texts: Words of each text.
    """
    counts = Counter(word for text in texts for word in text)
    fewest = 2 if any(count > 1 for count in counts.values()) else 1
    known = sorted(
        (word for word, count in counts.items() if count >= fewest), key=lambda word: (-counts[word], word)
    )
    return (*_RESERVED, *known[:_MOST_WORDS])


def usual_length(texts: Sequence[Sequence[str]]) -> int:
    """How many words 95 % of the texts do not exceed; at most 128."""
    return min(max(int(np.percentile([len(text) for text in texts], _COVERED, method="higher")), 1), _LONGEST)


def as_numbers(texts: Sequence[Sequence[str]], known: Sequence[str], *, length: int) -> NDArray[np.int64]:
    """Words as places in the vocabulary, padded at the end.

    Args:
        texts: Words of each text.
        known: The vocabulary.
        length: Words that are kept.

    Returns:
        ``(texts, length)``.
    """
    places = {word: place for place, word in enumerate(known) if place >= len(_RESERVED)}
    numbers = np.full((len(texts), length), PADDING, dtype=np.int64)
    for row, text in zip(numbers, texts, strict=True):
        kept = [places.get(word, UNKNOWN) for word in text[:length]]
        row[: len(kept)] = kept
    return numbers


def _is_word_alone(code: int) -> bool:
    return 0x3040 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0x20000 <= code <= 0x3FFFF
