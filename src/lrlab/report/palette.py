"""Colours and signs that every drawing shares, so that a rate looks the same in all of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours of one theme; every text and line colour was chosen for its contrast on ``background``.

    Args:
        name: ``"light"`` or ``"dark"``.
        background: What everything is drawn on.
        text: Ordinary text, axis labels.
        muted: Secondary text and lines.
        grid: Grid lines.
        accent: The answer's own marks.
        safe: The safe range's edge; its filling is the same colour at 15 %.
        diverged: Runs that diverged.
        ramp: Part of the plasma ramp that keeps at least 3:1 against the background.
    """

    name: str
    background: str
    text: str
    muted: str
    grid: str
    accent: str
    safe: str
    diverged: str
    ramp: tuple[float, float]


LIGHT = Theme(
    name="light",
    background="#ffffff",
    text="#1b1f24",
    muted="#57606a",
    grid="#e3e6ea",
    accent="#3b5bdb",
    safe="#1a7f37",
    diverged="#b4231f",
    ramp=(0.0, 0.64),
)
DARK = Theme(
    name="dark",
    background="#14171a",
    text="#e6e6e6",
    muted="#9aa4ae",
    grid="#2c3238",
    accent="#91a7ff",
    safe="#69db7c",
    diverged="#ff8b82",
    ramp=(0.40, 1.0),
)

# The plasma colour map (Smith and van der Walt, 2015, CC0) at 0, 0.1, ..., 1; straight lines between.
_PLASMA = (
    (13, 8, 135), (65, 4, 157), (106, 0, 168), (143, 13, 164), (177, 42, 144), (204, 71, 120),
    (225, 100, 98), (242, 132, 75), (252, 166, 54), (252, 206, 37), (240, 249, 33),
)  # fmt: skip

# Sign of every state and outcome; a word always stands beside it.
GLYPHS = {
    "queued": "○",
    "running": "▶",
    "frozen": "◇",
    "paused": "‖",
    "advanced": "⇡",
    "finished": "✓",
    "dropped": "■",
    "stopped": "□",
    "diverged": "✕",
    "failed": "!",
    "lost": "?",
}

# Dash patterns that tell arms apart, as lengths of ink and gap in units of the line's width; at most six.
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2), (9, 3), (3, 2, 3, 4))


def tone_color(tone: float, theme: Theme) -> str:
    """The colour ``#rrggbb`` of a rate whose place between the lowest and the highest is ``tone``, 0 to 1."""
    low, high = theme.ramp
    place = (low + min(max(tone, 0.0), 1.0) * (high - low)) * (len(_PLASMA) - 1)
    left = min(int(place), len(_PLASMA) - 2)
    share = place - left
    return "#" + "".join(
        f"{round(a + share * (b - a)):02x}" for a, b in zip(_PLASMA[left], _PLASMA[left + 1], strict=True)
    )


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2, 1.4.3)."""
    bright, dim = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
