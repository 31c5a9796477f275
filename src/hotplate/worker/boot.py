"""From an empty process to a loaded model: load the project, run its hooks, then serve.

The server starts `python -m hotplate.worker` with the file descriptors below and says in the first frame what to
load, often before this module has been imported.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import structs

from hotplate import compat
from hotplate.contract import Contract, Mount, Refusals
from hotplate.contract.codec import encode_contract
from hotplate.contract.limits import slots_of
from hotplate.dialects import registry
from hotplate.dialects.base import Evidence, Loaded, Match, Project
from hotplate.dialects.importing import failure
from hotplate.errors import WireError
from hotplate.faces import registry as faces
from hotplate.faces.base import Face
from hotplate.wire import frames
from hotplate.wire.arena import Arena
from hotplate.wire.failure import encode_failure
from hotplate.wire.layout import HEADER, SPEC
from hotplate.worker.channel import Channel
from hotplate.worker.invoke import Invoker
from hotplate.worker.reports import failure_of

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

SOCKET_FD = 3
LIFELINE_FD = 4
REQUESTS_FD = 5
ANSWERS_FD = 6
F_SETSIG = 10  # linux/fcntl.h; not in the fcntl module before Python 3.13


class Spec(msgspec.Struct):
    """What the server tells a worker at its start. With an errand it does that alone and serves nothing."""

    root: str
    dialect: str
    entry: str
    targets: list[str]
    service_module: str | None
    service_class: str | None
    slots: int | None
    id_prefix: str
    env: dict[str, str] = {}
    faces: list[str] = []
    options: dict[str, str] = {}
    name: str = ""
    description: str = ""
    errand: Literal["describe", "store_assets"] | None = None

    def project(self) -> Project:
        """The project that the spec names."""
        return Project(
            root=Path(self.root),
            targets=tuple(self.targets),
            service_module=self.service_module,
            service_class=self.service_class,
            faces=tuple(self.faces),
            env=self.env,
            options=self.options,
            name=self.name,
            description=self.description,
        )

    def match(self) -> Match:
        """The match that the spec names."""
        evidence: tuple[Evidence, ...] = ()
        return Match(dialect=self.dialect, entry=self.entry, evidence=evidence)


def main() -> int:
    """Run a worker to its end. Gives the exit status."""
    _die_with_server()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's business
    faulthandler.enable()  # a segfault shows the author's frames
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    for fd in (SOCKET_FD, LIFELINE_FD, REQUESTS_FD, ANSWERS_FD):
        os.set_inheritable(fd, False)  # a program that user code starts has no business with them
    channel = Channel(socket.socket(fileno=SOCKET_FD), Arena(REQUESTS_FD), Arena(ANSWERS_FD))
    channel.send(
        frames.frame(frames.HELLO, meta=msgspec.msgpack.encode({"version": frames.VERSION, "pid": os.getpid()}))
    )
    spec = _first_frame(channel)
    if spec is None:
        return 0
    os.environ.update(spec.env)
    try:
        return _run(spec, channel)
    except BaseException as error:  # noqa: BLE001 - whatever the author's code raises here is shown to the author
        channel.send(frames.frame(frames.FAILED, body=encode_failure(failure_of(error, spec.root))))
    return 1


def _first_frame(channel: Channel) -> Spec | None:
    """Wait for the server's instructions. None: it ended without any."""
    data = b""
    while len(data) < HEADER.size or len(data) < HEADER.size + HEADER.unpack_from(data)[0]:
        part = channel.socket.recv(1 << 16)
        if not part:
            return None
        data += part
    size, _, kind, *_ = HEADER.unpack_from(data)
    if kind != SPEC:
        raise WireError(f"The first frame is of kind {kind}, not {SPEC}.")
    channel.feed(data[HEADER.size + size :])
    return msgspec.json.decode(data[HEADER.size : HEADER.size + size], type=Spec)


def _run(spec: Spec, channel: Channel) -> int:
    channel.state("LAUNCH_PREDICT_LOOP")
    compat.install()
    loaded = registry.get(spec.dialect).load(spec.project(), spec.match())
    contract, mounts = mount(loaded.contract, spec.faces)
    invoker = Invoker(loaded.calls, mounts, channel, spec.id_prefix)
    channel.send(frames.frame(frames.CONTRACT, body=encode_contract(contract)))
    if spec.errand is not None:
        if spec.errand == "store_assets":
            _hook("store_assets", loaded.store_assets, spec)
        channel.state("STOPPED")  # without this word the server takes the end for a crash
        return 0
    loop = _loop() if any(route.asynchronous for route in contract.routes) else None
    _hook("on_server_startup", loaded.startup, spec, loop)
    channel.state("SETUP_SERVICE")
    if loaded.metrics is not None:
        loaded.metrics(channel.count)
    _hook("setup", loaded.setup, spec, loop)
    channel.on_checks = lambda path: start_checks(path, invoker)
    channel.state("RUNNING")
    _serve(loaded, channel, invoker, slots_of(contract, spec.slots), loop)
    channel.state("SHUTTING_DOWN")
    _hook("on_server_shutdown", loaded.shutdown, spec, loop)
    channel.state("STOPPED")
    return 0


def mount(contract: Contract, more: list[str]) -> tuple[Contract, tuple[tuple[Face, Mount], ...]]:
    """Put the contract's routes on HTTP: by its own face first, then by those that the project turns on.

    Where two faces want one method and path, the first has it. Mounts that run a route come before the others, since
    a call frame names its mount by its place.
    """
    found: dict[tuple[str, str], tuple[Face, Mount]] = {}
    for name in dict.fromkeys((contract.face, *more)):
        face = faces.get(name)
        for one in face.mounts(contract):
            found.setdefault((one.method, one.path), (face, one))
    ordered = tuple(sorted(found.values(), key=lambda pair: pair[1].call is None))
    refusals: Refusals | None = getattr(faces.get(contract.face), "refusals", None)
    return structs.replace(
        contract, mounts=tuple(one for _, one in ordered), refusals=refusals or contract.refusals
    ), ordered


def start_checks(path: str, invoker: Invoker) -> None:
    """Jobs are in use: check their inputs when they are submitted, beside whatever runs."""
    from hotplate.worker.checks import start

    start(path, invoker)


def _serve(loaded: Loaded, channel: Channel, invoker: Any, slots: int, loop: AbstractEventLoop | None) -> None:
    import gc

    gc.collect()
    gc.freeze()  # what loading made lives as long as the worker: later collections need not look at it
    if loop is not None:
        from hotplate.worker import tasks

        tasks.serve(channel, invoker, slots, loop)
    elif slots > 1 or any(call.route.batching for call in loaded.calls):
        from hotplate.worker import threads

        threads.Engine(channel, invoker, slots).serve()
    else:
        from hotplate.worker import inline

        inline.serve(channel, invoker)


def _loop() -> AbstractEventLoop:
    import asyncio

    try:
        import uvloop

        loop = uvloop.new_event_loop()
    except ImportError:
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def _hook(name: str, hook: Any, spec: Spec, loop: AbstractEventLoop | None = None) -> None:
    """Run a hook of the author's. Raises ProjectError with the place in their code."""
    if hook is None:
        return
    try:
        result = hook()
        if hasattr(result, "__await__"):
            if loop is not None:
                loop.run_until_complete(result)
                return
            import asyncio

            asyncio.run(result)
    except (Exception, SystemExit) as error:
        raise failure(error, Path(spec.root), f"{name}() failed") from error


def _die_with_server() -> None:
    """Tie this process and its children to the server's life: they go when the lifeline pipe closes.

    On Linux the kernel itself kills the process group (fcntl(2), F_SETSIG), even while user code holds the GIL.
    Elsewhere a thread waits for the pipe.
    """
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(LIFELINE_FD, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(LIFELINE_FD, F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(LIFELINE_FD, fcntl.F_GETFL)
        fcntl.fcntl(LIFELINE_FD, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
        if os.getppid() == 1:  # the server died before this was set up
            os.killpg(0, signal.SIGKILL)
    else:
        Thread(target=_wait_for_end, name="hotplate-lifeline", daemon=True).start()


def _wait_for_end() -> None:
    os.read(LIFELINE_FD, 1)
    os.killpg(0, signal.SIGKILL)
