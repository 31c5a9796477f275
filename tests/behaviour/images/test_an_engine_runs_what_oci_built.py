"""An image built while no engine could be reached is loaded, pushed, pulled and run by a real engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import registry_rig
from control_rig import running_control, server_socket, short_home
from registry_rig import PASSWORD, USERNAME, registry_server
from serving import write_project
from support import images

pytestmark = [
    pytest.mark.xdist_group("engine"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not registry_rig.installed(), reason=registry_rig.REASON),
]
SERVICE = """
from octoai.service import Service

class HelloService(Service):
    def infer(self, prompt: str) -> str:
        return prompt
"""
REQUEST = """
import os, json, urllib.request
data = json.dumps({"prompt": "Hello world!"}).encode()
request = urllib.request.Request(os.environ["HOTPLATE_URL"] + "/infer", data, {"content-type": "application/json"})
print(json.load(urllib.request.urlopen(request))["output"])
"""


def test_it_is_built_without_one_and_run_by_one(engine, tmp_path):
    project = tmp_path / "hello"
    project.mkdir()
    with short_home() as home, registry_server() as server:

        def hotplate(*words: str, status: int = 0, **variables: str):
            environ = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE_")}
            done = subprocess.run(
                [sys.executable, "-m", "hotplate.cli", *words],
                cwd=project,
                env={**environ, "HOTPLATE_HOME": str(home.root), "DOCKER_CONFIG": str(tmp_path), **variables},
                capture_output=True,
                text=True,
                timeout=500,
            )
            assert done.returncode == status, done.stdout + done.stderr
            return done

        file = f"name: hello\nregistry: {{host: '{server.host}', path: ann/hello, tag: v1}}\n"
        write_project(project, {"service.py": SERVICE, "test_request.py": REQUEST, "hotplate.yaml": file})
        away = {"DOCKER_HOST": f"unix://{tmp_path}/not-there.sock"}
        archive = tmp_path / "hello.tar"
        words = ("build", "--image", "--base-archive", str(images.base_archive()), "--archive", str(archive))
        tag = json.loads(hotplate(*words, **away).stdout)["tag"]
        assert tag == f"{server.host}/ann/hello:v1"

        login = {"key": "ours", "registry": server.host, "username": USERNAME, "token": PASSWORD}
        with server_socket(home), running_control(home) as control:
            control.good("POST", "/registry-credentials", login)
            control.good("POST", "/registry-credentials", {**login, "key": "other", "registry": "ghcr.io"})
        assert "is for ghcr.io" in hotplate("push", "--regcred", "other", status=2, **away).stderr
        assert "wants a login" in hotplate("push", status=1, **away).stderr
        pushed = hotplate("push", "--regcred", "ours", **away)
        assert server.tags("ann/hello") == ["v1"] and PASSWORD not in pushed.stdout + pushed.stderr

        loaded = engine.docker("load", "--input", str(archive))
        assert tag in loaded
        inspected = json.loads(engine.docker("image", "inspect", tag))[0]
        assert inspected["Config"]["Healthcheck"]["Test"][0] == "CMD"
        run = ("run", "--image", tag, "--network", "host", "-p", "0", "--command", f"{sys.executable} test_request.py")
        assert hotplate(*run, **engine.environ).stdout == "Hello world!\n"

        # What the engine has, it pushes: with a login of ours that it has for this one command.
        engine.docker("tag", tag, "hello:mine")
        again = hotplate(
            "push", "hello:mine", "--to", f"{server.host}/ann/engine:v2", "--regcred", "ours", **engine.environ
        )
        assert again.stdout.strip() == f"{server.host}/ann/engine:v2"
        assert server.tags("ann/engine") == ["v2"]

        engine.docker("image", "rm", "--force", inspected["Id"])
        engine.docker("login", server.host, "--username", USERNAME, "--password", PASSWORD)
        engine.docker("pull", tag)
        pulled = json.loads(engine.docker("image", "inspect", tag))[0]
        assert pulled["Id"] == inspected["Id"]
        assert pushed.stdout.strip() == f"{server.host}/ann/hello:v1@{pulled['RepoDigests'][0].partition('@')[2]}"
        engine.docker("logout", server.host)
        engine.docker("image", "rm", "--force", inspected["Id"])
