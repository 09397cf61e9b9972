"""Asks the process that runs a study for something, and waits for its word."""

import time
from collections.abc import Callable

from lrlab.core.command import Command, Fate, Reply
from lrlab.core.errors import ConflictError, NoAnswerError
from lrlab.store.protocol import Store

WAIT_S = 10.0
_LOOK_S = 0.05


def order(
    store: Store,
    name: str,
    command: Command,
    *,
    wait_s: float = WAIT_S,
    told: Callable[[str], None] = lambda text: None,
) -> Reply:
    """Send a command to the process that runs a study, and wait until it is carried out.

    Args:
        store: Where the study is.
        name: Name of the study.
        command: What to do; sent again under the same id, it acts once.
        wait_s: How long to wait, in seconds; 0 leaves the command and does not wait.
        told: Hears a sentence when the command is accepted and takes a while.

    Returns:
        The last word; after ``wait_s`` also "accepted", where it was taken and takes longer, or "sent", where nobody
        was to wait.

    Raises:
        NotFoundError: If there is no such study.
        ConflictError: If no process runs it, or the process refuses.
        NoAnswerError: If the process does not answer in time, or ends before it does.
    """
    state = store.load(
        name
    ).state  # also tells of a damaged or newer file, which a command would wait for in vain
    if not store.send(name, command):
        raise ConflictError(
            f'study "{name}" is {state}, and no process runs it, so there is nothing to {command.kind}.',
            hint=f"lrlab report {name} shows what it found.",
        )
    if wait_s <= 0:
        return Reply(fate=Fate.SENT, text="It is left there for the process that runs the study.")
    until = time.monotonic() + wait_s
    accepted: Reply | None = None
    while True:
        heard = store.heard(name)  # before the reply: what ended has said its last word
        reply = store.reply(name, command.id)
        if reply is not None and reply.settled:
            break
        if reply is not None and accepted is None:
            accepted = reply
            told(reply.text)
        if heard is None:
            raise NoAnswerError(
                f'study "{name}": the process that ran it ended before it carried out {command.kind}.',
                hint=f"lrlab studies show {name} tells how it stands.",
            )
        if time.monotonic() > until:
            if accepted is not None:
                return accepted
            raise NoAnswerError(
                f'study "{name}" has not answered for {wait_s:g} s (last heard of {heard:.0f} s ago); '
                f"{command.kind} is still left there.",
                hint="A process that trains by itself (workers 0) answers between the records of its training only.",
            )
        time.sleep(_LOOK_S)
    if reply.fate is Fate.REFUSED:
        raise ConflictError(
            f'study "{name}" refuses to {command.kind}: {reply.text.removeprefix(command.kind + ": ")}'
        )
    return reply
