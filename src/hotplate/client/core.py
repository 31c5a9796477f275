"""Everything that a client decides, without doing any of it: which requests, how often, and what the answers mean.

Each public call is a generator of steps (see `exchange`) that the sync and the async shell drive alike.
"""

from __future__ import annotations

import logging
import os
import platform
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from hotplate import __version__
from hotplate.client import forms, inputs
from hotplate.client.answers import RawAnswer, error_from, failure_error, read_json
from hotplate.client.body import Body
from hotplate.client.errors import CallTimeout, ClientError, InvalidCall
from hotplate.client.exchange import Answer, Failure, Pause, Request, Send, Steps
from hotplate.client.retry import Retries, may_retry, retry_after_s
from hotplate.client.stream import EventStream
from hotplate.client.tokens import Token, find_token
from hotplate.wire.trace import outgoing

LOG = logging.getLogger("hotplate.client")
POLL_S = 1.0
PROBE_S = 10.0
DEFAULT_TIMEOUT_S: Final = 900.0  # a cold start of a large model takes minutes
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")
"""RFC 9110, 9.2.2."""
USER_AGENT = f"hotplate/{__version__} python/{platform.python_version()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The settings of one client, and its calls. `now` counts seconds and never jumps; `dice` draws the jitter."""

    token: Token
    base_url: str | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    retries: Retries = field(default_factory=Retries)
    now: Callable[[], float] = time.monotonic
    dice: random.Random = field(default_factory=random.Random)

    @classmethod
    def create(cls, token: str | None, base_url: str | None, timeout_s: float, retries: int) -> Core:
        """Check the arguments of a client and find its token."""
        if not timeout_s > 0:
            raise InvalidCall(f"timeout_s is {timeout_s!r}; give seconds above 0.")
        if retries < 0:
            raise InvalidCall(f"retries is {retries!r}; give 0 for none.")
        found = find_token(token, os.environ, Path("~"))
        return cls(token=found, base_url=base_url, timeout_s=timeout_s, retries=Retries(count=retries))

    # The calls

    def infer(
        self, url: str, given: Any, files: Mapping[str, Any] | None, timeout_s: float | None, idempotent: bool
    ) -> Steps[Any]:
        request = self._post(url, _body(given, files), "application/json")
        answer = yield from self.ask(request, timeout_s, idempotent=idempotent)
        return read_json(request, answer)

    def infer_raw(
        self,
        url: str,
        data: Any,
        content_type: str | None,
        accept: str,
        timeout_s: float | None,
        idempotent: bool,
    ) -> Steps[RawAnswer]:
        body = _body(data, None) if isinstance(data, Mapping) else forms.raw(data, content_type)
        answer = yield from self.ask(self._post(url, body, accept), timeout_s, idempotent=idempotent)
        return RawAnswer(status=answer.status, headers=answer.headers, content=answer.body)

    def open_stream(
        self, url: str, given: Any, files: Mapping[str, Any] | None, timeout_s: float | None
    ) -> Steps[EventStream]:
        request = self._post(url, _body(given, files), "text/event-stream")
        answer = yield from self.ask(request, timeout_s, idempotent=False)
        return EventStream(request, answer, self.timeout_s if timeout_s is None else timeout_s)

    def request(self, method: str, url: str, given: Any, timeout_s: float | None) -> Steps[Any]:
        """Any method, with a JSON body where something is given. What changes nothing twice may be sent twice."""
        body = None if given is None else _body(given, None)
        request = self._request(method, url, body, "application/json")
        answer = yield from self.ask(request, timeout_s, idempotent=method in IDEMPOTENT)
        return read_json(request, answer)

    def request_raw(
        self, method: str, url: str, data: Any, content_type: str | None, timeout_s: float | None
    ) -> Steps[RawAnswer]:
        """Any method, with bytes as they are, or none."""
        body = None if data is None else forms.raw(data, content_type)
        answer = yield from self.ask(
            self._request(method, url, body, "*/*"), timeout_s, idempotent=method in IDEMPOTENT
        )
        return RawAnswer(status=answer.status, headers=answer.headers, content=answer.body)

    def follow(self, url: str, timeout_s: float | None) -> Steps[EventStream]:
        """GET an event stream."""
        request = self._request("GET", url, None, "text/event-stream")
        answer = yield from self.ask(request, timeout_s, idempotent=True)
        return EventStream(request, answer, self.timeout_s if timeout_s is None else timeout_s)

    def health_check(self, url: str, timeout_s: float | None) -> Steps[int]:
        """Ask until the answer is 2xx. A server that is not there yet, and any 5xx, mean: not ready yet."""
        request = self._request("GET", url, None, "*/*")
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        end = self.now() + limit_s
        told = False
        while True:
            outcome = yield Send(request=request, timeout_s=min(PROBE_S, max(0.1, end - self.now())))
            assert outcome is not None
            wait_s, why = POLL_S, ""
            if isinstance(outcome, Failure):
                if outcome.kind == "hopeless":
                    raise self._error(request, outcome)
                why = outcome.reason
            elif outcome.status < 300:
                return outcome.status
            elif outcome.status < 500 and outcome.status != 429:
                raise self._error(request, outcome)
            else:
                why = f"it answers {outcome.status}"
                wait_s = max(POLL_S, retry_after_s(outcome) or 0.0)
            if self.now() + wait_s >= end:
                raise CallTimeout(f"{request.url} was not ready in {limit_s:g} s: {why}.", url=request.url)
            if not told:
                LOG.warning("%s is not ready (%s); waiting for it, at most %g s", request.url, why, limit_s)
                told = True
            yield Pause(wait_s)

    # How a call is made

    def call(self, url: str, given: Any, files: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Request:
        """The request of a call of a route, with headers of its own."""
        request = self._post(url, _body(given, files), "application/json")
        return replace(request, headers={**request.headers, **headers})

    def bare(self, method: str, url: str) -> Request:
        """A request without a body."""
        return self._request(method, url, None, "application/json")

    def ask(self, request: Request, timeout_s: float | None, *, idempotent: bool) -> Steps[Answer]:
        """Send, and send again where that is safe, until there is a good answer, no more tries, or no more time."""
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        end = self.now() + limit_s
        tried = 0
        while True:
            outcome = yield Send(request=request, timeout_s=max(0.1, end - self.now()))
            assert outcome is not None
            tried += 1
            if isinstance(outcome, Answer) and 200 <= outcome.status < 300:
                return outcome
            error = self._error(request, outcome, limit_s)
            if tried > self.retries.count or not may_retry(outcome, idempotent=idempotent):
                raise error
            asked_s = retry_after_s(outcome) if isinstance(outcome, Answer) else None
            wait_s = self.retries.wait_s(tried, asked_s, self.dice)
            if self.now() + wait_s >= end:
                raise error
            LOG.info("%s Trying again in %.1f s (try %d of %d)", error, wait_s, tried + 1, self.retries.count + 1)
            yield Pause(wait_s)

    def _post(self, url: str, body: Body, accept: str) -> Request:
        return self._request("POST", url, body, accept)

    def _request(self, method: str, url: str, body: Body | None, accept: str) -> Request:
        headers = {"Accept": accept, "User-Agent": USER_AGENT, "X-Request-Id": uuid.uuid4().hex, **outgoing()}
        if self.token.value:
            headers["Authorization"] = f"Bearer {self.token.value}"
        if body is not None:
            headers["Content-Type"] = body.content_type
            headers["Content-Length"] = str(body.length)
        return Request(method=method, url=self._absolute(url), headers=headers, body=body)

    def _absolute(self, url: str) -> str:
        if url.startswith(("http://", "https://")):
            return url
        if "://" in url:
            raise InvalidCall(f"{url} is neither http:// nor https://.", url=url)
        if self.base_url is None:
            raise InvalidCall(
                f"{url!r} is not a whole URL. Write http://host:port/route, or pass Client(base_url=...).", url=url
            )
        return f"{self.base_url.rstrip('/')}/{url.lstrip('/')}"

    def _error(self, request: Request, outcome: Answer | Failure, limit_s: float = 0.0) -> ClientError:
        if isinstance(outcome, Answer):
            return error_from(request, outcome, self.token)
        return failure_error(request, outcome, limit_s)


def _body(given: Any, files: Mapping[str, Any] | None) -> Body:
    if files is None:
        return Body("application/json", (inputs.encode({} if given is None else given),))
    if given is not None and not isinstance(given, Mapping):
        raise InvalidCall("inputs beside files are form fields: give a dict.")
    return forms.multipart(cast("Mapping[str, Any]", given or {}), files)
