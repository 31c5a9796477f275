"""The way to one replica: its address, its token, TLS; and requests that are no calls."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hotplate.errors import SettingError
from hotplate.wire.remote import TOKEN

MAX_HEAD = 64 * 1024
MAX_BODY = 1024 * 1024
MAX_NEWS = 16 * 1024 * 1024
"""One line of news: a contract of many routes is long."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")


class NoAnswer(Exception):
    """The replica gave no answer, or none that is HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """`tls` is how the replica is to prove who it is; None: it is spoken to in the clear."""

    host: str
    port: int
    token: str
    tls: ssl.SSLContext | None = None

    @property
    def authority(self) -> str:
        """What a Host header says."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def ask(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> tuple[int, bytes]:
        """One request on a connection of its own. Raises NoAnswer."""
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await self._send(method, path, body, "close")
                try:
                    status = await _head(reader)
                    return status, await reader.read(MAX_BODY)
                finally:
                    writer.close()
        except TimeoutError:
            raise NoAnswer(f"no answer within {timeout_s:g} s") from None
        except OSError as error:
            raise NoAnswer(_words(error)) from None

    async def lines(self, path: str, *, silence_s: float) -> AsyncIterator[bytes]:
        """The lines of an answer that goes on. Raises NoAnswer when it breaks off or is silent for so long."""
        try:
            async with asyncio.timeout(silence_s):
                reader, writer = await self._send("GET", path, b"", "keep-alive")
            try:
                async with asyncio.timeout(silence_s):
                    status = await _head(reader)
                if status != 200:
                    raise NoAnswer(f"status {status}")
                rest = b""
                while True:
                    async with asyncio.timeout(silence_s):
                        piece = await _chunk(reader)
                    if not piece:
                        return
                    *lines, rest = (rest + piece).split(b"\n")
                    if len(rest) > MAX_NEWS:
                        raise NoAnswer("a line without an end")
                    for line in lines:
                        yield line
            finally:
                writer.close()
        except TimeoutError:
            raise NoAnswer(f"silence for {silence_s:g} s") from None
        except OSError as error:
            raise NoAnswer(_words(error)) from None

    async def _send(
        self, method: str, path: str, body: bytes, connection: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=self.tls, limit=MAX_NEWS)
        writer.write(
            f"{method} {path} HTTP/1.1\r\nhost: {self.authority}\r\n{TOKEN}: {self.token}\r\n"
            f"content-length: {len(body)}\r\nconnection: {connection}\r\n\r\n".encode()
            + body
        )
        return reader, writer


def client_tls(ca: str, *, verify: bool) -> ssl.SSLContext:
    """How replicas prove who they are. Raises SettingError where the file of CA certificates is none."""
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"The CA certificates cannot be read: {error}.", key="link_ca") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _head(reader: asyncio.StreamReader) -> int:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise NoAnswer("it closed the connection") from None
    found = _STATUS.match(head)
    if found is None or len(head) > MAX_HEAD:
        raise NoAnswer("what came is no HTTP")
    return int(found[1])


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    """One chunk (RFC 9112, 7.1); nothing at the end."""
    try:
        line = await reader.readline()
        size = int(line.strip() or b"-", 16)
        data = await reader.readexactly(size + 2)
    except (ValueError, asyncio.IncompleteReadError):
        raise NoAnswer("it broke off") from None
    if size < 0 or size > MAX_NEWS:
        raise NoAnswer("what came is no HTTP")
    return data[:-2]


def _words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionError):
        return "the connection broke off"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return error.strerror or type(error).__name__
