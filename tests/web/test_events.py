"""Live news: what has changed is told soon, once, in order; a listener that comes back hears what it has missed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from page_samples import kept, with_answer

from lrlab.studies.lab import Lab
from lrlab.web.events import News
from lrlab.web.shelf import Shelf


class Listener:
    """Reads a stream event by event."""

    def __init__(self, news: News, last: int | None = None) -> None:
        self._stream = news.stream(last=last)

    async def next(self) -> tuple[int, str, Any]:
        """Number, kind and data of the next event; what is no event is passed over."""
        while True:
            frame = (await asyncio.wait_for(anext(self._stream), 5)).decode()
            fields = dict(line.split(": ", 1) for line in frame.strip().splitlines() if ": " in line)
            if "event" in fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])

    async def close(self) -> None:
        await self._stream.aclose()  # type: ignore[attr-defined]


def listening(lab: Lab, then: Callable[[News], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        news = News(Shelf(lab), every_s=0.01)
        try:
            await then(news)
        finally:
            news.end()

    asyncio.run(all_of_it())


def test_a_new_a_changed_and_a_deleted_study_are_told(lab: Lab) -> None:
    async def then(news: News) -> None:
        listener = Listener(news)
        assert (await listener.next())[1] == "hello"
        kept(lab, with_answer("race", "race"))
        seen = [await listener.next()]
        while lab.store.names():
            lab.delete("race")
        while seen[-1][1] != "deleted":
            seen.append(await listener.next())
        assert {(kind, data["study"]) for _, kind, data in seen} == {("study", "race"), ("deleted", "race")}
        numbers = [number for number, _, _ in seen]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        await listener.close()

    listening(lab, then)


def test_who_comes_back_hears_what_was_missed(lab: Lab) -> None:
    async def then(news: News) -> None:
        first = Listener(news)
        await first.next()
        kept(lab, with_answer("one", "race"))
        number, _, _ = await first.next()
        kept(lab, with_answer("two", "race"))
        while (await first.next())[2]["study"] != "two":
            pass
        again = Listener(news, last=number)
        assert (await again.next())[0] == number + 1
        for unknown in (number + 10_000,):
            lost = Listener(news, last=unknown)
            assert (await lost.next())[1] == "reset"
            await lost.close()
        for listener in (first, again):
            await listener.close()

    listening(lab, then)


def test_nobody_listens_nothing_is_looked_at(lab: Lab) -> None:
    async def then(news: News) -> None:
        listener = Listener(news)
        await listener.next()
        await listener.close()
        assert news._watch is None
        again = Listener(news)
        await again.next()
        assert news._watch is not None
        await again.close()

    listening(lab, then)


def test_the_end_of_the_server_ends_every_stream(lab: Lab) -> None:
    async def then(news: News) -> None:
        listeners = [Listener(news) for _ in range(5)]
        for listener in listeners:
            await listener.next()
        news.end()
        for listener in listeners:
            with pytest.raises(StopAsyncIteration):
                await listener.next()

    listening(lab, then)
