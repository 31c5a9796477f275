"""Waiting for what a change of traffic comes to, and saying it."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.errors import ProjectError, Unavailable

if TYPE_CHECKING:
    from hotplate.client.control import ControlClient

DEFAULT_WAIT_S = 900.0
LOOK_S = 0.2
ASK_S = 10.0
"""How often to ask whether there is a server at all that could start something."""
_NOTHING = "Nothing has served yet: it is tried again for each call, and with the next deploy."


def add_wait(parser: argparse.ArgumentParser, default: float) -> None:
    """How long to wait."""
    parser.add_argument(
        "--wait",
        type=float,
        default=default,
        metavar="SECONDS",
        help=f"How long to wait until it serves, 0 for not at all (default {default:g})",
    )


def finish(control: ControlClient, found: dict[str, Any], wait_s: float) -> dict[str, Any]:
    """Wait until an endpoint's rollout is over and give the endpoint.

    Raises:
        ProjectError: the new revision does not start, or not with its settings; what served before goes on serving.
        Unavailable: it is not decided after `wait_s` seconds.
    """
    end = time.monotonic() + wait_s
    told = silent = False
    asked = time.monotonic()
    while found["rollout"]["state"] == "rolling" and time.monotonic() < end:
        if not told and time.monotonic() > end - wait_s + 2:
            console.err("Waiting for the new revision to be ready …")
            told = True
        if not silent and time.monotonic() > asked + ASK_S:
            asked = time.monotonic()
            if silent := control.get_status()["server"] == "away":
                console.err("The server, which has to start it, gives no answer. `hotplate status` names its pid.")
        time.sleep(LOOK_S)
        found = control.get_endpoint(found["name"])
    state, text = found["rollout"]["state"], found["rollout"]["text"]
    if state == "failed":
        serving = ", ".join(share["revision"][:12] for share in found["traffic"])
        more = f"{serving} goes on serving, with the settings that it had." if found["rollout"]["kept"] else _NOTHING
        raise ProjectError(
            f"What was deployed does not start. {more}",
            hint=f"`hotplate logs --name {found['name']}` shows what it printed.",
            trace=text,
        )
    if state == "rolling" and wait_s:
        raise Unavailable(
            f"The new revision is not ready after {wait_s:g} s; it is still being started. "
            f"`hotplate endpoint get --name {found['name']}` shows how it goes on."
        )
    return found
