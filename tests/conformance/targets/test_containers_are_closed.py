"""What the target `docker` has besides: a replica can do little, holds no secret outside, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from pathlib import Path

import pytest
from support.targets_rig import wait_for

from hotplate.engine import fence, layout
from hotplate.engine.engine import find_engine

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.parametrize(
        "target", [pytest.param("docker", marks=pytest.mark.xdist_group("engine"))], indirect=True, scope="session"
    ),
]


@pytest.fixture(scope="session")
def cell(target, tmp_path_factory):
    target.installation.run("secret", "create", "--key", "CELL", given="canary-0815\n")
    words = ("--secrets", "CELL", "--min-replicas", "1", "--hardware", "cpus=1,memory=256MiB")
    target.deploy(tmp_path_factory.mktemp("cell"), "cell", *words)
    target.output("cell", "mark")
    return "cell"


def test_it_is_nobody_with_no_rights_and_a_root_that_it_cannot_write(target, cell):
    status = target.output(cell, "file", "/proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split()[0] != "0"
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"
    for path in ("/etc/x", "/opt/project/files/x", "/opt/hotplate/x", "/run/hotplate/x"):
        assert target.output(cell, "python", f"open({path!r}, 'w')") in ("OSError", "PermissionError")
    for path in ("/tmp/x", "/opt/project/home/x", "/opt/project/volume/x"):
        assert target.output(cell, "python", f"open({path!r}, 'w').close()") == "None"


def test_it_has_a_network_and_processes_of_its_own(target, cell):
    names = "import os\nout = os.readlink('/proc/self/ns/NAME')"
    for name in ("net", "pid", "ipc", "mnt", "uts"):
        assert target.output(cell, "python", names.replace("NAME", name)) != os.readlink(f"/proc/self/ns/{name}")
    port = target.installation.supervisor["control_url"].rpartition(":")[2]
    connect = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)"
    assert target.output(cell, "python", connect) == "ConnectionRefusedError"


def test_its_network_is_closed_to_this_machine_and_to_metadata(target, cell):
    assert target.inspect(cell)["HostConfig"]["NetworkMode"] == "hotplate-replicas"
    connect = "import socket\nsocket.create_connection(({!r}, {}), 2)"
    with socket.create_server(("", 0)) as listener:
        port = listener.getsockname()[1]
        assert (own := fence.own_addresses())
        for address in own:
            assert target.output(cell, "python", connect.format(address, port)) == "PermissionError", address
        routes = target.output(cell, "python", "out = open('/proc/net/route').read().split('\\n')[1].split()[2]")
        gateway = socket.inet_ntoa(struct.pack("=I", int(routes, 16)))
        assert target.output(cell, "python", connect.format(gateway, port)) == "PermissionError"
    assert target.output(cell, "python", connect.format("169.254.169.254", 80)) == "PermissionError"
    assert target.output(cell, "python", connect.format("203.0.113.9", 80)) == "TimeoutError", "it reaches others"


def test_a_server_that_is_not_root_has_it_closed_by_a_container_beside_it(target, cell, monkeypatch):
    for name, value in target.engine.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    image, python = target.inspect(cell)["Config"]["Image"], f"{layout.SERVER}/bin/python"
    words = ("--detach", "--name", "unclosed", "--network", "hotplate-replicas", "--entrypoint", "sleep", image, "99")
    target.engine.docker("run", *words)
    try:
        fence.put_around(find_engine(), "unclosed", image, python)
        connect = "import socket; socket.create_connection(('169.254.169.254', 80), 2)"
        words = ("exec", "unclosed", python, "-c", connect)
        with pytest.raises(AssertionError, match="Permission denied"):
            target.engine.docker(*words)
    finally:
        target.engine.docker("rm", "--force", "unclosed")


def test_its_limits_are_the_engines(target, cell):
    host = target.inspect(cell)["HostConfig"]
    assert (host["NanoCpus"], host["Memory"]) == (1_000_000_000, 256 << 20)
    status, _ = target.call(cell, "python", "out = len(bytearray(600 << 20))")
    assert status == 502
    wait_for(lambda: any(e["event"]["type"] == "memory_limit" for e in target.events(cell)), "the event")
    assert target.output(cell, "mark") == "one"


def test_no_secret_can_be_seen_from_outside(target, cell):
    assert target.output(cell, "environ", "CELL") == "canary-0815"
    seen = json.dumps(target.inspect(cell)) + target.engine.docker("image", "inspect", target.inspect(cell)["Image"])
    seen += "".join(path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    assert "canary-0815" not in seen


def test_what_a_server_leaves_when_it_is_killed_goes(target, cell):
    before = set(target.containers(cell))
    pid = target.installation.run("status", "-o", "json").json()["children"]["server"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not before & set(target.containers(cell)), "the old containers' end")
    wait_for(lambda: target.call(cell, "mark")[0] == 200, "an answer")
    wait_for(lambda: len(target.containers(cell)) == 1, "one container")
