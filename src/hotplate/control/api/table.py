"""Every route of the API. What is not here is not there; what needs no token is in `documents.py`."""

from __future__ import annotations

from typing import Any, Literal

from hotplate.control import deployments, registry_credentials, secrets, tokens
from hotplate.control.api import build_handlers, handlers, ledger_handlers, records, streams, volume_handlers
from hotplate.control.api.route import Handler, Query, Route
from hotplate.deployment.records import Scope

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_TIME = {"type": "string", "format": "date-time"}
_SPAN = (
    Query(name="begin_time", help="Not before this time.", schema=_TIME),
    Query(name="end_time", help="Before this time.", schema=_TIME),
    Query(name="max_lines", help="How many of the last.", schema={"type": "integer", "minimum": 0, "maximum": 1000}),
    Query(name="replica_id", help="Of this replica alone."),
)
_LIMIT = (Query(name="limit", help="How many.", schema={"type": "integer", "minimum": 0, "maximum": 1000}),)
_PATH = (Query(name="path", help="Path inside the volume, with `/` between folders.", schema={"type": "string"}),)
_TEXTS = {"type": "array", "items": {"type": "string"}}
_YES = {"type": "boolean"}
_BUILD = (
    Query(name="folder", help="What the project's folder is called, and so the endpoint, where nothing names it."),
    Query(name="name", help="Name of the endpoint that it is for."),
    Query(name="target", help="A function to serve, as model.py:predict. Repeatable.", schema=_TEXTS),
    Query(name="dialect", help="How the code is written, instead of finding out."),
    Query(name="service_module", help="Dotted module of the service class."),
    Query(name="service_class", help="Name of the service class."),
    Query(name="api", help="Name of the API in cortex.yaml, where there are several."),
    Query(name="option", help="KEY=VALUE for the dialect. Repeatable.", schema=_TEXTS),
    Query(name="python", help="Python of the environment, such as 3.12."),
    Query(name="scripts", help="Scripts that install packages.", schema={"enum": ["refuse", "run", "skip"]}),
    Query(name="upgrade", help="Resolve the packages anew.", schema=_YES),
    Query(name="store_assets", help="Run store_assets() as well.", schema=_YES),
    Query(name="volume", help="The volume that store_assets() fills, if not the endpoint's own."),
)


def _route(method: Method, path: str, scope: Scope | None, handler: Handler, summary: str, **more: Any) -> Route:
    tag = more.pop("tag", None) or path.strip("/").partition("/")[0]
    return Route(method=method, path=path, scope=scope, handler=handler, summary=summary, tag=tag, **more)


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/account",
        None,
        handlers.get_account,
        "Who the sent token is",
        tag="installation",
        result=records.Account,
    ),
    _route(
        "GET",
        "/status",
        "read",
        handlers.get_status,
        "Whether the server runs",
        tag="installation",
        result=records.Status,
        shared=True,
    ),
    _route(
        "GET",
        "/instance-types",
        "read",
        handlers.list_instance_types,
        "Hardware profiles",
        tag="installation",
        result=list[records.InstanceType],
        shared=True,
    ),
    # Endpoints
    _route("GET", "/endpoints", "read", handlers.list_endpoints, "List", result=list[records.Endpoint], shared=True),
    _route(
        "POST",
        "/endpoints",
        "deploy",
        handlers.create_endpoint,
        "Create",
        body=records.EndpointCreate,
        keep_body_as_dict=True,
        result=records.Endpoint,
        status=201,
        shared=True,
    ),
    _route("GET", "/endpoints/{name}", "read", handlers.get_endpoint, "Get", result=records.Endpoint),
    _route(
        "PATCH",
        "/endpoints/{name}",
        "deploy",
        handlers.update_endpoint,
        "Change settings",
        body=records.EndpointUpdate,
        keep_body_as_dict=True,
        result=records.Endpoint,
    ),
    _route("DELETE", "/endpoints/{name}", "deploy", handlers.delete_endpoint, "Delete", result=records.Message),
    _route(
        "POST", "/endpoints/{name}/pause", "deploy", handlers.pause_endpoint, "Stop serving", result=records.Endpoint
    ),
    _route(
        "POST", "/endpoints/{name}/start", "deploy", handlers.start_endpoint, "Serve again", result=records.Endpoint
    ),
    _route(
        "POST",
        "/endpoints/{name}/deploy",
        "deploy",
        handlers.deploy_revision,
        "Deploy a revision; creates the endpoint where it is not there",
        body=deployments.Deploy,
        result=records.Endpoint,
    ),
    _route(
        "POST",
        "/endpoints/{name}/traffic",
        "deploy",
        handlers.split_traffic,
        "Share traffic out among revisions",
        body=deployments.Split,
        result=records.Endpoint,
    ),
    _route(
        "POST",
        "/endpoints/{name}/rollback",
        "deploy",
        handlers.rollback_endpoint,
        "Go back to an earlier revision",
        body=deployments.Rollback,
        result=records.Endpoint,
    ),
    _route(
        "GET",
        "/endpoints/{name}/revisions",
        "read",
        handlers.list_revisions,
        "Revisions",
        result=list[records.Revision],
    ),
    _route(
        "GET",
        "/endpoints/{name}/deployments",
        "read",
        handlers.list_deployments,
        "What was deployed when",
        result=list[records.Deployment],
    ),
    _route(
        "GET",
        "/endpoints/{name}/decisions",
        "read",
        ledger_handlers.get_decisions,
        "The autoscaler's last decisions",
        query=_LIMIT,
        result=list[dict[str, Any]],
    ),
    # Builds
    _route(
        "POST",
        "/builds",
        "deploy",
        build_handlers.start_build,
        "Build a project: the body is a .tar, .tar.gz or .zip archive of it",
        query=_BUILD,
        raw_body=True,
        result=records.Build,
        status=202,
        shared=True,
    ),
    _route(
        "GET",
        "/builds/{id}",
        "deploy",
        build_handlers.get_build,
        "How far a build is",
        result=records.Build,
        shared=True,
    ),
    _route(
        "GET",
        "/builds/{id}/stream",
        "deploy",
        build_handlers.stream_build,
        "Its steps as they come, and at the end all of it",
        content_type="text/event-stream",
        shared=True,
    ),
    # Logs and events
    _route(
        "GET",
        "/logs/{name}",
        "read",
        streams.get_logs,
        "The last lines of an endpoint's replicas",
        query=_SPAN,
        result=list[records.LogEntry],
    ),
    _route(
        "GET",
        "/logs/{name}/stream",
        "read",
        streams.stream_logs,
        "Lines as they come; with max_lines the last ones first",
        query=_SPAN,
        content_type="text/event-stream",
    ),
    _route(
        "GET",
        "/events",
        "read",
        ledger_handlers.list_events,
        "What happened",
        query=_SPAN,
        result=list[records.EventEntry],
        shared=True,
    ),
    _route(
        "GET",
        "/events/{name}",
        "read",
        ledger_handlers.get_events,
        "What happened to an endpoint",
        query=_SPAN,
        result=list[records.EventEntry],
    ),
    _route(
        "GET",
        "/events/{name}/stream",
        "read",
        streams.stream_events,
        "Events as they come",
        query=_SPAN,
        content_type="text/event-stream",
    ),
    _route(
        "GET",
        "/audit",
        "admin",
        ledger_handlers.get_audit,
        "Changes",
        query=_LIMIT,
        tag="installation",
        result=list[records.Change],
    ),
    # Tokens
    _route("GET", "/tokens", "admin", ledger_handlers.list_tokens, "List", result=list[records.Token]),
    _route(
        "POST",
        "/tokens",
        "admin",
        ledger_handlers.create_token,
        "Create; the answer alone has the token",
        body=tokens.TokenCreate,
        result=records.NewToken,
        status=201,
    ),
    _route("GET", "/tokens/{id}", "admin", ledger_handlers.get_token, "Get", result=records.Token),
    _route("DELETE", "/tokens/{id}", "admin", ledger_handlers.revoke_token, "Revoke", result=records.Message),
    # Secrets
    _route("GET", "/secrets", "read", ledger_handlers.list_secrets, "List", result=list[records.Secret]),
    _route(
        "POST",
        "/secrets",
        "deploy",
        ledger_handlers.create_secret,
        "Create",
        body=secrets.SecretCreate,
        result=records.Secret,
        status=201,
    ),
    _route(
        "GET", "/secrets/{key}", "read", ledger_handlers.get_secret, "Get, without its value", result=records.Secret
    ),
    _route(
        "PUT",
        "/secrets/{key}",
        "deploy",
        ledger_handlers.update_secret,
        "Give another value",
        body=secrets.SecretUpdate,
        result=records.Secret,
    ),
    _route("DELETE", "/secrets/{key}", "deploy", ledger_handlers.delete_secret, "Delete", result=records.Message),
    # Registry credentials
    _route(
        "GET",
        "/registry-credentials",
        "read",
        ledger_handlers.list_registry_credentials,
        "List",
        result=list[records.RegistryCredential],
    ),
    _route(
        "POST",
        "/registry-credentials",
        "deploy",
        ledger_handlers.create_registry_credential,
        "Create",
        body=registry_credentials.RegistryCredentialCreate,
        result=records.RegistryCredential,
        status=201,
    ),
    _route(
        "GET",
        "/registry-credentials/{key}",
        "read",
        ledger_handlers.get_registry_credential,
        "Get, without its token",
        result=records.RegistryCredential,
    ),
    _route(
        "PUT",
        "/registry-credentials/{key}",
        "deploy",
        ledger_handlers.update_registry_credential,
        "Give another token",
        body=registry_credentials.RegistryCredentialUpdate,
        result=records.RegistryCredential,
    ),
    _route(
        "DELETE",
        "/registry-credentials/{key}",
        "deploy",
        ledger_handlers.delete_registry_credential,
        "Delete",
        result=records.Message,
    ),
    # Volumes
    _route("GET", "/volumes", "read", volume_handlers.list_volumes, "List", result=list[records.Volume]),
    _route(
        "POST",
        "/volumes",
        "deploy",
        volume_handlers.create_volume,
        "Create",
        body=records.VolumeCreate,
        result=records.Volume,
        status=201,
    ),
    _route("GET", "/volumes/{volume}", "read", volume_handlers.get_volume, "Get", result=records.Volume),
    _route("DELETE", "/volumes/{volume}", "deploy", volume_handlers.delete_volume, "Delete", result=records.Message),
    _route(
        "GET",
        "/volumes/{volume}/files",
        "read",
        volume_handlers.list_files,
        "What is in a folder",
        query=_PATH,
        result=list[records.File],
    ),
    _route(
        "GET",
        "/volumes/{volume}/file",
        "read",
        volume_handlers.read_file,
        "Read a file",
        query=_PATH,
        content_type="application/octet-stream",
    ),
    _route(
        "PUT",
        "/volumes/{volume}/file",
        "deploy",
        volume_handlers.write_file,
        "Write a file",
        query=_PATH,
        raw_body=True,
        result=records.Stored,
    ),
    _route(
        "DELETE",
        "/volumes/{volume}/file",
        "deploy",
        volume_handlers.remove_file,
        "Remove a file, or a folder",
        query=(*_PATH, Query(name="recursive", help="A folder with what is in it.", schema={"type": "boolean"})),
        result=records.Message,
    ),
)
