"""Ray Serve with a proxy, a controller and replicas that come and go: for *zero* and *ray*."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from bench import environments
from bench.peers import calls
from bench.records import Call, Launch, Peer

HERE = Path(__file__).parent


def launch(task: str, port: int, scratch: Path) -> Launch:
    """A Ray of its own, with usage reports and its dashboard off."""
    return Launch(
        argv=(str(environments.python("rayserve")), "server.py", task, str(port), str(scratch / "ray")),
        cwd=HERE,
        env={
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",  # some of its ports are not on loopback
            "RAY_AUTH_TOKEN": token_hex(32),
            "RAY_raylet_start_wait_time_s": "120",
        },
    )


PEER = Peer(
    name="rayserve",
    title="Ray Serve",
    processes="Ray's own (GCS, raylet, …), 1 proxy, 1 controller, replicas from 0 to 1",
    launch=launch,
    calls={
        "hello-off": Call(path="/asleep", encode=calls.prompt, decode=calls.output),
        "ray": Call(path="/hello", encode=calls.prompt, decode=calls.output),
        "ray-zero": Call(path="/asleep", encode=calls.prompt, decode=calls.output),
        "slow-loaded": Call(path="/slow", encode=calls.prompt, decode=calls.output),
    },
    distribution="ray",
)
