"""Which endpoint a request is for: by its host (`NAME.localhost`, `api-NAME`), else by the first part of its path."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from hotplate.edge.head import RequestHead, host_name

LOCAL = ".localhost"
CHAINED = "api-"
"""Cortex's name for another API of the same machine: `http://api-NAME:8888`."""


class Address(NamedTuple):
    """An endpoint's name (which may be nobody's), and what is left of the path once `prefix` is taken off."""

    name: str
    prefix: str
    path: str


def find(head: RequestHead, names: Container[str]) -> Address | None:
    """Find whom a request is for; None: the server itself."""
    host = head.headers.get(b"host")
    if host is not None:
        name = host_name(host)
        if name.endswith(LOCAL):
            return Address(name.removesuffix(LOCAL), "", head.path)
        if name.startswith(CHAINED) and name.removeprefix(CHAINED) in names:
            return Address(name.removeprefix(CHAINED), "", head.path)
    first, slash, rest = head.path[1:].partition("/")
    if not first or not head.path.startswith("/"):
        return None
    return Address(first, f"/{first}", f"{slash}{rest}" or "/")
