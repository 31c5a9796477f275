"""How a request about jobs is answered: by a coroutine, later, on the loop, when the store has spoken."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from hotplate.edge.exchange import Exchange, Extent, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import fields, problem
from hotplate.edge.status import STATUS
from hotplate.errors import HotplateError, JobNotFinished, JobNotFound, Unavailable
from hotplate.jobs.records import Job

if TYPE_CHECKING:
    from hotplate.jobs.http import Web

JSON = (("content-type", "application/json"),)

Headers = tuple[tuple[str, str], ...]
Answer = tuple[int, bytes, Headers]
Log = Callable[[Exchange, int], None]
Work = Callable[[Exchange], Coroutine[Any, Any, Answer | None]]


class Unfit(Exception):
    """An input that its route cannot take; `answer` is what a call would have been told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class JobPlan:
    """A request that is answered by a coroutine. `work` makes it; what it raises becomes an answer.

    A head has its plan, and the edge remembers both for requests with the same head: so `work` takes the head from the
    exchange and holds none itself, or a thousand of them at a time would be left to the garbage collector.
    """

    __slots__ = ("_log", "_most_bytes", "_web", "_work", "deadline_ns", "error_key", "named_id", "shows")
    patience_ns: int | None = None

    def __init__(self, web: Web, log: Log, work: Work, most_bytes: int, *, shows: bool) -> None:
        self.shows = shows
        self.named_id = b""
        self.error_key = "detail"
        self._web = web
        self._log = log
        self._work = work
        self._most_bytes = most_bytes
        self.deadline_ns = int(web.jobs.settings.timeout_s * 1e9)

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Nothing is refused before its body has come: the store says whether there is room."""
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """The cap of the route, or of a page."""
        return self._most_bytes

    def handle(self, exchange: Exchange) -> None:
        """Answer later."""
        self._web.follow(self._run(exchange))

    def allocate(self, length: int) -> Extent:
        """Room for a body that will be kept."""
        return self._web.jobs.allocate(length)

    def cancel(self, exchange: Exchange) -> None:
        """The client has gone."""
        exchange.abandoned = True
        if exchange in self._web.flows:
            self._web.flows[exchange].room.set()

    def expire(self, exchange: Exchange) -> None:
        """The deadline has passed."""
        exchange.abandoned = True
        body = problem("No answer within the deadline.", code="deadline_exceeded")
        exchange.connection.answer(exchange, STATUS["deadline_exceeded"], body, fields(JSON))

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Files are sent as they are taken; events at their own pace."""
        flow = self._web.flows.get(exchange)
        if flow is not None:
            flow.consumed(size)

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Log the answer."""
        self._log(exchange, status)

    async def _run(self, exchange: Exchange) -> None:
        try:
            answer = await self._work(exchange)
        except Unfit as error:
            answer = error.answer
        except HotplateError as error:
            answer = failed(error)
        except Exception as error:  # noqa: BLE001 - the caller is told, and the log
            self._web.jobs.tally.trouble(f"a request about jobs failed: {error!r}")
            body = problem("An internal error. The log has the details.", code="internal_error")
            answer = (500, body, JSON)
        finally:
            exchange.free()
        if answer is not None and not exchange.abandoned:
            status, body, headers = answer
            exchange.connection.answer(exchange, status, body, fields(headers))


def failed(error: HotplateError) -> Answer:
    """The answer for an error of ours."""
    headers: Headers = JSON
    if isinstance(error, Unavailable):
        headers = (*JSON, ("retry-after", str(max(1, round(error.retry_after_s)))))
    elif isinstance(error, JobNotFinished):
        headers = (*JSON, ("retry-after", "1"))
    return STATUS[error.code], problem(error.message, code=error.code), headers


def found(job: Job | None) -> Job:
    """A job that must be there. Raises JobNotFound."""
    if job is None:
        raise JobNotFound
    return job
