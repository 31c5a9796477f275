"""Writes the folder of a Ray Serve application: its module, the revision, and the config that `serve` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from hotplate.contract.limits import capacity_of
from hotplate.deployment.records import EndpointSpec
from hotplate.targets.ray.wishes import options_of

APPLICATION = Path(__file__).with_name("application.py")
PARCEL = Path(__file__).parent.parent / "client" / "parcel.py"
CONFIG = "serve_config.yaml"
ARCHIVE = "revision.tar.gz"
MODULE = "hotplate_app"


def write(folder: Path, spec: EndpointSpec) -> None:
    """Write all but the archive, which lies in the folder by then. `spec` has one revision."""
    revision = spec.revisions[0]
    slots = capacity_of(revision.contract, _slots(spec))
    record = msgspec.json.decode(msgspec.json.encode(revision))
    order = {
        "digest": revision.digest,
        "image": False,
        "files": "ship",
        "cache": "~/.cache/hotplate",
        "python": "",
        "hotplate": "",
        "record": {**record, "root": "", "python": ""},
        "environment": {**revision.env, **spec.env},
        "slots": slots,
    }
    (folder / f"{MODULE}.py").write_text(APPLICATION.read_text("utf-8"), "utf-8")
    (folder / "parcel.py").write_text(PARCEL.read_text("utf-8"), "utf-8")
    (folder / "order.json").write_bytes(msgspec.json.format(msgspec.json.encode(order)))
    (folder / CONFIG).write_text(yaml.safe_dump(config(folder, spec, slots), sort_keys=False), "utf-8")


def config(folder: Path, spec: EndpointSpec, slots: int) -> dict[str, Any]:
    """What `serve run` and `serve deploy` read (https://docs.ray.io/en/latest/serve/production-guide/config.html)."""
    scaling = spec.scaling
    options = options_of(spec.hardware, {})
    deployment: dict[str, Any] = {
        "name": "Endpoint",
        "max_ongoing_requests": slots,
        "max_queued_requests": 100,
        "ray_actor_options": options,
        "graceful_shutdown_timeout_s": 30,
    }
    if scaling.min_replicas == scaling.max_replicas:
        deployment["num_replicas"] = scaling.max_replicas
    else:
        deployment["autoscaling_config"] = {
            "min_replicas": scaling.min_replicas,
            "max_replicas": scaling.max_replicas,
            "target_ongoing_requests": scaling.concurrency or slots,
            "downscale_delay_s": scaling.scale_down_delay_s,
            "upscale_delay_s": 0.0,
        }
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": "127.0.0.1", "port": 8000},
        "applications": [
            {
                "name": spec.name,
                "route_prefix": f"/{spec.name}",
                "import_path": f"{MODULE}:app",
                "runtime_env": {"working_dir": f"local://{folder.resolve()}"},
                "deployments": [deployment],
            }
        ],
    }


def notes(spec: EndpointSpec, *, secrets: list[str]) -> list[str]:
    """What whoever runs the application should know."""
    found = [
        "The config names this folder, which every node has to have at the same place. Where they have not, put a zip "
        "of it where they can fetch it, and its address into working_dir."
    ]
    if secrets:
        found.append(f"Secrets are not written down. Set in the nodes' environment: {', '.join(secrets)}.")
    if not spec.public:
        found.append("Ray Serve asks nobody for a token: whoever reaches its port may call.")
    if spec.volume:
        found.append("A volume is a folder of one node; replicas elsewhere do not see it.")
    return found


def _slots(spec: EndpointSpec) -> int | None:
    found = spec.limits.get("slots")
    return found if isinstance(found, int) else None
