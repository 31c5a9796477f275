"""One revision in service: its routes, its pages, its queue and its workers.

`hotplate run` has one of these, which learns its contract from its first worker. `hotplate up` has one for each
endpoint and revision, which knows its contract before any worker is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from hotplate import __version__
from hotplate.contract import Contract
from hotplate.server.access import AccessLog
from hotplate.server.endpoint import Endpoint
from hotplate.server.log import Log
from hotplate.server.memory import Memory
from hotplate.server.metrics import RouteMetrics
from hotplate.server.pool import Pool
from hotplate.server.router import Router
from hotplate.server.system import System, replica_header
from hotplate.wire.failure import Failure

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.server.links import AnyLink, AnyProcess
    from hotplate.server.traces import EndpointTraces


class Deployed:
    """A revision of an endpoint that can take calls.

    `spawn(number)` starts a worker; `on_routes` is called when there are other routes than before, `on_ready` when a
    worker takes calls, `on_failed` when a worker that has to run for the first time cannot. With `on_held`, calls may
    wait for a worker that is not there yet (see Endpoint), and workers that fail are tried again.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        log: Log,
        access: AccessLog,
        memory: Memory,
        id_prefix: str,
        size: int,
        spawn: Callable[[int], AnyProcess | Awaitable[AnyProcess]],
        on_routes: Callable[[], None],
        on_failed: Callable[[Failure], None],
        on_ready: Callable[[], None],
        on_held: Callable[[], None] | None = None,
        version: str = __version__,
        traces: EndpointTraces | None = None,
    ) -> None:
        self.log = log
        self.endpoint = Endpoint(
            queue_size=settings.queue_size,
            id_prefix=id_prefix,
            memory=memory,
            timeout_s=settings.timeout_s,
            on_held=on_held,
        )
        self.system = System(self.endpoint, version)
        self.router = Router(
            self.endpoint,
            access,
            self.system.pages(),
            settings.max_body_bytes,
            settings.max_upload_bytes,
            other_origins=bool(settings.allow_origin),
            traces=traces,
        )
        self.pool = Pool(
            self.endpoint,
            log,
            size=size,
            slots=settings.slots,
            setup_timeout_s=settings.setup_timeout_s,
            id_prefix=id_prefix,
            replica_header=replica_header(),
            spawn=spawn,
            on_contract=self._told,
            on_failed=on_failed,
            on_ready=on_ready,
            keep_trying=on_held is not None,
        )
        self._on_routes = on_routes
        self._used: Contract | None = None
        self._warned: tuple[str, ...] = ()

    @property
    def links(self) -> list[AnyLink]:
        """The workers that take calls."""
        return self.endpoint.links

    def find(self, method: str, path: str) -> tuple[int, str] | None:
        """The index of the mount that a kept call names, and where its face has an error's text."""
        return self.router.find(method, path)

    def use(self, contract: Contract) -> None:
        """Serve the routes of a contract."""
        self._used = self.endpoint.contract = contract
        called = [mount.path for mount in contract.mounts if mount.call is not None]
        if [metrics.path for metrics in self.endpoint.routes] != called:
            self.endpoint.routes = [RouteMetrics(path) for path in called]
        self.router.use(contract)
        self.system.contract_changed()
        self._on_routes()

    def _told(self) -> None:
        """A worker has told its contract."""
        contract = self.endpoint.contract
        assert contract is not None
        if contract.warnings != self._warned:  # once, however many workers say it
            self._warned = contract.warnings
            for warning in contract.warnings:
                self.log.warning(warning)
        if contract != self._used:
            self.use(contract)
