"""An endpoint of this machine by its name: `hotplate.client.endpoint("face-detector").infer({"image": image})`.

Also from the code of another endpoint: the call goes through the server, with the other's queue and scaling.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Any

from hotplate.client.async_client import AsyncClient
from hotplate.client.client import Client
from hotplate.client.core import DEFAULT_TIMEOUT_S
from hotplate.client.installation import find_server
from hotplate.deployment.names import check_endpoint

DEFAULT_ROUTE = "/infer"


class Deployed:
    """Calls one endpoint. May be kept and used from many threads."""

    def __init__(self, name: str, *, token: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.url, found = _locate(name)
        self.client = Client(found if token is None else token, base_url=self.url, timeout_s=timeout_s)

    def infer(
        self, inputs: Any = None, *, route: str = DEFAULT_ROUTE, files: Mapping[str, Any] | None = None, **more: Any
    ) -> Any:
        """Call a route and give its answer. `more` as for `Client.infer`."""
        return self.client.infer(route, inputs, files=files, **more)

    def infer_stream(self, inputs: Any = None, *, route: str = DEFAULT_ROUTE, **more: Any) -> Generator[Any]:
        """Call a route that streams. `more` as for `Client.infer_stream`."""
        return self.client.infer_stream(route, inputs, **more)


class AsyncDeployed:
    """Calls one endpoint from async code."""

    def __init__(self, name: str, *, token: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.url, found = _locate(name)
        self.client = AsyncClient(found if token is None else token, base_url=self.url, timeout_s=timeout_s)

    async def infer(
        self, inputs: Any = None, *, route: str = DEFAULT_ROUTE, files: Mapping[str, Any] | None = None, **more: Any
    ) -> Any:
        """Call a route and give its answer. `more` as for `AsyncClient.infer`."""
        return await self.client.infer(route, inputs, files=files, **more)

    def infer_stream(self, inputs: Any = None, *, route: str = DEFAULT_ROUTE, **more: Any) -> AsyncGenerator[Any]:
        """Call a route that streams. `more` as for `AsyncClient.infer_stream`."""
        return self.client.infer_stream(route, inputs, **more)


def endpoint(name: str, *, token: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S) -> Deployed:
    """An endpoint of this machine.

    Args:
        token: where None, that of the replica in which this runs, else HOTPLATE_TOKEN, else the admin token.
        timeout_s: seconds that a call may take; the first one may have to start the model.

    Raises:
        InvalidInput: this cannot be the name of an endpoint.
        ConnectionFailed: nothing runs on this machine.
    """
    return Deployed(name, token=token, timeout_s=timeout_s)


def async_endpoint(name: str, *, token: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S) -> AsyncDeployed:
    """As `endpoint`, for async code."""
    return AsyncDeployed(name, token=token, timeout_s=timeout_s)


def _locate(name: str) -> tuple[str, str]:
    place = find_server()
    return f"{place.url}/{check_endpoint(name)}", place.token
