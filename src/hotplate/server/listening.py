"""Binding a port, and refusing to where that would let others in."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from hotplate.config.resolve import is_loopback
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

OPEN = "Serving on {host} would let anyone who reaches this machine call the model: there are no tokens here."


def bind(settings: Settings, why: str = OPEN, flag: str = "--port") -> socket.socket:
    """Bind the port, or say who could not and what to do. `why` says what is wrong with an address open to others,
    `flag` how another port is named."""
    host = settings.host
    if not is_loopback(host) and not settings.i_know:
        raise SettingError(
            why.format(host=host),
            key="host",
            hint="Serve on 127.0.0.1 behind a proxy that checks callers, or add --i-know to serve openly.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, settings.port))
    except OSError as error:
        sock.close()
        hint = {
            errno.EADDRINUSE: f"Stop what uses it, or name another port with {flag} (0 picks a free one).",
            errno.EACCES: f"Ports below 1024 need root; name another with {flag}.",
        }.get(error.errno or 0, f"Name another address with --host or another port with {flag}.")
        raise SettingError(f"Port {settings.port} on {host}: {error.strerror}.", key="port", hint=hint) from None
    sock.setblocking(False)
    return sock


def url_of(listener: socket.socket) -> str:
    """The address of a bound socket, for callers on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
