"""*images*: an image of *hello* after a change of one line, by the builders docker and oci, beside `docker build` too.

*container*: from the engine's command to the first correct answer of that image, beside the engine's start of an empty
container and `hotplate run`'s cold start together.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any

from bench import docker
from bench.docker import BASE, Docker
from bench.peers.hotplate import peer
from bench.peers.nginx.peer import PROMPT
from bench.records import BenchError, Settings
from bench.servers import ask, free_port, started, wait_ready
from bench.workloads.base import Measured, Metric, Variant, Workload

PROGRAM = (sys.executable, "-m", "hotplate.cli")
WITH_DOCKER, WITH_OCI, BY_HAND = "hotplate, docker", "hotplate, oci", "docker build"
CONTAINER, APART = "container", "empty container + hotplate run"
TAG = "hotplate-bench/hello:1"
PATIENCE_S = 60.0
_ADDED = re.compile(r": ([\d.]+) MB on top")


@cache
def place() -> Path:
    """Projects, a home and the base's layout, as long as the bench runs."""
    import atexit

    folder = Path(tempfile.mkdtemp(prefix="bench-images-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    docker.base_layout(folder / "base")
    return folder


def _changed(name: str) -> Path:
    """A project with one line that it never had before."""
    folder = place() / name
    if not folder.is_dir():
        shutil.copytree(peer.HERE / "hello", folder)
    with (folder / "service.py").open("a") as file:
        file.write(f"# {name} {time.time_ns()}\n")
    return folder


def _hotplate(engine: Docker, *words: str) -> subprocess.CompletedProcess[str]:
    home = str(place() / "home")
    environ = {**os.environ, **engine.environ, "HOTPLATE_HOME": home}
    done = subprocess.run([*PROGRAM, *words], env=environ, capture_output=True, text=True, timeout=docker.LONG_S)
    if done.returncode:
        raise BenchError(f"hotplate {words[0]} failed:\n{done.stderr[-1500:]}")
    return done


def _size_mb(engine: Docker, tag: str) -> float:
    return int(engine.ask("image", "inspect", "--format", "{{.Size}}", tag)) / 1e6


def _timed(build: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    made = build()
    return time.perf_counter() - begun, made


@cache
def _built(engine: Docker, *words: str) -> None:
    """What a builder keeps from a first build of the project."""
    _hotplate(engine, "build", str(_changed("first")), "--image", TAG, *words)


def _with_docker(settings: Settings) -> Measured:
    engine = docker.engine(settings.server_core)
    words = ("--builder", "docker")
    _built(engine, *words)
    folder = str(_changed("docker"))
    took, _ = _timed(lambda: _hotplate(engine, "build", folder, "--image", TAG, *words))
    return {"rebuild_s": took, "added_mb": _size_mb(engine, TAG) - _size_mb(engine, BASE)}, True


def _with_oci(settings: Settings) -> Measured:
    engine = docker.engine(settings.server_core)
    words = ("--builder", "oci", "--base-archive", str(place() / "base"))
    _built(engine, *words)
    folder = str(_changed("oci"))
    took, done = _timed(lambda: _hotplate(engine, "build", folder, "--image", TAG, *words))
    added = _ADDED.search(done.stderr)
    return {"rebuild_s": took, **({"added_mb": float(added[1])} if added else {})}, True


def _by_hand(settings: Settings) -> Measured:
    """The engine's own command, given the very context that Hotplate would send."""
    import json

    from uv import find_uv_bin

    from hotplate.build import store
    from hotplate.deployment.home import Home
    from hotplate.images import context
    from hotplate.images.dockerfile import dockerfile
    from hotplate.images.planning import ImageOptions, plan_of

    engine = docker.engine(settings.server_core)
    _built(engine, "--builder", "docker")
    made = _hotplate(engine, "build", str(_changed("hand")), "-o", "json")
    home = Home(place() / "home")
    revision = store.read(home, json.loads(made.stdout)["revisions"][0]["revision"])
    certificates = engine.environ.get("HOTPLATE_CERTIFICATES")
    plan = plan_of(revision, home, ImageOptions(base=BASE, certificates=Path(certificates) if certificates else None))
    tar = place() / "context.tar"
    with tar.open("wb") as file:
        context.write(file, plan, dockerfile(plan), Path(find_uv_bin()), own=False)
    words = ("build", "--tag", TAG, "--force-rm", "--network", "host", "-")
    took, _ = _timed(lambda: engine.ask(*words, given=tar))
    return {"rebuild_s": took}, True


def _container(settings: Settings) -> Measured:
    engine = docker.engine(settings.server_core)
    _built(engine, "--builder", "docker")
    port = free_port()
    begun = time.perf_counter()
    words = ("run", "--detach", "--network", "host", "--env", f"PORT={port}", "--env", "HOTPLATE_HOST=127.0.0.1")
    name = engine.ask(*words, TAG)
    try:
        while True:
            try:
                if ask(port, peer.PEER.calls["hello"], PROMPT) == PROMPT:
                    break
            except (OSError, HTTPException):
                pass
            if time.perf_counter() - begun > PATIENCE_S:
                raise BenchError(f"the container does not answer:\n{engine.ask('logs', name)}")
            time.sleep(0.002)
        return {"ready_ms": (time.perf_counter() - begun) * 1e3}, True
    finally:
        engine.ask("rm", "--force", "--volumes", name)


def _apart(settings: Settings) -> Measured:
    engine = docker.engine(settings.server_core)
    begun = time.perf_counter()
    name = engine.ask("run", "--detach", "--network", "host", BASE, "sleep", "60")
    empty = time.perf_counter() - begun
    engine.ask("rm", "--force", "--volumes", name)
    with started(peer.PEER, "hello", {settings.server_core}) as server:
        cold = wait_ready(server, peer.PEER.calls["hello"], PROMPT, PROMPT, poll_s=0.002)
    return {"ready_ms": (empty + cold) * 1e3, "empty_ms": empty * 1e3, "cold_ms": cold * 1e3}, True


def _unasked(*_: object) -> Measured:
    raise BenchError("no server is asked for this")


NO_SERVER = (Variant(name="", call="no server", value=None, expected=None, measure=_unasked),)

IMAGES = Workload(
    name="images",
    title="images: hello's image after a change of one line, with the engine on one core",
    task="images",
    metrics=(Metric(name="rebuild_s", unit="s", digits=2), Metric(name="added_mb", unit="MB over the base", digits=1)),
    variants=NO_SERVER,
    references=(BY_HAND,),
    extra={WITH_DOCKER: _with_docker, WITH_OCI: _with_oci, BY_HAND: _by_hand},
)

START = Workload(
    name="container",
    title="container: the engine's command to the first correct answer, on one core",
    task="container",
    metrics=(
        Metric(name="ready_ms", unit="ms"),
        Metric(name="empty_ms", unit="empty container ms"),
        Metric(name="cold_ms", unit="hotplate run ms"),
    ),
    variants=NO_SERVER,
    references=(APART,),
    extra={CONTAINER: _container, APART: _apart},
)
