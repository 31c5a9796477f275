"""Docker's own logins: `docker login` has kept them in `~/.docker/config.json` or with a credential helper.

https://docs.docker.com/reference/cli/docker/login/: `auths` has them in the file, `credHelpers` and `credsStore` name
the program `docker-credential-NAME` that gives them. Read each time; nothing of it is kept or written.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from hotplate.errors import SettingError
from hotplate.images.reference import HUB
from hotplate.images.registry_auth import NOBODY, Login

HUB_KEY = "https://index.docker.io/v1/"
"""How docker calls Docker Hub in its file."""
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HELPER_S = 60.0
_NOT_FOUND = "credentials not found"
_MAX = 1024 * 1024


def find_login(registry: str, environ: Mapping[str, str] | None = None) -> Login:
    """The login for a registry, or `NOBODY`.

    Raises:
        SettingError: docker's file cannot be read, or the helper that it names fails.
    """
    variables = os.environ if environ is None else environ
    folder = Path(variables.get("DOCKER_CONFIG") or Path(variables.get("HOME") or Path.home()) / ".docker")
    path = folder / "config.json"
    document = _read(path)
    if document is None:
        return NOBODY
    keys = [HUB_KEY, HUB, "index.docker.io", "registry-1.docker.io"] if registry == HUB else [registry]
    helpers = _table(document, "credHelpers")
    for key in keys:
        helper = helpers.get(key) or (document.get("credsStore") if key == keys[0] else None)
        if isinstance(helper, str) and helper:
            found = _ask(helper, key, path)
            if found is not None:
                return found
    for key, value in _table(document, "auths").items():
        if _plain(key) in {_plain(each) for each in keys} and isinstance(value, dict):
            found = _written(cast("dict[str, Any]", value), key, path)
            if found is not None:
                return found
    return NOBODY


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX + 1)
        document: Any = msgspec.json.decode(data)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingError(f"Docker's logins cannot be read: {error.strerror}.", source=str(path)) from None
    except (msgspec.DecodeError, RecursionError):
        hint = "`docker login` writes it anew."
        raise SettingError("Docker's logins are not JSON.", source=str(path), hint=hint) from None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _plain(key: str) -> str:
    """A registry's name without the scheme and path that older dockers wrote."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0].lower()


def _written(entry: dict[str, Any], key: str, path: Path) -> Login | None:
    identity = entry.get("identitytoken")
    auth = entry.get("auth")
    username, password = entry.get("username") or "", entry.get("password") or ""
    if isinstance(auth, str) and auth:
        try:
            username, _, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            hint = "`docker login` writes it anew."
            raise SettingError(f"Docker's login for {key!a} is damaged.", source=str(path), hint=hint) from None
    password = password.rstrip("\0")
    if isinstance(identity, str) and identity:
        return Login(username, "", identity, f"{path}")
    return Login(username, password, "", f"{path}") if username and password else None


def _ask(helper: str, key: str, path: Path) -> Login | None:
    """Ask a credential helper, as docker does: the registry on its input, JSON on its output."""
    if not _HELPER.fullmatch(helper):
        raise SettingError(f"{helper[:70]!a} names no credential helper.", source=str(path))
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run([program, "get"], input=key.encode(), capture_output=True, check=False, timeout=_HELPER_S)
    except FileNotFoundError:
        hint = f"Install it, or take `{helper}` out of the file."
        raise SettingError(f"There is no program {program}.", source=str(path), hint=hint) from None
    except (OSError, subprocess.TimeoutExpired):
        raise SettingError(f"{program} gives no answer.", source=str(path)) from None
    if done.returncode:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        if _NOT_FOUND in said:
            return None
        raise SettingError(f"{program} fails: {said[:200]!a}.", source=str(path))
    try:
        given: Any = msgspec.json.decode(done.stdout)
        username, secret = str(given["Username"]), str(given["Secret"])
    except (msgspec.DecodeError, KeyError, TypeError):
        raise SettingError(f"{program} gives no login.", source=str(path)) from None
    if username == "<token>":
        return Login("", "", secret, program)
    return Login(username, secret, "", program) if username and secret else None
