"""Gives up a process that holds a study and does not answer, so that the study can go on elsewhere."""

import platform
from collections.abc import Callable

from lrlab.core.errors import ConflictError
from lrlab.store.protocol import Store

SILENT_S = 10.0
_CLOCKS_S = 2.0  # the start of a process is told no more exactly than this


def mark_lost(
    store: Store, name: str, *, host: str = platform.node(), end: Callable[[int], None] | None = None
) -> str:
    """End the process that holds a study, with all that it has started; it must have been silent for ten seconds.

    What was acknowledged stays, and the study is then one that no process runs: it can be resumed.

    Args:
        store: Where the study is.
        name: Name of the study.
        host: Name of this machine: a process on another one is left alone.
        end: Ends a process by its id; by default at once, so that one that is suspended ends too.

    Returns:
        What was done, a sentence.

    Raises:
        NotFoundError: If there is no such study.
        ConflictError: If no process holds it, it answers, runs on another machine, or is not the one that took it.
    """
    holder, heard = store.holder(name), store.heard(name)
    if holder is None or heard is None:
        raise ConflictError(f'study "{name}": no process runs it, so none is lost.', hint="Resume it.")
    if heard < SILENT_S:
        raise ConflictError(
            f'study "{name}": {holder} answered {heard:.0f} s ago, so it is not lost.',
            hint="Stop it instead.",
        )
    if holder.host != host:
        raise ConflictError(
            f'study "{name}" is held by {holder}, and only that machine can end it.',
            hint=f"End process {holder.pid} there.",
        )
    import psutil  # slow, and only whoever marks a process needs it

    try:
        began = psutil.Process(holder.pid).create_time()
    except psutil.Error:
        began = holder.since
    if began > holder.since + _CLOCKS_S:
        raise ConflictError(f'study "{name}": process {holder.pid} is another one than the one that took it.')
    (end or _end)(holder.pid)
    return (
        f"Process {holder.pid}, silent for {heard:.0f} s, was ended. Everything saved stays; Resume goes on."
    )


def _end(pid: int) -> None:
    """End a process and what it has started, at once; then wait until it is gone."""
    import psutil

    try:
        own = psutil.Process(pid)
        everyone = [*own.children(recursive=True), own]
    except psutil.Error:
        return
    for each in everyone:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            raise ConflictError(f"process {each.pid} belongs to somebody else and cannot be ended.") from None
    psutil.wait_procs(everyone, timeout=5)
