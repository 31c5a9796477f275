"""Who is signed in: a cookie that means nothing elsewhere, and proofs that a form was made for that very session.

A session lives in this process's memory and ends with it. The token behind it is looked up anew with every request, so
one that is revoked or expired ends its sessions at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from hotplate.errors import Forbidden

LASTS_S = 12 * 3600.0
MAX_SESSIONS = 1000
MAX_USED = 4096


@dataclass(slots=True)
class Session:
    """One sign-in. `token` is what was typed; `note` is said once, on the next page;
    `once` is a new token until the page that shows it."""

    token: str
    opened_at: float
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    note: str = ""
    once: str = ""
    used: OrderedDict[str, None] = field(default_factory=OrderedDict[str, None])

    def form_proof(self) -> str:
        """A proof for one form. It is good for one sending."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._sign('form', nonce)}"

    def page_proof(self) -> str:
        """A proof for what a page's script sends, in a header that no other site can set. It lasts as the session."""
        return self._sign("page", "")

    def check_form(self, proof: str) -> None:
        """Raise Forbidden unless this proof was made for this sign-in and was not used before."""
        nonce, _, signature = proof.partition(".")
        if not nonce or not hmac.compare_digest(signature.encode(), self._sign("form", nonce).encode()):
            raise Forbidden("This form was not made for this sign-in. Go back, load the page again, and send it anew.")
        if nonce in self.used:
            raise Forbidden("This form was sent already. Load the page again to send another.")
        self.used[nonce] = None
        while len(self.used) > MAX_USED:
            self.used.popitem(last=False)

    def check_page(self, proof: str) -> None:
        """Raise Forbidden unless a page of this sign-in sends this."""
        if not hmac.compare_digest(proof.encode(), self.page_proof().encode()):
            raise Forbidden("This was not sent by a page of this sign-in. Load the page again.")

    def _sign(self, what: str, nonce: str) -> str:
        return hmac.new(self.key, f"{what}\0{nonce}".encode(), hashlib.sha256).hexdigest()


class Sessions:
    """Everybody who is signed in. Cookies are kept as hashes."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()

    def open(self, token: str) -> str:
        """Begin a session and give its cookie. The oldest session gives way where there are too many."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_hash(cookie)] = Session(token, time.monotonic())
            while len(self._open) > MAX_SESSIONS:
                self._open.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie; None where there is none, or no more."""
        with self._lock:
            session = self._open.get(_hash(cookie))
            if session is not None and time.monotonic() - session.opened_at > LASTS_S:
                del self._open[_hash(cookie)]
                return None
            return session

    def close(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(_hash(cookie), None)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
