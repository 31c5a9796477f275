"""Where this machine's installation is reached and with which token: from the environment, else from its own files.

In a replica the environment has an address and a token for its siblings alone (`server/placement.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from hotplate.client.errors import ConnectionFailed
from hotplate.deployment.home import Home, find_home

CONTROL_VARIABLE = "HOTPLATE_CONTROL_URL"
URL_VARIABLE = "HOTPLATE_URL"
TOKEN_VARIABLE = "HOTPLATE_TOKEN"  # noqa: S105 - the name of a variable
SIBLINGS_VARIABLE = "HOTPLATE_SIBLINGS"
SIBLING_TOKEN_VARIABLE = "HOTPLATE_SIBLING_TOKEN"  # noqa: S105

START = "Start it with `hotplate up`, or set HOTPLATE_CONTROL_URL and HOTPLATE_TOKEN to reach another machine's."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address without a slash at its end, and the token to send. The token is in no repr."""

    url: str
    token: str = field(repr=False)


def find_control(environ: Mapping[str, str] | None = None, home: Home | None = None) -> Place:
    """Where control is.

    Raises:
        ConnectionFailed: nothing runs here, and the environment names no other place.
    """
    found = os.environ if environ is None else environ
    named = found.get(CONTROL_VARIABLE, "").strip().rstrip("/")
    if named:
        # The admin token of this machine is for this machine's control: it never goes to an address from elsewhere.
        return Place(url=named, token=found.get(TOKEN_VARIABLE, "").strip() or _own_token(named, home or find_home()))
    place = home or find_home()
    url = str(_supervisor(place).get("control_url") or "").rstrip("/")
    if not url:
        raise _nothing_runs(place, START)
    return Place(url=url, token=found.get(TOKEN_VARIABLE, "").strip() or _admin_token(place))


def find_server(environ: Mapping[str, str] | None = None, home: Home | None = None) -> Place:
    """Where this machine's endpoints are called.

    Raises:
        ConnectionFailed: nothing runs here, and the environment names no other place.
    """
    found = os.environ if environ is None else environ
    token = found.get(TOKEN_VARIABLE, "").strip()
    if siblings := found.get(SIBLINGS_VARIABLE, "").strip():
        return Place(url=siblings.rstrip("/"), token=found.get(SIBLING_TOKEN_VARIABLE, "").strip() or token)
    if named := found.get(URL_VARIABLE, "").strip():
        return Place(url=named.rstrip("/"), token=token)
    place = home or find_home()
    url = str(_supervisor(place).get("url") or "").rstrip("/")
    if not url:
        raise _nothing_runs(place, "Start it with `hotplate up`.")
    return Place(url=url, token=token or _admin_token(place))


def _nothing_runs(home: Home, start: str) -> ConnectionFailed:
    try:
        home.supervisor_file.read_bytes()
    except PermissionError:
        return ConnectionFailed(f"{home.root} is closed to this user: its owner alone sees what runs there. {start}")
    except OSError:
        pass
    return ConnectionFailed(f"Nothing runs in {home.root}. {start}")


def token_for(url: str, environ: Mapping[str, str] | None = None, home: Home | None = None) -> str:
    """The token to send to a URL: HOTPLATE_TOKEN, else this machine's admin token where the URL is of its endpoints."""
    found = os.environ if environ is None else environ
    if token := found.get(TOKEN_VARIABLE, "").strip():
        return token
    place = home or find_home()
    return _admin_token(place) if serves(url, place) else ""


def serves(url: str, home: Home | None = None) -> bool:
    """Whether this machine's `hotplate up` answers at a URL."""
    own = str(_supervisor(home or find_home()).get("url") or "")
    return bool(own) and _origin(url) == _origin(own)


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "", url, None
    return parts.scheme, "127.0.0.1" if host == "localhost" else host, port


def _supervisor(home: Home) -> dict[str, Any]:
    try:
        found: Any = json.loads(home.supervisor_file.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _admin_token(home: Home) -> str:
    try:
        return home.admin_token.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _own_token(url: str, home: Home) -> str:
    return _admin_token(home) if url == str(_supervisor(home).get("control_url") or "").rstrip("/") else ""
