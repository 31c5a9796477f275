"""The jobs of all endpoints in one list, for `run/server.sock`: control asks it for whoever may see them."""

from __future__ import annotations

from typing import Any

import msgspec

from hotplate.edge.exchange import Exchange, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json, fields, problem
from hotplate.server.access import AccessLog
from hotplate.server.job_keeping import JobKeeping
from hotplate.server.plans import SMALL_BODY_BYTES, Uncounted

JSON = fields((("content-type", "application/json"),))
MOST = 500
MAX_BODY_BYTES = 4 * SMALL_BODY_BYTES
"""Room for the names of every endpoint that a token may be for."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ones. No `endpoints`: those of all that are served. `before` as `next_before` of the page before it."""

    endpoints: tuple[str, ...] | None = None
    states: tuple[str, ...] = ()
    origin: str = ""
    before: int = 0
    limit: int = 50


class AllJobsPlan(Uncounted):
    """Answers `POST /jobs`."""

    __slots__ = ("_keeping",)
    shows = True

    def __init__(self, access: AccessLog, keeping: JobKeeping) -> None:
        super().__init__(access)
        self._keeping = keeping

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Nothing to refuse."""
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """A list of names."""
        return MAX_BODY_BYTES

    def cancel(self, exchange: Exchange) -> None:
        """Nobody waits any more."""
        exchange.abandoned = True

    def expire(self, exchange: Exchange) -> None:
        """It took too long."""
        exchange.abandoned = True
        exchange.connection.answer(exchange, 504, problem("The jobs could not be read in time."), JSON)

    def handle(self, exchange: Exchange) -> None:
        """Answer when the store has spoken."""
        body = bytes(exchange.extent.view) if exchange.extent is not None else exchange.body
        exchange.free()
        try:
            asked = msgspec.json.decode(body, type=Asked)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            exchange.connection.answer(exchange, 422, problem(f"That is no filter: {error}."), JSON)
            return
        self._keeping.follow(self._answer(exchange, asked))

    async def _answer(self, exchange: Exchange, asked: Asked) -> None:
        try:
            status, body = 200, encode_json(await self._find(asked))
        except Exception as error:  # noqa: BLE001 - the caller is told; the next look may go well
            status, body = 503, problem(f"The jobs cannot be read: {error}")
        if not exchange.abandoned:
            exchange.connection.answer(exchange, status, body, JSON)

    async def _find(self, asked: Asked) -> dict[str, Any]:
        names = [name for name in self._keeping.doors if asked.endpoints is None or name in asked.endpoints]
        if not names or not self._keeping.there:
            return {"jobs": [], "next_before": None}
        from hotplate.jobs.documents import document
        from hotplate.jobs.lookups import ALONE
        from hotplate.jobs.records import Filter

        keeper = self._keeping.keeper
        await keeper.open()
        every = [*names, *(name + ALONE for name in names)]
        limit = max(1, min(asked.limit, MOST))
        wanted = Filter(
            endpoint=every[0],
            others=tuple(every[1:]),
            states=asked.states,
            origin=asked.origin,
            before=asked.before,
            limit=limit,
        )
        jobs = await keeper.desk.read(lambda store: store.list(wanted))
        shown: list[dict[str, Any]] = []
        for job in jobs:
            name = job.endpoint.removesuffix(ALONE)
            shown.append({"endpoint": name, **document(job, f"/{name}")})
        return {"jobs": shown, "next_before": jobs[-1].seq if len(jobs) == limit else None}
