"""The environment variables of a worker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.authoring import ENDPOINT_VARIABLE, find_volume, volume_environment

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.dialects.base import Match, Project


def worker_environment(project: Project, match: Match, settings: Settings) -> dict[str, str]:
    """Give what a worker has besides this process's variables: the endpoint's name, hubs' caches, the project's own.

    Hubs' caches lie in the volume where the project has `store_assets`, so that a worker finds what it stored
    (specification of octoai-sdk 0.10.1, `run` and `store-assets`). What the project sets itself stays.
    """
    environment = {ENDPOINT_VARIABLE: project.endpoint_name, **settings.env}
    if settings.fetch_allow:
        environment["HOTPLATE_FETCH_ALLOW"] = ",".join(settings.fetch_allow)
    if settings.allow_origin:
        environment["HOTPLATE_ALLOW_ORIGIN"] = settings.allow_origin
    if match.store_assets:
        environment = {**volume_environment({**os.environ, **environment}), **environment}
    return environment


def revision_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Give a process's variables without those that would lead a worker of a revision to other packages or secrets.

    A revision has an interpreter of its own, and nothing of the shell's that would send it elsewhere for its modules.
    """
    kept_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "HOTPLATE_TOKEN")
    return {name: value for name, value in environ.items() if name not in kept_out}


def volume_of(project: Project, match: Match, settings: Settings) -> Path:
    """Give the folder that `volume_path()` names in the project's workers. It need not exist."""
    return Path(find_volume({**os.environ, **worker_environment(project, match, settings)})[0])


def jobs_folder(project: Project) -> Path:
    """Give the folder of the jobs of a project that is served by itself: those of two projects of one name are apart.

    It lies in HOTPLATE_HOME, else in `~/.hotplate`, and is made with the first job.
    """
    named = os.environ.get("HOTPLATE_HOME")
    home = Path(named).expanduser().absolute() if named else Path.home() / ".hotplate"
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in project.endpoint_name).strip(".") or "endpoint"
    return home / "jobs" / f"{name}-{sha256(str(project.root).encode()).hexdigest()[:8]}"


def is_empty(folder: Path) -> bool:
    """Whether there is nothing in a folder, or no folder."""
    try:
        return next(folder.iterdir(), None) is None
    except OSError:
        return True
