"""Which column of a file is the text, and which its label: as told, or where it is beyond doubt."""

from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import Cells, is_number

_TEXT_NAMES = {"text", "sentence", "review", "content", "tweet", "body", "comment", "message"}
_LABEL_NAMES = {
    "label",
    "labels",
    "sentiment",
    "class",
    "category",
    "rating",
    "stars",
    "score",
    "target",
    "y",
}
_FEWEST_WORDS = 3  # of a mean text; names and classes have fewer
_SHOWN_COLUMNS = 12


def find_columns(cells: Cells, *, text: str | int | None, label: str | int | None) -> tuple[int, int]:
    """Places of the text and of the label.

    Args:
        cells: The rows.
        text: Name or number, from 1, of the column of texts; None finds the one column of several words.
        label: The same for the label; None finds the one of a usual name, or the only other column that is no key.

    Raises:
        SpecError: If there is no such column, or more than one may be meant; with all columns and an example of each.
    """
    at_label = None if label is None else _told(cells, label, option="--label")
    at_text = _text(cells, at_label) if text is None else _told(cells, text, option="--text")
    if at_label is None:
        at_label = _label(cells, at_text)
    if at_text == at_label:
        raise SpecError(
            f"{cells.where}: column {cells.header[at_text]!r} is named as the text and as its label.",
            why=shown_columns(cells),
            hint="Name two columns with --text and --label.",
        )
    return at_text, at_label


def shown_columns(cells: Cells) -> str:
    """All columns with an example of each, in a sentence."""
    shown = []
    for place, name in enumerate(cells.header[:_SHOWN_COLUMNS]):
        example = next((row[place] for row in cells.rows if row[place]), "")
        shown.append(f"{name!r} (such as {example[:30].strip()!r})")
    return f"It has {', '.join(shown)}{', ...' if len(cells.header) > _SHOWN_COLUMNS else ''}."


def _told(cells: Cells, column: str | int, *, option: str) -> int:
    name = str(column)
    if name in cells.header:
        return cells.header.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(cells.header):
        return int(name) - 1
    raise SpecError(
        f"{cells.where}: there is no column {name!r}.",
        why=shown_columns(cells),
        hint=f"Name one of these with {option}.",
    )


def _text(cells: Cells, at_label: int | None) -> int:
    wordy = [place for place in range(len(cells.header)) if place != at_label and _is_wordy(cells, place)]
    if len(wordy) > 1:
        wordy = [place for place in wordy if cells.header[place].lower() in _TEXT_NAMES]
    if len(wordy) != 1:
        raise SpecError(
            f"{cells.where}: which column is the text?",
            why=shown_columns(cells),
            hint="Name it with --text COLUMN.",
        )
    return wordy[0]


def _label(cells: Cells, at_text: int) -> int:
    others = [place for place in range(len(cells.header)) if place != at_text]
    likely = [place for place in others if cells.header[place].lower() in _LABEL_NAMES]
    if not likely:
        likely = [place for place in others if not _is_key(cells, place) and not _is_wordy(cells, place)]
    if len(likely) != 1:
        raise SpecError(
            f"{cells.where}: which column is the label?",
            why=shown_columns(cells),
            hint="Name it with --label COLUMN.",
        )
    return likely[0]


def _is_wordy(cells: Cells, place: int) -> bool:
    """Whether the column holds several words, as texts do."""
    filled = [row[place] for row in cells.rows if row[place]]
    return sum(len(cell.split()) for cell in filled) >= _FEWEST_WORDS * max(len(filled), 1)


def _is_key(cells: Cells, place: int) -> bool:
    """Whether the column tells rows apart and says nothing: a name of every row, a number that counts them."""
    name = cells.header[place].lower()
    if name in ("id", "index", "key", "uid", "uuid") or name.endswith("_id"):
        return True
    values = [row[place] for row in cells.rows]
    fractions = all(is_number(value) and not value.lstrip("+-").isdecimal() for value in values)
    return len(set(values)) == len(values) and not fractions
