"""Which network addresses the fetcher may connect to: public ones, and what the allow-list opens.

Sources: the IANA special-purpose address registries (RFC 6890 and later), and the metadata addresses of the clouds.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hotplate.errors import SettingError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WEB_PORTS: Final = frozenset({80, 443})
_ANY_PORT: Final = frozenset(range(1, 65536))

_CLOSED_V4: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; Linux connects it to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server: a public number that only a virtual machine reaches
        "169.254.0.0/16",  # link-local: metadata of AWS, Google, Azure, DigitalOcean and others
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocol assignments; Oracle's metadata at 192.0.0.192
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is routed in public. Outside of it lie loopback, v4-mapped, NAT64, unique local, link-local, multicast."""
_CLOSED_V6: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4: any IPv4 address in another dress
        "3fff::/20",
    )
)
# Not opened by a name in the allow-list, only by a network that says so: no name should ever lead there.
_NEVER_BY_NAME: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "192.0.0.192/32",
        "224.0.0.0/3",
        "::/128",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fd00:ec2::254/128",
        "fe80::/10",
        "ff00::/8",
    )
)


def is_public(address: Address) -> bool:
    """Say whether the address is an ordinary one of the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _CLOSED_V6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One entry of the allow-list: a name, a suffix that starts with a dot, or a network; and the ports it opens."""

    ports: frozenset[int] = WEB_PORTS
    name: str = ""
    suffix: str = ""
    network: Network | None = None

    def permits(self, host: str, port: int, address: Address) -> bool:
        """Say whether this entry lets `host`, found at `address`, be reached on `port`."""
        if port not in self.ports:
            return False
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        if any(address in network for network in _NEVER_BY_NAME if network.version == address.version):
            return False
        return host == self.name if self.name else host.endswith(self.suffix)


_ENTRY: Final = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:./]+)\]|(?P<plain>[0-9a-z*][0-9a-z*._/-]*)|(?P<bare6>[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:./]*))"
    r"(?::(?P<port>\d{1,5}|\*))?"
)


@lru_cache(maxsize=64)
def openings(text: str) -> tuple[Opening, ...]:
    """Read an allow-list: entries separated by commas or blanks, each `host`, `*.suffix` or a network in CIDR form.

    An entry opens ports 80 and 443; with `:PORT` that port, with `:*` all. IPv6 with a port goes in brackets. Raises
    SettingError.
    """
    return tuple(_opening(entry) for entry in re.split(r"[,\s]+", text) if entry)


def opening_list(entries: str | Iterable[str]) -> tuple[Opening, ...]:
    """Read an allow-list given as one text or as a list of entries. Raises SettingError."""
    return openings(entries if isinstance(entries, str) else ",".join(entries))


def _opening(entry: str) -> Opening:
    found = _ENTRY.fullmatch(entry.lower())
    if found is None:
        raise _bad_entry(entry)
    text = (found["v6"] or found["plain"] or found["bare6"]).removesuffix(".")
    port = found["port"]
    ports = WEB_PORTS if port is None else _ANY_PORT if port == "*" else frozenset({int(port)})
    try:
        return Opening(ports=ports, network=ipaddress.ip_network(text))
    except ValueError:
        if "/" in text or ":" in text or not ports <= _ANY_PORT:
            raise _bad_entry(entry) from None
    if text.startswith("*.") and "*" not in text[1:]:
        return Opening(ports=ports, suffix=text[1:])
    if "*" in text:
        raise _bad_entry(entry)
    return Opening(ports=ports, name=text)


def _bad_entry(entry: str) -> SettingError:
    return SettingError(
        f"fetch_allow has the entry {entry!r}, which is not a host, *.suffix or network.",
        key="fetch_allow",
        hint="Write for example: files.internal, minio.internal:9000, *.corp.example, 10.0.0.0/8",
    )
