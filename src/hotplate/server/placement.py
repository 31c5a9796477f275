"""How a replica of an endpoint is started: its environment, its secrets, what it is told to load.

Secrets go to the replica through its socket, so they stand in no argument and in no file of the system; they are opened
here and kept nowhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING

import msgspec

from hotplate.authoring import ENDPOINT_VARIABLE, OUTPUT_VARIABLE, volume_environment
from hotplate.deployment.attachment import attach
from hotplate.deployment.home import VARIABLE as HOME_VARIABLE
from hotplate.deployment.home import Home
from hotplate.deployment.records import EndpointSpec, Revision
from hotplate.deployment.sealed import unseal
from hotplate.engine import layout
from hotplate.engine.replica import Cell
from hotplate.errors import PlatformError, TargetRefused
from hotplate.hardware.limiter import CannotFit, Limiter, Share
from hotplate.server import contained
from hotplate.server.contained import Door
from hotplate.server.containers import Containers
from hotplate.server.early import START_TIME
from hotplate.server.environment import revision_environment
from hotplate.server.memory import Memory
from hotplate.server.process import ALLOCATOR, Process, Stage, StartFailed, spawn
from hotplate.server.targets import Targets, options_of
from hotplate.server.told import revision_frame
from hotplate.targets.base import StartRequest
from hotplate.wire.failure import Failure
from hotplate.wire.remote import Order

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.server.remote.process import RemoteProcess

VOLUME_VARIABLES = ("HOTPLATE_VOLUME_PATH", "OCTOAI_VOLUME_PATH", "NFS_VOLUME")
"""Where a replica's code finds its volume: by our name, by OctoAI's, and by that which code for Inferless reads."""

OURS = (HOME_VARIABLE, "HOTPLATE_TOKEN", "HOTPLATE_CONTROL_URL", *VOLUME_VARIABLES, ENDPOINT_VARIABLE)
"""Variables of this process that say something about the server. A replica has its own, or none."""

TOLD = ("slots", "timeout_s", "setup_timeout_s", "max_body_bytes", "max_upload_bytes", "body_memory_bytes", "traces")
"""Settings of an endpoint that a replica elsewhere has as well."""

WEBHOOK_SECRET = "HOTPLATE_WEBHOOK_SECRET"  # noqa: S105 - the name of a secret
"""A secret of this name signs the webhooks of an endpoint that lists it. Replicas do not get it."""

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
        containers: Containers,
        targets: Targets,
        kind: str,
        note: Callable[[str], None],
    ) -> None:
        self.containers = containers
        self.targets = targets
        self._kind = kind
        self._link_token = token_urlsafe(32)
        self._note = note
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
        """Open the endpoint's secrets, but for the one that is the server's business."""
        key, sealed = self._home.key, self._spec.secrets
        return {name: unseal(sealed[name], name, key) for name in sealed if name != WEBHOOK_SECRET}

    @property
    def volume(self) -> Path:
        """The folder of the endpoint's volume, which is made where it is missing."""
        folder = self._home.volumes / (self._spec.volume or self._spec.name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def environment(self, volume: str) -> dict[str, str]:
        """What a replica has besides the server's own variables; no secrets. `volume` is where it finds its volume."""
        spec, revision = self._spec, self._revision
        environment = {
            ENDPOINT_VARIABLE: spec.name,
            **dict.fromkeys(VOLUME_VARIABLES, volume),
            URL_VARIABLE: self._url,
            SIBLINGS_VARIABLE: self._url,
            SIBLING_TOKEN_VARIABLE: self._token,
            "HOTPLATE_TOKEN": self._token,
            **revision.env,
            **spec.env,
        }
        if self._settings.fetch_allow:
            environment["HOTPLATE_FETCH_ALLOW"] = ",".join(self._settings.fetch_allow)
        if self._settings.allow_origin:
            environment["HOTPLATE_ALLOW_ORIGIN"] = self._settings.allow_origin
        if revision.store_assets:
            environment = {**volume_environment(environment), **environment}
        return environment

    def admit(self) -> Share:
        """Set aside what one replica may have of the machine. Raises OSError where it has no GPU left."""
        return self._limiter.admit(self._spec.hardware)

    def start(self, number: int, stage: Stage = "", more: Mapping[str, str] | None = None) -> Process:
        """Start one replica, or a template of them, with `more` variables.

        Raises OSError when the machine cannot; StartFailed when it never will.
        """
        if self._revision.image:
            text = f"This revision is the image {self._revision.image}: its replicas have to be containers."
            raise StartFailed(Failure(text, hint=f"hotplate endpoint update --name {self._spec.name} --target docker"))
        environment = {**self.environment(str(self.volume)), **(more or {})}
        secrets = self._opened()
        if self._revision.environment:
            try:
                attach(self._home.environments / self._revision.environment)
            except FileNotFoundError as error:
                raise _no_python(self._revision.python, error) from error
        share = self._share()
        environment = {**share.defaults, **environment, **share.environment}
        inherited = {name: value for name, value in revision_environment(os.environ).items() if name not in OURS}
        try:
            process = spawn(self._revision.python, self._memory.fd, {**inherited, **environment}, stage=stage)
        except BaseException as error:
            share.release()
            if isinstance(error, FileNotFoundError | PermissionError):
                raise _no_python(self._revision.python, error) from error
            raise
        process.share = share
        try:
            share.apply(process.pid)
        except OSError:
            process.kill()
            os.waitpid(process.pid, 0)
            process.discard()
            raise
        process.instruct(self._told(number, stage, {**environment, **secrets}, self._revision.root))
        process.socket.setblocking(False)
        return process

    async def start_contained(self, number: int, stage: Stage = "", more: Mapping[str, str] | None = None) -> Process:
        """Start one replica in a container, with `more` variables. Raises StartFailed; OSError when the machine cannot.

        An output folder among these is mounted, and found where the container has it.
        """
        del stage  # a container has no template
        secrets = self._opened()
        image = await self.containers.image(self._revision.digest)
        engine = await self.containers.engine()
        share = self._share()
        door = Door(self.containers.folder)
        end: Callable[[], None] | None = None
        try:
            more = dict(more or {})
            output = more.get(OUTPUT_VARIABLE, "")
            if output:
                more[OUTPUT_VARIABLE] = layout.OUTPUT
                await asyncio.to_thread(contained.give, Path(output))
            environment = {**share.defaults, **self.environment(layout.VOLUME), **more, **share.environment}
            user = await asyncio.to_thread(contained.give, self.volume)
            network = self.containers.network
            end = await self.containers.relay(door.socket("siblings")) if network != "host" else None
            cell = Cell(
                name=f"hotplate-{self._spec.name}-{self._id_prefix}-{number}",
                image=image,
                python=f"{layout.PACKAGES if self._revision.environment else layout.SERVER}/bin/python",
                home=str(self._home.root),
                endpoint=self._spec.name,
                folder=str(door.folder),
                volume=str(self.volume),
                volume_at=layout.VOLUME,
                output=output,
                output_at=layout.OUTPUT,
                writable=layout.HOME,
                port=self.containers.port if end is not None else 0,
                shared=(self.containers.spills(self._spec.name),),
                user=user,
                network=network,
                cpus=self._spec.hardware.cpus,
                memory_bytes=self._spec.hardware.memory_bytes,
                gpus=tuple(gpu.uuid for gpu in share.gpus),
                environment={**ALLOCATOR, **_read_at_start(environment)},
            )
            process = await contained.start(engine, cell, door, self._memory.fd, self._note)
        except BaseException:
            door.remove()
            if end is not None:
                end()
            share.release()
            raise
        process.share = share
        process.at_end = end
        process.instruct(self._told(number, "", {**environment, **secrets}, layout.FILES))
        process.socket.setblocking(False)
        return process

    def check_here(self) -> None:
        """See whether this machine could have a replica at all. Raises TargetRefused."""
        try:
            self.admit().release()
        except CannotFit as error:
            raise TargetRefused(str(error)) from None
        except OSError:  # not now: others have what it needs
            pass

    async def prepare_image(self) -> None:
        """Have the image that replicas are started from, so that no call waits for its build. Raises StartFailed."""
        await self.containers.image(self._revision.digest)

    async def check_remote(self) -> None:
        """See whether a replica could be had at the target. Raises TargetRefused, TargetUnavailable."""
        target = await self.targets.open(self._kind)
        await target.check(self._request("check", 0))

    def _request(self, word: str, number: int) -> StartRequest:
        return StartRequest(
            endpoint=self._spec.name,
            name=f"hotplate-{self._spec.name}-{self._id_prefix}-{word}",
            number=number,
            revision=self._revision,
            hardware=self._spec.hardware,
            token=self._link_token,
            environment=_read_at_start({**ALLOCATOR, **self.environment("")}),
            slots=self._settings.slots,
            options=options_of(self._settings, self._kind),
        )

    async def start_remote(
        self, number: int, stage: Stage = "", more: Mapping[str, str] | None = None
    ) -> RemoteProcess:
        """Start one replica where its target has room. Raises StartFailed, TargetRefused, TargetUnavailable."""
        del stage  # a template is on the same machine as its forks
        from hotplate.server.remote.process import Probing, RemoteProcess
        from hotplate.server.remote.reach import Reach, client_tls

        opened = self._opened()
        target = await self.targets.open(self._kind)
        cell = await target.start(self._request(f"{'job' if more else ''}{number}", number))
        environment = {**self.environment(str(self.volume)), **self._way_back(), **cell.given, **(more or {})}
        order = Order(
            endpoint=self._spec.name,
            id_prefix=f"{self._id_prefix}-{number}",
            environment=environment,
            secrets=opened,
            settings={name: getattr(self._settings, name) for name in TOLD},
        )
        settings = self._settings
        return RemoteProcess(
            target,
            cell,
            Reach(
                host=cell.host,
                port=cell.port,
                token=self._link_token,
                tls=client_tls(settings.link_ca, verify=not settings.link_unverified) if cell.tls else None,
            ),
            msgspec.json.encode(order),
            Probing(
                interval_s=settings.probe_interval_s,
                timeout_s=settings.probe_timeout_s,
                failures=settings.probe_failures,
            ),
            self.targets.end,
        )

    def _way_back(self) -> dict[str, str]:
        """Where a replica on another machine finds this server, if that was said."""
        url = self._settings.link_callback
        return {URL_VARIABLE: url, SIBLINGS_VARIABLE: url} if url else {}

    def _opened(self) -> dict[str, str]:
        try:
            return self.secrets()
        except PlatformError as error:
            raise StartFailed(Failure(error.message)) from error

    def _share(self) -> Share:
        try:
            return self.admit()
        except CannotFit as error:
            raise StartFailed(Failure(str(error))) from error

    def _told(self, number: int, stage: Stage, environment: Mapping[str, str], root: str) -> bytes:
        """The first frame to a replica. `root` is where it finds its files."""
        return revision_frame(
            self._revision,
            name=self._spec.name,
            root=root,
            slots=self._settings.slots,
            traces=self._settings.traces == "on",
            id_prefix=f"{self._id_prefix}-{number}-",
            environment=environment,
            stage=stage,
        )


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a process has to be started with: all others go through its socket."""
    return {name: value for name, value in environment.items() if name.startswith(START_TIME)}


def _no_python(python: str, error: OSError) -> StartFailed:
    """A revision's environment is gone, or what it was made from: waiting does not bring it back."""
    text = f"The Python of this revision, {python}, cannot be started: {error.strerror}."
    return StartFailed(
        Failure(text, hint="Its packages were removed or moved. `hotplate deploy` of the project installs them again.")
    )
