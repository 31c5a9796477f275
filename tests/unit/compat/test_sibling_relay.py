"""The relay lets in what its own process has connected, and nobody else."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from hotplate.compat import sibling_relay
from hotplate.compat.sibling_relay import Relay
from hotplate.compat.siblings import Siblings, read
from hotplate.errors import ProjectError
from hotplate.wire import trace


@pytest.fixture
def target():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        yield listener


def test_a_stranger_is_not_let_in(monkeypatch, target):
    monkeypatch.setattr(sibling_relay, "PATIENCE_S", 0.1)
    relay = Relay(target.getsockname(), "secret")
    with socket.create_connection(relay.place, timeout=20) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        try:
            assert stranger.recv(100) == b""
        except ConnectionResetError:
            pass
    target.settimeout(0.05)
    with pytest.raises(TimeoutError):
        target.accept()


def test_what_it_adds_to_a_head(target):
    relay = Relay(target.getsockname(), "secret")
    for sent, expected in (
        (
            b"GET / HTTP/1.1\r\nConnection: keep-alive\r\nhost: a\r\n\r\n",
            b"\r\nconnection: close\r\nauthorization: Bearer secret",
        ),
        (b"GET / HTTP/1.1\r\nAuthorization: own\r\nhost: a\r\n\r\n", b"\r\nconnection: close"),
    ):
        with socket.create_connection(relay.place, timeout=20) as client:
            relay.expect(client.getsockname()[1])
            client.sendall(sent[:20])
            client.sendall(sent[20:] + b"body")
            with target.accept()[0] as server:
                server.settimeout(20)
                got = b""
                while not got.endswith(b"body"):
                    got += server.recv(1000)
                assert got.endswith(expected + b"\r\n\r\nbody")
                assert got.lower().count(b"connection:") == got.lower().count(b"authorization:") == 1 or b"own" in got
                server.sendall(b"HTTP/1.1 200 OK\r\n\r\nanswer")
            assert client.makefile("rb").read() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nanswer"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_it_adds_to_an_answer(size):
    text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: keep-alive\r\na: b\r\n\r\nbody\r\n\r\nmore"
    answer = sibling_relay._Answer()
    passed = b"".join(answer.passed(text[at : at + size]) for at in range(0, len(text), size))
    assert passed == (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\nconnection: close\r\n\r\nbody\r\n\r\nmore"
    )
    endless = sibling_relay._Answer()
    assert len(b"".join(endless.passed(b"x" * 1000) for _ in range(100))) == 100_000


def test_which_hosts_are_siblings():
    places, anybody = read('{"one": "http://127.0.0.1:81", "two-2": "http://other"}')
    siblings = Siblings(places, anybody)
    assert siblings.place(("api-one", 8888)) == ("127.0.0.1", 81)
    assert siblings.place((siblings.marker("API-two-2."), "8888")) == ("other", 80)
    for host in ("api-three", "one", "api-one.example", "api-", None, 3, "127.0.0.1", b"api-three"):
        assert siblings.marker(host) is None, host
    for address in (("api-one", 80), ("127.0.0.1", 8888), ("::1", 8888, 0, 0), "/run/socket", (None, 8888)):
        assert siblings.place(address) is None, address
    alone = Siblings(*read("http://127.0.0.1:8080"))
    assert alone.place((alone.marker(b"api-any"), 8888)) == ("127.0.0.1", 8080)


def test_an_address_has_no_path():
    with pytest.raises(ProjectError, match="without a path"):
        read("http://127.0.0.1:8080/api")


FORKS = """
import os, socket, sys
from hotplate.compat import siblings

siblings.install(f"http://127.0.0.1:{sys.argv[1]}", "secret")


def ask(word):
    with socket.create_connection(("api-other", 8888), timeout=20) as client:
        client.sendall(b"GET /%b HTTP/1.1\\r\\n\\r\\n" % word)
        return client.makefile("rb").read().rpartition(b"\\r\\n")[2]


before = ask(b"before")
child = os.fork()
if not child:
    os._exit(ask(b"child") != b"child")
print(before, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ask(b"after"))
"""


def test_a_fork_has_a_relay_of_its_own(target):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS, str(target.getsockname()[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for word in (b"before", b"child", b"after"):
            with target.accept()[0] as server:
                server.settimeout(20)
                got = b""
                while not got.endswith(b"\r\n\r\n"):
                    got += server.recv(1000)
                assert got.startswith(b"GET /%b HTTP/1.1\r\n" % word)
                assert b"\r\nauthorization: Bearer secret" in got
                server.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + word)
        assert process.stdout.read().split() == ["b'before'", "0", "b'after'"]


def test_it_carries_the_trace_on_that_is_active_where_the_connection_is_made(target):
    relay = Relay(target.getsockname(), "secret")
    told = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for own, count in ((b"", 1), (b"TraceParent: own\r\n", 0)):
        with socket.create_connection(relay.place, timeout=20) as client:
            active = trace.CURRENT.set((told, "a=1"))
            relay.expect(client.getsockname()[1])
            trace.CURRENT.reset(active)
            client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n" + own + b"\r\n")
            with target.accept()[0] as server:
                server.settimeout(20)
                got = server.recv(1000)
                assert got.count(b"\r\ntraceparent: %b\r\ntracestate: a=1\r\n" % told.encode()) == count, got
