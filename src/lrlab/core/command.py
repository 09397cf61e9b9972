"""What one process asks of the process that runs a study, and what became of it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lrlab.core.errors import SpecError

KINDS = ("pause", "resume", "stop", "extend")
ID = r"[A-Za-z0-9_.-]{1,100}"
_ID = re.compile(ID)


class Fate(StrEnum):
    """What became of a command."""

    SENT = "sent"  # it lies where the study's process looks; never written down
    ACCEPTED = "accepted"  # it is being carried out
    DONE = "done"
    REFUSED = "refused"


def new_id() -> str:
    """A name for a command that no other one has."""
    return os.urandom(8).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A wish of a person for a running study.

    Args:
        kind: ``pause``, ``resume``, ``stop`` or ``extend``.
        arguments: What ``extend`` shall widen: ``max_cost``, ``seeds``, ``lr`` (``"1e-6:1"``), ``tolerance``.
        id: Its name, 1 to 100 ASCII letters, digits and ``_ . -``; a command that is sent again under the same
            name acts once.

    Raises:
        SpecError: If a value breaks its rule.
    """

    kind: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(f"command: must be one of {', '.join(KINDS)}, got {self.kind!r}.")
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise SpecError(
                f"command: an id has 1 to 100 ASCII letters, digits and _ . -, got {self.id!r:.120}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the study's process says about a command.

    Args:
        fate: What became of it so far.
        text: One sentence for a person.
    """

    fate: Fate
    text: str

    @property
    def settled(self) -> bool:
        """Whether nothing more will come."""
        return self.fate in (Fate.DONE, Fate.REFUSED)
