"""The least that a hop between two processes of Python costs on one core, right after 10 MB came through a socket.

Runs as a process of its own, `python bench/load/doorbell.py SIZE REPEATS CLIENT_CORE`. A child on the client's core
sends a body; this process reads it into one place, reads the clock, and sends a byte to another child, which was
asleep on this core and reads the clock when it has the byte. No HTTP, no frames, no function. Writes the µs of each
as JSON.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time


def _send(port: int, size: int, core: int) -> None:
    os.sched_setaffinity(0, {core})
    body = bytes(size)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        while sock.recv(1):
            sock.sendall(body[:-1])
            time.sleep(0.01)  # all but the last byte is read by then, as in `last_byte.py`
            sock.sendall(body[-1:])


def _wake(fd: int) -> None:
    with socket.socket(fileno=fd) as bell:
        while bell.recv(1):
            bell.send(time.monotonic_ns().to_bytes(8, "little"))


def main() -> None:
    """Do it over and over."""
    size, repeats, core = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ours, theirs = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    sleeper = subprocess.Popen([sys.executable, __file__, "wake", str(theirs.fileno())], pass_fds=[theirs.fileno()])
    client = subprocess.Popen([sys.executable, __file__, "send", str(listener.getsockname()[1]), str(size), core])
    theirs.close()
    sock, _ = listener.accept()
    place = memoryview(bytearray(size))
    took: list[float] = []
    for _ in range(repeats + 2):
        sock.send(b"g")
        got = 0
        while got < size:
            got += sock.recv_into(place[got:])
        began = time.monotonic_ns()
        ours.send(b"b")
        took.append((int.from_bytes(ours.recv(8), "little") - began) / 1e3)
    sock.close()
    ours.close()
    client.wait(10)
    sleeper.wait(10)
    print(json.dumps({"median_us": statistics.median(took[2:]), "all_us": took[2:]}))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        _send(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1] == "wake":
        _wake(int(sys.argv[2]))
    else:
        main()
