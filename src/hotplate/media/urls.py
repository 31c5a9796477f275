"""The one URL parser of the fetcher. What it returns is what is resolved, checked and connected to; there is no other
reading of the URL anywhere, so that two readers cannot disagree.

It takes less than browsers do: every odd spelling is refused and none is repaired.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from hotplate.errors import BlockedURL
from hotplate.media.addresses import Address

_MAX_URL_CHARS: Final = 8192
_ABSOLUTE: Final = re.compile(r"(?i:(https?))://([^/?#]*)([^#]*)(?:#.*)?")
_AUTHORITY: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([1-9][0-9]{0,4}))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PRINTABLE: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]*")
"""ASCII without blanks, control characters and the backslash, which some readers take for a slash."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a URL leads. `host` is lower case without a trailing dot; `address` is set if it is a literal address;
    `path` is the path and query to put on the request line.
    """

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None = None

    @property
    def host_header(self) -> str:
        """The value of the Host header (RFC 9112, 3.2): the port is named if it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for people and logs: without its query, which may hold a signature."""
        return f"{self.scheme}://{self.host_header}{self.path.partition('?')[0]}"


def parse(url: str) -> Target:
    """Take a URL apart. Raises BlockedURL for anything but a plainly written http or https URL."""
    if len(url) > _MAX_URL_CHARS:
        raise BlockedURL(f"The URL is longer than {_MAX_URL_CHARS} characters.")
    if not _PRINTABLE.fullmatch(url):
        raise BlockedURL("The URL has a blank, a backslash or a character outside of ASCII. Percent-encode it.")
    found = _ABSOLUTE.fullmatch(url)
    if found is None:
        raise BlockedURL("The URL is not an absolute http or https URL.")
    scheme, authority, path = found[1].lower(), found[2], found[3]
    if "@" in authority:
        raise BlockedURL("The URL has a user name or a password in it. Send it without.")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise BlockedURL("The URL's host or port is not written plainly.")
    host, address = _host(parts[1].lower())
    port = int(parts[2] or _DEFAULT_PORTS[scheme])
    if port > 65535:
        raise BlockedURL("The URL's port is not between 1 and 65535.")
    if not path.startswith("/"):
        path = "/" + path
    return Target(scheme=scheme, host=host, port=port, path=path, address=address)


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        try:
            address = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            raise BlockedURL("The URL's host is not an IPv6 address.") from None
        return str(address), address
    host = text.removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BlockedURL("The URL's host is not a host name.")
    # A host that ends in a number is an IPv4 address to every resolver (WHATWG URL, 3.5), also as 0x7f.1 or 2130706433;
    # only the plain dotted form is taken.
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        try:
            return host, ipaddress.IPv4Address(host)
        except ValueError:
            raise BlockedURL("The URL's host is a number. Write addresses as four decimal numbers.") from None
    return host, None


def redirected(base: Target, location: bytes) -> Target:
    """Give the target that a Location header leads to (RFC 3986, 5.2). Raises BlockedURL, also from https to http."""
    from urllib.parse import urljoin

    # servers put raw UTF-8 there; in a host the percent sign is refused by the parser
    text = "".join(chr(byte) if 0x20 < byte < 0x7F else f"%{byte:02X}" for byte in location)
    target = parse(urljoin(f"{base.scheme}://{base.host_header}{base.path}", text))
    if base.scheme == "https" and target.scheme == "http":
        raise BlockedURL("The URL redirects from https to http.")
    return target
