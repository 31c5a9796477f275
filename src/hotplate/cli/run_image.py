"""`hotplate run --image`: a project's image in a container on this machine, as `octoai run` had it."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.parsing import given_settings
from hotplate.config.settings import SETTINGS
from hotplate.config.values import parse_seconds
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.engine.container import Container

START_S = 300.0
HEALTH = "/healthcheck"
_NOT_PASSED = ("host", "port", "env", "timeout_s", "reload", "i_know", "log_format")


def run_image(args: argparse.Namespace) -> int:
    """Start the container, wait until it answers, do what was asked, and remove it. Gives the exit code."""
    from hotplate.engine.container import Died, Wish, start
    from hotplate.engine.engine import find_engine

    flags = given_settings(args)
    image = args.image or _latest(args)
    wish = Wish(
        image=_checked(image),
        name=args.container_name or f"hotplate-local-{secrets.randbelow(9000) + 1000}",
        port=_port(flags.get("port", "8080")),
        inside=8080,
        host=flags.get("host", "127.0.0.1"),
        environment=_environment(flags, os.environ),
        gpus=_gpus(args.gpus),
        network=args.network,
    )
    timeout_s = parse_seconds(flags["timeout_s"]) if "timeout_s" in flags else START_S
    engine = find_engine(args.engine)
    console.err(f"Starting container: {wish.name}")
    previous = signal.signal(signal.SIGTERM, _interrupt)
    container = start(engine, wish)
    kept = False
    follower: subprocess.Popen[bytes] | None = None
    try:
        console.err(f"Initializing container: {wish.name}")
        if args.logs:
            follower = container.logs(follow=True)
        try:
            container.wait(HEALTH, timeout_s)
        except Died as died:
            _show(container, follower)
            console.problem(f"The container ended with status {died.status} before it answered. Its log stands above.")
            return 1
        except TimeoutError:
            _show(container, follower)
            console.problem(
                f"The container did not answer within {timeout_s:g} s. Its log stands above.",
                hint="Give it longer with --timeout 10m.",
            )
            return 1
        if args.command:
            return _command(args.command, container)
        if args.background:
            kept = True
            console.out(f"{wish.name} runs at {container.url}")
            console.err(f"End it with: {engine.kind} rm --force {wish.name}")
            return 0
        console.err("Running container in foreground")
        follower = follower or container.logs(follow=True)
        follower.wait()
        status = container.ended()
        return status if status is not None else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        signal.signal(signal.SIGTERM, previous)
        if not kept:
            container.stop()
        if follower is not None:
            follower.terminate() if kept else None
            follower.wait()


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt


def _show(container: Container, follower: subprocess.Popen[bytes] | None) -> None:
    """Show the log, unless it is being shown."""
    if follower is None:
        container.logs(follow=False).wait()


def _command(text: str, container: Container) -> int:
    from hotplate.compat.commands import command_environment

    environment = {**command_environment(os.environ), "HOTPLATE_URL": container.url}
    try:
        return subprocess.run(shlex.split(text), env=environment, check=False).returncode
    except (OSError, ValueError) as error:
        console.problem(f"The command could not be started: {error}")
        return 127


def _latest(args: argparse.Namespace) -> str:
    from hotplate.cli.opening import open_from
    from hotplate.deployment.home import find_home
    from hotplate.images.latest import find

    root = Path(open_from(args).project.root)
    tag = find(find_home(), root)
    if tag is None:
        raise SettingError(
            f"No image of {root} has been built here.", key="image", hint="Build one: hotplate build --image"
        )
    return tag


def _checked(image: str) -> str:
    from hotplate.images.grammar import check_image

    if image.startswith("sha256:"):
        return check_image(f"x@{image}").removeprefix("x@")
    return check_image(image)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise SettingError(f"{text!r} is no port.", key="port", source="--port")
    return int(text)


def _gpus(text: str) -> str:
    """As the engine wants it: all, or device=0,1 in its own quotes."""
    if text in ("", "all"):
        return text
    if not text.replace(",", "").replace("-", "").isalnum():
        raise SettingError(f"{text!r} names no GPUs.", key="gpus", source="--gpus", hint="Write all, 0 or 0,1.")
    return f'"device={text}"'


def _environment(flags: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """The container's variables: those of -e, and every other setting under its own."""
    found: dict[str, str] = {}
    for name, value in flags.items():
        if name not in _NOT_PASSED and SETTINGS[name].in_env:
            found[SETTINGS[name].variable] = value if isinstance(value, str) else ",".join(value)
    if "log_format" in flags:
        found["HOTPLATE_LOG_FORMAT"] = flags["log_format"]
    for text in flags.get("env", ()):
        name, equals, value = text.partition("=")
        if not equals and name not in environ:
            raise SettingError(f"`{name}` is not set in this shell; give {name}=value.", key="env", source="--env")
        found[name] = value if equals else environ[name]
    return found
