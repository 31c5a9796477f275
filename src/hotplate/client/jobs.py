"""Jobs as a client sees them: the steps of each call, for both shells (see `exchange`)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode, urljoin

from hotplate.client.answers import read_json
from hotplate.client.errors import CallTimeout, InvalidCall
from hotplate.client.exchange import Pause, Request, Steps

if TYPE_CHECKING:
    from hotplate.client.core import Core

POLL_S: Final = 30.0
"""How long the server is asked to wait for a job's end, at a time."""
ENDED: Final = frozenset(("completed", "failed", "dead", "cancelled"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A call that is kept by a server, as it was when it was asked for.

    `url` is where it is shown. `status` is queued, retrying or running, and at the end completed, failed, dead or
    cancelled. `fraction` (0 to 1) and `progress` are what the function says of how far it is. `error` is why it is
    not well. `details` is everything that the server said.
    """

    id: str
    url: str
    status: str
    attempt: int = 0
    fraction: float | None = None
    progress: str = ""
    error: str = ""
    details: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


def read_job(request: Request, url: str, given: Any) -> Job:
    """Make a Job of a server's document. Raises InvalidAnswer."""
    known = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    if not isinstance(known.get("id"), str):
        raise InvalidCall(f"{request.url} answered, but not with a job: this route, or this server, has none.")
    progress: dict[str, Any] = known.get("progress") or {}
    error: dict[str, Any] = known.get("error") or {}
    links: dict[str, str] = known.get("links") or {}
    return Job(
        id=known["id"],
        url=urljoin(url, links.get("self", url)),
        status=known.get("status", ""),
        attempt=known.get("attempt", 0),
        fraction=progress.get("fraction"),
        progress=progress.get("text") or "",
        error=error.get("message") or error.get("code") or "",
        details=known,
    )


class JobCalls:
    """The calls about jobs of one core."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def submit(
        self,
        url: str,
        given: Any,
        files: Mapping[str, Any] | None,
        *,
        key: str | None,
        priority: int | None,
        deadline_s: float | None,
        webhook: str | None = None,
        webhook_events: Sequence[str] = (),
    ) -> Steps[Job]:
        """POST a call to be kept. It has a key, so it may be sent again whatever happened to it."""
        headers = {"Prefer": "respond-async", "Idempotency-Key": key or uuid.uuid4().hex}
        if priority is not None:
            if not 0 <= priority <= 7:
                raise InvalidCall(f"priority is {priority}; give 0 (first) to 7 (last).")
            headers["Priority"] = f"u={priority}"
        if deadline_s is not None:
            headers["Hotplate-Deadline"] = f"{deadline_s:g}"
        if webhook is not None:
            headers["Hotplate-Webhook"] = webhook
        if webhook_events:
            headers["Hotplate-Webhook-Events"] = ",".join(webhook_events)
        request = self._core.call(url, given, files, headers)
        answer = yield from self._core.ask(request, None, idempotent=True)
        return read_job(request, request.url, read_json(request, answer))

    def get(self, job: Job | str, wait_s: float = 0.0) -> Steps[Job]:
        """Ask how a job is; with `wait_s`, when it has ended or after so long."""
        url = self._url(job)
        request = self._core.bare("GET", f"{url}?{urlencode({'wait': f'{wait_s:g}'})}" if wait_s else url)
        answer = yield from self._core.ask(request, None, idempotent=True)
        return read_job(request, request.url, read_json(request, answer))

    def wait(self, job: Job | str, timeout_s: float | None) -> Steps[Job]:
        """Ask until a job has ended."""
        limit_s = self._core.timeout_s if timeout_s is None else timeout_s
        end = self._core.now() + limit_s
        while True:
            left = max(0.1, end - self._core.now())
            found = yield from self.get(job, min(POLL_S, left))
            if found.ended:
                return found
            if self._core.now() >= end:
                raise CallTimeout(f"{found.url} is {found.status} after {limit_s:g} s.", url=found.url)
            yield Pause(0.05)

    def result(self, job: Job | str, timeout_s: float | None) -> Steps[Any]:
        """Wait for a job's end and give its answer, decoded. An answer that is an error is raised as of a call."""
        found = yield from self.wait(job, timeout_s)
        request = self._core.bare("GET", f"{found.url}/result")
        answer = yield from self._core.ask(request, None, idempotent=False)
        return read_json(request, answer)

    def cancel(self, job: Job | str) -> Steps[Job]:
        """End a job, waiting or running."""
        return self._change("DELETE", self._url(job), "")

    def retry(self, job: Job | str) -> Steps[Job]:
        """Let a failed or dead job run again."""
        return self._change("POST", self._url(job), "/retry")

    def log(self, job: Job | str) -> Steps[list[dict[str, str]]]:
        """What a job has printed."""
        url = f"{self._url(job)}/log"
        request = self._core.bare("GET", url)
        answer = yield from self._core.ask(request, None, idempotent=True)
        found: Any = read_json(request, answer)
        return found["lines"]

    def log_url(self, job: Job | str) -> str:
        """Where what it prints can be followed."""
        return f"{self._url(job)}/log?follow=1"

    def list(self, url: str, **wanted: Any) -> Steps[list[Job]]:
        """The jobs of an endpoint, the newest first."""
        query = urlencode({name: value for name, value in wanted.items() if value})
        place = f"{url.rstrip('/')}/jobs"
        request = self._core.bare("GET", f"{place}?{query}" if query else place)
        answer = yield from self._core.ask(request, None, idempotent=True)
        found: Any = read_json(request, answer)
        return [read_job(request, request.url, each) for each in found["jobs"]]

    def _change(self, method: str, url: str, rest: str) -> Steps[Job]:
        request = self._core.bare(method, f"{url}{rest}")
        answer = yield from self._core.ask(request, None, idempotent=False)
        return read_job(request, request.url, read_json(request, answer))

    def _url(self, job: Job | str) -> str:
        url = job.url if isinstance(job, Job) else job
        return url if "/" in url else f"/jobs/{url}"
