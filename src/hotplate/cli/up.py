"""Start this machine's server of deployed endpoints, and its control."""

from __future__ import annotations

import argparse
import os

from hotplate.cli import console
from hotplate.deployment.home import find_home
from hotplate.errors import SettingError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `up`."""
    parser.add_argument(
        "-p", "--port", type=int, help="Port of the endpoints (default: HOTPLATE_PORT, else 8080; 0: free)"
    )
    parser.add_argument(
        "--control-port", type=int, default=8081, metavar="PORT", help="Port of control (default: 8081; 0: free)"
    )
    parser.add_argument(
        "--host",
        help="Address of the endpoints (default: HOTPLATE_HOST, else 127.0.0.1). Control is never elsewhere",
    )
    parser.add_argument("--i-know", action="store_true", help="Allow --host to be an address that others can reach")
    parser.add_argument(
        "--https", default="", metavar="NAME", help='Serve https://NAME with Caddy (pip install "hotplate[https]")'
    )
    parser.add_argument(
        "--target",
        choices=("local", "docker", "loopback", "ray"),
        help="Where replicas of endpoints run that say nothing of it themselves",
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="PostgreSQL that several servers share: endpoints, tokens, secrets, jobs. `files`: in this home (default)",
    )
    parser.add_argument(
        "--address", metavar="ADDRESS", help="Ray cluster of --target ray: HOST:PORT, ray://HOST:PORT or auto"
    )
    parser.add_argument("-d", "--detach", action="store_true", help="Go to the background; logs go to a file")
    parser.add_argument("--print-unit", action="store_true", help="Print a systemd unit that does this, and end")


def main(args: argparse.Namespace) -> int:
    """Be up until a signal, or with --detach only start it. Gives the exit code."""
    home = find_home()
    words = _words(args)
    if args.print_unit:
        from hotplate.supervisor.unit import unit

        if args.store:
            raise SettingError(
                "A unit can be read by everybody, and the URL may hold a password.",
                key="store",
                hint="Be up with --store once: this home remembers it. Or set HOTPLATE_STORE in an EnvironmentFile.",
            )
        console.out(unit(home, [*_from_environment(args), *words]).rstrip("\n"))
        return 0
    from hotplate.supervisor.own_log import NAME
    from hotplate.supervisor.up import Options, run, start_detached

    if args.detach:
        said = start_detached(home, words, store=args.store)
        console.out(f"Hotplate is up: endpoints at {said['url']}, control at {said['control_url']}")
        console.out(f"Logs: {home.logs / NAME}. End it with `hotplate down`.")
        return 0
    return run(
        home,
        Options(
            host=args.host,
            port=args.port,
            control_port=args.control_port,
            i_know=args.i_know,
            https=args.https,
            target=args.target or "",
            store=args.store,
            address=args.address or "",
        ),
    )


def _words(args: argparse.Namespace) -> list[str]:
    """The options again, as another process is told them. The store is not among them: its URL may hold a password."""
    words = ["--port", str(args.port)] if args.port is not None else []
    words += ["--control-port", str(args.control_port)]
    if args.host is not None:
        words += ["--host", args.host]
    if args.i_know:
        words.append("--i-know")
    if args.https:
        words += ["--https", args.https]
    if args.target:
        words += ["--target", args.target]
    if args.address:
        words += ["--address", args.address]
    return words


def _from_environment(args: argparse.Namespace) -> list[str]:
    """What the environment says of the address, as options: a unit is started in another one."""
    found = {
        "--port": os.environ.get("HOTPLATE_PORT") if args.port is None else None,
        "--host": os.environ.get("HOTPLATE_HOST") if args.host is None else None,
    }
    return [word for flag, value in found.items() if value for word in (flag, value)]
