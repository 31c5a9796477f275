"""Podman builds an image with a secret, runs it, and runs replicas of a deployed endpoint."""

from __future__ import annotations

import json
import subprocess

import pytest
from support import podman_rig
from support.engine_rig import BASE, CERTIFICATES
from support.installation import FREE_PORTS, PROGRAMS, installation
from support.targets_rig import wait_for

pytestmark = [pytest.mark.xdist_group("podman"), pytest.mark.timeout(600)]
LONG_S = 400.0


@pytest.fixture(scope="module")
def podman():
    if why := podman_rig.reason():
        pytest.skip(why)
    with podman_rig.podman() as rig:
        yield rig


def test_build_run_and_deploy(podman, tmp_path):
    folder = tmp_path / "hello"
    with installation() as site:
        site.variables = {
            **podman.environ,
            "HOTPLATE_BASE_IMAGE": BASE,
            "HOTPLATE_BUILD_NETWORK": "host",
            "HOTPLATE_CERTIFICATES": str(CERTIFICATES),
            "HOTPLATE_DOCKER_NETWORK": "none",
        }

        def hotplate(*words: str, **more):
            return site.run(*words, folder=folder, patience_s=LONG_S, **more)

        site.run("init", "--path", str(folder), "--name", "hello", "--yes")
        netrc = tmp_path / "netrc"
        netrc.write_text("machine index.example.org login ann password canary-2718\n")
        built = hotplate("build", "--image", "--secret", f"netrc={netrc}", "-o", "json")
        assert "with podman" in built.err and "RUN" in built.err, "its steps are shown"
        (image,) = built.json()["images"]
        inspected = json.loads(podman.ask("image", "inspect", image["tag"]))[0]
        assert inspected["User"] == "10001:10001"
        assert inspected["Healthcheck"]["Test"][0] == "CMD"
        saved = subprocess.run(
            ["podman", "save", "--format", "docker-archive", image["tag"]],
            env={**site.environ, **podman.environ},
            capture_output=True,
            check=True,
        ).stdout
        assert b"org.hotplate.revision" in saved and b"canary-2718" not in saved

        ask = f"sh -c '{PROGRAMS / 'python'} test_request.py --endpoint $HOTPLATE_URL'"
        ran = hotplate("run", "--image", "--network", "host", "-p", "0", "--command", ask)
        assert "'output': 'Hello world!'" in ran.out

        hotplate("deploy", "--target", "docker", "--min-replicas", "1", "--wait", "200", *FREE_PORTS)
        assert site.call("/hello/infer", {"prompt": "Hello"}, site.admin)[1]["output"] == "Hello"
        (name,) = podman.ask("ps", "--format", "{{.Names}}").split()
        assert name.startswith("hotplate-hello-")
        site.run("endpoint", "delete", "--name", "hello", "--force")
        wait_for(lambda: not podman.ask("ps", "--all", "--quiet"), "the container's end")
        assert len(site.run("prune", "--all", "-o", "json").json()["images"]) == 1
