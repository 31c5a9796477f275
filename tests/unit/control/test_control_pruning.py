"""What nothing names is removed once a day, if it is a week old; a look that fails ends nothing."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from control_rig import make_revision

from hotplate.control.deployments import Deploy, deploy
from hotplate.control.plane import ITSELF, Plane, open_plane
from hotplate.control.pruning import KEEP_S, prune_daily
from hotplate.deployment.home import Home

AGES = {"oldold": KEEP_S + 60, "young1": KEEP_S - 600, "named1": KEEP_S + 60}


@pytest.fixture
def plane(tmp_path: Path):
    made = open_plane(Home(tmp_path))
    deploy(made, ITSELF, "one", Deploy(revision=make_revision(made.home, "named1")))
    yield made
    made.database.close()


def age(plane: Plane, digest: str, seconds: float) -> Path:
    folder = plane.home.revisions / make_revision(plane.home, digest)
    at = time.time() - seconds
    os.utime(folder, (at, at))
    return folder


async def pruned(plane: Plane, until) -> None:
    task = asyncio.create_task(prune_daily(plane, first_s=0.0, every_s=0.01))
    async with asyncio.timeout(20):
        while not until():
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_old_ones_go_and_others_stay(plane: Plane, capfd) -> None:
    old, young, named = (age(plane, name, at) for name, at in AGES.items())
    said: list[str] = []

    def told() -> bool:
        said.append(capfd.readouterr().err)
        return "removed 1 revisions" in "".join(said)

    asyncio.run(pruned(plane, told))
    assert not old.exists()
    assert young.exists() and named.exists()


def test_what_cannot_be_read_is_told_and_tried_again(plane: Plane, capfd) -> None:
    whole = plane.home.snapshot.read_bytes()
    plane.home.snapshot.write_bytes(b"{")
    old = age(plane, "oldold", KEEP_S + 60)
    said: list[str] = []

    def told() -> bool:
        said.append(capfd.readouterr().err)
        if "could not be removed" in "".join(said):
            plane.home.snapshot.write_bytes(whole)
        return not old.exists()

    asyncio.run(pruned(plane, told))
    assert "could not be removed" in "".join(said)
