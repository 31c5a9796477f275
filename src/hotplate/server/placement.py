"""How a replica of an endpoint is started: its environment, its secrets, what it is told to load.

Secrets go to the replica through its socket, so they stand in no argument and in no file of the system; they are opened
here and kept nowhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.authoring import ENDPOINT_VARIABLE, volume_environment
from hotplate.deployment.attachment import attach
from hotplate.deployment.home import VARIABLE as HOME_VARIABLE
from hotplate.deployment.home import Home
from hotplate.deployment.records import EndpointSpec, Revision
from hotplate.deployment.sealed import unseal
from hotplate.errors import PlatformError
from hotplate.hardware.limiter import CannotFit, Limiter, Share
from hotplate.server.environment import revision_environment
from hotplate.server.memory import Memory
from hotplate.server.process import Process, Stage, StartFailed, spawn
from hotplate.wire.failure import Failure
from hotplate.wire.layout import spec_frame

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

OURS = (HOME_VARIABLE, "HOTPLATE_TOKEN", "HOTPLATE_CONTROL_URL", "HOTPLATE_VOLUME_PATH", ENDPOINT_VARIABLE)
"""Variables of this process that say something about the server. A replica has its own, or none."""

URL_VARIABLE = "HOTPLATE_URL"
"""Where a replica finds the server: other endpoints are below it, by their names."""
SIBLINGS_VARIABLE = "HOTPLATE_SIBLINGS"
"""The same, for what stands in for Cortex's `http://api-NAME:8888`: there the name is the host."""
SIBLING_TOKEN_VARIABLE = "HOTPLATE_SIBLING_TOKEN"  # noqa: S105 - the name of a variable
"""The token with which a replica calls other endpoints on this machine. It is good nowhere else."""


class Placement:
    """Starts the replicas of one revision of an endpoint."""

    def __init__(
        self,
        *,
        spec: EndpointSpec,
        revision: Revision,
        settings: Settings,
        home: Home,
        memory: Memory,
        limiter: Limiter,
        url: str,
        token: str,
        id_prefix: str,
    ) -> None:
        self._spec = spec
        self._revision = revision
        self._settings = settings
        self._home = home
        self._memory = memory
        self._limiter = limiter
        self._url = url
        self._token = token
        self._id_prefix = id_prefix

    def secrets(self) -> dict[str, str]:
        """Open the endpoint's secrets."""
        key = self._home.key
        return {name: unseal(sealed, name, key) for name, sealed in self._spec.secrets.items()}

    def environment(self) -> dict[str, str]:
        """What a replica has besides the server's own variables; no secrets."""
        spec, revision = self._spec, self._revision
        volume = spec.volume or spec.name
        environment = {
            ENDPOINT_VARIABLE: spec.name,
            "HOTPLATE_VOLUME_PATH": str(self._home.volumes / volume),
            URL_VARIABLE: self._url,
            SIBLINGS_VARIABLE: self._url,
            SIBLING_TOKEN_VARIABLE: self._token,
            "HOTPLATE_TOKEN": self._token,
            **revision.env,
            **spec.env,
        }
        if self._settings.fetch_allow:
            environment["HOTPLATE_FETCH_ALLOW"] = ",".join(self._settings.fetch_allow)
        if revision.store_assets:
            environment = {**volume_environment(environment), **environment}
        return environment

    def admit(self) -> Share:
        """Set aside what one replica may have of the machine. Raises OSError where it has no GPU left."""
        return self._limiter.admit(self._spec.hardware)

    def start(self, number: int, stage: Stage = "") -> Process:
        """Start one replica, or a template of them. Raises OSError when the machine cannot."""
        environment = self.environment()
        try:
            secrets = self.secrets()
        except PlatformError as error:
            raise StartFailed(Failure(error.message)) from error
        Path(environment["HOTPLATE_VOLUME_PATH"]).mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._revision.environment:
            attach(self._home.environments / self._revision.environment)
        try:
            share = self.admit()
        except CannotFit as error:
            raise StartFailed(Failure(str(error))) from error
        environment = {**share.defaults, **environment, **share.environment}
        inherited = {name: value for name, value in revision_environment(os.environ).items() if name not in OURS}
        try:
            process = spawn(self._revision.python, self._memory.fd, {**inherited, **environment}, stage=stage)
        except BaseException:
            share.release()
            raise
        process.share = share
        try:
            share.apply(process.pid)
        except OSError:
            process.kill()
            os.waitpid(process.pid, 0)
            process.discard()
            raise
        process.instruct(self._told(number, stage, {**environment, **secrets}))
        process.socket.setblocking(False)
        return process

    def _told(self, number: int, stage: Stage, environment: Mapping[str, str]) -> bytes:
        """The first frame to a replica."""
        revision = self._revision
        spec = {
            "root": revision.root,
            "dialect": revision.dialect,
            "entry": revision.entry,
            "targets": list(revision.targets),
            "service_module": revision.service_module,
            "service_class": revision.service_class,
            "faces": list(revision.faces),
            "options": dict(revision.options),
            "name": revision.name or self._spec.name,
            "description": revision.description,
            "slots": self._settings.slots,
            "id_prefix": f"{self._id_prefix}-{number}-",
            "errand": None,
            "enter": True,
            "template": stage,
            "env": dict(environment),
        }
        return spec_frame(json.dumps(spec).encode())
