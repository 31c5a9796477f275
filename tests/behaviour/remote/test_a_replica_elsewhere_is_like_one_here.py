"""A real `hotplate serve --replica`, called by the server's link: on the shared connection, and by HTTP alone."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import ipaddress
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fleet import revision_of
from support.remote_rig import TOKEN, RemoteRig, run

from hotplate.deployment.home import Home
from hotplate.deployment.records import Hardware
from hotplate.server.remote import link as link_module
from hotplate.server.remote.reach import NoAnswer, client_tls
from hotplate.targets.base import StartRequest, Surroundings
from hotplate.targets.loopback import Loopback
from hotplate.wire.frames import Meta
from hotplate.wire.remote import Order

pytestmark = pytest.mark.timeout(120)

SERVICE = """
import asyncio, os, signal, time
from collections.abc import Iterator
from octoai.service import Service, path

class Everything(Service):
    def infer(self, do: str, text: str = "") -> str:
        if do == "environ":
            return os.environ.get(text, "")
        if do == "command":
            return open("/proc/%d/cmdline" % os.getppid()).read() + open("/proc/%d/environ" % os.getppid()).read()
        if do == "sleep":
            time.sleep(float(text))
        if do == "hold":
            while not os.path.exists(text):
                time.sleep(0.005)
        if do == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if do == "length":
            return str(len(text))
        if do == "long":
            return "y" * int(text)
        if do == "say":
            print(text)
        if do == "parent":
            from hotplate.wire import trace
            return str(trace.outgoing())
        return str(os.getppid())

    @path("/count")
    def count(self, n: int) -> Iterator[str]:
        for number in range(n):
            yield f"{number} "

    @path("/forever")
    async def forever(self, file: str) -> str:
        try:
            open(file, "w").write("begun")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            open(file, "w").write("cancelled")
            raise
        return "no"
"""


@pytest.fixture(scope="module")
def revision(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everything")
    (folder / "service.py").write_text(SERVICE)
    return revision_of(folder, "e" * 64)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "replica")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*private))
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture(params=["shared", "http"])
def play(request, revision, tmp_path, monkeypatch):
    """Run a scenario. `http`: no call is small enough for the shared connection."""
    if request.param == "http":
        monkeypatch.setattr(link_module, "INLINE_BYTES", -1)

    def start(scenario, cert=("", ""), tls=None, **settings):
        async def with_contract(rig: RemoteRig):
            assert (rig.link.wire is not None) and rig.endpoint.contract is not None
            await scenario(rig)

        order = Order(
            endpoint="e",
            id_prefix="r-1",
            environment={"MODE": "fast"},
            secrets={"KEY": "canary-0815"},
            settings={"max_body_bytes": 100_000_000, **settings},
        )

        def wanted(number: int) -> StartRequest:
            return StartRequest(
                endpoint="e", name=f"c{number}", number=number, revision=revision, hardware=Hardware(), token=TOKEN
            )

        def target() -> Loopback:
            return Loopback(surroundings, cert=cert[0], key=cert[1])

        run(with_contract, None, target=target, request=wanted, order=order, tls=tls)

    surroundings = Surroundings(home=Home(tmp_path), options={}, warn=print, note=print)
    return start


def index(rig: RemoteRig, path: str) -> int:
    assert rig.endpoint.contract is not None
    return next(n for n, mount in enumerate(rig.endpoint.contract.mounts) if mount.path == path)


async def ask(rig: RemoteRig, do: str, text: str = "", **more):
    status, body, _ = await rig.call(json.dumps({"do": do, "text": text}).encode(), index=index(rig, "/infer"), **more)
    assert status == 200, body
    return json.loads(body)["output"]


def test_calls_of_every_kind_are_answered(play):
    async def scenario(rig):
        assert await ask(rig, "environ", "MODE") == "fast"
        assert await ask(rig, "length", "x" * 20_000_000) == "20000000"
        assert await ask(rig, "long", "3000000") == "y" * 3_000_000
        status, body, extra = await rig.call(b'{"do": 1}', index=index(rig, "/infer"))
        assert status == 422
        assert b"x-request-id: r-1-1-" in extra
        caller = rig.send(b'{"n": 5000}', index=index(rig, "/count"))
        assert await asyncio.wait_for(caller.done, 20) == (200, b"whole", b"")
        assert caller.opened is not None
        assert caller.opened[0] == 200
        assert b"text/event-stream" in caller.opened[1]
        assert b"".join(caller.pieces).count(b"data: ") == 5001
        many = await asyncio.gather(*(ask(rig, "length", "x" * n) for n in range(200)))
        assert many == [str(n) for n in range(200)]
        assert not rig.link.pending

    play(scenario)


def test_ids_and_traces_go_with_a_call_and_tokens_do_not(play):
    async def scenario(rig):
        meta = Meta("application/json", "", {}, "", "mine-1", ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "k=v"))
        status, body, extra = await rig.call(
            b'{"do": "parent"}', index=index(rig, "/infer"), meta=meta, named=b"mine-1"
        )
        assert status == 200
        assert b"x-request-id: mine-1\r\n" in extra
        assert "a" * 32 in json.loads(body)["output"]
        await ask(rig, "say", "a line")
        await rig.until(lambda: rig.log.has("1 stdout: a line"), "the line")

    play(scenario, traces="on")


def test_secrets_reach_the_model_and_nothing_else(play):
    async def scenario(rig):
        assert await ask(rig, "environ", "KEY") == "canary-0815"
        assert await ask(rig, "environ", "HOTPLATE_REPLICA_TOKEN") == ""
        seen = await ask(rig, "command")
        assert "serve" in seen
        assert "canary-0815" not in seen
        pid = int(await ask(rig, "pid"))
        assert TOKEN not in Path(f"/proc/{pid}/cmdline").read_text()

    play(scenario)


def test_a_caller_who_leaves_cancels_the_work(play, tmp_path):
    async def scenario(rig):
        file = tmp_path / "state"
        caller = rig.send(json.dumps({"file": str(file)}).encode(), index=index(rig, "/forever"))
        await rig.until(file.exists, "the call")
        rig.endpoint.cancel(caller.exchange)
        await rig.until(lambda: file.read_text() == "cancelled", "the end of the work")
        await rig.until(lambda: not rig.link.pending, "the slot")

    play(scenario)


def test_a_deadline_holds_there_too(play):
    async def scenario(rig):
        rig.endpoint.deadline_ns = int(0.5e9)
        caller = rig.send(b'{"do": "sleep", "text": "4"}', index=index(rig, "/infer"))
        status, body, _ = await asyncio.wait_for(caller.done, 10)
        assert (status, caller.code) == (504, "deadline_exceeded"), body

    play(scenario, timeout_s=0.5)


def test_a_worker_that_dies_there_fails_its_call_alone_and_is_replaced_there(play):
    async def scenario(rig):
        pid = await ask(rig, "pid")
        caller = rig.send(b'{"do": "kill"}', index=index(rig, "/infer"))
        status, _, _ = await asyncio.wait_for(caller.done, 10)
        assert (status, caller.code) == (502, "worker_lost")
        assert await ask(rig, "pid") == pid
        await rig.until(lambda: rig.endpoint.restarts == 1, "the news")
        assert rig.log.has("was killed by SIGKILL")
        assert len(rig.processes) == 1

    play(scenario)


def test_a_replica_that_is_killed_under_load_costs_only_what_ran_there(play, tmp_path):
    async def scenario(rig):
        pid = int(await ask(rig, "pid"))
        killed = tmp_path / "killed"
        work = [json.dumps({"do": "sleep", "text": "0.01"}).encode()] * 21
        work += [json.dumps({"do": "hold", "text": str(killed)}).encode()] * 129  # so that the kill is never too late
        callers = [rig.send(body, index=index(rig, "/infer")) for body in work]
        await asyncio.wait_for(callers[20].done, 20)
        os.killpg(pid, signal.SIGKILL)
        killed.touch()
        ended = await asyncio.wait_for(asyncio.gather(*(caller.done for caller in callers)), 60)
        lost = [n for n, (status, *_) in enumerate(ended) if status != 200]
        assert 0 < len(lost) <= rig.link.capacity + link_module.AHEAD_CALLS
        assert lost[-1] - lost[0] <= rig.link.capacity + link_module.AHEAD_CALLS, "only those that were with it"
        assert {callers[n].code for n in lost} == {"worker_lost"}
        assert rig.log.has("was cut off while it ran") or rig.log.has("was killed by signal 9")
        assert int(await ask(rig, "pid")) != pid

    play(scenario)


def test_a_replica_that_is_asked_to_end_loses_no_call(play):
    async def scenario(rig):
        pid = int(await ask(rig, "pid"))
        callers = [rig.send(b'{"do": "sleep", "text": "0.01"}', index=index(rig, "/infer")) for _ in range(100)]
        await asyncio.wait_for(callers[5].done, 20)
        os.kill(pid, signal.SIGTERM)
        more = [rig.send(b'{"do": "sleep", "text": "0.01"}', index=index(rig, "/infer")) for _ in range(50)]
        ended = await asyncio.wait_for(asyncio.gather(*(caller.done for caller in (*callers, *more))), 60)
        assert [status for status, *_ in ended] == [200] * 150
        assert int(await ask(rig, "pid")) != pid
        assert not rig.log.has("error:")

    play(scenario)


def test_over_tls_all_is_the_same(play, certificate):
    async def scenario(rig):
        assert await ask(rig, "length", "x" * 3_000_000) == "3000000"
        assert await ask(rig, "long", "3000000") == "y" * 3_000_000
        assert await asyncio.gather(*(ask(rig, "length", "x" * n) for n in range(50))) == [str(n) for n in range(50)]
        caller = rig.send(b'{"n": 500}', index=index(rig, "/count"))
        assert await asyncio.wait_for(caller.done, 20) == (200, b"whole", b"")
        with pytest.raises(NoAnswer, match="TLS: CERTIFICATE_VERIFY_FAILED"):
            other = dataclasses.replace(rig.processes[0].reach, tls=client_tls("", verify=True))
            await other.ask("GET", "/livez", timeout_s=5)

    play(scenario, cert=certificate, tls=client_tls(certificate[0], verify=True))


def test_a_record_that_cannot_be_read_and_a_missing_token_are_told(tmp_path):
    import subprocess

    base = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE")}
    command = [sys.executable, "-P", "-m", "hotplate.cli", "serve", "--replica", str(tmp_path / "none.json")]
    done = subprocess.run(command, env=base, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "HOTPLATE_REPLICA_TOKEN" in done.stderr
    done = subprocess.run(
        command, env={**base, "HOTPLATE_REPLICA_TOKEN": TOKEN}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "none.json cannot be read" in done.stderr


@pytest.mark.parametrize(("told", "status", "said"), [("", 0, ""), ("{}\n", 2, "does not say what to serve")])
def test_one_that_waits_ends_where_nothing_comes_or_what_comes_is_not_understood(told, status, said):
    import subprocess

    base = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE")}
    command = [sys.executable, "-P", "-m", "hotplate.cli", "serve", "--replica", "-"]
    done = subprocess.run(command, env=base, capture_output=True, text=True, timeout=60, input=told)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
