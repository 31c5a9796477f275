"""Read bodies from loopback into one place and do nothing else: what the kernel's copy of a body costs by itself.

Runs as a process of its own, `python bench/load/copy_bound.py SIZE SECONDS CONNECTIONS CLIENT_CORE`. A child on the
client's core sends bodies one after the other on each connection, waiting for one byte of answer; this process reads
each into the same memory. Writes the requests per second and the CPU time of a body, in µs, as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import socket
import sys
import time


def _client(port: int, size: int, connections: int, core: int) -> None:
    os.sched_setaffinity(0, {core})
    body = memoryview(os.urandom(size))
    poll = select.poll()
    socks = {}
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        socks[sock.fileno()] = [sock, 0]
        poll.register(sock, select.POLLOUT)
    while True:
        for fd, _ in poll.poll():
            entry = socks[fd]
            sock = entry[0]
            try:
                if entry[1] == size:
                    if not sock.recv(1):
                        return
                    entry[1] = 0
                entry[1] += sock.send(body[entry[1] :])
            except BlockingIOError:
                pass
            except OSError:
                return
            poll.modify(sock, select.POLLIN if entry[1] == size else select.POLLOUT)


def main() -> None:
    """Take bodies for a while."""
    size, seconds, connections, core = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    listener = socket.create_server(("127.0.0.1", 0), backlog=connections)
    child = multiprocessing.get_context("spawn").Process(
        target=_client, args=(listener.getsockname()[1], size, connections, core), daemon=True
    )
    child.start()
    poll = select.epoll()
    socks: dict[int, list] = {}
    for _ in range(connections):
        sock, _ = listener.accept()
        sock.setblocking(False)
        socks[sock.fileno()] = [sock, 0, memoryview(bytearray(size))]
        poll.register(sock, select.EPOLLIN)
    count = 0
    began, spent = time.monotonic(), time.process_time()
    while time.monotonic() - began < seconds:
        for fd, _ in poll.poll():
            entry = socks[fd]
            entry[1] += entry[0].recv_into(entry[2][entry[1] :])
            if entry[1] == size:
                entry[0].send(b".")
                entry[1] = 0
                count += 1
    took, spent = time.monotonic() - began, time.process_time() - spent
    child.terminate()
    child.join()
    print(json.dumps({"rate": count / took, "cpu_us": spent / count * 1e6}))


if __name__ == "__main__":
    main()
