"""Learn a project's whole contract by loading it once, in a worker of its own."""

from __future__ import annotations

import os
import sys
from threading import Thread
from typing import TYPE_CHECKING

from hotplate.contract.codec import decode_contract
from hotplate.errors import ProjectError
from hotplate.server.foreground import worker_spec
from hotplate.server.memory import Memory
from hotplate.server.process import spawn
from hotplate.wire import frames
from hotplate.wire.frames import HEADER_BYTES
from hotplate.wire.layout import HEADER

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.contract import Contract
    from hotplate.dialects.base import Match, Project


def describe(project: Project, match: Match, settings: Settings) -> Contract:
    """Start a worker that loads the project, take its contract, end it. Raises ProjectError with the author's words."""
    memory = Memory()
    try:
        process = spawn(sys.executable, memory.fd, {**os.environ, **settings.env})
        process.instruct(worker_spec(project, match, settings, "describe-", describe=True))
        drains = [Thread(target=_drain, args=(fd,), daemon=True) for fd in (process.stdout, process.stderr)]
        for thread in drains:
            thread.start()
        process.socket.settimeout(settings.setup_timeout_s)
        data = bytearray()
        try:
            while part := process.socket.recv(1 << 16):
                data += part
        except TimeoutError:
            raise ProjectError(f"The project did not load within {settings.setup_timeout_s:g} s.") from None
        finally:
            process.kill()
            os.waitpid(process.pid, 0)
            process.socket.close()
            process.close()
    finally:
        memory.close()
    return _contract(bytes(data))


def _contract(data: bytes) -> Contract:
    at = 0
    while len(data) - at >= HEADER_BYTES:
        size, _, kind, _, _, meta, _ = HEADER.unpack_from(data, at)
        body = data[at + HEADER_BYTES + meta : at + HEADER_BYTES + size]
        if kind == frames.CONTRACT:
            return decode_contract(body)
        if kind == frames.FAILED:
            raise ProjectError(body.decode(errors="replace").strip())
        at += HEADER_BYTES + size
    raise ProjectError("The worker died while it loaded the project.")


def _drain(fd: int) -> None:
    while os.read(fd, 1 << 16):
        pass
    os.close(fd)
