"""A worker that is sent on one errand: it loads the project, does it, and ends. Nothing is served."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from hotplate.contract.codec import decode_contract
from hotplate.errors import ProjectError, SettingError
from hotplate.server.environment import revision_environment, volume_of, worker_environment
from hotplate.server.foreground import worker_spec
from hotplate.server.memory import Memory
from hotplate.server.process import Process, describe_exit, spawn
from hotplate.wire import frames
from hotplate.wire.failure import decode_failure
from hotplate.wire.frames import HEADER_BYTES
from hotplate.wire.layout import HEADER

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.contract import Contract
    from hotplate.dialects.base import Match, Project
    from hotplate.server.foreground import Errand

STOPPED = frames.STATES.index("STOPPED")
PATIENCE_S = 10.0
"""How long a worker that has closed its socket may take to end, as with threads of the author's own."""
POLL_S = 0.01


def describe(project: Project, match: Match, settings: Settings, python: str | None = None) -> Contract:
    """Have a worker load the project, and give its whole contract. Raises ProjectError with the author's words.

    `python` is the interpreter of a revision's environment; None: this one, in the shell's folder, as `run` has it.
    """
    return _send(project, match, settings, "describe", python, timeout_s=settings.setup_timeout_s, output=None)


def store_assets(
    project: Project, match: Match, settings: Settings, python: str | None = None
) -> tuple[Contract, Path]:
    """Have a worker run the project's `store_assets`, as long as it takes, with its output on standard error.

    Gives the contract, whose lifecycle says whether there is such a hook, and the volume. Raises ProjectError with the
    author's words, and SettingError where the volume cannot be made.
    """
    volume = volume_of(project, match, settings)
    try:
        volume.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        hint = "Name another folder with HOTPLATE_VOLUME_PATH."
        raise SettingError(f"The volume {volume} cannot be made: {error.strerror}.", hint=hint) from None
    return _send(project, match, settings, "store_assets", python, timeout_s=None, output=2), volume


def set_up(project: Project, match: Match, settings: Settings, python: str | None = None) -> None:
    """Have a worker load the project and run its `setup`, as long as it takes, with its output on standard error.

    Raises ProjectError with the author's words.
    """
    _send(project, match, settings, "setup", python, timeout_s=None, output=2)


def _send(
    project: Project,
    match: Match,
    settings: Settings,
    errand: Errand,
    python: str | None,
    *,
    timeout_s: float | None,
    output: int | None,
) -> Contract:
    memory = Memory()
    try:
        shell = os.environ if python is None else revision_environment(os.environ)
        process = spawn(python or sys.executable, memory.fd, {**shell, **worker_environment(project, match, settings)})
        enter = python is not None
        process.instruct(worker_spec(project, match, settings, f"{errand}-", errand=errand, enter=enter))
        pipes = (process.stdout, process.stderr)
        threads = [Thread(target=_pass_on, args=(pipe, output), daemon=True) for pipe in pipes]
        for thread in threads:
            thread.start()
        try:
            said = _listen(process, timeout_s)
        finally:  # whatever ended it, Ctrl-C included
            status = _end(process)
        for thread in threads:
            thread.join(1.0)  # a child of the worker's may still hold the pipe
    finally:
        memory.close()
    return _read(said, f"The worker {describe_exit(status)} before it was done.")


def _listen(process: Process, timeout_s: float | None) -> bytes:
    """Give all frames until the worker closes its socket, and wait for its end."""
    process.socket.settimeout(timeout_s)
    data = bytearray()
    try:
        while part := process.socket.recv(1 << 16):
            data += part
    except TimeoutError:
        raise ProjectError(
            f"The project did not load within {timeout_s:g} s.", hint="Raise setup_timeout if it needs longer."
        ) from None
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(POLL_S)
    return bytes(data)


def _end(process: Process) -> int:
    """End the worker if it is still there. Gives the status that the system has of it."""
    process.kill()
    status = os.waitpid(process.pid, 0)[1]
    process.socket.close()
    process.close()
    return status


def _read(data: bytes, died: str) -> Contract:
    contract: Contract | None = None
    done = False
    at = 0
    while len(data) - at >= HEADER_BYTES:
        size, _, kind, _, code, meta, _ = HEADER.unpack_from(data, at)
        body = data[at + HEADER_BYTES + meta : at + HEADER_BYTES + size]
        if kind == frames.CONTRACT:
            contract = decode_contract(body)
        elif kind == frames.FAILED:
            told = decode_failure(body)
            raise ProjectError(
                told.message, file=told.file or None, line=told.line or None, hint=told.hint or None, trace=told.trace
            )
        done = done or (kind == frames.STATE and code == STOPPED)
        at += HEADER_BYTES + size
    if contract is None or not done:
        raise ProjectError(died)
    return contract


def _pass_on(pipe: int, output: int | None) -> None:
    """Read a pipe to its end, so that the worker never waits; write what comes to `output`, if there is one."""
    while data := os.read(pipe, 1 << 16):
        while output is not None and data:
            data = data[os.write(output, data) :]
    os.close(pipe)
