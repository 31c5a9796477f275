"""The keys of the two project files, as data: what each means, how it is read and where it goes.

`hotplate.yaml` has its keys at the top; `octoai.yaml` has its own names for many of them, under `endpoint_config`
(https://docs.octoai.cloud, "octoai.yaml Configuration File"), and means the same with them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from hotplate.config.cluster_keys import CLUSTER_KEYS
from hotplate.config.settings import SETTINGS
from hotplate.config.values import Kind

Part = Literal["project", "deploy"]
"""`project` says what is served and how it is found; `deploy` is kept for when the project is deployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key that is no setting. `shape` lists the keys of a nested mapping."""

    name: str
    kind: Kind
    part: Part
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    shape: tuple[str, ...] = ()


def _keys(*keys: Key) -> dict[str, Key]:
    return {key.name: key for key in keys}


KEYS = _keys(
    Key(name="name", kind="text", part="project", help="Name of the endpoint: lower-case letters, digits and hyphens."),
    Key(name="display_name", kind="text", part="project", help="Name for people."),
    Key(name="description", kind="text", part="project", help="What the endpoint does, for its pages."),
    Key(
        name="dialect",
        kind="text",
        part="project",
        help="How the code is written (`service`, `function`, …), where Hotplate should not find out by itself.",
    ),
    Key(name="service_module", kind="text", part="project", help="Dotted module of the service class; else `service`."),
    Key(name="service_class", kind="text", part="project", help="Name of the service class, where there are several."),
    Key(name="api", kind="text", part="project", help="Name of the API in `cortex.yaml`, where there are several."),
    Key(
        name="python",
        kind="text",
        part="project",
        help="Python of the environment that a build makes, such as `3.12`. `hotplate run` uses the one that runs it.",
    ),
    Key(name="functions", kind="list", part="project", help="Functions to serve, each `model.py:predict`."),
    Key(
        name="routes",
        kind="list",
        part="project",
        help="Routes to functions, each with `path`, `verb`, `file`, `function`, `positional` and `body`: "
        "see [coming from proxiML](coming-from-proximl.md).",
    ),
    Key(name="faces", kind="list", part="project", help="Wire formats to answer in besides the dialect's own."),
    Key(
        name="openai",
        kind="mapping",
        part="project",
        help="Which functions the face `openai` answers with, where their names do not say it: `chat`, `complete` and "
        "`embed`.",
        shape=("chat", "complete", "embed"),
    ),
    Key(name="hardware", kind="text", part="deploy", help="Hardware to run on, such as `cpu` or `gpu.t4.medium`."),
    Key(name="min_replicas", kind="integer", part="deploy", help="Replicas that always run.", low=0, high=999),
    Key(name="max_replicas", kind="integer", part="deploy", help="Most replicas under load.", low=0, high=999),
    Key(
        name="scale_down_delay",
        kind="seconds",
        part="deploy",
        help="Quiet time before replicas stop.",
        low=0,
        high=86_400,
    ),
    Key(
        name="concurrency",
        kind="integer",
        part="deploy",
        help="Calls to send to one replica before another one is started. How many of them run at once is `slots`.",
        low=1,
        high=500,
    ),
    Key(name="public", kind="flag", part="deploy", help="Whether calls need no token."),
    Key(name="secrets", kind="list", part="deploy", help="Secrets that the code finds as environment variables."),
    Key(
        name="system_packages",
        kind="list",
        part="deploy",
        help="Packages of the system that the image needs, such as `ffmpeg`.",
    ),
    Key(
        name="registry_credential",
        kind="text",
        part="deploy",
        help="Name of the `hotplate regcred` login to fetch and push images with.",
    ),
    Key(
        name="registry",
        kind="mapping",
        part="deploy",
        help="Where the image is kept: `host`, `path` and `tag`.",
        shape=("host", "path", "tag"),
    ),
    Key(
        name="kubernetes",
        kind="mapping",
        part="deploy",
        help="What of a cluster it uses, where it runs in one: see [Kubernetes](kubernetes.md).",
        shape=tuple(CLUSTER_KEYS),
    ),
)
"""Keys of `hotplate.yaml` that are no settings."""

OCTOAI = {
    "name": "name",
    "display_name": "display_name",
    "description": "description",
    "hardware": "hardware",
    "min_replicas": "min_replicas",
    "max_replicas": "max_replicas",
    "scaledown_in_seconds": "scale_down_delay",
    # Calls sent to a replica, of which infer() still runs one at a time: so this is not `slots`, and code
    # written for that promise is never run in two threads because of it.
    "concurrency_per_replica": "concurrency",
    "public": "public",
    "regcred_key": "registry_credential",
    "secrets": "secrets",
    "env_overrides": "env",
    "registry": "registry",
    "service_module": "service_module",
}
"""Keys of `octoai.yaml`, and what Hotplate calls them."""

OTHER_WORDS = {
    **{theirs: ours for theirs, ours in OCTOAI.items() if theirs != ours},
    "environment": "env",
    "env_vars": "env",
    "module": "service_module",
    "class": "service_class",
    "replicas": "max_replicas",
    "threads": "slots",
    **{name: setting.key for name, setting in SETTINGS.items() if setting.in_file and setting.key != name},
}
"""Words from elsewhere that people write in `hotplate.yaml`, and the one that it knows. Shown as did-you-mean."""

FILE_SETTINGS = {setting.key: setting for setting in SETTINGS.values() if setting.in_file}
"""Settings that `hotplate.yaml` may hold, by their key."""


def known_keys() -> dict[str, Any]:
    """Every key of `hotplate.yaml`."""
    return {**KEYS, **FILE_SETTINGS}
