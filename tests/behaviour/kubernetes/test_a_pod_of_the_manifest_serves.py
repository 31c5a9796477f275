"""A container that may do what the manifest's pod may, and no more, serves: read-only root, a user without rights, no
capabilities, its home copied by the init container. An engine stands for the kubelet."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import httpx
import pytest
import yaml
from support.engine_rig import CERTIFICATES
from support.installation import installation

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]
LONG_S = 400.0

SERVICE = """\
import os
from pathlib import Path

from hotplate import Service


class Hello(Service):
    def setup(self):
        path = Path.home() / "weights"
        if not path.exists():
            path.write_text("made in the " + os.environ.get("WHERE", "build"))
        Path.home().joinpath("cache").write_text("written in the pod")
        self.weights = path.read_text()

    def infer(self, prompt: str) -> str:
        return f"{prompt} {self.weights} as {os.getuid()} with {os.environ['MODE']}"
"""


@pytest.fixture(scope="module")
def pod(engine, tmp_path_factory):
    """The pod's specification, as `export` writes it for an image that was built with --setup."""
    folder = tmp_path_factory.mktemp("pod") / "hello"
    folder.mkdir()
    (folder / "service.py").write_text(SERVICE)
    with installation() as site:
        site.variables = {
            **engine.environ,
            "HOTPLATE_BASE_IMAGE": engine.base(),
            "HOTPLATE_BUILD_NETWORK": "host",
            "HOTPLATE_CERTIFICATES": str(CERTIFICATES),
        }
        words = ("build", "--image", "registry.example.org/hello:v1", "--setup")
        tag = json.loads(site.run(*words, folder=folder, patience_s=LONG_S).out)["tag"]
        words = ("export", "kubernetes", str(folder), "--image", tag, "--env", "MODE=$(HOME)", "--env", "WHERE=pod")
        objects = yaml.safe_load_all(site.run(*words, patience_s=LONG_S).out)
    return next(each for each in objects if each["kind"] == "Deployment")["spec"]["template"]["spec"]


def flags(pod, container, places: dict[str, Path], **variables: str) -> list[str]:
    """What an engine is told, so that the container has what the kubelet would give it."""
    whole, own = pod["securityContext"], container["securityContext"]
    assert own["allowPrivilegeEscalation"] is False and own["seccompProfile"]["type"] == "RuntimeDefault"
    values = {each["name"]: each["value"].replace("$$", "$") for each in container.get("env", ())} | variables
    mounts = [f"{places[each['name']]}:{each['mountPath']}" for each in container["volumeMounts"]]
    return [
        *("--user", f"{whole['runAsUser']}:{whole['runAsGroup']}", "--security-opt", "no-new-privileges"),
        *(["--read-only"] if own["readOnlyRootFilesystem"] else []),
        *(word for name in own["capabilities"]["drop"] for word in ("--cap-drop", name)),
        *(word for name, value in values.items() for word in ("--env", f"{name}={value}")),
        *(word for mount in mounts for word in ("--volume", mount)),
        *("--network", "host"),
    ]


def test_it_serves_and_ends_in_time(engine, pod, tmp_path):
    places: dict[str, Path] = {}
    for each in pod["volumes"]:
        assert each["emptyDir"] == {}
        places[each["name"]] = tmp_path / each["name"]
        places[each["name"]].mkdir()
        places[each["name"]].chmod(0o777)  # the kubelet gives emptyDirs to fsGroup
    first, main = pod["initContainers"][0], pod["containers"][0]
    program, *arguments = first["command"]
    engine.docker("run", "--rm", *flags(pod, first, places), "--entrypoint", program, first["image"], *arguments)
    assert (places["home"] / "weights").read_text() == "made in the build"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    words = flags(pod, main, places, HOTPLATE_PORT=str(port), HOTPLATE_DRAIN_DELAY="0s")
    engine.docker("run", "--detach", "--name", "pod", *words, main["image"])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(engine, url + main["readinessProbe"]["httpGet"]["path"])
        assert httpx.get(url + main["livenessProbe"]["httpGet"]["path"], trust_env=False).status_code == 200
        answer = httpx.post(f"{url}/infer", json={"prompt": "Hello"}, trust_env=False, timeout=30)
        assert answer.json()["output"] == "Hello made in the build as 10001 with $(HOME)"
        assert (places["home"] / "cache").read_text() == "written in the pod"
        engine.docker("stop", "--time", str(pod["terminationGracePeriodSeconds"]), "pod")
        ended = json.loads(engine.docker("inspect", "pod"))[0]["State"]
        assert ended["ExitCode"] == 0 and not ended["OOMKilled"], engine.docker("logs", "pod")
    finally:
        engine.docker("rm", "--force", "pod")


def wait_until_ready(engine, url: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(engine.docker("logs", "pod"))
