"""What the API answers with, as records that its document is made of. The fuzzing test holds answers to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hotplate.control.settings import EndpointSettings
from hotplate.deployment.names import ENDPOINT
from hotplate.deployment.records import Scope

Name = Annotated[str, Meta(pattern=ENDPOINT, max_length=63)]


def _settings_fields() -> list[tuple[str, Any, Any]]:
    return [
        (
            each.name,
            each.type,
            each.default
            if each.default is not msgspec.NODEFAULT
            else msgspec.field(default_factory=each.default_factory),
        )
        for each in msgspec.structs.fields(EndpointSettings)
    ]


class Share(msgspec.Struct, kw_only=True):
    """How much of the traffic a revision gets."""

    revision: str
    percent: float


class Rollout(msgspec.Struct, kw_only=True):
    """Whether the endpoint serves what it was last told to, and if not, why. `kept`: what served before goes on, with
    the settings that it had; where that is false, nothing has served yet, and the next good deploy does."""

    state: Literal["stable", "rolling", "failed"]
    text: str
    kept: bool


class Replica(msgspec.Struct, kw_only=True):
    """A running copy of a revision. `age` is seconds since it is ready, -1 where it is not; `where` is its machine, if
    that is another one, and then `pid` is 0."""

    endpoint_name: str
    replica_id: str
    status: Literal["pending", "running", "succeeded", "failed", "unknown"]
    restarts: int
    age: int
    revision: str
    level: str
    pid: int | None
    in_flight: int | None
    rss_bytes: int | None
    where: str = ""


EndpointCreate = msgspec.defstruct(
    "EndpointCreate", [("name", Name), *_settings_fields()], kw_only=True, forbid_unknown_fields=True
)
"""A new endpoint: its name and settings."""

EndpointUpdate = msgspec.defstruct(
    "EndpointUpdate",
    [(name, kind | None | UnsetType, UNSET) for name, kind, _ in _settings_fields()],
    kw_only=True,
    forbid_unknown_fields=True,
)
"""Settings to change; null goes back to the default."""

Endpoint = msgspec.defstruct(
    "Endpoint",
    [
        ("name", str),
        *((name, kind) for name, kind, _ in _settings_fields()),
        ("endpoint", str),
        ("generation", int),
        ("traffic", list[Share]),
        ("rollout", Rollout),
        ("status", Literal["paused", "empty", "rolling", "unknown", "running", "starting", "idle", "failed"]),
        ("replicas", list[Replica]),
        ("queue_depth", int | None),
        ("created_at", float),
        ("updated_at", float),
    ],
    kw_only=True,
)
"""An endpoint. `endpoint` is its URL."""


class Revision(msgspec.Struct, kw_only=True):
    """A revision that was deployed to an endpoint. `built`: its files are on this machine."""

    number: int
    revision: str
    percent: float
    created_at: float
    token: str
    built: bool


class Deployment(msgspec.Struct, kw_only=True):
    """A change of traffic and what came of it."""

    at: float
    token: str
    kind: str
    traffic: list[Share]
    state: str
    text: str


class Message(msgspec.Struct, kw_only=True):
    """That it is done."""

    message: str


class Token(msgspec.Struct, kw_only=True):
    """What may be known of a token."""

    id: str
    name: str
    scopes: list[Scope]
    endpoints: list[str]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None
    rate_per_s: float | None
    concurrency: int | None


class NewToken(Token, kw_only=True):
    """A new token. `token` is shown this once."""

    token: str


class Account(msgspec.Struct, kw_only=True):
    """Who the sent token is."""

    id: str
    name: str
    scopes: list[str]
    endpoints: list[str]
    expires_at: float | None


class Secret(msgspec.Struct, kw_only=True):
    """What may be known of a secret. `fingerprint` changes with the value and tells nothing of it."""

    key: str
    fingerprint: str
    created_at: float
    updated_at: float
    endpoints: list[str] | UnsetType = UNSET


class RegistryCredential(msgspec.Struct, kw_only=True):
    """What may be known of a login to a registry of images. `fingerprint` changes with its token."""

    key: str
    registry: str
    username: str
    fingerprint: str
    created_at: float
    updated_at: float


class Volume(msgspec.Struct, kw_only=True):
    """A volume and the endpoints that name it."""

    name: str
    created_at: float
    endpoints: list[str]


class VolumeCreate(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A new volume."""

    name: Name


class File(msgspec.Struct, kw_only=True):
    """Something in a volume."""

    name: str
    kind: Literal["file", "folder", "other"]
    size: int
    modified_at: float


class Stored(msgspec.Struct, kw_only=True):
    """A file that was stored."""

    path: str
    size: int


class LogEntry(msgspec.Struct, kw_only=True):
    """A line that a replica wrote."""

    timestamp: str
    replica_id: str
    data: str
    stream: str
    revision: str | None
    request_id: str | None


class Event(msgspec.Struct, kw_only=True):
    """What happened."""

    type: str
    level: Literal["normal", "warning"]
    endpoint: str
    revision: str | None
    details: str


class EventEntry(msgspec.Struct, kw_only=True):
    """An event and when it happened."""

    timestamp: str
    replica_id: str | None
    event: Event


class Change(msgspec.Struct, kw_only=True):
    """A line of the audit log."""

    at: float
    token: str
    action: str
    subject: str
    details: str


class InstanceType(msgspec.Struct, kw_only=True):
    """A hardware profile. None: no limit."""

    instance_name: str
    vcpu: float | None
    ram: int | None
    accelerator: Literal["none", "gpu"]
    gpus: int


class Status(msgspec.Struct, kw_only=True):
    """Whether control and the server run."""

    version: str
    server: Literal["running", "away"]
    url: str
    endpoints: int


class Problem(msgspec.Struct, kw_only=True):
    """An error (RFC 9457). Programs look at `code`, never at the text."""

    title: str
    status: int
    code: str
    detail: str
    errors: list[dict[str, Any]] | UnsetType = UNSET
    request_id: str | UnsetType = UNSET


class Build(msgspec.Struct, kw_only=True):
    """A build of an archive. `revisions` are what it made so far, `error` says why it failed and where."""

    id: str
    state: Literal["waiting", "running", "built", "failed"]
    created_at: float
    token: str
    steps: list[dict[str, Any]]
    revisions: list[dict[str, Any]]
    error: dict[str, Any] | None
