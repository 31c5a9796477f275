"""`hotplate store-assets` fills the volume of a project, and `hotplate run` finds there what it stored."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from peers import octoai_python
from serving import serve, wait_gone, write_project

SERVICE = """
import os
import pathlib

from octoai.service import Service, volume_path

AT_IMPORT = {name: os.environ.get(name, "") for name in ("HUGGINGFACE_HUB_CACHE", "TORCH_HOME")}


class Weights:
    def store_assets(self) -> None:
        print("downloading")
        (pathlib.Path(volume_path()) / "weights.txt").write_text("heavy")


class Model(Weights, Service):
    def setup(self):
        self.weights = (pathlib.Path(volume_path()) / "weights.txt").read_text()

    def infer(self, prompt: str) -> dict[str, str]:
        return {"weights": self.weights, **AT_IMPORT}
"""
NO_ASSETS = """
import os

from hotplate import Service


class Model(Service):
    def infer(self, prompt: str) -> list[str]:
        return [os.environ.get(name, "") for name in ("HUGGINGFACE_HUB_CACHE", "TORCH_HOME")]
"""
SLOW = """
import os, pathlib, time

from hotplate import Service


class Model(Service):
    def store_assets(self) -> None:
        pathlib.Path("pid").write_text(str(os.getpid()))
        os.rename("pid", "worker.pid")
        time.sleep(60)

    def infer(self, prompt: str) -> str:
        return prompt
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    hidden = ("HOTPLATE_", "OCTOAI_", "HUGGINGFACE", "TORCH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return {**kept, "HOME": str(home), **more}


def store(folder: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hotplate.cli", "store-assets", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def infer(folder: Path, env: dict[str, str]) -> Any:
    # The environment is all there is: `serve` adds to this process's own.
    cleared = {name: "" for name in os.environ if name not in env}
    with serve(folder, env={**cleared, **env}) as server:
        return server.post("/infer", {"prompt": "Hello"}).json()["output"]


def test_what_was_stored_is_found_in_the_volume_of_the_endpoints_name(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": SERVICE, "hotplate.yaml": "name: weighty\n"})
    env = environment(tmp_path)
    done = store(folder, env)
    volume = tmp_path / ".hotplate/volumes/weighty"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Stored in {volume}\n", "downloading\n")
    caches = {"HUGGINGFACE_HUB_CACHE": f"{volume}/huggingface_hub_cache", "TORCH_HOME": f"{volume}/torch_home"}
    assert infer(folder, env) == {"weights": "heavy", **caches}


@pytest.mark.parametrize("variable", ["OCTOAI_VOLUME_PATH", "HOTPLATE_VOLUME_PATH"])
def test_a_named_volume_is_used_by_both(tmp_path: Path, variable: str) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": SERVICE})
    env = environment(tmp_path, **{variable: str(tmp_path / "mounted/here")})
    assert store(folder, env).stdout == f"Stored in {tmp_path}/mounted/here\n"
    assert (tmp_path / "mounted/here/weights.txt").read_text() == "heavy"
    answer = infer(folder, env)
    assert (answer["weights"], answer["TORCH_HOME"]) == ("heavy", f"{tmp_path}/mounted/here/torch_home")


def test_what_the_project_says_of_the_caches_stays(tmp_path: Path) -> None:
    files = {"service.py": SERVICE, "hotplate.yaml": "env:\n  TORCH_HOME: /mine\n"}
    folder = write_project(tmp_path / "folder", files)
    env = environment(tmp_path, OCTOAI_VOLUME_PATH=str(tmp_path))
    assert store(folder, env).returncode == 0
    answer = infer(folder, env)
    assert answer["TORCH_HOME"] == "/mine"
    assert answer["HUGGINGFACE_HUB_CACHE"] == f"{tmp_path}/huggingface_hub_cache"


def test_a_project_that_stores_nothing_is_left_as_it_is(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": NO_ASSETS})
    env = environment(tmp_path)
    done = store(folder, env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "service:Model has no store_assets(): there is nothing to store.\n"
    assert infer(folder, env) == ["", ""]


def test_a_volume_that_nobody_has_filled_is_pointed_out(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": SERVICE})
    with serve(folder, env={"HOTPLATE_HOME": str(tmp_path / "home")}, wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for_line("run hotplate store-assets")
        server.wait_for_line("weights.txt")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise OSError('no space')", ["service.py", "in store_assets", "OSError: no space"]),
        ("import os; os._exit(3)", ["exited with status 3 before it was done"]),
    ],
)
def test_a_store_that_fails_says_so(tmp_path: Path, body: str, told: list[str]) -> None:
    text = NO_ASSETS + f"\n    def store_assets(self) -> None:\n        {body}\n"
    done = store(write_project(tmp_path / "folder", {"service.py": text}), environment(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    for part in told:
        assert part in done.stderr


def test_a_volume_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": SERVICE, "taken": ""})
    done = store(folder, environment(tmp_path, OCTOAI_VOLUME_PATH=str(folder / "taken")))
    assert done.returncode == 2
    assert f"The volume {folder}/taken cannot be made: File exists." in done.stderr
    assert "HOTPLATE_VOLUME_PATH" in done.stderr


def test_an_interrupted_store_leaves_nothing_running(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": SLOW})
    command = [sys.executable, "-m", "hotplate.cli", "store-assets", folder]
    storing = subprocess.Popen(command, cwd=folder, env=environment(tmp_path))
    until = time.monotonic() + 30
    while not (folder / "worker.pid").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    storing.send_signal(signal.SIGINT)
    assert storing.wait(20) == 130
    wait_gone(int((folder / "worker.pid").read_text()))


@pytest.mark.peer
def test_the_scaffold_with_a_volume_of_octoai_sdk_runs_as_it_is(tmp_path: Path) -> None:
    (scaffold,) = octoai_python().parents[1].glob("lib/python3*/site-packages/octoai/scaffolds/hello-world-with-volume")
    folder = Path(shutil.copytree(scaffold, tmp_path / "hello"))
    env = environment(tmp_path)
    assert store(folder, env).returncode == 0
    assert infer(folder, env) == "Hello using volume!"
