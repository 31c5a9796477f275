"""What Hotplate's own worker imports, as the running installation asks for it. Nothing else of the server's belongs to
a revision's environment."""

from __future__ import annotations

import re
from importlib.metadata import requires

NEEDED = frozenset(("msgspec", "pydantic", "pybase64", "python-multipart", "pyyaml"))
"""PyYAML reads what some dialects are described in."""

WELCOME = frozenset(("httpx", "uvloop"))
"""httpx is the client's, for code that calls other endpoints; uvloop runs `async def` routes faster than asyncio. Where
a project's own packages do not fit them, the worker does without."""

SERVER = frozenset(("httptools", "uvloop"))

_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def of_worker(*, welcome: bool = True) -> tuple[str, ...]:
    """The worker's requirements; those that are only welcome too, unless told otherwise."""
    names = NEEDED | WELCOME if welcome else NEEDED
    return tuple(text for text, extra in _ours() if not extra and name_of(text) in names)


def of_server() -> tuple[str, ...]:
    """What the server imports besides: `hotplate serve`, where it has an environment of its own."""
    return tuple(text for text, extra in _ours() if not extra and name_of(text) in SERVER)


def of_extra(name: str) -> tuple[str, ...]:
    """The requirements of one of Hotplate's extras (`media`); none where it has no such extra."""
    wanted = _normal(name)
    return tuple(text for text, extra in _ours() if _normal(extra) == wanted)


def name_of(requirement: str) -> str:
    """The package that a requirement is about, in its normal form; empty for a URL or a path."""
    found = _NAME.match(requirement)
    if found is None or re.match(r"^\s*(\w+\+)?\w+://|^\s*\.{0,2}/", requirement):
        return ""
    return _normal(found[1])


def extras_of(requirement: str) -> tuple[str, ...]:
    """The extras that a requirement names: `media` of `hotplate[media]>=0.1`."""
    found = re.match(r"^[^\[;@]*\[([^\]]*)\]", requirement)
    return tuple(part.strip() for part in found[1].split(",") if part.strip()) if found else ()


def _ours() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in requires("hotplate") or ():
        text, _, marker = line.partition(";")
        extra = _EXTRA.search(marker)
        rest = re.sub(r"^\s*and\s+|\s+and\s*$", "", _EXTRA.sub("", marker).strip()).strip()
        found.append((f"{text.strip()}; {rest}" if rest else text.strip(), extra[1] if extra else ""))
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
