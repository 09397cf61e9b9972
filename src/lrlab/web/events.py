"""Live news for browsers: which study has changed, at most twice a second."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from lrlab.web.shelf import Shelf

_LOG = logging.getLogger(__name__)
EVERY_S = 0.5
_PING_S = 10.0
_MOST_KEPT = 10_000
# After this many the browser that reads so slowly is told to load anew.
_MOST_WAITING = 500


class News:
    """Looks at the studies twice a second while somebody listens, and tells every listener what has changed.

    An event's id is its number; a listener that comes back tells the last one that it has. The browser fetches what an
    event is about itself, with a cursor, so an event is small and missing one loses nothing.

    Args:
        shelf: The studies.
        every_s: How often it looks, in seconds.
    """

    def __init__(self, shelf: Shelf, *, every_s: float = EVERY_S) -> None:
        self._shelf = shelf
        self._every_s = every_s
        self._kept: deque[tuple[int, str, str]] = deque(maxlen=_MOST_KEPT)
        self._number = 0
        self._marks: dict[str, str] = {}
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._ended = False

    def end(self) -> None:
        """End every stream; called in the event loop, when the server is to stop."""
        self._ended = True
        if self._watch is not None:
            self._watch.cancel()
        for queue in self._listeners:
            queue.put_nowait(None)

    async def stream(self, *, last: int | None = None) -> AsyncIterator[bytes]:
        """Events as text/event-stream, until the server ends.

        Args:
            last: Number of the last event that the listener has; None for a new one.
        """
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        yield b"retry: 1000\n\n"
        for frame in self._missed(last):
            yield frame.encode()
        async with self._starting:  # two that come at once share one look
            if self._watch is None and not self._ended:
                self._marks = await run_in_threadpool(self._shelf.marks)
                self._watch = asyncio.create_task(self._look_for_ever())
        self._listeners.add(queue)
        try:
            yield self._frame(self._number, "hello", json.dumps({"every_s": self._every_s})).encode()
            while not self._ended:
                try:
                    async with asyncio.timeout(_PING_S):
                        news = await queue.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if news is None:
                    break
                if queue.qsize() > _MOST_WAITING:
                    while not queue.empty():
                        queue.get_nowait()
                    news = self._frame(self._number, "reset", "{}")
                yield news.encode()
        finally:
            self._listeners.discard(queue)
            if not self._listeners and self._watch is not None:
                self._watch.cancel()
                self._watch = None

    def _missed(self, last: int | None) -> list[str]:
        if last is None or last == self._number:
            return []
        if last > self._number or not self._kept or self._kept[0][0] > last + 1:
            return [self._frame(self._number, "reset", "{}")]
        return [self._frame(*event) for event in self._kept if event[0] > last]

    async def _look_for_ever(self) -> None:
        failed = False
        with suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(self._every_s)
                try:
                    self._tell(await run_in_threadpool(self._shelf.marks))
                except Exception:  # a look that fails, for whatever reason, must not be the last one
                    if not failed:  # twice a second the same would hide everything else
                        _LOG.exception("lrlab ui: the studies cannot be looked at; it goes on trying.")
                    failed = True
                else:
                    failed = False

    def _tell(self, marks: Mapping[str, str]) -> None:
        for name in sorted(self._marks.keys() | marks.keys()):
            if self._marks.get(name) == marks.get(name):
                continue
            self._number += 1
            kind = "deleted" if name not in marks else "study"
            event = (self._number, kind, json.dumps({"study": name, "mark": marks.get(name)}))
            self._kept.append(event)
            for queue in self._listeners:
                queue.put_nowait(self._frame(*event))
        self._marks = dict(marks)

    @staticmethod
    def _frame(number: int, kind: str, data: str) -> str:
        return f"id: {number}\nevent: {kind}\ndata: {data}\n\n"
