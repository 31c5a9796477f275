"""Turns a parsed URL into a connection: looks the name up once, checks every address, connects to a checked one."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from hotplate.errors import BlockedURL, FetchFailed
from hotplate.media.addresses import WEB_PORTS, Address, Opening, is_public
from hotplate.media.urls import Target

_MAX_ADDRESSES: Final = 16
_LOOKUPS: Final = threading.BoundedSemaphore(64)
"""Name lookups cannot be interrupted; this many may hang at once."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system for all addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(address: str, port: int, timeout_s: float) -> socket.socket:
    """Open a TCP connection to a numeric address."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


@cache
def tls_context() -> ssl.SSLContext:
    """The system's trusted authorities, or certifi's where the system has none."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not os.path.isdir(ssl.get_default_verify_paths().capath or ""):  # noqa: PTH112
        import certifi

        context.load_verify_locations(certifi.where())
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What of the outside world the fetcher uses; tests put their own in its place."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    connect: Callable[[str, int, float], socket.socket] = connect
    tls: Callable[[], ssl.SSLContext] = tls_context


SYSTEM: Final = Network()


def connected(
    target: Target,
    *,
    allow: Sequence[Opening],
    deadline: float,
    connect_s: float,
    network: Network = SYSTEM,
    name: str | None = None,
) -> socket.socket:
    """Connect to where a URL leads, with TLS for https. The caller closes the socket.

    `deadline` is a time of `time.monotonic`. `name` is what error texts call the place, if not its host: where a
    redirect leads is no business of the caller's. Raises BlockedURL and FetchFailed.
    """
    name = name or target.host
    give_up = min(deadline, time.monotonic() + connect_s)
    for address in _checked_addresses(target, allow, give_up, network, name)[:_MAX_ADDRESSES]:
        wait_s = give_up - time.monotonic()
        if wait_s <= 0:
            break
        try:
            sock = network.connect(str(address), target.port, wait_s)
        except OSError:
            continue
        if target.scheme == "http":
            return sock
        try:
            sock.settimeout(max(0.001, give_up - time.monotonic()))
            return network.tls().wrap_socket(sock, server_hostname=target.host)
        except OSError as error:
            sock.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise FetchFailed(f"{name} has no certificate that is trusted here.") from None
    raise FetchFailed(f"No connection to {name} could be made within {connect_s:g} s.")


def _checked_addresses(
    target: Target, allow: Sequence[Opening], give_up: float, network: Network, name: str
) -> list[Address]:
    """All addresses of the target, if every one of them may be reached."""
    if target.port not in WEB_PORTS and not any(target.port in opening.ports for opening in allow):
        raise BlockedURL(
            f"{name} may not be fetched on this port; only 80 and 443 are open. "
            "Allow host:port with fetch_allow in hotplate.yaml or HOTPLATE_FETCH_ALLOW."
        )
    addresses = [target.address] if target.address is not None else _looked_up(target, give_up, network, name)
    for address in addresses:
        allowed = any(opening.permits(target.host, target.port, address) for opening in allow)
        if not allowed and not (target.port in WEB_PORTS and is_public(address)):
            raise BlockedURL(
                f"{name} may not be fetched: it is not a public address on port 80 or 443. "
                "Allow its host or network with fetch_allow in hotplate.yaml or HOTPLATE_FETCH_ALLOW."
            )
    return addresses


def _looked_up(target: Target, give_up: float, network: Network, name: str) -> list[Address]:
    """Resolve a name in a thread of its own, because the system's resolver knows no deadline."""
    found: list[list[Address]] = []

    def work() -> None:
        try:
            texts = network.resolve(target.host, target.port)
            found.append([ipaddress.ip_address(text.partition("%")[0]) for text in texts])
        except (OSError, ValueError):
            pass
        finally:
            _LOOKUPS.release()

    if not _LOOKUPS.acquire(timeout=max(0.0, give_up - time.monotonic())):
        raise FetchFailed("Too many name lookups are under way. Try again.")
    thread = threading.Thread(target=work, name="hotplate-lookup", daemon=True)
    thread.start()
    thread.join(max(0.0, give_up - time.monotonic()))
    if not found or not found[0]:
        raise FetchFailed(f"The name of {name} could not be found.")
    return found[0]
