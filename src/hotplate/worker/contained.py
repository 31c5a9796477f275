"""`python -m hotplate.worker.contained PATH`: a worker in a container of the target `docker`.

The server is on the other side of a socket in a folder that is mounted: it sends the descriptors that a worker on the
same machine inherits, so the worker's wire, shared memory and pipes are the same, and the container needs no network.

The first process of a container gets no signals that it does not handle, so the worker is its child. What else it does:
it waits for orphans, and carries calls to other endpoints from its own loopback to the server's socket.
"""

from __future__ import annotations

import array
import fcntl
import os
import signal
import socket
import sys
from threading import Thread

FDS = 6
"""Standard output and error, then those of `worker/boot.py` in their order."""
LINK = "link"
SIBLINGS = "siblings"
BUFFER_BYTES = 64 * 1024


def main(words: list[str] | None = None) -> int:
    """Be the first process. Gives the worker's status, as a shell would."""
    folder, port = words or sys.argv[1:3]
    child = os.fork()
    if child == 0:
        return _worker(os.path.join(folder, LINK))  # noqa: PTH118 - before anything large is imported
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.kill(child, number))
    if int(port):
        Thread(target=_carry, args=(os.path.join(folder, SIBLINGS), int(port)), daemon=True).start()  # noqa: PTH118
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _worker(path: str) -> int:
    os.setpgid(0, 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)
        fds = _received(sock)
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in fds]  # above all targets: none overwrites another's source
    for fd in fds:
        os.close(fd)
    for target, fd in enumerate(high, 1):
        os.dup2(fd, target)
        os.close(fd)
    from hotplate.startup import import_msgspec

    import_msgspec()
    from hotplate.worker.boot import main as work

    return work()


def _received(sock: socket.socket) -> list[int]:
    fds = array.array("i")
    _, ancillary, _, _ = sock.recvmsg(1, socket.CMSG_SPACE(FDS * fds.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if len(fds) != FDS:
        raise SystemExit(f"The server sent {len(fds)} descriptors, not {FDS}.")
    return list(fds)


def _carry(path: str, port: int) -> None:
    """Listen where the server listens outside, and carry each connection to its socket."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        near, _ = listener.accept()
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.connect(path)
        except OSError:
            near.close()
            far.close()
            continue
        for source, target in ((near, far), (far, near)):
            Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(BUFFER_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


if __name__ == "__main__":
    sys.exit(main())
