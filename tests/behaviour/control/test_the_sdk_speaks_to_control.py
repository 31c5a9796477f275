"""`ControlClient` and `AsyncControlClient` do the same, and raise what the rest of the SDK raises."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket

import pytest
from control_rig import make_revision

from hotplate.client import AsyncControlClient, CallTimeout, ControlClient, InputRefused, NotAuthorized, RequestError
from hotplate.client.operations import Operations
from hotplate.control.api.table import ROUTES

DIGEST = "c" * 12


def test_an_endpoint_lives_through_the_sync_client(control, name):
    make_revision(control.home, DIGEST)
    with ControlClient(control.url, control.admin) as client:
        client.create_endpoint(name, max_replicas=2)
        found = client.deploy(name, DIGEST, settings={"min_replicas": 1}, wait_s=60)
        assert (found["rollout"]["state"], found["min_replicas"], found["max_replicas"]) == ("stable", 1, 2)
        assert client.list_revisions(name)[0]["revision"] == DIGEST
        assert client.update_endpoint(name, min_replicas=None)["min_replicas"] == 0
        assert client.pause_endpoint(name)["endpoint_state"] == "disabled"
        assert client.start_endpoint(name)["endpoint_state"] == "active"
        made = client.create_token("t", ["read"], endpoints=[name])
        with ControlClient(control.url, made["token"]) as limited:
            assert [each["name"] for each in limited.list_endpoints()] == [name]
            with pytest.raises(NotAuthorized, match="scope deploy"):
                limited.delete_endpoint(name)
        with pytest.raises(InputRefused, match="max_replicas"):
            client.update_endpoint(name, max_replica=1)
        with pytest.raises(RequestError) as caught:
            client.get_endpoint("not-there")
        assert caught.value.status == 404
        assert client.delete_endpoint(name)["message"]


def test_the_async_client_does_the_same(control, name):
    async def live():
        async with AsyncControlClient(control.url, control.admin) as client:
            await client.create_volume(name)
            stored = await client.write_file(name, "a/b.txt", b"text")
            assert stored.json() == {"path": "a/b.txt", "size": 4}
            assert (await client.read_file(name, "a/b.txt")).content == b"text"
            assert (await client.list_files(name, "a"))[0]["name"] == "b.txt"
            await client.remove_file(name, "a", recursive=True)
            await client.delete_volume(name)
        async with AsyncControlClient(control.url, "") as nobody:
            with pytest.raises(NotAuthorized):
                await nobody.get_account()

    asyncio.run(live())


def test_names_are_escaped(control):
    with ControlClient(control.url, control.admin) as client:
        for hostile in ("../tokens", "a/b", "?x=1", "#", "a b", "..", "%2e", ""):
            with pytest.raises(RequestError):
                client.get_endpoint(hostile)


class Recorder(Operations):
    """Notes what would be asked."""

    def __init__(self):
        self.asked = set()

    def _ask(self, method, path, given=None):
        self.asked.add((method, path.partition("?")[0]))

    def _ask_raw(self, method, path, data=None):
        self._ask(method, path)

    def _ask_upload(self, path, data):
        self._ask("POST", path)


def test_every_route_has_a_method_and_the_other_way_round():
    recorder = Recorder()
    for name, method in inspect.getmembers(recorder, inspect.ismethod):
        if not name.startswith("_"):
            needed = [each for each in inspect.signature(method).parameters.values() if each.default is each.empty]
            needed = [each.name for each in needed if each.kind is not each.VAR_KEYWORD]
            method(*({} if word == "traffic" else "x" for word in needed))
    recorder.get_events("x")
    routes = {(route.method, re.sub(r"{\w+}", "x", route.path)) for route in ROUTES if "stream" not in route.path}
    assert recorder.asked == routes


def test_a_control_that_hangs_is_told_so_soon(monkeypatch):
    monkeypatch.setattr("hotplate.client.control.QUICK_S", 0.2)
    with socket.create_server(
        ("127.0.0.1", 0)
    ) as silent:  # it takes connections and never answers, as one that is stopped
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for ask, done in ((lambda each: each.list_endpoints(), False), (lambda each: each.revoke_token("a"), True)):
            with ControlClient(url, "t") as control, pytest.raises(CallTimeout, match="no answer in 0.2 s") as found:
                ask(control)
            assert "`hotplate status`" in str(found.value)
            assert "timeout_s" not in str(found.value)
            assert ("not known" in str(found.value)) == done

        async def later() -> None:
            async with AsyncControlClient(url, "t") as control:
                await control.list_endpoints()

        with pytest.raises(CallTimeout, match="Control hangs"):
            asyncio.run(later())
        with ControlClient(url, "t", timeout_s=0.1) as control, pytest.raises(CallTimeout, match="no answer in 0.1 s"):
            control.list_endpoints()
