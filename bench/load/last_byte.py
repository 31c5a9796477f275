"""Hold back the last byte of a large request until the server has all the rest, then time what that byte sets off.

What is between the two clocks: the last byte through loopback, the server's wake-up, the end of its parsing, the body
handed to the worker, and the worker's way into the user's function. Reading 10 MB from the socket is not in it. Both
ends read CLOCK_MONOTONIC, which is one clock for all processes of a machine.
"""

from __future__ import annotations

import array
import fcntl
import http.client
import socket
import termios
import time

from bench.records import BenchError, Call
from bench.servers import HOST, Server

_SETTLE_S = 0.002
"""Longer, and the figure would be that of a processor that has gone to sleep."""


def entered_us(server: Server, call: Call, value: bytes) -> tuple[float, float, float]:
    """One request. Gives three times in µs: what the server says that the call took besides the function; from the last
    byte to the function's first line (which stands for the former where a server does not say); and to the answer.

    The function answers `[monotonic nanoseconds at its first line, length of the body]`.
    """
    body = call.encode(value)
    with socket.create_connection((HOST, server.port), timeout=20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"POST {call.path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {body.content_type}\r\n"
        head += f"Content-Length: {len(body.data)}\r\nConnection: close\r\n\r\n"
        sock.sendall(head.encode())
        sock.sendall(body.data[:-1])
        _wait_taken(sock)
        began = time.monotonic_ns()
        sock.sendall(body.data[-1:])
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        data = answer.read()
        ended = time.monotonic_ns()
        if answer.status != 200:
            raise BenchError(f"{server.peer.name} answered {answer.status}: {data[:300]!r}")
        entered, length = call.decode(data)
        if length != len(value):
            raise BenchError(f"{server.peer.name} got {length} bytes of {len(value)}")
        told = (entered - began) / 1e3
        return call.waited_us(data) if call.waited_us else told, told, (ended - began) / 1e3


def _wait_taken(sock: socket.socket) -> None:
    """Until the other side's kernel has everything, and a little more, so that the server has read it too."""
    left = array.array("i", [1])
    while left[0]:
        fcntl.ioctl(sock, termios.TIOCOUTQ, left)
        time.sleep(0.001)
    time.sleep(_SETTLE_S)
