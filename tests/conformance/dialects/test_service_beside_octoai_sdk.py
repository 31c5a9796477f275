"""The service dialect beside octoai-sdk 0.10.1: the same projects, the same class, the same routes and parameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import peers
import pytest
from octoai_projects import BROKEN, MENDED, WORKING

pytestmark = pytest.mark.peer

DRIVER = Path(__file__).with_name("octoai_driver.py")
SOURCE = Path(__file__).parents[3] / "src"

TEXTS = {**WORKING, **{name: case[0] for name, case in (BROKEN | MENDED).items()}}


def ask(python: Path, way: str, folders: list[Path]) -> list[dict]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # the second run is then many times faster
    command = [str(python), str(DRIVER), way, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """For each project: what the SDK says, what Hotplate says beside the real package, and with its own shim."""
    root = tmp_path_factory.mktemp("projects")
    folders = []
    for number, text in enumerate(TEXTS.values()):
        folders.append(root / str(number))
        folders[-1].mkdir()
        (folders[-1] / "service.py").write_text(text)
    real = peers.octoai_python()
    said = [ask(real, "sdk", folders), ask(real, "hotplate", folders), ask(Path(sys.executable), "hotplate", folders)]
    return {name: [each[number] for each in said] for number, name in enumerate(TEXTS)}


def compared(name: str, said: dict) -> dict:
    """What is compared of an answer."""
    assert "error" not in said
    routes = {path: dict(route) for path, route in said["routes"].items()}
    if name == "same path twice":  # the SDK's document shows the last of them; its router asks the first
        for route in routes.values():
            del route["params"]
    return {"class": said["class"], "routes": routes}


@pytest.mark.parametrize("name", WORKING)
def test_a_project_that_octoai_serves_is_served_the_same_beside_the_real_package(answers, name):
    sdk, ours, _ = answers[name]
    assert "/.cache/peers/octoai/" in ours["octoai"]
    assert compared(name, ours) == compared(name, sdk)


@pytest.mark.parametrize("name", WORKING)
def test_it_is_served_the_same_where_the_package_is_not_installed(answers, name):
    pytest.importorskip("hotplate.media")
    sdk, beside, ours = answers[name]
    assert "/compat/shims/" in ours["octoai"]
    assert ours["kinds"] == beside["kinds"]
    assert compared(name, ours) == compared(name, sdk)


def test_the_real_packages_media_are_media(answers):
    assert answers["models"][1]["kinds"] == ["audio", "image", "json", "video"]
    assert answers["form"][1]["kinds"] == ["file", "json"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_project_that_octoai_refuses_for_good_reason_is_refused_with_its_words(answers, name):
    text = BROKEN[name][1]
    for said in answers[name][:2]:
        assert text in said["error"]


@pytest.mark.parametrize("name", MENDED)
def test_a_project_that_octoai_need_not_have_refused_is_served(answers, name):
    _, text, routes = MENDED[name]
    sdk, ours, _ = answers[name]
    assert text in sdk["error"]
    assert {path: route["params"] for path, route in ours["routes"].items()} == routes
