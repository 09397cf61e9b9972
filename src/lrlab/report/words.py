"""How numbers and foreign text are written for people."""

import math
import unicodedata

from lrlab.core.lr_range import format_lr


def format_score(value: float | None) -> str:
    """A metric's value with four significant digits; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.4g}" if math.isfinite(value) else ("∞" if value > 0 else "-∞")


def percent(share: float) -> str:
    """A share as ``2 %``, with three significant digits."""
    return f"{100 * share:.3g} %"


def format_span(span: tuple[float, float]) -> str:
    """A range of rates as ``1.6e-3 to 3.9e-3``, with two significant digits as in the answer's sentence."""
    return f"{format_lr(span[0], digits=2)} to {format_lr(span[1], digits=2)}"


def counted(count: int, noun: str) -> str:
    """``1 run``, ``3 runs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def plain(text: str) -> str:
    """Foreign text without anything that a terminal or a page obeys.

    Control characters (but line feed and tab), marks that turn the writing direction and lone surrogates
    become ``\\x1b`` or ``\\u202e``.
    """
    return "".join(
        c if c in "\n\t" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in _TURNS) else _escaped(c)
        for c in text
    )


_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029")


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """``plain`` text with every run of white space as one space."""
    return " ".join(plain(text).split())


def short(text: str, most: int = 40) -> str:
    """``one_line`` text of at most ``most`` characters, for a label."""
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def length(seconds: float) -> str:
    """Seconds as ``under 0.1 s``, ``0.31 s``, ``12 s``, ``3 min``, ``2 h 5 min``."""
    if 0 < seconds < 0.1:
        return "under 0.1 s"
    whole = round(seconds)
    if whole < 10:
        return f"{seconds:.2g} s"
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
