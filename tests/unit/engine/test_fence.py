"""The addresses that a container's network is closed to, and who closes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from hotplate.engine import fence
from hotplate.engine.engine import Engine
from hotplate.errors import EngineRefused

_TREE = """\
Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 10.1.2.3
        /32 host LOCAL
     |-- 10.1.2.255
        /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
Local:
     |-- 10.1.2.3
        /32 host LOCAL
"""
_ROUTES = "Iface\tDestination\tGateway \tFlags\neth0\t00000000\t010012AC\t0003\neth0\t000012AC\t00000000\t0001\n"


def test_the_machines_addresses_are_those_of_the_kernels_table(tmp_path, monkeypatch):
    (tmp_path / "tree").write_text(_TREE)
    (tmp_path / "route").write_text(_ROUTES)
    monkeypatch.setattr(fence, "_TREE", tmp_path / "tree")
    monkeypatch.setattr(fence, "_ROUTES", tmp_path / "route")
    assert fence.own_addresses() == ["10.1.2.3"]
    if sys.byteorder == "little":
        assert fence.gateways() == ["172.18.0.1"]


@pytest.fixture
def engine(tmp_path):
    path = tmp_path / "docker"
    path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n[ "$1" = run ] && exec false\necho 0\n')
    path.chmod(0o755)
    return Engine(kind="docker", program=str(path), version="1")


def test_who_cannot_enter_it_has_a_container_beside_it_do_it(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EngineRefused, match="cannot be closed"):
        fence.put_around(engine, "replica-1", "hotplate/revision:abc", "/opt/python")
    words = (tmp_path / "said").read_text().split()
    assert words[words.index("--network") + 1] == "container:replica-1"
    assert words[words.index("--cap-add") + 1] == "NET_ADMIN" and words[words.index("--cap-drop") + 1] == "ALL"
    assert words[words.index("hotplate/revision:abc") + 1 :][:3] == ["-P", "-m", "hotplate.engine.fence"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root for a network of its own")
def test_routes_refuse_at_once_and_can_be_set_twice(tmp_path):
    code = (
        "import errno, socket\nfrom hotplate.engine import fence\n"
        "fence.close([fence.LINK_LOCAL, '10.1.2.3'])\nfence.close(['10.1.2.3'])\n"
        "for address in ('169.254.169.254', '10.1.2.3', '10.1.2.4'):\n"
        "    try:\n        socket.create_connection((address, 80), 1)\n"
        "    except OSError as error:\n        print(errno.errorcode[error.errno])\n"
        "try:\n    fence.close(['10.0.0.1/8'])\nexcept OSError as error:\n    print(error.filename)\n"
    )
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["EACCES", "EACCES", "ENETUNREACH", "10.0.0.1/8"], done.stderr
