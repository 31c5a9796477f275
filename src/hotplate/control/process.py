"""The control process: opens the installation, publishes what its database says, and serves the API."""

from __future__ import annotations

import argparse
import os
import socket
import sqlite3
import sys
from collections.abc import Sequence

import msgspec

from hotplate.config.resolve import is_loopback, resolve
from hotplate.control.database import open_database
from hotplate.control.joining import greet
from hotplate.control.log import log
from hotplate.control.losses import check_not_lost
from hotplate.control.plane import Plane, open_plane
from hotplate.deployment.home import Home, find_home
from hotplate.deployment.sealed import make_key
from hotplate.errors import HotplateError, Unavailable

DEFAULT_PORT = 8081
BACKLOG = 512


def main(words: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m hotplate.control", description=__doc__, allow_abbrev=False)
    parser.add_argument("--fd", type=int, help="A listening socket that is open already")
    parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"Port to listen on (default {DEFAULT_PORT})")
    parser.add_argument("--allow-host", action="append", default=[], help="A further name to answer to. Repeatable")
    parser.add_argument("--check", action="store_true", help="Only look whether the shared store can be used")
    args = parser.parse_args(words)
    if args.check:
        return check(find_home())
    try:
        listener = socket.socket(fileno=args.fd) if args.fd is not None else listen(args.host, args.port)
    except OSError as error:
        log("error", f"control cannot start: {error}")
        return 1
    try:
        plane = start()
    except (HotplateError, OSError, sqlite3.Error) as error:
        from hotplate.control.excuse import serve_excuse

        reason = error.message if isinstance(error, HotplateError) else str(error)
        log("error", f"control cannot start: {reason}")
        if args.fd is not None:  # under a supervisor, which tries again
            serve_excuse(reason, listener, args.allow_host)
        return 1
    try:
        serve(plane, listener, args.allow_host)
    finally:
        plane.database.close()
    return 0


def start() -> Plane:
    """Open the installation and publish it, or as much of that as can be done while its database is away."""
    home = find_home()
    home.make()
    make_key(home.key)
    plane = open_plane(home, _store())
    check_not_lost(plane)
    try:
        greet(plane)
    except Unavailable as error:
        if not plane.database.shared:
            raise
        log("error", error.message)
    return plane


def _store() -> str | None:
    return resolve(environ=os.environ).settings.store


def check(home: Home) -> int:
    """Say as one JSON object what keeps a shared store from being used. Gives the exit status."""
    try:
        database = open_database(home, _store())
        try:
            database.changes()
        finally:
            database.close()
    except (HotplateError, OSError) as error:
        message = error.message if isinstance(error, HotplateError) else str(error)
        if error.__cause__ is not None and isinstance(error, Unavailable):
            message = f"The database that servers share cannot be reached: {' '.join(str(error.__cause__).split())}"
        said = {"code": getattr(error, "code", ""), "message": message, "hint": getattr(error, "hint", None)}
        sys.stdout.write(msgspec.json.encode(said).decode())
        return 1
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket."""
    return socket.create_server(
        (host, port), backlog=BACKLOG, family=socket.AF_INET6 if ":" in host else socket.AF_INET
    )


def serve(plane: Plane, listener: socket.socket, hosts: Sequence[str]) -> None:
    """Serve the API on a socket until a signal ends it."""
    from hotplate.control.api.app import make_app
    from hotplate.control.api.guard import LOCAL
    from hotplate.control.service import run

    address = listener.getsockname()[0]
    names = [*LOCAL, *hosts] if is_loopback(address) or hosts else []
    log("info", "control is ready", address=f"{address}:{listener.getsockname()[1]}")
    run(make_app(plane, names), listener)
    log("info", "control ends")
