"""Closes a container's network to this machine and to link-local addresses, where clouds hand out a machine's rights.

Routes that refuse are put into the container's own network, before the project's code runs there; the machine's
firewall is not touched. The container cannot take them away, since it may not change its network. Run as
`python -m hotplate.engine.fence ADDRESS…` inside that network, by root.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import sys
from pathlib import Path

from hotplate.engine.engine import Engine
from hotplate.errors import EngineRefused, EngineUnavailable

LINK_LOCAL = "169.254.0.0/16"
"""RFC 3927. The addresses of cloud metadata services are among these."""

FENCE_S = 60.0
_ROUTES = Path("/proc/net/route")
_TREE = Path("/proc/net/fib_trie")
_NEW_ROUTE, _ERROR = 24, 2
_REQUEST, _ACK, _REPLACE, _CREATE = 1, 4, 0x100, 0x400
_MAIN_TABLE, _STATIC, _PROHIBIT = 254, 4, 8
_DESTINATION = 1
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH4s")


def put_around(engine: Engine, name: str, image: str, python: str) -> None:
    """Close the network of a container that runs.

    As root by entering it, else by a container beside it that may change networks and does nothing else.

    Raises:
        EngineRefused: it cannot be closed.
    """
    words = ["-P", "-m", "hotplate.engine.fence", *own_addresses()]
    enter = shutil.which("nsenter") if os.geteuid() == 0 else None
    pid = engine.ask("inspect", "--format", "{{.State.Pid}}", name) if enter else ""
    try:
        if enter and Path(f"/proc/{pid}/ns/net").exists():
            _enter(enter, pid, words)
        else:
            beside = ["run", "--rm", "--network", f"container:{name}", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN"]
            beside += ["--security-opt", "no-new-privileges", "--read-only", "--user", "0:0", "--no-healthcheck"]
            engine.ask(*beside, "--entrypoint", python, image, *words, timeout_s=FENCE_S)
    except (EngineRefused, EngineUnavailable) as error:
        raise EngineRefused(
            f"The container's network cannot be closed to this machine's addresses: {error.message} "
            "HOTPLATE_DOCKER_NETWORK=none gives replicas no network; a network of yours is taken as it is."
        ) from error


def _enter(program: str, pid: str, words: list[str]) -> None:
    import subprocess

    done = subprocess.run(
        [program, f"--net=/proc/{pid}/ns/net", sys.executable, *words],
        env={"PATH": os.environ.get("PATH", "")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=FENCE_S,
    )
    if done.returncode:
        raise EngineRefused(f"nsenter: {done.stderr.decode('utf-8', 'replace').strip()[-1000:]}.")


def own_addresses() -> list[str]:
    """The addresses of this machine, without those of the loopback: its services listen there."""
    found: list[str] = []
    before = ""
    for line in _TREE.read_text().splitlines():
        word = line.strip().removeprefix("|-- ").removeprefix("+-- ")
        if word.startswith("/32 host LOCAL"):
            found.append(before)
        before = word
    return sorted({each for each in found if not each.startswith("127.")})


def gateways() -> list[str]:
    """The addresses that the network's routes go through: the engine's machine, as seen from there."""
    found: set[str] = set()
    for line in _ROUTES.read_text().splitlines()[1:]:
        gateway = int(line.split()[2], 16)
        if gateway:
            found.add(socket.inet_ntoa(struct.pack("=I", gateway)))
    return sorted(found)


def close(addresses: list[str]) -> None:
    """Refuse packets to addresses or networks (`10.0.0.0/8`) in the network of this process. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:  # NETLINK_ROUTE
        for number, address in enumerate(addresses, 1):
            link.send(_request(address, number))
            answer = link.recv(4096)
            kind = _HEADER.unpack_from(answer)[1]
            code = -struct.unpack_from("=i", answer, _HEADER.size)[0] if kind == _ERROR else 0
            if code:
                raise OSError(code, os.strerror(code), address)


def _request(address: str, number: int) -> bytes:
    """rtnetlink(7): a route that refuses."""
    host, _, bits = address.partition("/")
    body = _ROUTE.pack(socket.AF_INET, int(bits or 32), 0, 0, _MAIN_TABLE, _STATIC, 0, _PROHIBIT, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size, _DESTINATION, socket.inet_aton(host))
    flags = _REQUEST | _ACK | _REPLACE | _CREATE
    return _HEADER.pack(_HEADER.size + len(body), _NEW_ROUTE, flags, number, 0) + body


if __name__ == "__main__":
    try:
        close([LINK_LOCAL, *gateways(), *sys.argv[1:]])
    except OSError as why:
        sys.exit(f"a route cannot be set: {why}")
