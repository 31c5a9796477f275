"""Start this machine's server of deployed endpoints, and its control."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.deployment.home import find_home


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `up`."""
    parser.add_argument("-p", "--port", type=int, default=8080, help="Port of the endpoints (default: 8080; 0: free)")
    parser.add_argument(
        "--control-port", type=int, default=8081, metavar="PORT", help="Port of control (default: 8081; 0: free)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="Address of the endpoints (default: 127.0.0.1). Control is never elsewhere"
    )
    parser.add_argument("--i-know", action="store_true", help="Allow --host to be an address that others can reach")
    parser.add_argument(
        "--https", default="", metavar="NAME", help='Serve https://NAME with Caddy (pip install "hotplate[https]")'
    )
    parser.add_argument("-d", "--detach", action="store_true", help="Go to the background; logs go to a file")
    parser.add_argument("--print-unit", action="store_true", help="Print a systemd unit that does this, and end")


def main(args: argparse.Namespace) -> int:
    """Be up until a signal, or with --detach only start it. Gives the exit code."""
    home = find_home()
    words = _words(args)
    if args.print_unit:
        from hotplate.supervisor.unit import unit

        console.out(unit(home, words).rstrip("\n"))
        return 0
    from hotplate.supervisor.up import LOG_NAME, Options, run, start_detached

    if args.detach:
        said = start_detached(home, words)
        console.out(f"Hotplate is up: endpoints at {said['url']}, control at {said['control_url']}")
        console.out(f"Logs: {home.logs / LOG_NAME}. End it with `hotplate down`.")
        return 0
    return run(
        home,
        Options(host=args.host, port=args.port, control_port=args.control_port, i_know=args.i_know, https=args.https),
    )


def _words(args: argparse.Namespace) -> list[str]:
    """The options again, as another process is told them."""
    words = ["--port", str(args.port), "--control-port", str(args.control_port), "--host", args.host]
    if args.i_know:
        words.append("--i-know")
    if args.https:
        words += ["--https", args.https]
    return words
