"""Checks the inputs of jobs when they are submitted: the route's own decoder says whether a call can be made of them.

A thread of its own with a socket of its own, so that a submit need not wait for the call that runs now. It is started
by the first job; a worker without jobs never has it. The author's function is not called.
"""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

from hotplate.deployment.unix_address import unix_address
from hotplate.errors import WireError
from hotplate.wire.frames import HEADER_BYTES, REQUEST, RESPONSE
from hotplate.wire.layout import HEADER
from hotplate.worker.channel import Work
from hotplate.worker.invoke import Invoker

_started: set[str] = set()


def start(path: str, invoker: Invoker) -> None:
    """Connect to the server's socket at `path` and check what comes. Once for each path."""
    if path in _started:
        return
    _started.add(path)
    Thread(target=_run, args=(path, invoker), name="hotplate-checks", daemon=True).start()


def _run(path: str, invoker: Invoker) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            with unix_address(Path(path)) as address:
                sock.connect(address)
            stream = sock.makefile("rb")
            while len(head := stream.read(HEADER_BYTES)) == HEADER_BYTES:
                size, call_id, kind, flags, index, meta, stamp = HEADER.unpack(head)
                if kind != REQUEST or flags:
                    raise WireError(f"A frame of kind {kind} came to check.")
                sock.sendall(check(invoker, (call_id, index, flags, meta, stamp, stream.read(size))))
    except OSError:
        pass  # the server is gone, or checks no more
    finally:
        _started.discard(path)


def check(invoker: Invoker, work: Work) -> bytes:
    """Decode a call. Gives an answer frame: 200, with what the face shows of it, or what a wrong input is told."""
    route = invoker.routes[work[1]]
    try:
        body, head = invoker.open(work)
        values = route.decode(body, head)
        describe = getattr(route.codec, "describe", None)  # a face that shows a job's arguments
        if describe is not None:
            return invoker.frame(work[0], describe(values), 0)
    except Exception as error:  # noqa: BLE001 - only what is the caller's own fault is said
        answer = route.codec.error(error, invoker.request_id(work))
        if 400 <= answer.status < 500:
            return invoker.frame(work[0], answer, 0)
    return HEADER.pack(0, work[0], RESPONSE, 0, 200, 0, 0)
