"""Somebody at the dashboard without a browser, who can also misbehave: another origin, no proof, an old one."""

from __future__ import annotations

import http.client
import re
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlencode

from control_rig import Control, Reply

PROOF = re.compile(r'name="csrf" value="([^"]+)"')
FORM = "application/x-www-form-urlencoded"


@dataclass
class Guest:
    control: Control
    cookie: str = ""
    cookies_seen: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent.setdefault("cookie", self.cookie)
        with closing(http.client.HTTPConnection("127.0.0.1", self.control.port, timeout=60)) as connection:
            connection.request(method, path, body if method == "POST" else None, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Reply:
        given = {"origin": self.control.url, "content-type": FORM, **headers}
        return self.ask("POST", path, urlencode(fields or {}).encode(), **given)

    def sign_in(self, token: str) -> Guest:
        reply = self.post("/ui/sign-in", {"token": token})
        assert reply.status == 303, reply.body
        self.cookie = reply.headers["set-cookie"].partition(";")[0]
        return self

    def proof(self) -> str:
        """A proof for one form, from a page that everybody may see."""
        found = PROOF.search(self.get("/ui/").body.decode())
        assert found
        return found.group(1)
