"""Replicas elsewhere end with the server that they are for, whatever ended it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from fleet import endpoint, revision_of, scaling, serve_fleet
from support.targets_rig import wait_for

SERVICE = """
from octoai.service import Service

class Next(Service):
    def infer(self, number: int) -> int:
        return number + 1
"""


def test_a_server_that_is_killed_leaves_no_replica(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "service.py").write_text(SERVICE)
    with serve_fleet(tmp_path / "home") as fleet:
        revision = revision_of(folder, "a" * 64)
        spec = endpoint("e", revision, target="loopback", public=True, scaling=scaling(min_replicas=1))
        fleet.publish(spec, tokens=[])
        assert fleet.settled("e")["rollout"]["state"] == "stable"
        assert fleet.post("/e/infer", {"number": 6}).json()["output"] == 7
        (replica,) = fleet.replicas("e")
        assert (replica["pid"], replica["state"]) == (0, "running")
        wait_for(lambda: fleet.replicas("e")[0]["rss_bytes"] > 1_000_000, "its memory, which it tells now and then")
        name, pid = replica["where"].split()
        assert name == "process"
        assert Path(f"/proc/{pid}").exists()
        os.kill(fleet.state()["pid"], signal.SIGKILL)
        fleet.wait_for(lambda: _gone(int(pid)), "the replica's end")


def _gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True
