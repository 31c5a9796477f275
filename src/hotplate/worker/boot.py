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
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
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
from hotplate.errors import ProjectError, WireError
from hotplate.faces import registry as faces
from hotplate.faces.base import Face
from hotplate.wire import frames
from hotplate.wire.arena import Arena
from hotplate.wire.failure import encode_failure
from hotplate.wire.layout import HEADER, SPEC
from hotplate.worker import lifeline
from hotplate.worker.channel import Channel
from hotplate.worker.invoke import Invoker
from hotplate.worker.reports import failure_of

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

SOCKET_FD = 3
LIFELINE_FD = 4
REQUESTS_FD = 5
ANSWERS_FD = 6


class Spec(msgspec.Struct):
    """What the server tells a worker at its start. With an errand it does that alone and serves nothing.

    `enter` makes the project's folder the working folder, as it is for a revision; `hotplate run` keeps the shell's.
    With `template` the process is one that workers are forked from, after its imports or also after `setup()`.
    """

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
    errand: Literal["describe", "store_assets", "setup"] | None = None
    enter: bool = False
    template: Literal["", "imports", "loaded"] = ""
    traces: bool = False

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
    lifeline.tie(LIFELINE_FD)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's business
    faulthandler.enable()  # a segfault shows the author's frames
    for stream in (sys.stdout, sys.stderr):  # which the server reads as UTF-8, whatever the locale is
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    for fd in (SOCKET_FD, LIFELINE_FD, REQUESTS_FD, ANSWERS_FD):
        os.set_inheritable(fd, False)  # a program that user code starts has no business with them
    channel = Channel(socket.socket(fileno=SOCKET_FD), Arena(REQUESTS_FD), Arena(ANSWERS_FD))
    channel.send(_hello())
    spec = _first_frame(channel)
    if spec is None:
        return 0
    os.environ.update(spec.env)
    try:
        if spec.enter:
            _enter(spec.root)
        return _run(spec, channel)
    except BaseException as error:  # noqa: BLE001 - whatever the author's code raises here is shown to the author
        channel.send(frames.frame(frames.FAILED, body=encode_failure(failure_of(error, spec.root))))
    return 1


def _enter(root: str) -> None:
    try:
        os.chdir(root)
    except OSError as error:
        text = f"The folder of the project's files cannot be entered: {error.strerror}."
        raise ProjectError(text, hint="Deploy the project again: that puts its files back.") from error


def _hello() -> bytes:
    return frames.frame(frames.HELLO, meta=msgspec.msgpack.encode({"version": frames.VERSION, "pid": os.getpid()}))


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
    _reach_siblings(spec.dialect)
    loaded = registry.get(spec.dialect).load(spec.project(), spec.match())
    contract, mounts = mount(_with_options(loaded.contract, spec.options), spec.faces)
    invoker = _traced(spec)(loaded.calls, mounts, channel, spec.id_prefix)
    described = frames.frame(frames.CONTRACT, body=encode_contract(contract))
    asynchronous = any(route.asynchronous for route in contract.routes)
    stage, early = spec.template, ""
    if stage == "loaded" and asynchronous and (hook := _async_hook(loaded)):
        stage, early = "imports", f"what {hook}() makes belongs to its event loop"
    if stage == "imports" and not _hold(channel, invoker, described, early):
        return 0
    if not stage:
        channel.send(described)
    if spec.errand in ("describe", "store_assets"):
        if spec.errand == "store_assets":
            _hook("store_assets", loaded.store_assets, spec)
        channel.state("STOPPED")  # without this word the server takes the end for a crash
        return 0
    loop = _loop() if asynchronous and stage != "loaded" else None
    _hook("on_server_startup", loaded.startup, spec, loop)
    channel.state("SETUP_SERVICE")
    if loaded.metrics is not None:
        loaded.metrics(channel.count)
    _hook(loaded.names.get("setup", "setup"), loaded.setup, spec, loop)
    if spec.errand == "setup":
        channel.state("STOPPED")
        return 0
    channel.on_checks = lambda path: start_checks(path, invoker)
    if stage == "loaded":
        if not _hold(channel, invoker, described, early):
            return 0
        channel.state("SETUP_SERVICE")
        loop = _loop() if asynchronous else None
    invoker.begin(spec.name)
    channel.know_forks()
    channel.state("RUNNING")
    _serve(loaded, channel, invoker, slots_of(contract, spec.slots), loop)
    channel.state("SHUTTING_DOWN")
    _hook(loaded.names.get("shutdown", "on_server_shutdown"), loaded.shutdown, spec, loop)
    channel.state("STOPPED")
    return 0


def _traced(spec: Spec) -> type[Invoker]:
    if not spec.traces:
        return Invoker
    from hotplate.worker.traces import TracedInvoker

    return TracedInvoker


def _hold(channel: Channel, invoker: Invoker, described: bytes, early: str) -> bool:
    """Be a template. True in a process that is now a worker, which then says what any worker says at its start."""
    from hotplate.worker import template

    _import_engine(invoker)
    child = template.hold(channel, early)
    if child is None:
        return False
    os.environ.update(child.env)
    invoker.id_prefix = child.id_prefix
    channel.send(_hello())
    channel.state("LAUNCH_PREDICT_LOOP")
    channel.send(described)
    return True


def _async_hook(loaded: Loaded) -> str:
    """The first of the hooks that a template would run whose result is bound to an event loop, which no fork shares."""
    from inspect import iscoroutinefunction

    for name, hook in (("on_server_startup", loaded.startup), ("setup", loaded.setup)):
        if hook is not None and iscoroutinefunction(hook):
            return name
    return ""


def _reach_siblings(dialect: str) -> None:
    """Make `http://api-NAME:8888` work, for projects written for Cortex and for others that name their siblings."""
    where = os.environ.get("HOTPLATE_SIBLINGS", "")
    if where and (dialect == "predictor" or where.lstrip().startswith("{")):
        from hotplate.compat import siblings

        siblings.install(where, os.environ.get(siblings.TOKEN_VARIABLE, ""))


def mount(contract: Contract, more: list[str]) -> tuple[Contract, tuple[tuple[Face, Mount], ...]]:
    """Put the contract's routes on HTTP: by its own face first, then by those that the project turns on.

    Where the plain face would have a route at the very path where the project's own has it, it gives way: callers of
    the latter find what they know. Mounts that run a route come before the others, since a call frame names its mount
    by its place.

    Raises:
        ProjectError: two faces want one method and path.
    """
    found: dict[tuple[str, str], tuple[Face, Mount]] = {}
    for name in dict.fromkeys((contract.face, *more)):
        face = faces.get(name)
        for one in face.mounts(contract):
            first, other = found.setdefault((one.method, one.path), (face, one))
            if first is not face and not (name == "plain" and one.call == other.call):
                raise _clash(contract, first.name, other, name, one)
    ordered = tuple(sorted(found.values(), key=lambda pair: pair[1].call is None))
    refusals: Refusals | None = getattr(faces.get(contract.face), "refusals", None)
    return structs.replace(
        contract, mounts=tuple(one for _, one in ordered), refusals=refusals or contract.refusals
    ), ordered


def start_checks(path: str, invoker: Invoker) -> None:
    """Jobs are in use: check their inputs when they are submitted, beside whatever runs."""
    from hotplate.worker.checks import start

    start(path, invoker)


def _clash(contract: Contract, first: str, other: Mount, second: str, one: Mount) -> ProjectError:
    calls = [contract.routes[mount.call] for mount in (other, one) if mount.call is not None]
    source = next((route.source for route in calls if route.source is not None), None)
    return ProjectError(
        f"The faces {first} and {second} both answer {one.method} {one.path}.",
        file=source.file if source else None,
        line=source.line if source and source.line else None,
        hint=f"Leave one of them out of `faces` in hotplate.yaml, or give {calls[0].name if calls else 'the route'}"
        " another path.",
    )


def _with_options(contract: Contract, options: Mapping[str, str]) -> Contract:
    """Put what the project file says to the openai face, `{"openai.chat": "predict"}`, where the face finds it."""
    said = {name.removeprefix("openai."): value for name, value in options.items() if name.startswith("openai.")}
    return structs.replace(contract, facts={**contract.facts, "openai": said}) if said else contract


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


def _import_engine(invoker: Invoker) -> None:
    """Have in memory before a fork what each of its children would import."""
    if any(route.asynchronous for route in invoker.routes):
        from hotplate.worker import tasks

        try:
            import uvloop
        except ImportError:
            uvloop = None
        _ = tasks, uvloop
    else:
        from hotplate.worker import inline, threads

        _ = inline, threads


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
    except ProjectError:  # the dialect has said where and what already
        raise
    except (Exception, SystemExit) as error:
        raise failure(error, Path(spec.root), f"{name}() failed") from error
