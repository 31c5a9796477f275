"""Proves to a registry who asks: by basic authentication or by a token, whichever it wants.

https://distribution.github.io/distribution/spec/auth/token/ and .../oauth/. Credentials go to the registry that they
are for and to the authority that it names, over https or within this machine, and nowhere else.
"""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

import httpx
import msgspec

from hotplate.errors import RegistryRefused
from hotplate.images.registry_http import MAX_ERROR, Door

_CHALLENGE = re.compile(r'([A-Za-z]+)\s+((?:[a-z_]+="[^"]*"(?:\s*,\s*)?)+)', re.I)
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"', re.I)


class Login(NamedTuple):
    """Who asks. `identity` is a token that stands for the password, as some registries give to docker. `source` says
    where this was found, for error texts."""

    username: str = ""
    password: str = ""
    identity: str = ""
    source: str = ""

    @property
    def basic(self) -> str:
        """As a header of basic authentication has it."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def __repr__(self) -> str:
        return f"Login({self.username!r}, from {self.source!r})"


NOBODY = Login()


class Authority:
    """Keeps one token for each set of rights, and asks for it when the registry first says that it wants one."""

    def __init__(self, door: Door, login: Login = NOBODY) -> None:
        self._door = door
        self.login = login
        self._headers: dict[str, str] = {}

    def header(self, scope: str) -> dict[str, str]:
        """What to send with a request."""
        found = self._headers.get(scope) or self._headers.get("")
        return {"Authorization": found} if found else {}

    def learn(self, answer: httpx.Response, scope: str) -> bool:
        """Take up a challenge (the answer 401). False: there is nothing that could be sent in addition.

        Raises:
            RegistryRefused: the authority refuses the login.
        """
        for scheme, text in _CHALLENGE.findall(answer.headers.get("www-authenticate", "")):
            given = {name.lower(): value for name, value in _PARAMETER.findall(text)}
            if scheme.lower() == "basic" and self.login.username:
                return self._keep("", self.login.basic)
            if scheme.lower() == "bearer" and "realm" in given:
                return self._keep(scope, "Bearer " + self._token(given["realm"], given.get("service", ""), scope))
        return False

    def _keep(self, scope: str, header: str) -> bool:
        if self._headers.get(scope) == header:
            return False  # just this was refused
        self._headers[scope] = header
        return True

    def _token(self, realm: str, service: str, scope: str) -> str:
        try:
            url = self._door.url(realm)
        except (httpx.InvalidURL, ValueError):
            raise RegistryRefused(f"The registry {self._door.host} names no authority that could be asked.") from None
        asked: list[tuple[str, str | int | float | bool | None]] = [("service", service)]
        asked += [("scope", each) for each in scope.split()]
        if self.login.identity:
            form = {
                "grant_type": "refresh_token",
                "client_id": "hotplate",
                "refresh_token": self.login.identity,
                "service": service,
                "scope": scope,
            }
            body = str(httpx.QueryParams(form)).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
            answer = self._door.open("POST", url, headers=headers, content=lambda: [body])
        else:
            headers = {"Authorization": self.login.basic} if self.login.username else {}
            answer = self._door.open("GET", url.copy_merge_params(httpx.QueryParams(asked)), headers=headers)
        data = self._door.read(answer, MAX_ERROR, "The authority's answer")
        if answer.status_code != 200:
            raise RegistryRefused(refusal(self._door.host, self.login, answer.status_code))
        try:
            given: Any = msgspec.json.decode(data)
            token = given.get("token") or given.get("access_token")
        except (msgspec.DecodeError, AttributeError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryRefused(f"The authority of the registry {self._door.host} gives no token.")
        return token


def refusal(host: str, login: Login, status: int) -> str:
    """Why there is no access, and what to do."""
    if login.username or login.identity:
        return (
            f"The registry {host} does not let {login.username or 'this login'} in (status {status}). The login is "
            f"from {login.source}."
        )
    return (
        f"The registry {host} wants a login (status {status}), and none is known for it. Make one with `docker login "
        f"{host}`, or with `hotplate regcred create --registry {host}` and `--regcred NAME`."
    )
