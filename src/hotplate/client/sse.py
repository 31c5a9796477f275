"""Server-sent events from bytes (HTML standard, section 9.2.6), fed in pieces of any size."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from hotplate.client.errors import InvalidAnswer

EVENT_CHARACTERS = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `name` is "message" unless the server named it."""

    name: str
    data: str


class EventParser:
    """Splits a byte stream into events. Comments, which servers send to keep a connection open, are dropped."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self._pieces: list[str] = []  # of a line whose end has not come
        self._after_cr = False
        self._name = ""
        self._data: list[str] = []
        self._held = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Take bytes and give the events that they complete."""
        text = self._decode(chunk)
        if self._after_cr and text:
            text = text.removeprefix("\n")  # the second half of a CRLF that the chunks split
            self._after_cr = False
        if text.endswith("\r"):
            self._after_cr = True
        self._held += len(text)
        if self._held > EVENT_CHARACTERS:
            raise InvalidAnswer(f"An event of the stream is longer than {EVENT_CHARACTERS} characters.")
        *whole, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in whole:
            self._pieces.append(line)
            yield from self._line("".join(self._pieces))
            self._pieces.clear()
        if rest:
            self._pieces.append(rest)

    def close(self) -> Iterator[Event]:
        """Give the last event of a stream that ended without the empty line after it, as many servers do."""
        yield from self._line("".join(self._pieces))
        yield from self._line("")

    def _line(self, line: str) -> Iterator[Event]:
        if not line:
            if self._data:
                yield Event(self._name or "message", "\n".join(self._data))
            self._name, self._data, self._held = "", [], 0
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
