"""Jobs that are endpoints of this machine's `hotplate up`, which is started where it does not run.

A job is deployed by a `hotplate deploy` in the background; from then on control has it. It has one replica that always
runs, as there, and no token where only this machine reaches it.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from proximl import _background as background
from proximl._places import LAST_LINES, Lines, State
from proximl._specification import variables
from proximl.exceptions import ApiError
from proximl.exceptions import ConnectionError as NoConnection

if TYPE_CHECKING:
    from hotplate.client.control import ControlClient

MOST_LINES = 1000
ONE = {"min_replicas": 1, "max_replicas": 1}
"""An endpoint of proxiML's was one machine, and ran until it was stopped."""


class ByUp:
    """Control has the endpoint, under the name that was reserved for the job."""

    def reserve(self, job: dict[str, Any]) -> dict[str, Any]:
        """Make an endpoint without code. Two jobs may have one name: the second's endpoint gets a number."""
        wanted = re.sub(r"[^a-z0-9]+", "-", str(job["name"]).lower()).strip("-")[:50].strip("-") or "endpoint"
        settings = {"display_name": str(job["name"])[:100], "env_overrides": variables(job), **ONE}
        with _control(start=True) as control:
            made = _made(control, wanted, settings)
            if _is_private(made["endpoint"]):
                control.update_endpoint(made["name"], visibility="public")
        return {"name_there": made["name"]}

    def start(self, folder: Path, job: dict[str, Any]) -> None:
        """Deploy it; or, where that was done, let it run."""
        name = job["name_there"]
        with _control(start=True) as control:
            found = _endpoint(control, name)
            if found is None:
                raise ApiError(404, {"errorMessage": f"The endpoint {name} was deleted"})
            if found["endpoint_state"] == "disabled":
                control.start_endpoint(name)
        if not found["traffic"] and not background.alive(folder):
            background.start(folder, ["deploy", *job["options"], f"--name={name}"], variables(job))

    def stop(self, folder: Path, job: dict[str, Any]) -> None:
        """Pause it. A deploy that is under way is ended."""
        background.signal(folder, signal.SIGTERM)
        with suppress(NoConnection), _control() as control:
            if _endpoint(control, job["name_there"]) is not None:
                control.pause_endpoint(job["name_there"])

    def forget(self, job: dict[str, Any]) -> None:
        """Delete it."""
        from hotplate.deployment.home import find_home

        if not find_home().control_db.exists() and not _is_elsewhere():
            return  # the installation is gone, and the endpoint with it
        with _control(start=True) as control:
            if _endpoint(control, job["name_there"]) is not None:
                control.delete_endpoint(job["name_there"])

    def state(self, folder: Path, job: dict[str, Any]) -> State:
        """How it is now, in proxiML's words."""
        try:
            with _control() as control:
                found = _endpoint(control, job["name_there"])
        except NoConnection:
            return State("stopped")
        if found is None:
            return State("removed")
        if found["endpoint_state"] == "disabled":
            return State("stopping" if found["replicas"] or background.alive(folder) else "stopped")
        if not found["traffic"]:
            if background.alive(folder):
                return State("waiting for data/model download")
            return State("failed", message="\n".join(background.messages(folder)[-LAST_LINES:]))
        if found["status"] == "idle" or any(each["status"] == "running" for each in found["replicas"]):
            return State("running", found["endpoint"])
        if found["rollout"]["state"] == "failed":
            return State("failed", message=found["rollout"]["text"])
        return State("starting", found["endpoint"])

    def lines(self, folder: Path, job: dict[str, Any], after: Any, *, ended: bool) -> Lines:
        """What the deploy said, and then what replicas do."""
        done, since, seen = after or (0, "", 0)
        text, done = background.lines(folder, done, ended=ended or not background.alive(folder))
        begun = datetime.fromtimestamp((folder / "pid").stat().st_mtime, UTC).isoformat() if text else ""
        said = [(begun, line) for _, line in text]
        found: list[dict[str, Any]] = []
        with suppress(NoConnection, ApiError), _control() as control:
            span = {"begin_time": since} if since else {}
            found = control.get_logs(job["name_there"], max_lines=MOST_LINES, **span)
        every = [(str(each["timestamp"]), str(each["data"])) for each in found]
        if every:
            fresh, since = every[seen:], every[-1][0]
            seen = sum(stamp == since for stamp, _ in every)
            said += fresh
        return said, (done, since, seen)

    def log(self, folder: Path, job: dict[str, Any]) -> Path:
        """The file that its replicas' lines are in."""
        from hotplate.deployment.home import find_home

        return find_home().logs / job["name_there"] / "current.jsonl"


@contextmanager
def _control(*, start: bool = False) -> Generator[ControlClient]:
    """A client of control. Raises ConnectionError where it is not there, and ApiError for what it refuses."""
    from hotplate.client.control import ControlClient
    from hotplate.client.errors import ClientError, StatusError

    if start and not _is_elsewhere():
        _start()
    try:
        with ControlClient() as control:
            yield control
    except StatusError as error:
        raise ApiError(error.status, {"errorMessage": str(error)}) from None
    except ClientError as error:
        raise NoConnection(str(error)) from None


def _start() -> None:
    from hotplate.deployment.home import find_home
    from hotplate.errors import HotplateError
    from hotplate.supervisor import lock
    from hotplate.supervisor.up import start_detached

    if lock.is_up(find_home()):
        return
    port = os.environ.get("HOTPLATE_PORT")
    words = ["--port", port, *(["--control-port", "0"] if port == "0" else [])] if port else []
    try:
        start_detached(find_home(), words)
    except HotplateError as error:
        if not lock.is_up(find_home()):  # else somebody was quicker
            raise NoConnection(str(error)) from None


def _is_elsewhere() -> bool:
    """Whether the environment names another installation than this machine's."""
    from hotplate.client.installation import CONTROL_VARIABLE

    return bool(os.environ.get(CONTROL_VARIABLE))


def _made(control: ControlClient, wanted: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Make an endpoint of this name, or of one with a number where it is taken."""
    from hotplate.client.errors import StatusError
    from hotplate.deployment.names import RESERVED

    taken = RESERVED | {each["name"] for each in control.list_endpoints()}
    number = 1
    while True:
        name = wanted if number == 1 else f"{wanted}-{number}"
        number += 1
        if name in taken:
            continue
        try:
            return control.create_endpoint(name, **settings)
        except StatusError as error:
            if error.status != 409:  # somebody else just took it
                raise


def _endpoint(control: ControlClient, name: str) -> dict[str, Any] | None:
    """An endpoint; None where it was deleted."""
    from hotplate.client.errors import StatusError

    try:
        return control.get_endpoint(name)
    except StatusError as error:
        if error.status == 404:
            return None
        raise


def _is_private(url: str) -> bool:
    """Whether this machine alone reaches the endpoints: then nobody needs a token, as with proxiML's."""
    from hotplate.deployment.home import find_home

    host = urlsplit(url).hostname or ""
    behind_https = (find_home().run / "Caddyfile").exists()  # of `hotplate up --https`
    return (host in ("localhost", "::1") or host.startswith("127.")) and not behind_https
