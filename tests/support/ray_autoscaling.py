"""A Ray whose autoscaler adds nodes, all on this machine: its own fake provider starts them as processes.

`ray.cluster_utils.AutoscalingCluster` does the same, but begins and ends with `ray stop`, which ends every Ray of the
machine. Here only those processes are ended that have this cluster's folder in their variables.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import peers
from support.job_rig import free_port

MARK = "RAY_TMPDIR"
NONE = (
    *("cluster_synced_files", "rsync_exclude", "rsync_filter", "initialization_commands", "setup_commands"),
    *("head_setup_commands", "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"),
)
"""What a cluster's config has to have besides."""


@dataclass
class Growing:
    """`settings` are what an installation that uses the cluster has."""

    address: str
    settings: dict[str, str]


def config(kinds: dict[str, dict[str, float]], address: str) -> dict[str, object]:
    """A cluster's config with these kinds of nodes, of which there are none at first."""
    types = {
        name: {"resources": resources, "node_config": {}, "min_workers": 0, "max_workers": 2}
        for name, resources in kinds.items()
    }
    return {
        "cluster_name": "growing",
        "max_workers": 2,
        "idle_timeout_minutes": 5,
        "provider": {"type": "fake_multinode", "gcs_address": address},
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            **types,
        },
        "head_node_type": "ray.head.default",
        "upscaling_speed": 1.0,
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "file_mounts_sync_continuously": False,
        **{name: [] for name in NONE},
    }


@contextmanager
def growing(kinds: dict[str, dict[str, float]]) -> Iterator[Growing]:
    python = peers.ray_python()
    folder = Path(tempfile.mkdtemp(prefix="hg-"))
    variables = {
        MARK: str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "AUTOSCALER_METRIC_PORT": str(free_port()),
        "RAY_FAKE_CLUSTER": "1",
        "RAY_raylet_start_wait_time_s": "120",
    }
    address = f"127.0.0.1:{free_port()}"
    (folder / "config.json").write_text(json.dumps(config(kinds, address)))
    words = ["start", "--head", "--num-cpus=0", "--node-ip-address=127.0.0.1", f"--port={address.rpartition(':')[2]}"]
    words += ["--include-dashboard=false", "--object-store-memory=100000000", "--disable-usage-stats"]
    words += [f"--autoscaling-config={folder / 'config.json'}", f"--temp-dir={folder / 'ray'}"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    try:
        done = subprocess.run(
            [str(python.parent / "ray"), *words],
            env={**os.environ, **variables, "PATH": path},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        settings = {**variables, "HOTPLATE_RAY_PYTHON": str(python), "HOTPLATE_RAY_CACHE": str(folder / "cache")}
        yield Growing(address, settings)
    finally:
        end(folder)
        shutil.rmtree(folder, ignore_errors=True)


def end(folder: Path) -> None:
    """Kill what has this folder in its variables, until there is none."""
    until = time.monotonic() + 20
    mark = f"{MARK}={folder}\0".encode()
    while (left := [pid for pid in pids() if mark in environ(pid)]) and time.monotonic() < until:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.2)


def pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and int(path.name) != os.getpid()]


def environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
