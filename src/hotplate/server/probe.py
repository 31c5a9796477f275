"""Asks the server on this machine whether it takes calls: the health check of an image. Exit status 0: it does."""

from __future__ import annotations

import os
import socket
import sys

TIMEOUT_S = 5.0


def main() -> int:
    """Ask once."""
    port = int(os.environ.get("HOTPLATE_PORT") or os.environ.get("PORT") or 8080)
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            connection.sendall(b"GET /healthcheck HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            status = connection.recv(64).split(b" ")[1:2]
    except OSError:
        return 1
    return 0 if status == [b"200"] else 1


if __name__ == "__main__":
    sys.exit(main())
