"""What a study may be called, and what to say when there is none of a name."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from lrlab.core.errors import ConflictError, NotFoundError, SpecError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def is_name(text: str) -> bool:
    """Whether a study may be called ``text``."""
    return _NAME.fullmatch(text) is not None


def checked_name(name: object) -> str:
    """``name``, if a study may be called so.

    Raises:
        SpecError: If not; the name becomes part of a file's name, so the rule is narrow.
    """
    if not isinstance(name, str) or not is_name(name):
        raise SpecError(
            f"study: a name has 1 to 100 letters, digits, '_', '.' or '-', got {name!r}.",
            hint="It starts with a letter, a digit or '_'; for example: resnet-cifar10.",
        )
    return name


def unknown_study(name: str, known: Iterable[str]) -> NotFoundError:
    """The error for a name that no study has; its hint lists near ones."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5) or names[:3]
    hint = f"Did you mean {' or '.join(repr(other) for other in near)}?" if near else "The store is empty."
    return NotFoundError(f'study "{name}": there is none of that name.', hint=hint)


def taken_name(name: str) -> ConflictError:
    """The error for a name that another study has."""
    return ConflictError(
        f'study "{name}": the name is taken.', hint="Choose another name, or continue or delete that study."
    )
