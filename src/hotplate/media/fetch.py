"""The one guarded way out: every request that a caller can make this machine send goes through here.

A host is resolved once, every address of it is checked, and the connection goes to an address that was checked, with
SNI and Host kept. Redirects start over. No proxy settings, cookies or credentials are read from anywhere.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Final

from hotplate import __version__
from hotplate.errors import FetchFailed, LimitExceeded
from hotplate.media.addresses import Opening, opening_list, openings
from hotplate.media.limits import env_number
from hotplate.media.network import SYSTEM, Network, connected
from hotplate.media.transfer import AnswerHead, Exchange, Pace
from hotplate.media.urls import Target, parse, redirected

__all__ = ["FetchSettings", "Fetched", "Network", "configure", "current", "fetch", "fetch_to", "opened"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Limits of a download. Once a body has begun, every `rate_window_s` must bring `min_rate` bytes a second."""

    allow: tuple[Opening, ...] = ()
    max_bytes: int = 64 << 20
    total_s: float = 30.0
    connect_s: float = 5.0
    min_rate: int = 1024
    rate_window_s: float = 5.0
    max_redirects: int = 3

    @classmethod
    def from_env(cls) -> FetchSettings:
        """Read HOTPLATE_FETCH_ALLOW (entries with commas), HOTPLATE_FETCH_MAX_BYTES and HOTPLATE_FETCH_TIMEOUT_S."""
        default = cls()
        return cls(
            allow=openings(os.environ.get("HOTPLATE_FETCH_ALLOW", "")),
            max_bytes=env_number("HOTPLATE_FETCH_MAX_BYTES", default.max_bytes, int),
            total_s=env_number("HOTPLATE_FETCH_TIMEOUT_S", default.total_s, float),
        )


_configured: FetchSettings | None = None


def configure(*, allow: str | Iterable[str] | None = None, settings: FetchSettings | None = None) -> None:
    """Set this process's allow-list or all of its settings in code. Without arguments: back to the environment."""
    global _configured
    if allow is not None:
        base = settings or FetchSettings.from_env()
        settings = replace(base, allow=opening_list(allow))
    _configured = settings


def current() -> FetchSettings:
    """The settings in force: those given to `configure`, else the environment's, else the defaults."""
    return _configured or FetchSettings.from_env()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An open answer: status, headers (lower-case names), and `chunks()`, which yields the body as it comes.

    `url` is the first one asked for, without its query.
    """

    status: int
    url: str
    headers: Mapping[str, bytes]
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)


@contextmanager
def opened(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    follow_redirects: bool = True,
    settings: FetchSettings | None = None,
    network: Network = SYSTEM,
) -> Generator[Fetched]:
    """Send a request and give the answer while the connection is open; the body is read by `chunks()`.

    Redirects are followed for GET alone, each checked like the first URL. Raises BlockedURL for what may not be
    reached, LimitExceeded for too many redirects, bytes or seconds, FetchFailed for hosts that do not answer.
    """
    settings = settings or current()
    pace = Pace(
        deadline=time.monotonic() + settings.total_s,
        total_s=settings.total_s,
        min_rate=settings.min_rate,
        window_s=settings.rate_window_s,
    )
    first = target = parse(url)
    hops = 0
    while True:
        sock = connected(
            target,
            allow=settings.allow,
            deadline=pace.deadline,
            connect_s=settings.connect_s,
            network=network,
            name="A place that the URL redirects to" if hops else None,
        )
        try:
            exchange = Exchange(sock, pace)
            exchange.send(_request(target, method, headers or {}, body))
            head = exchange.head()
            location = head.headers.get("location")
            if head.status not in _REDIRECTS or not follow_redirects or method != "GET" or location is None:
                yield _fetched(first.shown, head, exchange, settings.max_bytes)
                return
        finally:
            sock.close()
        hops += 1
        if hops > settings.max_redirects:
            raise LimitExceeded(f"The URL redirects more than {settings.max_redirects} times.")
        target = redirected(target, location)


def _fetched(url: str, head: AnswerHead, exchange: Exchange, max_bytes: int) -> Fetched:
    return Fetched(status=head.status, url=url, headers=head.headers, chunks=lambda: exchange.body(head, max_bytes))


def fetch(
    url: str,
    *,
    follow_redirects: bool = True,
    settings: FetchSettings | None = None,
    network: Network = SYSTEM,
) -> bytes:
    """Download a URL into memory. Raises what `opened` raises, and FetchFailed ("status 404 (url)") if not 200."""
    content = BytesIO()
    with opened(url, follow_redirects=follow_redirects, settings=settings, network=network) as answer:
        _expect_ok(answer)
        for piece in answer.chunks():
            content.write(piece)
    return content.getvalue()


def fetch_to(
    url: str,
    path: Path,
    *,
    follow_redirects: bool = True,
    settings: FetchSettings | None = None,
    network: Network = SYSTEM,
) -> None:
    """Download a URL to a file, in place of what it held. The file is touched only once the host has answered 200; a
    download that breaks off leaves no half file. Raises what `fetch` raises.
    """
    with opened(url, follow_redirects=follow_redirects, settings=settings, network=network) as answer:
        _expect_ok(answer)
        try:
            with path.open("wb") as file:
                for piece in answer.chunks():
                    file.write(piece)
        except BaseException:
            if path.is_file():
                path.unlink()
            raise


def _expect_ok(answer: Fetched) -> None:
    if answer.status != 200:
        raise FetchFailed(f"status {answer.status} ({answer.url})")


def _request(target: Target, method: str, headers: Mapping[str, str], body: bytes) -> bytes:
    fields = {
        "Host": target.host_header,
        "User-Agent": f"hotplate/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **({"Content-Length": str(len(body))} if body or method != "GET" else {}),
        **headers,
    }
    if not all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in fields.items()):
        raise ValueError("A header has a line break or a character outside of ASCII.")
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body
