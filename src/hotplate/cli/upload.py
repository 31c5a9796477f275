"""A deploy to a control that does not share this machine's disk: the project is sent there and built by it."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.cli.build import progress
from hotplate.errors import ProjectError, Unavailable

if TYPE_CHECKING:
    from hotplate.client.control import ControlClient
    from hotplate.deployment.home import Home
    from hotplate.dialects.opening import Opened


def elsewhere(args: argparse.Namespace, home: Home) -> ControlClient | None:
    """A client for the control that was named, by --url or HOTPLATE_CONTROL_URL; None where that is this home's own."""
    from hotplate.client.control import ControlClient
    from hotplate.client.installation import CONTROL_VARIABLE
    from hotplate.supervisor.lock import read

    url = str(args.url or os.environ.get(CONTROL_VARIABLE) or "").strip().rstrip("/")
    if not url or url == str(read(home).get("control_url") or "").rstrip("/"):
        return None
    return ControlClient(url, args.token)


def send(args: argparse.Namespace, control: ControlClient, opened: Opened, *, volume: str = "") -> list[dict[str, Any]]:
    """Send the project's files and wait for the build. Gives its revisions, as `hotplate build -o json` tells them.

    Raises:
        ProjectError: it cannot be read here, or not be built there (`trace` has the author's traceback).
    """
    from hotplate.build.bundle import collect
    from hotplate.build.make import each_project
    from hotplate.build.pack import pack
    from hotplate.dialects.registry import detect

    project = opened.project
    match = detect(each_project(project)[0], dialect=opened.dialect)
    progress("files", f"Reading {project.root}")
    bundle = collect(project.root, match.dialect)
    with tempfile.TemporaryDirectory(prefix="hotplate-upload-") as folder:
        archive = Path(folder, "project.tar.gz")
        with archive.open("wb") as file:
            pack(bundle, file)
        progress("upload", f"{len(bundle.entries)} files, {archive.stat().st_size / 1024:.0f} KiB, to {control.url}")
        begun = control.start_build(
            archive,
            folder=_folder_name(project.root),
            name=args.name or project.name,
            target=project.targets,
            option=[f"{key}={value}" for key, value in project.options.items()],
            dialect=opened.dialect,
            service_module=project.service_module,
            service_class=project.service_class,
            api=project.api,
            python=args.python,
            scripts=args.scripts,
            upgrade=args.upgrade,
            store_assets=not args.no_store_assets,
            volume=volume,
        )
    return _followed(control, begun["id"])


def _followed(control: ControlClient, build_id: str) -> list[dict[str, Any]]:
    for event in control.follow_build(build_id):
        if event["event"] == "step":
            progress(event["step"], event["text"])
        elif event["state"] == "built":
            return event["revisions"]
        else:
            raise _failed(event["error"])
    raise Unavailable("Control ended while it built. Deploy again.")


def _failed(error: dict[str, Any]) -> ProjectError:
    """What went wrong there, as if it had gone wrong here."""
    return ProjectError(
        str(error.get("message", "The build failed.")),
        file=error.get("file"),
        line=error.get("line"),
        hint=error.get("hint") or "",
        trace=error.get("trace") or "",
    )


def _folder_name(root: Path) -> str | None:
    """The folder's name, if it may be one there."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).strip("-._")[:100]
    return name or None
