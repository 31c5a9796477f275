"""Endpoints, revisions and tokens as the server needs them: one snapshot, published by control as a whole.

The server keeps serving the last snapshot that it read when control is away. Nothing here is executed; a revision's
code lies in its own folder, and its packages in its own environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from hotplate.contract import Contract

Scope = Literal["invoke", "read", "deploy", "admin"]
Template = Literal["auto", "imports", "loaded", "off"]
Target = Literal["local", "docker", "loopback", "ray"]

FORMAT = 1
"""Of the snapshot. A server that finds another one keeps what it has and says so."""


class Scaling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many replicas an endpoint may have, and what makes it want more or fewer.

    `concurrency` is how many calls one replica is meant to have at once; None: its slots. The fields from
    `window_s` on are Cortex's (its autoscaling page) and count for the policy `cortex` alone, except `window_s`.
    `keep_template_s` is how long a template may lie idle before it is dropped.
    """

    policy: Literal["concurrency", "cortex"] = "concurrency"
    min_replicas: int = 0
    max_replicas: int = 3
    initial_replicas: int | None = None
    concurrency: int | None = None
    scale_down_delay_s: float = 300.0
    template: Template = "auto"
    keep_template_s: float = 900.0
    window_s: float = 60.0
    downscale_stabilization_period_s: float = 300.0
    upscale_stabilization_period_s: float = 60.0
    max_downscale_factor: float = 0.75
    max_upscale_factor: float = 1.5
    downscale_tolerance: float = 0.05
    upscale_tolerance: float = 0.05


Limit = int | float | str | tuple[str, ...] | None
"""A setting's value, as an endpoint may have one of its own."""


class Hardware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one replica. None: no limit.

    A part of a GPU (`gpus=0.5`), an `accelerator` and `resources` are for targets that share out many machines:
    `accelerator` is a kind of GPU by the cluster's name for it, `resources` are the cluster's own, by their names.
    """

    profile: str = ""
    cpus: float | None = None
    memory_bytes: int | None = None
    gpus: int | float = 0
    accelerator: str = ""
    resources: Mapping[str, float] = {}


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable build of a project. `digest` names its content; `root` is its folder of files.

    `python` is the interpreter of its environment, in which Hotplate's worker can be imported; `environment` is the
    digest of that, and empty where the project lists no packages and is served from Hotplate's own. `dialect` to
    `options` say what to load, as a worker is told; `env` is what the project's own files set. `name` and
    `description` are those that the project gives its endpoint, if it does. `image` is the container image that it is,
    by its digest; empty where it is files on this machine, of which an image can be built.
    """

    digest: str
    root: str
    python: str
    dialect: str
    entry: str
    targets: tuple[str, ...] = ()
    service_module: str | None = None
    service_class: str | None = None
    faces: tuple[str, ...] = ()
    options: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    store_assets: bool = False
    environment: str = ""
    name: str = ""
    description: str = ""
    image: str = ""
    contract: Contract


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an endpoint's traffic one revision gets, in percent."""

    revision: str
    percent: float


class EndpointSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint with everything that serving it needs.

    `revisions` are those that may have traffic or drain; `traffic` adds up to 100 and names some of them.
    `generation` grows with each change of the endpoint. `abort_error_rate` ends a split when the newer revision's
    share of answers from 500 on passes it. `secrets` maps an environment variable to a sealed value
    (`deployment/sealed.py`); `limits` are values of settings that the endpoint overrides (`slots`, `timeout_s`, …).
    `target` is where its replicas run; None: as the installation has it.
    """

    name: str
    generation: int
    revisions: tuple[Revision, ...]
    traffic: tuple[Share, ...]
    scaling: Scaling = Scaling()
    hardware: Hardware = Hardware()
    public: bool = False
    paused: bool = False
    env: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    volume: str = ""
    limits: Mapping[str, Limit] = {}
    abort_error_rate: float | None = None
    target: Target | None = None


class TokenSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A token as the server knows it: never the token, only its hash (`deployment/tokens.py`).

    `endpoints` limits it to these; none means all. `expires_at` is Unix time in seconds. `rate_per_s` and
    `concurrency` limit its calls; None: no limit.
    """

    id: str
    hash: str
    scopes: tuple[Scope, ...]
    endpoints: tuple[str, ...] = ()
    expires_at: float | None = None
    rate_per_s: float | None = None
    concurrency: int | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that a server serves. `number` grows with each publication."""

    format: int = FORMAT
    number: int
    endpoints: tuple[EndpointSpec, ...] = ()
    tokens: tuple[TokenSpec, ...] = ()
