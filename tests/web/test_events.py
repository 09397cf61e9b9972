"""Live news: what has changed is told soon, once, in order; a listener that comes back hears what it has missed."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from page_samples import kept, with_answer
from starlette.testclient import TestClient

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


def test_who_was_away_for_longer_than_is_kept_loads_anew(lab: Lab) -> None:
    async def then(news: News) -> None:
        news._kept = deque(maxlen=2)
        first = Listener(news)
        await first.next()
        numbers = []
        for k in range(4):
            kept(lab, with_answer(f"study-{k}", "race"))
            while (event := await first.next())[2]["study"] != f"study-{k}":
                pass
            numbers.append(event[0])
        last = news._number
        for known, heard in ((last - 1, last), (last - 2, last - 1)):
            again = Listener(news, last=known)
            assert (await again.next())[:2] == (heard, "study")
            await again.close()
        lost = Listener(news, last=last - 3)
        assert (await lost.next())[1] == "reset"
        for listener in (first, lost):
            await listener.close()
        assert numbers == sorted(set(numbers))

    listening(lab, then)


@pytest.mark.parametrize(("header", "last"), [("7", 7), (None, None), ("x", None), ("-1", None), ("", None)])
def test_the_header_of_a_browser_tells_what_it_has(
    opened: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch, header: str | None, last: int | None
) -> None:
    asked: list[int | None] = []

    async def stream(self: News, *, last: int | None = None) -> AsyncIterator[bytes]:
        asked.append(last)
        yield b"event: hello\n\n"

    monkeypatch.setattr(News, "stream", stream)
    headers = {} if header is None else {"last-event-id": header}
    answer = opened().get("/api/v1/events", headers=headers)
    assert (answer.text, asked) == ("event: hello\n\n", [last])
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"


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


def test_a_look_that_fails_is_logged_once_and_is_not_the_last_one(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def then(news: News) -> None:
        listener = Listener(news)
        await listener.next()
        looks = []

        def broken(self: Shelf) -> dict[str, str]:
            looks.append(1)
            raise RuntimeError("no disk today")

        with monkeypatch.context() as patch:
            patch.setattr(Shelf, "marks", broken)
            while len(looks) < 3:
                await asyncio.sleep(0.01)
        kept(lab, with_answer("race", "race"))
        assert (await listener.next())[1:] == ("study", {"study": "race", "mark": Shelf(lab).mark("race")})
        await listener.close()

    listening(lab, then)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "no disk today"


def test_two_that_come_at_once_share_one_look(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    marks = Shelf.marks
    monkeypatch.setattr(Shelf, "marks", lambda self: (looks.append(1), time.sleep(0.05), marks(self))[-1])

    async def then(news: News) -> None:
        news._every_s = 100.0
        both = [Listener(news), Listener(news)]
        assert [kind for _, kind, _ in await asyncio.gather(*(each.next() for each in both))] == ["hello"] * 2
        assert len(looks) == 1
        for each in both:
            await each.close()
        assert news._watch is None

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
