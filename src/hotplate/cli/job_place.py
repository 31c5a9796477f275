"""Which server the commands about jobs talk to: this machine's, a deployed endpoint by its name, or any URL."""

from __future__ import annotations

import argparse
import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.client import Client


class JobPlace(NamedTuple):
    """Where, and the token to send; None: the client finds one itself."""

    url: str
    token: str | None


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the options that say it."""
    parser.add_argument("--name", metavar="NAME", help="A deployed endpoint of this machine")
    parser.add_argument("-u", "--url", metavar="URL", help="Another server, or an endpoint's URL")
    parser.add_argument("-p", "--port", type=int, metavar="N", help="Port on this machine (default 8080)")


def find_place(args: argparse.Namespace) -> JobPlace:
    """Find it. Raises SettingError, and ConnectionFailed where nothing runs."""
    from hotplate.client.installation import find_server, serves

    if args.name and (args.url or args.port):
        raise SettingError("--name is an endpoint of this machine, so it goes without --url and --port.")
    if args.name:
        from hotplate.deployment.names import check_endpoint

        place = find_server()
        return JobPlace(f"{place.url}/{check_endpoint(args.name)}", place.token)
    if args.url:
        return _place(args.url)
    if args.port is None and os.environ.get("HOTPLATE_URL"):  # set by `hotplate run --command`
        return _place(os.environ["HOTPLATE_URL"].rstrip("/"))
    port = args.port or os.environ.get("HOTPLATE_PORT") or 8080
    if serves(f"http://127.0.0.1:{port}"):
        raise SettingError(f"`hotplate up` runs on port {port}. Name one of its endpoints with --name.")
    if args.port is None and _is_elsewhere(int(port)):
        raise SettingError(f"Nothing runs on port {port}. Name one of the endpoints of `hotplate up` with --name.")
    return _place(f"http://127.0.0.1:{port}")


def _place(url: str) -> JobPlace:
    from hotplate.client.installation import token_for

    return JobPlace(url, token_for(url) or None)


def _is_elsewhere(port: int) -> bool:
    """Whether nobody listens on a port, and `hotplate up` runs on another one."""
    from hotplate.client.installation import find_server
    from hotplate.errors import HotplateError

    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return False
    except OSError:
        pass
    try:
        find_server()
    except HotplateError:
        return False
    return True


def open_client(args: argparse.Namespace, timeout_s: float) -> Client:
    """A client of that place."""
    from hotplate.client import Client

    place = find_place(args)
    return Client(place.token, base_url=place.url, timeout_s=timeout_s)
