"""Show what runs, and every endpoint's replicas."""

from __future__ import annotations

import argparse
from typing import Any

from hotplate.cli import console
from hotplate.cli.parsing import add_output
from hotplate.deployment.home import find_home


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `status`."""
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Show it. Gives 0 when it is up, else 1."""
    from hotplate.supervisor import lock
    from hotplate.supervisor.live import read_state

    home = find_home()
    up = lock.is_up(home)
    running = lock.read(home) if up else {}
    state = read_state(home) if up else {}
    if args.output == "json":
        console.out_json({"up": up, **running, **state})
        return 0 if up else 1
    if not up:
        console.out("Nothing is up. Start it with `hotplate up`.")
        return 1
    if "url" not in running:
        console.out(f"Hotplate is up, but {home.supervisor_file} does not say where. {lock.UNSAID}")
        return 0
    console.out(
        f"Hotplate is up since {_age(running)}: endpoints at {running['url']}, control at {running['control_url']}"
    )
    for name, pid in running["children"].items():
        console.out(f"  {name:<8} {f'pid {pid}' if pid else 'is being started'}")
    if not state and running["children"].get("server"):
        console.out("The server gives no answer: it has just been started, or it hangs. Killed, it is started again.")
    for name, found in state.get("endpoints", {}).items():
        console.out(f"{console.harmless(name):<24} {_endpoint(found)}")
    return 0


def _endpoint(found: dict[str, Any]) -> str:
    replicas = [replica for revision in found["revisions"] for replica in revision["replicas"]]
    running = sum(replica["state"] == "running" for replica in replicas)
    rollout = found["rollout"]
    state = "paused" if found["paused"] else rollout["state"]
    said = f"{state:<8} {_replicas(found['paused'], running, len(replicas))}, {_waiting(found['queue_depth'])}"
    return f"{said}  {console.harmless(rollout['text'].splitlines()[-1])}" if rollout["text"] else said


def _replicas(paused: bool, running: int, count: int) -> str:
    if count:
        return f"{running} of {count} replica{'s' * (count != 1)} run{'s' * (count == 1)}"
    return "no replica runs" if paused else "asleep, starts on a call"


def _waiting(count: int) -> str:
    return f"{count or 'no'} call{'s' * (count != 1)} wait{'s' * (count == 1)}"


def _age(running: dict[str, Any]) -> str:
    import time

    seconds = int(time.time() - float(running["started_at"]))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
