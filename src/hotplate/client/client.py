"""The sync shell: does what the core says over httpx."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from hotplate.client import transport
from hotplate.client.answers import RawAnswer, failure_error
from hotplate.client.core import DEFAULT_TIMEOUT_S, Core
from hotplate.client.errors import InvalidCall
from hotplate.client.exchange import Answer, Failure, Send, Steps
from hotplate.client.jobs import Job, JobCalls
from hotplate.client.stream import EventStream

T = TypeVar("T")


class Client:
    """Calls endpoints. Connections are kept and reused; one client may be used from many threads.

    Args:
        token: sent as a bearer token. Where None, it is looked for in HOTPLATE_TOKEN, OCTOAI_TOKEN,
            ~/.hotplate/config.yaml and ~/.octoai/config.yaml. An empty text sends none.
        base_url: what a relative URL is added to, such as `http://127.0.0.1:8080`.
        timeout_s: seconds that a call may take, with all its tries and waits. For a stream, the longest silence.
        retries: how often a call is tried again where that is safe (see `hotplate.client.retry`).
        verify: check TLS certificates. The path of a CA file, or an SSLContext, checks with those.

    Raises:
        SettingError: the token, or the file that it is in, is malformed.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        base_url: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int = 4,
        verify: transport.Verify = True,
    ) -> None:
        self._core = Core.create(token, base_url, timeout_s, retries)
        self._http = transport.opened(httpx.Client, transport.settings(verify))
        weakref.finalize(self, self._http.close)  # for `Client().infer(...)` in a script
        self._sleep: Callable[[float], None] = time.sleep

    def infer(
        self,
        endpoint_url: str,
        inputs: Any = None,
        *,
        files: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        idempotent: bool = False,
    ) -> Any:
        """Call a route and give its answer, decoded from JSON.

        Args:
            endpoint_url: the whole URL of the route, or one relative to `base_url`.
            inputs: the route's parameters by name. Media objects, their `model_dump()`, pydantic models, arrays and
                dates may stand anywhere in them.
            files: files by parameter name; the call is then a multipart form, and `inputs` are its fields. A file
                is a path, bytes, an open file, a media object, or `(file name, any of these[, content type])`.
            timeout_s: for this call, instead of the client's.
            idempotent: the call may run twice, so it is also tried again after 502, 504 and a broken connection.

        Raises:
            InvalidCall: nothing was sent; the text names the place in the inputs.
            StatusError: the server answered with an error; InputRefused, NotAuthorized, RateLimited and
                ServerUnavailable are kinds of it.
            ConnectionFailed, ConnectionLost, CallTimeout: there was no answer.
            InvalidAnswer: the answer is not JSON.
        """
        return self._run(self._core.infer(endpoint_url, inputs, files, timeout_s, idempotent))

    def infer_raw(
        self,
        endpoint_url: str,
        data: Any,
        content_type: str | None = None,
        *,
        accept: str = "*/*",
        timeout_s: float | None = None,
        idempotent: bool = False,
    ) -> RawAnswer:
        """Send bytes, get bytes: `infer_raw(url, Path("cat.jpg"))` or `infer_raw(url, inputs, accept="image/png")`.

        Args:
            data: bytes, text, a `pathlib.Path`, an open file or a media object, sent as it is; a dict is sent as JSON.
            content_type: of the data. Guessed from a file's name where None.
            accept: the content types that the caller wants.

        Raises: as `infer`.
        """
        return self._run(self._core.infer_raw(endpoint_url, data, content_type, accept, timeout_s, idempotent))

    def infer_stream(
        self,
        endpoint_url: str,
        inputs: Any = None,
        map_fn: Callable[[Any], Any] | None = None,
        *,
        files: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Generator[Any, None, None]:
        """Call a route that streams and give what it yields, as it comes. Stopping early ends the work on the server.

        Args:
            map_fn: applied to each value.
            timeout_s: the longest silence.

        Raises: as `infer`, and StreamFailed where the route failed after its first value.
        """
        return self._stream(self._core.open_stream(endpoint_url, inputs, files, timeout_s), map_fn)

    def submit(
        self,
        endpoint_url: str,
        inputs: Any = None,
        *,
        files: Mapping[str, Any] | None = None,
        key: str | None = None,
        priority: int | None = None,
        deadline_s: float | None = None,
        webhook: str | None = None,
        webhook_events: Sequence[str] = (),
    ) -> Job:
        """Have a call run later: it is kept on the server's disk when this returns.

        Args:
            key: equal ones stand for one job. Where None, one is made, so that a lost connection makes no second job.
            priority: 0 is run first, 7 last.
            deadline_s: a job that still waits after so long fails.
            webhook: a URL that the server tells of the job's end, or of `webhook_events`.
        """
        calls = JobCalls(self._core)
        return self._run(
            calls.submit(
                endpoint_url,
                inputs,
                files,
                key=key,
                priority=priority,
                deadline_s=deadline_s,
                webhook=webhook,
                webhook_events=webhook_events,
            )
        )

    def job(self, job: Job | str, *, wait_s: float = 0.0) -> Job:
        """Ask how a job is. `job` may be its URL, or its id where the client has a `base_url`.

        `wait_s`: answer when it has ended, or after so many seconds (at most 60).
        """
        return self._run(JobCalls(self._core).get(job, wait_s))

    def job_result(self, job: Job | str, *, timeout_s: float | None = None) -> Any:
        """Wait for a job's end and give its answer, as `infer` gives it.

        Raises: as `infer`; CallTimeout when it has not ended in `timeout_s` seconds (the client's where None).
        """
        return self._run(JobCalls(self._core).result(job, timeout_s))

    def cancel_job(self, job: Job | str) -> Job:
        """End a job, waiting or running. Raises StatusError (409) when it has ended already."""
        return self._run(JobCalls(self._core).cancel(job))

    def retry_job(self, job: Job | str) -> Job:
        """Let a failed or dead job run again. Raises StatusError (409) for any other."""
        return self._run(JobCalls(self._core).retry(job))

    def job_log(self, job: Job | str) -> list[dict[str, str]]:
        """Give what a job has printed: lines with `at`, `stream` and `text`."""
        return self._run(JobCalls(self._core).log(job))

    def follow_job_log(self, job: Job | str, *, timeout_s: float | None = None) -> Generator[Any, None, None]:
        """Give the lines of a job as they come, to its end. `timeout_s`: the longest silence."""
        return self.follow(JobCalls(self._core).log_url(job), timeout_s=timeout_s)

    def list_jobs(self, server_url: str = "", *, state: str = "", route: str = "", limit: int = 50) -> list[Job]:
        """Give jobs of a server, the newest first: those in `state` (several with commas), those of one `route`."""
        return self._run(JobCalls(self._core).list(server_url, state=state, route=route, limit=limit))

    def request(self, method: str, url: str, inputs: Any = None, *, timeout_s: float | None = None) -> Any:
        """Send a request of any method and give its answer, decoded from JSON; None for one without a body.

        Args:
            inputs: the JSON body; none is sent where None.

        Raises: as `infer`.
        """
        return self._run(self._core.request(method, url, inputs, timeout_s))

    def request_raw(
        self,
        method: str,
        url: str,
        data: Any = None,
        content_type: str | None = None,
        *,
        timeout_s: float | None = None,
    ) -> RawAnswer:
        """Send a request of any method with bytes (see `infer_raw`) or none, and give the answer's bytes."""
        return self._run(self._core.request_raw(method, url, data, content_type, timeout_s))

    def follow(self, url: str, *, timeout_s: float | None = None) -> Generator[Any, None, None]:
        """GET a stream of server-sent events and give the values as they come. `timeout_s`: the longest silence."""
        return self._stream(self._core.follow(url, timeout_s), None)

    def health_check(self, endpoint_url: str, timeout_s: float | None = None) -> int:
        """Wait until a GET of the URL is answered with 2xx, and give that status.

        A refused connection and any 5xx mean "not ready yet"; so a server may be started at the same time.

        Raises:
            CallTimeout: not ready in `timeout_s` seconds (the client's where None).
            StatusError: a 3xx or 4xx.
        """
        return self._run(self._core.health_check(endpoint_url, timeout_s))

    def close(self) -> None:
        """Close the connections. A closed client makes no more calls."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _stream(self, steps: Steps[EventStream], map_fn: Callable[[Any], Any] | None) -> Generator[Any, None, None]:
        with ExitStack() as opened:
            stream = self._run(steps, opened)
            chunks = stream.answer.chunks
            while not stream.done:
                try:
                    chunk = next(chunks, None)
                except transport.BROKEN as error:
                    raise failure_error(stream.request, transport.failure(error), stream.silence_s) from error
                for value in stream.items(chunk):
                    yield map_fn(value) if map_fn else value
                if chunk is None:
                    return

    def _run(self, steps: Steps[T], opened: ExitStack | None = None) -> T:
        if self._http.is_closed:
            raise InvalidCall("This client is closed. Make a new one.")
        result: Answer | Failure | None = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(result)
                except StopIteration as end:
                    return end.value
                if isinstance(step, Send):
                    result = self._send(step, opened)
                else:
                    self._sleep(step.seconds)
                    result = None

    def _send(self, step: Send, opened: ExitStack | None) -> Answer | Failure:
        body = step.request.body
        content = None if body is None else body.content()
        end = self._core.now() + step.timeout_s
        with ExitStack() as connection:
            try:
                response = connection.enter_context(self._http.stream(**transport.arguments(step, content)))
                if opened is not None and response.is_success:
                    opened.push(connection.pop_all())
                    return transport.answer(response, chunks=response.iter_bytes())
                pieces: list[bytes] = []
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    if self._core.now() > end:
                        raise httpx.ReadTimeout("the answer trickles")
                return transport.answer(response, b"".join(pieces))
            except transport.BROKEN as error:
                return transport.failure(error)
