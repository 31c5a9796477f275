"""Messages about a project that come on a path for calls to it: answered here from the contract, so that they wait for
no slot and wake no replica.

This is the one place where the server reads a body: a small one, at a path whose face asks for it, for what the worker
would answer with the same code. Whatever else it holds, a fault too, goes to the worker as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hotplate.contract import Contract, Mount
from hotplate.edge.exchange import Exchange, Refusal
from hotplate.edge.head import RequestHead
from hotplate.server.plans import CallPlan, meta_of

if TYPE_CHECKING:
    from hotplate.server.access import AccessLog
    from hotplate.server.endpoint import Endpoint

MOST_BYTES = 16 * 1024
"""Larger bodies are calls."""

Answers = Callable[[bytes, str, Mapping[str, str]], tuple[int, bytes] | None]
"""From body, content type and headers to status and body; None: this is for the worker."""


def answers_of(contract: Contract, protocol: str) -> Answers:
    """What answers the messages of a protocol."""
    assert protocol == "mcp", protocol
    from hotplate.faces.mcp_messages import Messages

    return Messages(contract).answer


class SpokenPlan(CallPlan):
    """Answer, or hand the call over to the plan that runs it."""

    __slots__ = ("_answers", "_headers", "_kind", "_plan")

    def __init__(
        self,
        endpoint: Endpoint,
        access: AccessLog,
        index: int,
        head: RequestHead,
        max_bytes: int,
        mount: Mount,
        answers: Answers,
        plan: CallPlan,
    ) -> None:
        super().__init__(endpoint, access, index, head, max_bytes, mount, mount.wants)
        meta = meta_of(head, "", mount, mount.wants)
        self._kind = meta.content_type
        self._headers = meta.headers
        self._answers = answers
        self._plan = plan
        self.handle = self._look

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """A small body is looked at first, also where there is no place for a call."""
        return None if 0 <= length <= MOST_BYTES else super().admit(head, length)

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Count the answer, by the plan that gave it."""
        if exchange.plan is self:
            super().observe(exchange, status, now_ns)
        else:
            exchange.plan.observe(exchange, status, now_ns)

    def _look(self, exchange: Exchange) -> None:
        body = exchange.body
        found = None
        if exchange.extent is None and len(body) <= MOST_BYTES:
            found = self._answers(body, self._kind, self._headers)
        if found is None:
            plan = self._plan
            plan.caller = self.caller
            exchange.plan = plan
            plan.handle(exchange)
            return
        request_id = self.endpoint.request_id(exchange).encode()
        kind = b"content-type: application/json\r\n" if found[1] else b""
        exchange.free()
        exchange.connection.answer(exchange, *found, b"%bx-request-id: %b\r\n" % (kind, request_id))
