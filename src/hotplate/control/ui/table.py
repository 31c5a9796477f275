"""Every page below /ui that needs somebody signed in. What is not here is not there."""

from __future__ import annotations

from typing import Any, Literal

from hotplate.control.ui.pages import (
    all_jobs,
    creating,
    endpoint,
    endpoints,
    jobs,
    keys,
    logs,
    machine,
    registries,
    revisions,
    settings,
    training,
    trying,
    volumes,
    webhooks,
)
from hotplate.control.ui.view import Handler, Route
from hotplate.deployment.records import Scope

Method = Literal["GET", "POST"]


def _route(method: Method, path: str, handler: Handler, *scopes: Scope, **more: Any) -> Route:
    return Route(method=method, path=path, handler=handler, scopes=scopes, **more)


ROUTES: tuple[Route, ...] = (
    _route("GET", "/", endpoints.show, "read", "invoke"),
    _route("GET", "/jobs", all_jobs.show, "read", "invoke"),
    # One endpoint
    _route("GET", "/e/{name}", endpoint.show, "read"),
    _route("GET", "/e/{name}/events", endpoint.events, "read"),
    _route("GET", "/e/{name}/scaling", endpoint.scaling, "read"),
    _route("GET", "/e/{name}/logs", logs.show, "read"),
    _route("GET", "/e/{name}/logs/older", logs.older, "read"),
    _route("GET", "/e/{name}/logs/stream", logs.stream, "read"),
    _route("GET", "/e/{name}/logs/download", logs.download, "read"),
    _route("GET", "/e/{name}/revisions", revisions.show, "read"),
    _route("POST", "/e/{name}/rollback", revisions.rollback, "deploy"),
    _route("POST", "/e/{name}/traffic", revisions.split, "deploy"),
    _route("GET", "/e/{name}/settings", settings.show, "read"),
    _route("POST", "/e/{name}/settings", settings.save, "deploy"),
    _route("GET", "/e/{name}/try", trying.show, "read", "invoke"),
    _route("GET", "/e/{name}/openapi.json", trying.openapi, "read", "invoke"),
    _route("POST", "/e/{name}/call", trying.call, "invoke", proof="header", raw=True),
    _route("GET", "/e/{name}/jobs", jobs.show, "read", "invoke"),
    _route("GET", "/e/{name}/jobs/{job}", jobs.one, "read", "invoke"),
    _route("GET", "/e/{name}/jobs/{job}/artifacts", training.download, "read", "invoke"),
    _route("GET", "/e/{name}/trainings", training.show, "read", "invoke"),
    _route("GET", "/e/{name}/webhooks", webhooks.show, "deploy"),
    _route("POST", "/e/{name}/webhooks/{message}/redeliver", webhooks.redeliver, "deploy"),
    _route("POST", "/e/{name}/jobs/{job}/cancel", jobs.cancel, "deploy", "invoke"),
    _route("POST", "/e/{name}/jobs/{job}/retry", jobs.retry, "deploy", "invoke"),
    _route("POST", "/e/{name}/jobs/{job}/webhooks/{message}/redeliver", jobs.redeliver, "deploy", "invoke"),
    _route("POST", "/e/{name}/pause", endpoint.pause, "deploy"),
    _route("POST", "/e/{name}/start", endpoint.start, "deploy"),
    _route("POST", "/e/{name}/delete", endpoint.delete, "deploy"),
    # Making one
    _route("GET", "/new", creating.form, "deploy"),
    _route("POST", "/new", creating.start, "deploy"),
    _route("GET", "/deploys/{deploy}", creating.show, "deploy"),
    _route("POST", "/deploys/{deploy}/cancel", creating.cancel, "deploy"),
    # The installation
    _route("GET", "/tokens", keys.show_tokens, "admin", whole=True),
    _route("POST", "/tokens", keys.create_token, "admin", whole=True),
    _route("POST", "/tokens/{id}/revoke", keys.revoke_token, "admin", whole=True),
    _route("GET", "/secrets", keys.show_secrets, "read", whole=True),
    _route("POST", "/secrets", keys.create_secret, "deploy", whole=True),
    _route("POST", "/secrets/{key}/update", keys.update_secret, "deploy", whole=True),
    _route("POST", "/secrets/{key}/delete", keys.delete_secret, "deploy", whole=True),
    _route("GET", "/registries", registries.show, "read", whole=True),
    _route("POST", "/registries", registries.create, "deploy", whole=True),
    _route("POST", "/registries/{key}/update", registries.update, "deploy", whole=True),
    _route("POST", "/registries/{key}/delete", registries.delete, "deploy", whole=True),
    _route("GET", "/volumes", volumes.show, "read", whole=True),
    _route("POST", "/volumes", volumes.create, "deploy", whole=True),
    _route("GET", "/volumes/{volume}", volumes.files, "read", whole=True),
    _route("GET", "/volumes/{volume}/file", volumes.download, "read", whole=True),
    _route("POST", "/volumes/{volume}/upload", volumes.upload, "deploy", whole=True),
    _route("POST", "/volumes/{volume}/remove", volumes.remove, "deploy", whole=True),
    _route("POST", "/volumes/{volume}/delete", volumes.delete, "deploy", whole=True),
    _route("GET", "/machine", machine.show, "read", whole=True),
    _route("GET", "/audit", machine.audit, "admin", whole=True),
)
