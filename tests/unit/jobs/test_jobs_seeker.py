"""One read for all who wait for a job."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hotplate.jobs import seeker
from hotplate.jobs.seeker import Seeker


class Desk:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], Any]] = []

    def look(self, operation, done) -> None:
        class Store:
            def find(_, endpoints, ids):
                assert endpoints == ("m", "m/alone")
                self.asked.append((ids, done))

        operation(Store())

    def answer(self, error: Exception | None = None) -> None:
        ids, done = self.asked[-1]
        done(None if error else {job_id: f"job {job_id}" for job_id in ids if job_id != "none"}, error)


async def seek(desk: Desk, *ids: str) -> tuple[Seeker, list[asyncio.Task[Any]]]:
    sought = Seeker(desk, ("m", "m/alone"))  # pyright: ignore[reportArgumentType]
    tasks = [asyncio.ensure_future(sought.find(job_id)) for job_id in ids]
    for _ in range(3):
        await asyncio.sleep(0)
    return sought, tasks


def test_a_hundred_who_wait_cost_one_read_and_those_that_come_meanwhile_another_one():
    async def main() -> None:
        desk = Desk()
        sought, tasks = await seek(desk, *(str(number % 50) for number in range(100)))
        assert len(desk.asked) == 1
        late = [asyncio.ensure_future(sought.find(job_id)) for job_id in ("7", "none", "7")]
        await asyncio.sleep(0)
        desk.answer()
        assert await asyncio.gather(*tasks) == [f"job {number % 50}" for number in range(100)]
        assert len(desk.asked) == 2
        assert set(desk.asked[-1][0]) == {"7", "none"}
        desk.answer()
        assert await asyncio.gather(*late) == ["job 7", None, "job 7"]

    asyncio.run(main())


def test_one_who_gives_up_harms_nobody_and_an_error_is_everybodys():
    async def main() -> None:
        desk = Desk()
        sought, tasks = await seek(desk, "1", "1", "2")
        tasks[0].cancel()
        await asyncio.sleep(0)
        desk.answer(OSError("gone"))
        assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [
            asyncio.CancelledError,
            OSError,
            OSError,
        ]
        again = asyncio.ensure_future(sought.find("3"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        desk.answer()
        assert await again == "job 3"

    asyncio.run(main())


def test_no_read_is_larger_than_others_can_wait_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seeker, "MOST", 2)

    async def main() -> None:
        desk = Desk()
        _, tasks = await seek(desk, "1", "2", "3")
        assert desk.asked[0][0] == ("1", "2")
        desk.answer()
        assert desk.asked[1][0] == ("3",)
        desk.answer()
        assert await asyncio.gather(*tasks) == ["job 1", "job 2", "job 3"]

    asyncio.run(main())
