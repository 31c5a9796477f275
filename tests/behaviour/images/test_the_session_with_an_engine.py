"""What an image has, by Docker's builder, and what is said where it fails. The whole session is a story beside this."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from serving import write_project
from support.engine_rig import CERTIFICATES

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]

SERVICE = """
import os
from octoai.service import Service

class HelloService(Service):
    def setup(self):
        path = os.path.join(os.environ["HOME"], "weights")
        if not os.path.exists(path):
            open(path, "w").write("downloaded by " + str(os.getuid()))
        self.weights = open(path).read()

    def infer(self, prompt: str) -> str:
        return prompt + MARK
"""
REQUEST = """
import os, json, urllib.request
data = json.dumps({"prompt": "Hello world!"}).encode()
request = urllib.request.Request(os.environ["HOTPLATE_URL"] + "/infer", data, {"content-type": "application/json"})
print(json.load(urllib.request.urlopen(request))["output"])
"""


def service(mark: str = "") -> str:
    return SERVICE.replace("MARK", repr(mark))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def hotplate(engine, home, tmp_path):
    def run(*words: str, status: int = 0, **variables: str):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE_")}
        done = subprocess.run(
            [sys.executable, "-m", "hotplate.cli", *words],
            cwd=tmp_path,
            env={**environ, **engine.environ, "HOTPLATE_HOME": str(home), **variables},
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def build(engine, hotplate):
    network = ("--build-network", "host", "--certificates", str(CERTIFICATES))

    def run(*words: str, **more):
        return hotplate("build", "--image", "--base-image", engine.base(), *network, *words, **more)

    return run


def tag_of(done) -> str:
    return json.loads(done.stdout)["tag"]


def test_build_and_run_with_a_command(engine, hotplate, build, tmp_path):
    write_project(tmp_path, {"service.py": service(), "test_request.py": REQUEST, "hotplate.yaml": "name: hello"})
    done = build()
    tag = tag_of(done)
    assert tag.startswith("hello:")
    assert "classic builder" in done.stderr or "buildx" in done.stderr
    done = hotplate("run", "--image", "--network", "host", "-p", "0", "--command", "python3 test_request.py")
    assert done.stdout == "Hello world!\n"
    assert "Starting container: hotplate-local-" in done.stderr
    assert not [name for name in engine.containers() if name.startswith("hotplate-local-")]

    done = hotplate("run", "--image", "--network", "host", "-p", "0", "--gpus", "all", status=1)
    assert "The engine has no GPUs for containers" in done.stderr
    assert not [name for name in engine.containers() if name.startswith("hotplate-local-")]

    inspected = json.loads(engine.docker("image", "inspect", tag))[0]
    assert inspected["Config"]["User"] == "10001:10001"
    labels = inspected["Config"]["Labels"]
    assert labels["org.hotplate.dialect"] == "service"
    assert labels["org.hotplate.revision"].startswith(tag.partition(":")[2])
    assert labels["org.hotplate.contract"].startswith("sha256:")
    base = json.loads(engine.docker("image", "inspect", engine.base()))[0]["Size"]
    assert inspected["Size"] - base - CERTIFICATES.stat().st_size <= 40_000_000

    again = build("-o", "json")
    assert json.loads(again.stdout)["images"][0]["id"] == inspected["Id"], "the same input is the same image"
    write_project(tmp_path, {"service.py": service("!")})
    other = build("-o", "json")
    newer = json.loads(other.stdout)["images"][0]["tag"]
    layers = [json.loads(engine.docker("image", "inspect", name))[0]["RootFS"]["Layers"] for name in (tag, newer)]
    same = sum(one == two for one, two in zip(*layers, strict=True))
    assert same >= len(layers[0]) - 2, "a change of the code makes no more than its own layers new"


def test_setup_is_not_left_out_silently_by_a_dockerfile_of_ones_own(hotplate, build, tmp_path):
    write_project(tmp_path, {"service.py": service("setup"), "hotplate.yaml": "name: setup"})
    hotplate("build", "-g")
    assert "does not run setup()" in build("--setup", status=2).stderr


def test_packages_of_the_project_and_of_the_system(engine, hotplate, build, tmp_path):
    write_project(
        tmp_path,
        {
            "service.py": service()
            .replace("import os", "import os, tabulate, subprocess")
            .replace(
                "prompt + ''", "tabulate.tabulate([[subprocess.check_output(['hello']).decode()]], tablefmt='plain')"
            ),
            "requirements.txt": "tabulate==0.9.0\n",
            "hotplate.yaml": "name: packages\nsystem_packages: [hello]\n",
            "test_request.py": REQUEST,
        },
    )
    build()
    done = hotplate("run", "-i", "--network", "host", "-p", "0", "--command", "python3 test_request.py")
    assert done.stdout.strip() == "Hello, world!"


def test_a_container_that_dies_shows_its_log(engine, hotplate, build, tmp_path):
    write_project(
        tmp_path,
        {
            "service.py": service().replace(
                "def setup(self):", "def setup(self):\n        raise ValueError('no weights')"
            ),
            "hotplate.yaml": "name: dies",
        },
    )
    build()
    done = hotplate("run", "--image", "--network", "host", "-p", "0", status=1)
    assert "no weights" in done.stdout + done.stderr
    assert "ended with status 1 before it answered" in done.stderr
    assert not [name for name in engine.containers() if name.startswith("hotplate-local-")]


def test_a_step_that_fails_says_which_and_why(engine, build, tmp_path):
    write_project(
        tmp_path, {"service.py": service(), "hotplate.yaml": "name: step\nsystem_packages: [no-such-package-xyz]\n"}
    )
    done = build(status=1)
    assert "no-such-package-xyz" in done.stderr
    assert "The image cannot be built: step" in done.stderr


def test_secrets_are_refused_by_a_builder_that_would_keep_them(engine, build, tmp_path):
    write_project(tmp_path, {"service.py": service("secret"), "hotplate.yaml": "name: secret", "netrc": "x"})
    done = build("--secret", f"netrc={tmp_path / 'netrc'}", status=2)
    assert "classic builder keeps no secrets" in done.stderr and "podman" in done.stderr


def test_what_is_wrong_is_said_before_anything_is_built(hotplate, tmp_path):
    write_project(tmp_path, {"service.py": service(), "hotplate.yaml": "base_image: 'x\\nRUN evil'\n"})
    done = hotplate("build", "--image", status=2)
    assert "hotplate.yaml" in done.stderr
    assert "base_image" in done.stderr
    write_project(tmp_path, {"hotplate.yaml": "system_packages: ['curl; evil']\n"})
    assert "names no system package" in hotplate("build", "--image", status=2).stderr
    assert "No image of" in hotplate("run", "--image", status=2).stderr
    assert "Unable to find image" in hotplate("run", "--image", "nothing:1", status=1).stderr
