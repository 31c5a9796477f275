"""Build a project and serve it at a URL that stays: new replicas first, then the old ones end.

With nothing running, this starts `hotplate up` in the background, and says so. With --url, the project is sent to the
control that runs there, and built by it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.build import add_build, options_of, progress
from hotplate.cli.cluster_workload import add_cluster, is_far
from hotplate.cli.deploy_image import add_image, check_image
from hotplate.cli.endpoint_flags import add_settings, read_settings
from hotplate.cli.opening import add_project, open_from
from hotplate.cli.parsing import add_output
from hotplate.cli.rollout import DEFAULT_WAIT_S, add_wait, finish
from hotplate.deployment.names import check_endpoint
from hotplate.errors import SettingError

if TYPE_CHECKING:
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
    there = parser.add_argument_group("Where to")
    there.add_argument("--url", metavar="URL", help="Control of another machine, instead of this one's")
    there.add_argument("--token", metavar="TOKEN", help="A token of it that may deploy; better in HOTPLATE_TOKEN")
    parser.add_argument("--no-store-assets", action="store_true", help="Do not run store_assets()")
    starting = parser.add_argument_group("Where nothing is running yet")
    starting.add_argument("--port", metavar="PORT", help="Port of the endpoints to start `hotplate up` with")
    starting.add_argument("--control-port", metavar="PORT", help="Port of control to start it with")
    add_settings(parser, ("kubernetes",))
    add_cluster(parser, applies=True)
    add_build(parser)
    add_image(parser)
    add_wait(parser, DEFAULT_WAIT_S)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Build, deploy, wait, and print the URL."""
    from hotplate.cli.upload import elsewhere
    from hotplate.deployment.home import find_home

    percent = _percent(args.traffic)
    if args.name:
        check_endpoint(args.name)  # before a build, which may take long
    opened = open_from(args)
    home = find_home()
    if is_far(args, opened.file):
        check_image(args, elsewhere=False)
        from hotplate.cli.deploy_kubernetes import deploy

        made = deploy(args, home, opened)
        return _tell(args, made) if made is not None else 0
    far = elsewhere(args, home)
    check_image(args, elsewhere=far is not None)
    if far is None:
        found = _deploy_here(args, home, opened, percent)
    else:
        with far:
            found = _deploy_there(args, far, opened, percent)
    _tell(args, found)
    if args.output != "json":
        console.out("\nTo get information on your endpoint:\n")
        for each in found:
            console.out(f"\thotplate endpoint get --name {each['name']}")
    return 0


def _tell(args: argparse.Namespace, found: list[dict[str, Any]]) -> int:
    told = [{"name": each["name"], "endpoint": each["endpoint"]} for each in found]
    if args.output == "json":
        console.out_json(told[0] if len(told) == 1 else told)
    else:
        for each in told:
            console.out(f'Your endpoint "{each["name"]}" has been successfully deployed at {each["endpoint"]}.')
        idle = [each["name"] for each in found if each.get("status") == "idle"]
        if idle:
            console.err(f"No replica of {', '.join(idle)} runs yet: the first call starts one.")
    return 0


def _deploy_here(args: argparse.Namespace, home: Home, opened: Opened, percent: float) -> list[dict[str, Any]]:
    """Build on this machine, whose control finds the revisions on the disk."""
    from hotplate.build.assets import fill
    from hotplate.build.make import make
    from hotplate.build.result import facts
    from hotplate.cli.deploy_image import image_revision, make_image

    if args.image:
        built = [image_revision(args, home, opened)]
    else:
        built = make(opened, home=home, options=options_of(args), progress=progress)
    _check_count(args, len(built))
    found: list[dict[str, Any]] = []
    with running_control(home, _ports(args), args.token) as control:
        for each in built:
            told = facts(each, opened.project, args.name or "")
            name, settings = _settings(args, opened, told)
            if args.image:
                settings["target"] = "docker"
            elif each.revision.store_assets and not args.no_store_assets:
                progress("assets", f"Running store_assets() for {name}")
                fill(home, each.revision, name, settings.get("volume", ""))
            make_image(args, each.revision, name, home, opened, settings)
            found.append(_move(args, control, opened, name, told["revision"], settings, percent))
    return found


def _deploy_there(
    args: argparse.Namespace, control: ControlClient, opened: Opened, percent: float
) -> list[dict[str, Any]]:
    """Have it built where it is to be served."""
    from hotplate.cli.upload import send

    built = send(args, control, opened, volume=args.volume or "")
    _check_count(args, len(built))
    found: list[dict[str, Any]] = []
    for told in built:
        name, settings = _settings(args, opened, told)
        found.append(_move(args, control, opened, name, told["revision"], settings, percent))
    return found


def _move(
    args: argparse.Namespace,
    control: ControlClient,
    opened: Opened,
    name: str,
    revision: str,
    settings: dict[str, Any],
    percent: float,
) -> dict[str, Any]:
    """Move an endpoint to a revision, and wait. What is refused of the settings is told where it was written."""
    from hotplate.cli.deploy_settings import as_written
    from hotplate.client.errors import InputRefused

    try:
        moved = control.deploy(name, revision, settings=settings, traffic=percent)
    except InputRefused as error:
        raise as_written(error, opened.file, read_settings(args)) from None
    return finish(control, moved, args.wait)


def _check_count(args: argparse.Namespace, count: int) -> None:
    if args.name and count > 1:
        raise SettingError(f"This project has {count} APIs.", key="name", hint="Pick one with --api, or none.")


def _settings(args: argparse.Namespace, opened: Opened, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The endpoint's name, and its settings by the project's files and by the flags."""
    from hotplate.build.result import plain_name
    from hotplate.cli.deploy_settings import from_files

    written = from_files(opened.project.root, opened.file, told["api"] or None)
    settings = {**written, **read_settings(args, written)}
    if args.abort_error_rate is not None:
        settings["abort_error_rate"] = args.abort_error_rate
    name = told["name"][:63].strip("-")
    if not args.name and opened.project.name and told["name"] == plain_name(opened.project.name) != opened.project.name:
        console.err(
            f'The project is called "{opened.project.name}", so its endpoint is {name}; --name gives it another.'
        )
    return name, settings


def _ports(args: argparse.Namespace) -> list[str]:
    given = {"--port": args.port, "--control-port": args.control_port}
    return [word for flag, value in given.items() if value is not None for word in (flag, value)]


def running_control(home: Home, words: list[str], token: str | None = None) -> ControlClient:
    """A client for control, which is started if nothing runs here."""
    from hotplate.client.control import ControlClient
    from hotplate.client.errors import ConnectionFailed

    try:
        client = ControlClient(token=token)
        client.get_status()
        return client
    except ConnectionFailed:
        pass
    from hotplate.supervisor.up import start_detached

    said = start_detached(home, words)
    console.err(f"Nothing was running, so this started `hotplate up --detach` at {said['url']}.")
    return ControlClient(token=token)


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
