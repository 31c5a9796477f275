"""What a project offers, as frozen records without code. Dialects make them; faces, the server and the CLI read them.

Every process imports this, so the records are msgspec's: a dataclass takes about twenty times as long to define.
They travel between worker and server as JSON (`contract/codec.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Kind = Literal["json", "image", "audio", "video", "file"]
"""How a value travels: as JSON, or as media that may also come as a part or a raw body."""

Body = Literal["json", "form"]
"""How a route's parameters arrive: one JSON object, or multipart/form-data."""


class TypeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The type of a value.

    `schema` is JSON Schema 2020-12; references point to `#/components/schemas/NAME`, found in
    `Contract.definitions`. `annotation` is the author's own text for it (`str`, `list[Box]`).
    """

    kind: Kind = "json"
    schema: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    annotation: str = ""


class Param(msgspec.Struct, frozen=True, kw_only=True):
    """One named input of a route. `default` (a JSON value) has a meaning only where `required` is false."""

    name: str
    type: TypeSpec
    required: bool = True
    default: Any = None
    description: str = ""
    location: str = ""
    """The one place where the author wants a face to look: `query`, `form`, `json`, `headers` or `cookies`; or `body`
    for the one input that is the body as a whole."""


class Batching(msgspec.Struct, frozen=True, kw_only=True):
    """How calls of a route are put together: at most `max_size` items, waiting at most `max_wait_ms` for more."""

    max_size: int = 32
    max_wait_ms: float = 0.0


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the user's project something is written. `file` is relative to the project's folder."""

    file: str
    line: int


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method and path of an endpoint, bound to one callable of the project.

    `name` is the callable's name. `stream` says that it yields its answer piece by piece.
    `asynchronous` says that it is `async def`, so that many calls may share one thread.
    `aliases` are the paths at which callers of the author's own system know it, where that is not `path`.
    """

    path: str
    name: str
    method: str = "POST"
    params: tuple[Param, ...] = ()
    returns: TypeSpec = msgspec.field(default_factory=TypeSpec)
    body: Body = "json"
    stream: bool = False
    asynchronous: bool = False
    batching: Batching | None = None
    summary: str = ""
    description: str = ""
    source: Source | None = None
    aliases: tuple[str, ...] = ()


State = Literal["", "live", "ready"]
"""What a mount without a call answers from: nothing, that the server is alive, that calls are taken."""


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """One method and path on HTTP, of one face.

    `call` is the index of the route that it runs. A mount without one answers by itself: with its fixed `answer`,
    or, with `state`, 200 and `answer` when the server is in that state and 503 and `refusal` when it is not.
    `operation` is the OpenAPI operation object, where the face describes its mounts itself. A path that ends in `/*`
    answers below it, for every method, where nothing else does. `error_key` is where the server's own refusals
    of a call (busy, not ready, too late) put their text: `detail`, or `error.message` for one inside an object. With
    `joint` the face itself makes what is run: of several routes, or around the one at `call`.
    """

    method: str
    path: str
    face: str
    call: int | None = None
    answer: str = ""
    refusal: str = ""
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    state: State = ""
    joint: bool = False
    variant: str = ""
    """A face's own note on which of its forms this mount is (`generate`, `infer`)."""
    error_key: str = "detail"
    wants: tuple[str, ...] = ()
    """Request headers (lower case) that its calls take to the worker, where a request has them; `*` for all."""
    job: str = ""
    """In whose manner its calls are kept as jobs (`cortex`), whatever a request says. A mount without a call and with
    one answers about them."""
    spoken: str = ""
    """The protocol (`mcp`) of which messages about the project itself, and not to it, are answered by the server."""
    typed: bool = False
    """Whether a body without a Content-Type arrives as such, with "", and not as JSON."""
    operation: Mapping[str, Any] | None = None


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """How the server words, for the contract's own face, a path or a method that it does not have.

    `slash` says which form of a path is the right one, with a slash at its end or without: the server sends the other
    form there, with status 307 (`strip`) or 308 (`append`, which also merges slashes).
    """

    content_type: str = "application/json"
    not_found: str = '{"detail":"Not Found"}'
    not_allowed: str = '{"detail":"Method Not Allowed"}'
    slash: Literal["strip", "append"] = "strip"


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the optional hooks the project has."""

    startup: bool = False
    setup: bool = False
    shutdown: bool = False
    store_assets: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the author allows, where it differs from the settings. None means: not said by the author.

    `slots` is how many calls one worker may run at the same time.
    """

    slots: int | None = None
    timeout_s: float | None = None
    max_body_bytes: int | None = None


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a project offers.

    `dialect` names how the author wrote it, `face` the wire format that its callers use by default, and
    `entry` what was loaded (`service:HelloService`, `model:predict`). `warnings` are sentences for the author: a
    method that is not served, and why. `mounts` are the paths on HTTP, added by the faces that are turned on; a call
    frame on the wire names its mount.
    """

    dialect: str
    entry: str
    name: str = ""
    face: str = "plain"
    description: str = ""
    routes: tuple[Route, ...] = ()
    definitions: Mapping[str, Mapping[str, Any]] = msgspec.field(default_factory=dict[str, Mapping[str, Any]])
    lifecycle: Lifecycle = msgspec.field(default_factory=Lifecycle)
    limits: Limits = msgspec.field(default_factory=Limits)
    warnings: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    refusals: Refusals = msgspec.field(default_factory=Refusals)
    facts: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """What a dialect tells its own face besides the routes, as JSON values."""
