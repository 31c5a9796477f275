"""Fills the volume of an endpoint at its deployment: runs `store_assets()` of a revision, in its own environment."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import structs

from hotplate.authoring import ENDPOINT_VARIABLE
from hotplate.config.resolve import resolve
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.dialects.recorded import recorded

VOLUME = "HOTPLATE_VOLUME_PATH"


def fill(home: Home, revision: Revision, endpoint: str, volume: str = "") -> Path | None:
    """Run the hook, as long as it takes, with its output on standard error. Gives the volume's folder; None: no hook.

    `volume` is the volume's name, or empty for the one that belongs to the endpoint.

    Raises:
        ProjectError: the hook failed (`trace` has the author's traceback).
        SettingError: the volume cannot be made.
    """
    from dataclasses import replace

    from hotplate.server import store_assets

    if not revision.store_assets:
        return None
    project, match = recorded(revision)
    env = {ENDPOINT_VARIABLE: endpoint, **revision.env}
    env.setdefault(VOLUME, str(home.volumes / (volume or endpoint)))
    settings = replace(resolve(environ=os.environ).settings, env=env)
    contract, folder = store_assets(structs.replace(project, env=env), match, settings, revision.python)
    return folder if contract.lifecycle.store_assets else None
