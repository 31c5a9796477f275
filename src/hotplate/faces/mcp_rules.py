"""What the protocol asks of a request before its method is looked at: where it may come from, and its revision."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

STATELESS: Final = ("2026-07-28",)
"""Revisions whose requests each carry what an earlier client said once, in `initialize`."""
WITH_HANDSHAKE: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

VERSION_HEADER: Final = "mcp-protocol-version"
METHOD_HEADER: Final = "mcp-method"
NAME_HEADER: Final = "mcp-name"
_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class Refused(Exception):
    """A request that is answered with a JSON-RPC error and run by nobody."""

    def __init__(self, code: int, message: str, *, status: int = 400, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.data = data


def check_origin(headers: Mapping[str, str], allowed: str = "") -> None:
    """Refuse what a web page of another site sends (DNS rebinding). Programs that are no browser send no Origin.

    The server has checked Host by now where it listens on loopback or knows its hosts. A page of this machine may call
    a server on this machine, and `allowed` is what the operator allows besides: one origin, or `*`.
    """
    origin = headers.get("origin")
    if origin is None or allowed == "*" or (allowed and origin.lower() == allowed.lower()):
        return
    host = headers.get("host", "")
    try:
        given = urlsplit(origin)
        here = urlsplit(f"//{host}")
        local = given.hostname in _LOOPBACK and here.hostname in _LOOPBACK
        if given.scheme in ("http", "https") and given.netloc and (given.netloc.lower() == host.lower() or local):
            return
    except ValueError:
        pass
    raise Refused(INVALID_REQUEST, "Forbidden: a page of another site may not call this server", status=403)


def is_stateless(headers: Mapping[str, str], params: Any) -> bool:
    """Whether a request follows a revision without handshake, or one that is not known here."""
    if _VERSION_KEY in _meta(params):
        return True
    version = headers.get(VERSION_HEADER)
    return version is not None and version not in WITH_HANDSHAKE


def check_stateless(headers: Mapping[str, str], method: str, params: Any) -> None:
    """Check what each request of a stateless revision carries; headers and body must agree. Raises Refused."""
    meta = _meta(params)
    if lacking := [key for key in (_VERSION_KEY, _CAPABILITIES_KEY) if key not in meta]:
        raise Refused(INVALID_PARAMS, f"params._meta is missing {', '.join(lacking)}")
    version = meta[_VERSION_KEY]
    if headers.get(VERSION_HEADER) != version:
        raise Refused(HEADER_MISMATCH, f"the header {VERSION_HEADER} does not match the version in params._meta")
    if headers.get(METHOD_HEADER) != method:
        raise Refused(HEADER_MISMATCH, f"the header {METHOD_HEADER} does not match the method")
    name: Any = cast("dict[str, Any]", params).get("name") if method == "tools/call" else None
    if name is not None and _plain(headers.get(NAME_HEADER)) != name:
        raise Refused(HEADER_MISMATCH, f"the header {NAME_HEADER} does not match params.name")
    check_version(str(version))


def check_version(version: str) -> None:
    """Refuse a revision that is not one of the stateless ones."""
    if version not in STATELESS:
        data = {"supported": list(STATELESS), "requested": version}
        raise Refused(UNSUPPORTED_VERSION, "Unsupported protocol version", data=data)


def _meta(params: Any) -> dict[str, Any]:
    found: Any = cast("dict[str, Any]", params).get("_meta") if isinstance(params, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _plain(value: str | None) -> str | None:
    """A header's value; `=?base64?…?=` holds one that a header cannot (specification, "Header encoding")."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
