"""`hotplate run`: bind, start workers, serve until a signal, drain, exit.

The order matters for the first answer: the port is bound and the workers are started before the event loop is even
imported, so that the model loads while the server does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from hotplate.server.early import take_early
from hotplate.server.environment import (
    is_empty,
    jobs_folder,
    revision_environment,
    volume_of,
    worker_environment,
)
from hotplate.server.listening import bind
from hotplate.server.log import make_log
from hotplate.server.process import Process, Stage, spawn
from hotplate.wire.layout import spec_frame

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.dialects.base import Match, Project

Errand = Literal["describe", "store_assets", "setup"]


def run(project: Project, match: Match, settings: Settings, command: str | None, python: str | None = None) -> int:
    """Serve in the foreground. Gives the exit status.

    `python` is the interpreter of a revision's environment, where the project is one's files.
    """
    log = make_log(settings.log_level, settings.log_format)
    if settings.webhook or settings.webhook_events or settings.webhook_secret:
        from hotplate.jobs.webhooks import check_settings

        check_settings(settings)
    if settings.jobs_store is not None or settings.jobs_blobs is not None:
        from hotplate.jobs.places import check_places

        check_places(settings)
    if settings.traces == "on":
        from hotplate.server.tracing import check_traces

        check_traces()
    listener = bind(settings)
    id_prefix = os.urandom(4).hex()
    environment = worker_environment(project, match, settings)
    memory, early = take_early(environment)
    if match.store_assets and is_empty(volume := volume_of(project, match, settings)):
        log.warning(f"{match.entry} has store_assets(), and its volume {volume} is empty: run hotplate store-assets")

    def start(number: int, more: Mapping[str, str]) -> Process:
        if early and not more:
            process = early.pop()
        else:
            shell = os.environ if python is None else revision_environment(os.environ)
            process = spawn(python or sys.executable, memory.fd, {**shell, **environment, **more})
        process.instruct(worker_spec(project, match, settings, f"{id_prefix}-{number}-", enter=python is not None))
        process.socket.setblocking(False)
        return process

    processes = [start(number, {}) for number in range(1, settings.workers + 1)]
    log.debug("workers started", pids=[process.pid for process in processes])
    from hotplate.startup import import_msgspec

    import_msgspec()
    from hotplate.server.serving import Serving

    return Serving(
        settings=settings,
        log=log,
        listener=listener,
        memory=memory,
        id_prefix=id_prefix,
        start=start,
        entry=match.entry,
        watch=project.root if settings.reload else None,
        command=command,
        name=project.endpoint_name,
        jobs_folder=jobs_folder(project),
        names=chained(match),
    ).run(processes)


def chained(match: Match) -> frozenset[str]:
    """The host by which other APIs call one written for Cortex: `api-NAME`, whatever the port."""
    return frozenset((f"api-{match.entry.partition(':')[2]}",)) if match.dialect == "predictor" else frozenset()


def worker_spec(
    project: Project,
    match: Match,
    settings: Settings,
    id_prefix: str,
    *,
    errand: Errand | None = None,
    enter: bool = False,
    template: Stage = "",
) -> bytes:
    """The first frame to a worker: its `Spec`. With an errand it does that alone and serves nothing."""
    spec = json.dumps(
        {
            "root": str(project.root),
            "dialect": match.dialect,
            "entry": match.entry,
            "targets": list(project.targets),
            "service_module": project.service_module,
            "service_class": project.service_class,
            "faces": list(project.faces),
            "options": dict(project.options),
            "name": project.name,
            "description": project.description,
            "slots": settings.slots,
            "id_prefix": id_prefix,
            "errand": errand,
            "enter": enter,
            "template": template,
            "traces": settings.traces == "on",
            "env": worker_environment(project, match, settings),
        }
    ).encode()
    return spec_frame(spec)
