"""Build a project and serve it at a URL that stays: new replicas first, then the old ones end.

With nothing running, this starts `hotplate up` in the background, and says so.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.build import add_build, options_of, progress
from hotplate.cli.endpoint_flags import add_settings, read_settings
from hotplate.cli.opening import add_project, open_from
from hotplate.cli.parsing import add_output
from hotplate.cli.rollout import DEFAULT_WAIT_S, add_wait, finish
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.build.make import Built
    from hotplate.client.control import ControlClient
    from hotplate.deployment.home import Home
    from hotplate.dialects.opening import Opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `deploy`."""
    parser.usage = "%(prog)s [PATH | FILE:FUNCTION ...] [options]"
    add_project(parser)
    parser.add_argument("-n", "--name", metavar="NAME", help="Name of the endpoint, instead of the project's own")
    parser.add_argument(
        "--traffic", metavar="new=PERCENT", help="Give the new revision this share; the rest stays where it is"
    )
    parser.add_argument(
        "--abort-error-rate",
        type=float,
        metavar="SHARE",
        help="End the split when more of the new one's answers than this (0 to 1) are errors",
    )
    parser.add_argument("--no-store-assets", action="store_true", help="Do not run store_assets()")
    starting = parser.add_argument_group("Where nothing is running yet")
    starting.add_argument("--port", metavar="PORT", help="Port of the endpoints to start `hotplate up` with")
    starting.add_argument("--control-port", metavar="PORT", help="Port of control to start it with")
    add_settings(parser)
    add_build(parser)
    add_wait(parser, DEFAULT_WAIT_S)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Build, deploy, wait, and print the URL."""
    from hotplate.build.make import make
    from hotplate.deployment.home import find_home

    percent = _percent(args.traffic)
    opened = open_from(args)
    home = find_home()
    built = make(opened, home=home, options=options_of(args), progress=progress)
    if args.name and len(built) > 1:
        raise SettingError(f"This project has {len(built)} APIs.", key="name", hint="Pick one with --api, or none.")
    with running_control(home, _ports(args)) as control:
        found = [_deploy(args, control, home, opened, each, percent) for each in built]
    if args.output == "json":
        facts = [{"name": each["name"], "endpoint": each["endpoint"]} for each in found]
        console.out_json(facts[0] if len(facts) == 1 else facts)
        return 0
    for each in found:
        console.out(f'Your endpoint "{each["name"]}" has been successfully deployed at {each["endpoint"]}.')
    console.out("\nTo get information on your endpoint:\n")
    for each in found:
        console.out(f"\thotplate endpoint get --name {each['name']}")
    return 0


def _ports(args: argparse.Namespace) -> list[str]:
    given = {"--port": args.port, "--control-port": args.control_port}
    return [word for flag, value in given.items() if value is not None for word in (flag, value)]


def running_control(home: Home, words: list[str]) -> ControlClient:
    """A client for control, which is started if nothing runs here."""
    import os

    from hotplate.client.control import ControlClient
    from hotplate.client.errors import ConnectionFailed
    from hotplate.client.installation import CONTROL_VARIABLE

    if os.environ.get(CONTROL_VARIABLE):
        return ControlClient()
    try:
        client = ControlClient()
        client.get_status()
        return client
    except ConnectionFailed:
        pass
    from hotplate.supervisor.up import start_detached

    said = start_detached(home, words)
    console.err(f"Nothing was running, so this started `hotplate up --detach` at {said['url']}.")
    return ControlClient()


def _deploy(
    args: argparse.Namespace,
    control: ControlClient,
    home: Home,
    opened: Opened,
    built: Built,
    percent: float,
) -> dict[str, Any]:
    from hotplate.build.assets import fill
    from hotplate.build.result import endpoint_name
    from hotplate.cli.deploy_settings import from_files

    revision = built.revision
    name = endpoint_name(built, opened.project, args.name or "")[:63].strip("-")
    written = from_files(opened.project.root, opened.file, revision.contract.name or None)
    settings = {**written, **read_settings(args, written)}
    if args.abort_error_rate is not None:
        settings["abort_error_rate"] = args.abort_error_rate
    if revision.store_assets and not args.no_store_assets:
        progress("assets", f"Running store_assets() for {name}")
        fill(home, revision, name, settings.get("volume", ""))
    found = control.deploy(name, revision.digest, settings=settings, traffic=percent)
    return finish(control, found, args.wait)


def _percent(text: str | None) -> float:
    if text is None:
        return 100.0
    name, equals, number = text.partition("=")
    try:
        value = float(number if equals else name)
        if (not equals or name == "new") and 0 < value <= 100:
            return value
    except ValueError:
        pass
    raise SettingError(f"{text!r} is no share of traffic.", source="--traffic", hint="Write new=10 for 10 percent.")
