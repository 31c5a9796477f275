"""The SDK for control's API: `ControlClient`, and `AsyncControlClient` whose every method is awaited.

    from hotplate.client import ControlClient

    with ControlClient() as control:
        for endpoint in control.list_endpoints():
            print(endpoint["name"], endpoint["status"])

The operations are written once; the two shells differ in how they ask. Answers are what the API answers, as dicts.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator
from types import TracebackType
from typing import Any, Self

from hotplate.client.async_client import AsyncClient
from hotplate.client.client import Client
from hotplate.client.errors import CallTimeout, ClientError, ConnectionLost
from hotplate.client.installation import find_control
from hotplate.client.operations import Operations, with_query, word

PREFIX = "/api/v1"
RAW = "application/octet-stream"
TIMEOUT_S = 330.0
"""Longer than the longest that an answer waits for a rollout."""
QUICK_S = 30.0
"""For what waits for nothing. Whoever looks is often looking for what is wrong, which may be control itself."""
QUICK = ("/tokens", "/secrets", "/registry-credentials")
UPLOAD_S = 3600.0
"""For an archive over a slow line."""


class ControlClient(Operations):
    """Asks control and waits for the answer.

    Args:
        url: where control is. Where None: HOTPLATE_CONTROL_URL, else this machine's, if `hotplate up` runs.
        token: sent as a bearer token. Where None: HOTPLATE_TOKEN, else this machine's admin token.
        timeout_s: for an answer; without it 30 s for what waits for nothing, for all else longer than a rollout takes.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self.url, self.token = _place(url, token)
        self.client = Client(self.token, base_url=self.url + PREFIX, timeout_s=timeout_s, retries=2)
        self._quick_s = QUICK_S if timeout_s == TIMEOUT_S else timeout_s

    def _ask(self, method: str, path: str, given: Any = None) -> Any:
        try:
            return self.client.request(
                method, path, given, timeout_s=self._quick_s if _is_quick(method, path) else None
            )
        except (CallTimeout, ConnectionLost) as error:
            raise _silent(error, method) from error

    def _ask_raw(self, method: str, path: str, data: Any = None) -> Any:
        return self.client.request_raw(method, path, data, RAW)

    def _ask_upload(self, path: str, data: Any) -> Any:
        return json.loads(self.client.request_raw("POST", path, data, RAW, timeout_s=UPLOAD_S).content)

    def follow_build(self, build_id: str) -> Generator[Any]:
        """Steps of a build as they come, each with `event` "step"; last one with "end" that is all of it."""
        return self.client.follow(f"/builds/{word(build_id)}/stream")

    def follow_logs(self, name: str, *, max_lines: int = 0, replica_id: str | None = None) -> Generator[Any]:
        """Lines as they come, after the last `max_lines` ones."""
        query = {"max_lines": max_lines or None, "replica_id": replica_id}
        return self.client.follow(with_query(f"/logs/{word(name)}/stream", **query))

    def follow_events(self, name: str) -> Generator[Any]:
        """Events as they come."""
        return self.client.follow(f"/events/{word(name)}/stream")

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class AsyncControlClient(Operations):
    """Asks control; every operation is awaited. Arguments as for `ControlClient`."""

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self.url, self.token = _place(url, token)
        self.client = AsyncClient(self.token, base_url=self.url + PREFIX, timeout_s=timeout_s, retries=2)
        self._quick_s = QUICK_S if timeout_s == TIMEOUT_S else timeout_s

    async def _ask(self, method: str, path: str, given: Any = None) -> Any:
        try:
            return await self.client.request(
                method, path, given, timeout_s=self._quick_s if _is_quick(method, path) else None
            )
        except (CallTimeout, ConnectionLost) as error:
            raise _silent(error, method) from error

    def _ask_raw(self, method: str, path: str, data: Any = None) -> Any:
        return self.client.request_raw(method, path, data, RAW)

    async def _ask_upload(self, path: str, data: Any) -> Any:
        return json.loads((await self.client.request_raw("POST", path, data, RAW, timeout_s=UPLOAD_S)).content)

    def follow_build(self, build_id: str) -> AsyncGenerator[Any]:
        """Steps of a build as they come. See `ControlClient.follow_build`."""
        return self.client.follow(f"/builds/{word(build_id)}/stream")

    def follow_logs(self, name: str, *, max_lines: int = 0, replica_id: str | None = None) -> AsyncGenerator[Any]:
        """Lines as they come, after the last `max_lines` ones."""
        query = {"max_lines": max_lines or None, "replica_id": replica_id}
        return self.client.follow(with_query(f"/logs/{word(name)}/stream", **query))

    def follow_events(self, name: str) -> AsyncGenerator[Any]:
        """Events as they come."""
        return self.client.follow(f"/events/{word(name)}/stream")

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()


def _is_quick(method: str, path: str) -> bool:
    return method == "GET" or path.startswith(QUICK) or path.endswith(("/pause", "/start"))


def _silent(error: CallTimeout | ConnectionLost, method: str) -> ClientError:
    """No answer, in words for whoever operates control: nothing of it depends on a model."""
    text = str(error).partition(". ")[0] + "."
    if method != "GET":
        text += " Whether it was done is not known."
    if isinstance(error, CallTimeout):
        text += (
            " Control hangs, or its machine is very busy; calls to endpoints do not need it. `hotplate status` says "
            "its pid: where that process is killed, it is started again at once. `hotplate down` ends all of it."
        )
    return type(error)(text, url=error.url, request_id=error.request_id)


def _place(url: str | None, token: str | None) -> tuple[str, str]:
    if url is not None and token is not None:
        return url.rstrip("/"), token
    environ = None if url is None else {"HOTPLATE_CONTROL_URL": url}
    found = find_control(environ)
    if environ is not None and not found.token:
        import os

        return found.url, os.environ.get("HOTPLATE_TOKEN", "").strip()
    return found.url, found.token if token is None else token
