"""`octoai.client`: the client of octoai-sdk 0.10.1, as its callers know it: same calls, retries, texts and errors.

`OctoAI` is the name that the later `octoai` package gave it. New code is better off with `hotplate.Client`, which
never sends a call twice that may have run. Kept otherwise on purpose: no warnings where there is no token, since
an endpoint on this machine needs none; inputs may hold media objects, and `infer_async` takes them too.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import httpx

from hotplate.client import inputs as json_inputs
from hotplate.client import transport
from hotplate.client.core import USER_AGENT
from hotplate.client.errors import InvalidCall
from hotplate.client.tokens import find_token, read_token

from .errors import OctoAIClientError, OctoAIServerError, OctoAIValidationError

if TYPE_CHECKING:
    from ._future import InferenceFuture

__all__ = ["Client", "InferenceFuture", "OctoAI"]

LOG = logging.getLogger(__name__)
DEFAULT_TIMEOUT_SECONDS = 900.0
TRIES = 5
COLD_START = (
    "Your endpoint may take several minutes to start and be ready to serve inferences. "
    "You can increase your endpoint's min replicas to mitigate cold starts."
)


def __getattr__(name: str) -> Any:
    if name == "InferenceFuture":
        from ._future import InferenceFuture

        return InferenceFuture
    raise AttributeError(f"module 'octoai.client' has no attribute {name!r}")


class Client:
    """Calls endpoints.

    Args:
        token: where empty, it is looked for in OCTOAI_TOKEN, `<config_path or ~>/.octoai/config.yaml`, and where
            Hotplate's own client looks.
        timeout: seconds of silence before a request gives up.
        verify_ssl: check TLS certificates.
        secure_link: kept for callers; it chose among hosted services.
    """

    def __init__(
        self,
        token: str | None = None,
        config_path: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        verify_ssl: bool = True,
        secure_link: bool = False,
    ) -> None:
        self.secure_link = secure_link
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        if found := _token(token, config_path):
            headers["Authorization"] = f"Bearer {found}"
        settings: dict[str, Any] = transport.settings(verify_ssl) | {"timeout": timeout, "headers": headers}
        self._httpx_client = transport.opened(httpx.Client, settings)
        # Its callers never close it: there is no close().
        weakref.finalize(self, self._httpx_client.close)

    def infer(self, endpoint_url: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """POST the inputs as JSON and give the decoded answer.

        Raises OctoAIServerError for 5xx and OctoAIClientError for anything else but 200; 5xx and 429 are tried five
        times first. Connection errors are httpx's own.
        """
        body = _encode(inputs)
        response = _retry(lambda: self._httpx_client.post(endpoint_url, content=body))
        if response.status_code != 200:
            _raise_for(response)
        return response.json()

    def infer_async(self, endpoint_url: str, inputs: Mapping[str, Any]) -> InferenceFuture:
        """Start an inference on the server and give a future to ask for. Needs a server that runs jobs.

        Raises as `infer`, and OctoAIClientError where the server answered at once, because it does not know jobs.
        """
        body = _encode(inputs)
        headers = {"X-OctoAI-Async": "1"}
        response = _retry(lambda: self._httpx_client.post(endpoint_url, content=body, headers=headers))
        if response.status_code >= 400:
            _raise_for(response)
        started = response.json()
        if not isinstance(started, dict) or not {"response_id", "poll_url"} <= started.keys():
            raise OctoAIClientError(
                f"{endpoint_url} ran the call at once and answered {response.status_code}: this server has no jobs, "
                "which infer_async() needs. Call infer() instead."
            )
        from ._future import InferenceFuture

        return InferenceFuture(**cast("dict[str, Any]", started))

    def is_future_ready(self, future: InferenceFuture) -> bool:
        """Say whether the result is there. Raises as `infer`."""
        return self._get(future.poll_url).get("status") == "completed"

    def get_future_result(self, future: InferenceFuture) -> dict[str, Any] | None:
        """Give the result, or None while it is not there. Raises as `infer`."""
        state = self._get(future.poll_url)
        return self._get(state["response_url"]) if state.get("status") == "completed" else None

    def infer_stream(
        self, endpoint_url: str, inputs: Mapping[str, Any], map_fn: Callable[[Any], Any] | None = None
    ) -> Iterator[Any]:
        """POST the inputs and give the JSON of each `data:` line as it comes, until `data: [DONE]` or the end.

        Raises as `infer` (but nothing is tried again), and OctoAIValidationError for a line of another kind.
        """
        headers = {"Accept": "text/event-stream"}
        with self._httpx_client.stream("POST", endpoint_url, content=_encode(inputs), headers=headers) as response:
            if response.status_code >= 400:
                response.read()
                _raise_for(response)
            for line in response.iter_lines():
                if not line or line.startswith(":"):  # a comment keeps the connection open
                    continue
                if line == "data: [DONE]":
                    return
                if not line.startswith("data:"):
                    raise OctoAIValidationError(f"Stream response is malformed: {line}")
                value = json.loads(line.removeprefix("data:"))
                yield map_fn(value) if map_fn else value

    def health_check(self, endpoint_url: str, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> int:
        """GET the URL every second while it answers 5xx, at most for `timeout` seconds, and give the status.

        Raises OctoAIClientError for a 4xx, OctoAIServerError for a 5xx when the time is over.
        """
        left = timeout
        told = False
        while True:
            started = time.monotonic()
            response = self._httpx_client.get(endpoint_url)
            if response.status_code < 500 or left <= 0:
                break
            if not told:
                LOG.warning(COLD_START)
                told = True
            left -= time.monotonic() - started + 1.0
            time.sleep(1.0)
        if response.status_code >= 400:
            _raise_for(response)
        return response.status_code

    def _get(self, url: str) -> dict[str, Any]:
        response = self._httpx_client.get(url)
        if response.status_code >= 400:
            _raise_for(response)
        return response.json()

    def __getattr__(self, name: str) -> Any:
        if name in ("asset", "chat", "tune"):
            raise AttributeError(
                f"client.{name} reached a product that OctoAI hosted until October 2024. Endpoints of your own are "
                "called with client.infer(url, inputs)."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class OctoAI(Client):
    """`Client` by its later name, which also takes `api_key`."""

    def __init__(
        self,
        token: str | None = None,
        config_path: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        verify_ssl: bool = True,
        secure_link: bool = False,
        *,
        api_key: str | Callable[[], str] | None = None,
    ) -> None:
        key = api_key() if callable(api_key) else api_key
        super().__init__(token or key, config_path, timeout, verify_ssl, secure_link)


def _token(given: str | None, config_path: str | None) -> str | None:
    folder = Path(config_path) if config_path else Path("~")
    own = given or os.environ.get("OCTOAI_TOKEN") or read_token(folder / ".octoai/config.yaml")
    return find_token(own or None, os.environ, Path("~")).value


def _encode(inputs: Mapping[str, Any]) -> bytes:
    try:
        return json_inputs.encode(inputs)
    except InvalidCall as error:
        raise OctoAIValidationError(error.message) from error


def _retry(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send up to five times while the answer is 5xx or 429, with 1, 2, 4, 8 s and up to 1 s more between."""
    response = send()
    for tried in range(TRIES - 1):
        if response.status_code < 500 and response.status_code != 429:
            break
        time.sleep(2.0**tried + random.uniform(0, 1))  # noqa: S311 - spreads tries, guards nothing
        response = send()
    return response


def _raise_for(response: httpx.Response) -> NoReturn:
    text = response.text
    if (request_id := response.headers.get("X-User-Request-ID")) is not None:
        text += f"(request_id: {request_id})"
    status = response.status_code
    if status >= 500:
        raise OctoAIServerError(f"Server error: {status} {text}")
    if status == 429:
        raise OctoAIClientError(f"Rate limit reached error: {status} {text}")
    raise OctoAIClientError(f"Error: {status} {text}")
