"""Where DEEPaaS's server (webargs 5) finds an argument: in the query, then the form, then the JSON body.

Everything here belongs to one request and is made anew for each, so that no request can see another's arguments.
"""

from __future__ import annotations

import zlib
from typing import Any, cast
from urllib.parse import parse_qsl

from hotplate.dialects.base import ABSENT, Argument
from hotplate.errors import InvalidInput, LimitExceeded, MalformedBody
from hotplate.faces import json_limits, media_type
from hotplate.faces.base import Buffer, Head

MAX_QUERY_FIELDS = 1000
MAX_INFLATED_BYTES = 100 << 20

_CODINGS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class InvalidJson(InvalidInput):
    """The body is no JSON."""


class Request:
    """One request's values by name. What is never asked for is never parsed."""

    __slots__ = ("_body", "_form", "_head", "_json", "_query")

    def __init__(self, body: Buffer, head: Head | None) -> None:
        self._body = body
        self._head = head
        self._query: dict[str, list[Any]] | None = None if head is not None and head.query else {}
        self._form: dict[str, list[Any]] | None = None if head is not None else {}
        self._json: Any = ABSENT

    def find(self, argument: Argument) -> Any:
        """Give the raw value of an argument, or ABSENT. Raises InvalidInput for a body that cannot be read."""
        place = argument.location
        if place in ("", "query"):
            found = _pick(self._queried(), argument)
            if found is not ABSENT or place:
                return found
        if place in ("", "form"):
            found = _pick(self._formed(), argument)
            if found is not ABSENT or place:
                return found
        if place in ("", "json"):
            return self._of_json(argument)
        return self.header(argument.key) if place == "headers" else self._cookie(argument.key)

    def header(self, name: str) -> Any:
        """Give a header's value, or ABSENT."""
        return ABSENT if self._head is None else self._head.headers.get(name.lower(), ABSENT)

    def _queried(self) -> dict[str, list[Any]]:
        if self._query is None:
            assert self._head is not None
            try:
                pairs = parse_qsl(self._head.query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
            except ValueError:
                raise MalformedBody(f"Too many fields in the query: more than {MAX_QUERY_FIELDS}.") from None
            self._query = {}
            for name, value in pairs:
                self._query.setdefault(name, []).append(value)
        return self._query

    def _formed(self) -> dict[str, list[Any]]:
        if self._form is None:
            self._form = {}
            assert self._head is not None
            if media_type.essence(self._head.content_type) in _FORMS:
                from hotplate.faces import forms
                from hotplate.media import File

                for part in forms.read_parts(self._bytes(), self._head.content_type):
                    value: Any = part.text
                    if part.filename is not None:
                        kind = part.content_type or "application/octet-stream"
                        value = File.from_bytes(part.data, kind, part.filename)
                    self._form.setdefault(part.name, []).append(value)
        return self._form

    def _of_json(self, argument: Argument) -> Any:
        if self._json is ABSENT:
            self._json = self._parsed()
        if not isinstance(self._json, dict):
            return ABSENT
        value = cast("dict[str, object]", self._json).get(argument.key, ABSENT)
        single = argument.many and value is not ABSENT and value is not None and value.__class__ is not list
        return [value] if single else value

    def _parsed(self) -> Any:
        if self._head is not None and not media_type.is_json(media_type.essence(self._head.content_type)):
            return None
        body = self._bytes()
        if not body:
            return None
        try:
            return json_limits.load(body)
        except LimitExceeded:
            raise
        except InvalidInput:
            raise InvalidJson from None

    def _bytes(self) -> bytes:
        """The body, inflated where it came compressed."""
        coding = "" if self._head is None else self._head.headers.get("content-encoding", "").strip().lower()
        bits = _CODINGS.get(coding)
        if bits is None:
            return bytes(self._body)
        inflater = zlib.decompressobj(bits)
        try:
            data = inflater.decompress(bytes(self._body), MAX_INFLATED_BYTES)
        except zlib.error:
            raise MalformedBody(f"The body is not valid {coding}.") from None
        if inflater.unconsumed_tail:
            raise LimitExceeded(f"The body is larger than {MAX_INFLATED_BYTES} bytes once inflated.")
        return data

    def _cookie(self, name: str) -> Any:
        from http.cookies import CookieError, SimpleCookie

        given = self.header("cookie")
        try:
            cookies = SimpleCookie("" if given is ABSENT else given)
        except CookieError:
            return ABSENT
        return cookies[name].value if name in cookies else ABSENT


_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


def _pick(values: dict[str, list[Any]], argument: Argument) -> Any:
    found = values.get(argument.key)
    if not found:
        return ABSENT
    return found if argument.many else found[0]
