"""Pieces of HTML that the report and the notebook share: legend, tables, swatches."""

from collections.abc import Sequence

from lrlab.core.lr_range import format_lr
from lrlab.report.charts import UCurve
from lrlab.report.markup import Safe, joined, tag
from lrlab.report.palette import DARK, GLYPHS, LIGHT, tone_color
from lrlab.report.tables import Ladder, RunRow
from lrlab.report.words import counted, format_score, short

# Width and height of a mark in the legend.
_W, _H = 26, 14
_MARKS = {
    "best": '<circle cx="13" cy="7" r="5" fill="none" stroke="var(--accent)" stroke-width="2.5"/>',
    "interval": '<path d="M3 7H23M3 2V12M23 2V12" stroke="var(--accent)" stroke-width="2.5"/>',
    "safe": '<rect x="2" y="1" width="22" height="12" fill="var(--safe)" fill-opacity=".15" stroke="var(--safe)"/>',
    "current": '<path d="M13 0V14" stroke="var(--accent)" stroke-width="1.6" stroke-dasharray="4 3"/>',
    "finished": '<circle cx="13" cy="7" r="5" fill="var(--mark)"/>',
    "partial": '<circle cx="13" cy="7" r="4" fill="none" stroke="var(--mark)" stroke-width="2"/>',
    "diverged": '<path d="M9 3L17 11M17 3L9 11" stroke="var(--diverged)" stroke-width="2.2"/>',
    "clipped": '<path d="M13 2L18 11H8Z" fill="var(--diverged)"/>',
    "none": '<path d="M13 2V12" stroke="var(--muted)" stroke-width="1.6"/>',
    "band": '<rect x="2" y="3" width="22" height="8" fill="var(--muted)" fill-opacity=".22"/>',
    "level": '<path d="M2 7H24" stroke="var(--muted)" stroke-width="1.4" stroke-dasharray="2 2"/>',
    "mean": '<path d="M2 7H24" stroke="var(--muted)" stroke-width="1.6"/>',
}  # fmt: skip


def legend(chart: UCurve) -> Safe:
    """The legend of the U-curve as a list; text, so it can be read aloud, searched and printed."""
    items = []
    for mark, text in chart.legend.items():
        drawing = _MARKS[mark.partition("-")[0]]
        dashes = ' stroke-dasharray="6 3"' if mark.startswith("mean-") and mark != "mean-0" else ""
        icon = f'<svg width="{_W}" height="{_H}" aria-hidden="true"{dashes}>{drawing}</svg>'
        items.append(tag("li", Safe(icon), text))
    return tag("ul", *items, class_="legend")


def swatch(tone: float) -> Safe:
    """A dot in the colour of a rate, in both themes."""
    style = f"--l:{tone_color(tone, LIGHT)};--d:{tone_color(tone, DARK)}"
    return tag("span", class_="swatch", style=style, aria_hidden="true")


def table(head: Sequence[str], rows: Sequence[Safe], *, caption: str, **attributes: object) -> Safe:
    """A table in a frame of its own that scrolls where the page is narrow."""
    cells = [tag("th", text, scope="col") for text in head]
    inner = tag(
        "table",
        tag("caption", caption, class_="hidden-text"),
        tag("thead", tag("tr", *cells)),
        tag("tbody", *rows),
        **attributes,
    )
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def status(word: str) -> Safe:
    """The sign and the word of a state."""
    return tag("span", f"{GLYPHS.get(word, '')} {word}", class_=f"s-{word}")


def means_table(chart: UCurve) -> Safe:
    """The U-curve as a table: a row for every arm and rate."""
    means = {(mean.arm, mean.lr): mean for mean in chart.means}
    arms = len(chart.arms) > 1
    rows = []
    for arm, lr in dict.fromkeys((p.arm, p.lr) for p in chart.points):
        same = [p for p in chart.points if (p.arm, p.lr) == (arm, lr)]
        mean = means.get((arm, lr))
        words = ", ".join(f"{p.status} at {p.at:.4g}" for p in same)
        hollow = [p.score for p in same if p.kind == "partial" and p.score is not None]
        cells = [tag("td", short(arm))] if arms else []
        cells += [
            tag("td", format_score(mean.value if mean else None)),
            tag(
                "td",
                f"{format_score(mean.low)} to {format_score(mean.high)}" if mean and mean.seeds > 1 else "–",
            ),
            tag("td", ", ".join(format_score(score) for score in hollow) or "–"),
            tag("td", words, class_="wide"),
        ]
        rows.append(tag("tr", tag("th", swatch(same[0].tone), format_lr(lr), scope="row"), *cells))
    head = ["Rate", *(["Arm"] if arms else []), f"{short(chart.metric)}, finished", "Lowest to highest of seeds",
            f"{short(chart.metric)}, trained in part", f"Runs, with the {chart.unit} reached"]  # fmt: skip
    return table(head, rows, caption="The U-curve as a table")


def runs(rows: Sequence[RunRow], chart: UCurve) -> Safe:
    """The table of all runs."""
    arms = len(chart.arms) > 1
    tones = {p.lr: p.tone for p in chart.points}
    body = []
    for row in rows:
        cells = [
            tag("th", swatch(tones.get(row.lr, 0.5)), format_lr(row.lr), scope="row"),
            tag("td", str(row.seed)),
            *([tag("td", short(row.arm))] if arms else []),
            tag("td", status(row.status)),
            tag("td", str(row.units)),
            tag("td", format_score(row.score)),
            tag("td", f"{row.seconds:.3g}"),
            tag("td", row.why, _detail(row.detail), class_="wide"),
        ]
        body.append(tag("tr", *cells, class_="winner" if row.winner else None, data_lr=repr(row.lr)))
    head = ["Rate", "Seed", *(["Arm"] if arms else []), "State", f"{chart.unit}s".capitalize(), short(chart.metric),
            "Seconds", "Why"]  # fmt: skip
    return table(head, body, caption="Every run", id="runs")


def _detail(text: str) -> Safe:
    lines = text.strip().splitlines()
    if not lines:
        return Safe("")
    if len(lines) == 1 and len(lines[0]) <= 120:
        return tag("div", lines[0], class_="muted")
    return tag("details", tag("summary", lines[-1][:120]), tag("pre", text.strip()))


def ladder_table(value: Ladder, chart: UCurve, *, most: int) -> Safe:
    """The ladder; the first ``most`` rows."""
    arms = len(chart.arms) > 1
    seeds = len({row.seed for row in value.rows}) > 1
    tones = {p.lr: p.tone for p in chart.points}
    body = []
    for row in value.rows[:most]:
        cells = [tag("td", short(row.arm))] if arms else []
        cells += [tag("td", str(row.seed))] if seeds else []
        for cell in row.cells:
            if not cell.word:
                cells.append(tag("td", tag("span", "not reached", class_="hidden-text"), class_="cell"))
                continue
            fill = tag("span", class_="fill", style=f"width:{100 * cell.share:.4g}%", aria_hidden="true")
            # On its way up a run needs no more than a sign; where it stands it gets the word.
            hidden = "word hidden-text" if cell.word == "advanced" else "word"
            words = (cell.glyph + " ", tag("span", cell.word, class_=hidden))
            cells.append(tag("td", fill, *words, class_=f"cell s-{cell.word}", title=cell.text))
        name = joined((swatch(tones.get(row.lr, 0.5)), format_lr(row.lr)))
        body.append(tag("tr", tag("th", name, scope="row"), *cells))
    head = ["Rate", *(["Arm"] if arms else []), *(["Seed"] if seeds else []),
            *(f"{value.unit} {level}" if not place else str(level) for place, level in enumerate(value.levels))]  # fmt: skip
    caption = "How far each run went"
    rest = len(value.rows) - most
    notes = [*value.caption, *([f"{counted(rest, 'more run')} in the table below."] if rest > 0 else [])]
    return joined((table(head, body, caption=caption), *(tag("p", note, class_="muted") for note in notes)))
