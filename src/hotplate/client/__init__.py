"""The SDK: `Client` and `AsyncClient`, two thin shells over one core that does no I/O.

    from hotplate import Client

    with Client() as client:
        print(client.infer("http://127.0.0.1:8080/infer", {"prompt": "Hello world!"}))

`core` decides (requests, retries, what an answer means) and the shells carry: only they import httpx, on first use,
so `hotplate.client.errors` costs nothing to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hotplate.client.answers import RawAnswer
    from hotplate.client.async_client import AsyncClient
    from hotplate.client.client import Client
    from hotplate.client.control import AsyncControlClient, ControlClient
    from hotplate.client.deployed import AsyncDeployed, Deployed, async_endpoint, endpoint
    from hotplate.client.errors import (
        CallTimeout,
        ClientError,
        ConnectionFailed,
        ConnectionLost,
        InputRefused,
        InvalidAnswer,
        InvalidCall,
        NotAuthorized,
        RateLimited,
        RequestError,
        ServerError,
        ServerUnavailable,
        StatusError,
        StreamFailed,
    )
    from hotplate.client.jobs import Job

_HOME = {
    "AsyncClient": "hotplate.client.async_client",
    "AsyncControlClient": "hotplate.client.control",
    "AsyncDeployed": "hotplate.client.deployed",
    "Client": "hotplate.client.client",
    "ControlClient": "hotplate.client.control",
    "Deployed": "hotplate.client.deployed",
    "Job": "hotplate.client.jobs",
    "RawAnswer": "hotplate.client.answers",
    "async_endpoint": "hotplate.client.deployed",
    "endpoint": "hotplate.client.deployed",
}

__all__ = [
    "AsyncClient",
    "AsyncControlClient",
    "AsyncDeployed",
    "CallTimeout",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "ConnectionLost",
    "ControlClient",
    "Deployed",
    "InputRefused",
    "InvalidAnswer",
    "InvalidCall",
    "Job",
    "NotAuthorized",
    "RateLimited",
    "RawAnswer",
    "RequestError",
    "ServerError",
    "ServerUnavailable",
    "StatusError",
    "StreamFailed",
    "async_endpoint",
    "endpoint",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_HOME.get(name, "hotplate.client.errors")), name)
    raise AttributeError(f"module 'hotplate.client' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
