"""What endpoints, volumes, secrets and environment variables may be called. A name is never a path."""

from __future__ import annotations

import re

from hotplate.errors import InvalidInput

ENDPOINT = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
"""A label of a host name (RFC 1123): an endpoint is also reached as NAME.localhost."""

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$"
"""A secret is found in the environment under its own name."""

DIGEST = r"^[a-z0-9][a-z0-9_-]{5,127}$"

RESERVED = frozenset({"api", "docs", "healthz", "healthcheck", "livez", "localhost", "metrics", "readyz", "ui", "www"})
"""Paths of the server and of control: no endpoint has these names."""

_ENDPOINT = re.compile(ENDPOINT[:-1] + r"\Z")
_VARIABLE = re.compile(VARIABLE[:-1] + r"\Z")
_DIGEST = re.compile(DIGEST[:-1] + r"\Z")


def check_endpoint(name: str) -> str:
    """Give the name of an endpoint back, or raise InvalidInput."""
    if not _ENDPOINT.match(name):
        raise InvalidInput(
            f"{_shown(name)} cannot name an endpoint: use 1 to 63 lower-case letters, digits and hyphens, "
            "with a letter or digit at each end."
        )
    if name in RESERVED:
        raise InvalidInput(f"{name!r} is a path of Hotplate's own. Choose another name.")
    return name


def check_volume(name: str) -> str:
    """Give the name of a volume back, or raise InvalidInput."""
    if not _ENDPOINT.match(name):
        raise InvalidInput(f"{_shown(name)} cannot name a volume: use 1 to 63 lower-case letters, digits and hyphens.")
    return name


def check_secret(key: str) -> str:
    """Give the key of a secret back, or raise InvalidInput."""
    return _variable(key, "a secret")


def check_credential(key: str) -> str:
    """Give the key of a registry credential back, or raise InvalidInput."""
    return _variable(key, "a registry credential")


def check_variable(name: str) -> str:
    """Give the name of an environment variable back, or raise InvalidInput."""
    return _variable(name, "an environment variable")


def is_digest(text: str) -> bool:
    """Whether this can be the digest of a revision, and so the name of its folder."""
    return bool(_DIGEST.match(text))


def _variable(name: str, what: str) -> str:
    if not _VARIABLE.match(name):
        raise InvalidInput(
            f"{_shown(name)} cannot name {what}: use up to 128 letters, digits, `_`, `.` and `-`, "
            "starting with a letter or `_`."
        )
    return name


def _shown(name: str) -> str:
    return repr(name if len(name) <= 70 else name[:67] + "…")
