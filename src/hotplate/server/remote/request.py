"""The head of a call to a replica: what a worker would be told of the call, as HTTP.

Nothing else of the caller's head goes there: no token, no cookie that the project did not ask for, nothing that is
about the caller's own connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from hotplate.wire import remote
from hotplate.wire.frames import Meta, decode_meta

if TYPE_CHECKING:
    from hotplate.contract import Contract
    from hotplate.server.remote.reach import Reach

OF_THE_CONNECTION = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer")
) | {"transfer-encoding", "upgrade", "host", "content-length", "expect"}
"""RFC 9110, 7.6.1, and what this end of a connection says for itself."""

STEPS_MS = 16


def request_head(contract: Contract, index: int, meta: bytes, reach: Reach) -> tuple[bytes, bool]:
    """The head without its end and without the length of the body, and whether a request without a body says so."""
    mount = contract.mounts[index]
    record = decode_meta(meta) if meta else Meta()
    target = quote(mount.path, safe="/:@!$&'()*+,;=~") + (f"?{record.query}" if record.query else "")
    lines = [
        f"{mount.method} {target} HTTP/1.1",
        f"host: {reach.authority}",
        f"{remote.TOKEN}: {reach.token}",
    ]
    fields = {"content-type": record.content_type, "x-request-id": record.request_id}
    fields = {name: value for name, value in fields.items() if value}
    fields |= {name.lower(): value for name, value in record.headers.items()}
    if record.trace:
        fields |= {
            name: value for name, value in zip(("traceparent", "tracestate"), record.trace, strict=True) if value
        }
    lines += [f"{name}: {value}" for name, value in fields.items() if name not in OF_THE_CONNECTION]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n", mount.method not in ("GET", "HEAD", "DELETE")


def waited(ns: int) -> bytes:
    """The header line for a call that has waited; rounded, so that heads are alike: a replica keeps those it knows."""
    ms = ns // 1_000_000
    if ms < 2:
        return b""
    step = 1 << max(0, ms.bit_length() - STEPS_MS.bit_length())
    return b"%b: %d\r\n" % (remote.WAITED.encode(), ms // step * step)


def deadline(ns: int) -> bytes:
    """The header line for a call whose answer may take another time than the endpoint's."""
    return b"%b: %d\r\n" % (remote.DEADLINE.encode(), -(-ns // 1_000_000))
