from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scripted import Scripted, scripted_server

from hotplate import AsyncClient, Client
from hotplate.client.retry import Retries


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("HOTPLATE_TOKEN", "OCTOAI_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted_server() as rig:
        yield rig


class Calls:
    """Either client, called from sync code, with retries that do not wait."""

    def __init__(self, kind: str, **settings: Any) -> None:
        self.runner = asyncio.Runner()
        self.client = Client(**settings) if kind == "sync" else AsyncClient(**settings)
        count = self.client._core.retries.count
        self.client._core = dataclasses.replace(self.client._core, retries=Retries(count=count, first_s=0.0))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        if isinstance(self.client, Client):
            return (lambda *a, **k: list(method(*a, **k))) if name == "infer_stream" else method
        if name == "infer_stream":

            async def collect(*args: Any, **kwargs: Any) -> list[Any]:
                return [value async for value in method(*args, **kwargs)]

            return lambda *a, **k: self.runner.run(collect(*a, **k))
        return lambda *a, **k: self.runner.run(method(*a, **k))

    def finish(self) -> None:
        if isinstance(self.client, Client):
            self.client.close()
        else:
            self.runner.run(self.client.aclose())
        self.runner.close()


@pytest.fixture(params=["sync", "async"])
def make_client(request: pytest.FixtureRequest) -> Iterator[Callable[..., Calls]]:
    made: list[Calls] = []

    def make(**settings: Any) -> Calls:
        made.append(Calls(request.param, **settings))
        return made[-1]

    yield make
    for calls in made:
        calls.finish()


@pytest.fixture
def client(make_client: Callable[..., Calls]) -> Calls:
    return make_client()
