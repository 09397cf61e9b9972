"""Numbers as programs write them."""

import re

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)
_TENSOR = re.compile(r"tensor\(([^,()]+)(?:,.*)?\)")  # PyTorch, where the author forgot .item()
_ABSENT = frozenset({"", "none", "null", "na", "n/a", "-", "--"})


def is_absent(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().lower() in _ABSENT


def number(text: str) -> float | None:
    """The number that a cell holds, ``nan`` and ``inf`` in any spelling included; None if it holds something else.

    Example:
        >>> number(" 1e-3 "), number("-Infinity"), number("tensor(0.5, device='cuda:0')"), number("0,5")
        (0.001, -inf, 0.5, None)
    """
    text = text.strip()
    inner = _TENSOR.fullmatch(text)
    if inner is not None:
        text = inner[1].strip()
    return float(text) if _NUMBER.fullmatch(text) and text.isascii() else None
