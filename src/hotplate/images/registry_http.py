"""HTTP to one registry: which scheme, tries again what may be tried again, and where it lets itself be sent.

A registry's own host is what the user named, so it may be anywhere. Where it sends us (a redirect to a store of blobs,
an authority that gives tokens) is what somebody else says: that must be https and a public address, and the connection
goes to the very address that was checked. `fetch_allow` opens others.
"""

from __future__ import annotations

import ipaddress
import random
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from hotplate.client.transport import opened
from hotplate.errors import BlockedURL, ImageInvalid, RegistryUnreachable
from hotplate.media.addresses import Opening, is_public
from hotplate.media.network import tls_context

TRIES = 5
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
MAX_HOPS = 5
MAX_ERROR = 64 * 1024
TIMEOUT = httpx.Timeout(60.0, connect=10.0, pool=None)

_AGAIN = frozenset((408, 429, 500, 502, 503, 504))
_MOVED = frozenset((301, 302, 303, 307, 308))

Content = Callable[[], Iterable[bytes]]
"""Gives a body anew for each try."""


class Door:
    """The way to one registry. Closed by `close` or at the end of a `with`."""

    def __init__(
        self, host: str, *, allow: Sequence[Opening] = (), sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.host = host
        self._allow = allow
        self._sleep = sleep
        self._local = _is_loopback(host)
        # No proxy stands between this machine and itself.
        mounts: dict[str, httpx.BaseTransport | None] = {f"all://{name}": None for name in _LOOPBACK_NAMES}
        settings: dict[str, Any] = {
            "timeout": TIMEOUT,
            "follow_redirects": False,
            "headers": {"User-Agent": "hotplate", "Accept-Encoding": "identity"},
            "mounts": mounts,
            "verify": tls_context(),
        }
        self._client = opened(httpx.Client, settings)
        self._base: httpx.URL | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def wait(self, attempt: int, asked_s: float | None = None) -> None:
        """Wait before another try: longer each time, by chance, or as the registry asks."""
        # Not a secret: chance keeps many clients apart.
        chosen = random.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt))  # noqa: S311
        self._sleep(min(LONGEST_WAIT_S, asked_s) if asked_s is not None else chosen)

    @property
    def base(self) -> httpx.URL:
        """Where the API is. Plain HTTP is spoken on this machine alone, where no TLS answers."""
        if self._base is None:
            scheme = "https"
            if self._local and not self._speaks_tls():
                scheme = "http"
            self._base = httpx.URL(f"{scheme}://{self.host}")
        return self._base

    def url(self, target: str) -> httpx.URL:
        """A path of the API, or what the registry gave as a place."""
        return self.base.join(target)

    def is_own(self, url: httpx.URL) -> bool:
        """Whether a place is the registry itself: its scheme, host and port."""
        return (url.scheme, url.host, _port(url)) == (self.base.scheme, self.base.host, _port(self.base))

    def open(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
        once: bool = False,
    ) -> httpx.Response:
        """Send a request and give the answer, whose body is still to be read and closed.

        Reading requests follow redirects, without their credentials to another host. `once`: what cannot be repeated.

        Raises:
            RegistryUnreachable: there is no connection, or it broke, each time.
            BlockedURL: it leads where it may not lead.
        """
        failure = ""
        for attempt in range(TRIES):
            if attempt:
                self.wait(attempt)
            try:
                answer = self._follow(method, url, dict(headers or {}), content)
            except httpx.TransportError as error:
                failure = _reason(error)
                if once or _is_hopeless(error):
                    break
                continue
            if answer.status_code not in _AGAIN or once or attempt == TRIES - 1:
                return answer
            asked_s = _retry_after(answer)
            answer.close()
            if asked_s is not None:
                self.wait(attempt, asked_s)
        raise RegistryUnreachable(f"The registry {self.host} gives no answer: {failure}.")

    def read(self, answer: httpx.Response, limit: int, what: str) -> bytes:
        """A whole answer that is not longer than `limit`; it is closed then.

        Raises:
            ImageInvalid: it is longer.
            RegistryUnreachable: it breaks off.
        """
        found: list[bytes] = []
        size = 0
        try:
            for data in answer.iter_raw():
                size += len(data)
                if size > limit:
                    raise ImageInvalid(f"{what} from the registry {self.host} is longer than {limit:,} bytes.")
                found.append(data)
        except httpx.TransportError as error:
            raise RegistryUnreachable(f"The registry {self.host} breaks off: {_reason(error)}.") from None
        finally:
            answer.close()
        return b"".join(found)

    def _follow(self, method: str, url: httpx.URL, headers: dict[str, str], content: Content | None) -> httpx.Response:
        for _ in range(MAX_HOPS):
            answer = self._send(method, url, headers, content)
            if answer.status_code not in _MOVED or method not in ("GET", "HEAD"):
                return answer
            place = answer.headers.get("location", "")
            answer.close()
            following = _joined(url, place)
            if (following.host, _port(following)) != (url.host, _port(url)) or following.scheme != url.scheme:
                headers.pop("Authorization", None)
            url = following
        raise BlockedURL(f"The registry {self.host} redirects more than {MAX_HOPS} times.")

    def _send(self, method: str, url: httpx.URL, headers: dict[str, str], content: Content | None) -> httpx.Response:
        extensions: dict[str, Any] = {}
        if not self.is_own(url):
            host = url.host
            address = self._checked(url)
            headers = {**headers, "Host": host if url.port is None else f"{host}:{url.port}"}
            if url.scheme == "https":
                extensions["sni_hostname"] = host
            url = url.copy_with(host=address)
        request = self._client.build_request(
            method, url, headers=headers, content=content() if content else None, extensions=extensions
        )
        return self._client.send(request, stream=True)

    def _checked(self, url: httpx.URL) -> str:
        """An address of a place that the registry names, when all of its addresses may be reached."""
        if url.userinfo:
            raise BlockedURL(f"The registry {self.host} sends on to an address with a password in it.")
        port = _port(url)
        try:
            found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise RegistryUnreachable(
                f"The registry {self.host} sends on to {url.host[:100]!a}, which is not known."
            ) from None
        addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        for text in addresses:
            address = ipaddress.ip_address(text)
            if any(opening.permits(url.host, port, address) for opening in self._allow):
                continue
            if url.scheme != "https" or not is_public(address):
                raise BlockedURL(
                    f"The registry {self.host} sends on to {url.host[:100]!a}, which is no public https address. If it "
                    "is right there, allow its host with fetch_allow in hotplate.yaml or HOTPLATE_FETCH_ALLOW."
                )
        return addresses[0]

    def _speaks_tls(self) -> bool:
        try:
            self._client.head(f"https://{self.host}/v2/")
        except httpx.TransportError as error:
            return "CERTIFICATE" in str(error).upper()  # it does, though not so that it could be trusted
        return True


_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def _is_loopback(host: str) -> bool:
    name = httpx.URL(f"https://{host}").host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _joined(url: httpx.URL, place: str) -> httpx.URL:
    try:
        found = url.join(place)
    except (httpx.InvalidURL, ValueError):
        found = None
    if found is None or not place or found.scheme not in ("http", "https") or not found.host:
        raise BlockedURL(f"The registry redirects to {place[:100]!a}, which is no address.")
    return found


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _is_hopeless(error: httpx.TransportError) -> bool:
    text = str(error)
    return isinstance(error, httpx.ConnectError) and ("CERTIFICATE" in text or "not known" in text)


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the time is over"
    text = str(error)
    if "CERTIFICATE" in text:
        return "its certificate is not trusted here (SSL_CERT_FILE names other authorities)"
    if "refused" in text:
        return "the connection was refused"
    if "not known" in text or "Name or service" in text:
        return "its name is not known"
    return "the connection broke"
