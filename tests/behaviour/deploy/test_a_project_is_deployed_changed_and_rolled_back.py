"""The whole story of the seed page on one machine, as it is typed: from `init` to `endpoint delete`."""

from __future__ import annotations

import sys

import pytest
from control_rig import wait_for
from installation import FREE_PORTS

pytestmark = pytest.mark.timeout(600)  # many commands, each a process of its own


def test_from_init_to_delete(site, tmp_path):
    folder = tmp_path / "hello"
    site.run("init", "--scaffold", "hello-world", "--path", str(folder), "--name", "hello-world", "--yes")
    built = site.run("build", "-o", "json", folder=folder).json()
    assert built["revisions"][0]["name"] == "hello-world"

    # Nothing runs: deploy starts it, and says so.
    done = site.run("deploy", *FREE_PORTS, folder=folder)
    url = f"{site.supervisor['url']}/hello-world"
    assert "Nothing was running, so this started `hotplate up --detach`" in done.err
    assert done.out == (
        f'Your endpoint "hello-world" has been successfully deployed at {url}.\n\n'
        "To get information on your endpoint:\n\n\thotplate endpoint get --name hello-world\n"
    )
    listed = site.run("endpoint", "list").out.splitlines()
    assert listed[0].split() == ["NAME", "ENDPOINT", "STATUS", "REPLICAS", "RUNNING", "HARDWARE", "VISIBILITY"]
    assert listed[1].split()[:2] == ["hello-world", url]
    assert "[0-3]" in listed[1]

    # The project's own test program, with a token that may only call.
    assert site.call("/hello-world/infer", {"prompt": "x"})[0] == 401
    made = site.run("token", "create", "--name", "story", "-o", "json").json()
    site.variables["HOTPLATE_TOKEN"] = made["token"]
    said = site.program(sys.executable, "test_request.py", "--endpoint", url, folder=folder)
    assert "'output': 'Hello world!'" in said.out
    refused = site.run("endpoint", "list", code=1)
    assert "This needs a token with the scope read; this one has invoke." in refused.err
    del site.variables["HOTPLATE_TOKEN"]

    def logged():
        return "State.RUNNING" in site.run("logs", "--name", "hello-world").out

    wait_for(logged, "the log")
    line = site.run("logs", "-n", "hello-world").out.splitlines()[0].split("   ")
    assert line[0].endswith("s") and line[1] == "hello-world-1"

    # Another setting and other code; then back again.
    with (folder / "hotplate.yaml").open("a") as file:
        file.write("max_replicas: 5\nenv:\n  GREETING: hi\n")
    service = folder / "service.py"
    service.write_text(service.read_text().replace("return prompt", "return prompt + '!'"))
    found = site.run("deploy", "-o", "json", folder=folder).json()
    assert found == {"name": "hello-world", "endpoint": url}
    assert "[0-5]" in site.run("endpoint", "list").out
    assert site.call("/hello-world/infer", {"prompt": "x"}, made["token"])[1]["output"] == "x!"
    assert len(site.run("revisions", "hello-world", "-o", "json").json()) == 2
    site.run("rollback", "--name", "hello-world")
    assert site.call("/hello-world/infer", {"prompt": "x"}, made["token"])[1]["output"] == "x"
    kept = site.run("endpoint", "get", "hello-world", "-o", "json").json()
    assert (kept["max_replicas"], kept["env_overrides"]) == (5, {"GREETING": "hi"}), "a rollback moves no settings"

    # A revision that cannot start leaves the one before it.
    broken = service.read_text().replace(
        "def infer", "def setup(self):\n        raise ValueError('no weights')\n\n    def infer"
    )
    service.write_text(broken)
    failed = site.run("deploy", folder=folder, code=1)
    assert "ValueError: no weights" in failed.err and "goes on serving" in failed.err
    wait_for(lambda: "ValueError: no weights" in site.run("logs", "-n", "hello-world").out, "its traceback in the log")
    assert site.call("/hello-world/infer", {"prompt": "x"}, made["token"])[1]["output"] == "x"
    shown = site.run("endpoint", "get", "hello-world").out
    assert "The last change failed" in shown and "[0-5]" in shown

    kinds = {each["event"]["type"] for each in site.run("events", "hello-world", "-o", "json").json()}
    assert {"created", "deploy", "deployed", "rollback", "deploy_failed", "updated"} <= kinds

    site.run("endpoint", "pause", "hello-world")
    wait_for(lambda: site.call("/hello-world/infer", {"prompt": "x"}, made["token"])[0] == 503, "the pause")
    site.run("endpoint", "start", "hello-world")
    wait_for(lambda: site.call("/hello-world/infer", {"prompt": "x"}, made["token"])[0] == 200, "the start")
    site.run("token", "revoke", made["id"])
    wait_for(lambda: site.call("/hello-world/infer", {"prompt": "x"}, made["token"])[0] == 401, "the revocation")
    assert "--force" in site.run("endpoint", "delete", "hello-world", code=2).err
    site.run("endpoint", "delete", "--name", "hello-world", "--force")
    assert site.run("endpoint", "list", "-o", "json").json() == []
    assert site.call("/hello-world/infer", {"prompt": "x"}, site.admin)[0] == 404


SIBLING = """
import os

from hotplate import Service, volume_path
from hotplate.client import endpoint


class Outer(Service):
    def infer(self, prompt: str) -> str:
        print("secret", os.environ["API_KEY"], flush=True)
        return "outer " + endpoint("inner").infer({"text": prompt})["output"] + " " + os.environ["API_KEY"][:6]
"""


def test_an_endpoint_calls_another_with_a_secret_that_no_log_shows(site, tmp_path):
    site.run("up", *FREE_PORTS, "--detach", code=None)
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    for folder in (inner, outer):
        folder.mkdir()
    (inner / "model.py").write_text("def predict(text: str) -> str:\n    return 'inner ' + text\n")
    (inner / "hotplate.yaml").write_text("name: inner\nfunctions: [model.py:predict]\n")
    (outer / "service.py").write_text(SIBLING)
    (outer / "hotplate.yaml").write_text("name: outer\nsecrets: [API_KEY]\n")
    missing = site.run("deploy", folder=outer, code=1)
    assert "There is no secret API_KEY" in missing.err
    site.run("secret", "create", "--key", "API_KEY", given="canary-91c3-value\n")
    site.run("deploy", folder=inner)
    site.run("deploy", "--min-replicas", "1", folder=outer)
    token = site.run("token", "create", "--name", "t", "--endpoint", "outer").out.strip()
    status, answer = site.call("/outer/infer", {"prompt": "x"}, token)
    assert (status, answer["output"]) == (200, "outer inner x canary")
    assert site.call("/inner/predict", {"text": "x"}, token)[0] == 403

    def logged():
        return "secret ***" in site.run("logs", "outer").out

    wait_for(logged, "the masked line")
    for words in (
        ("secret", "get", "--key", "API_KEY"),
        ("secret", "list"),
        ("endpoint", "get", "outer", "-o", "json"),
    ):
        assert "canary-91c3-value" not in site.run(*words).out
    assert b"canary-91c3-value" not in (site.root / "logs" / "outer" / "current.jsonl").read_bytes()


CORTEX = """
- name: iris
  kind: RealtimeAPI
  predictor:
    type: python
    path: iris.py
  compute: {cpu: 200m, mem: 64Mi}
  autoscaling: {max_replicas: 2, window: 20s}
- name: flowers
  kind: RealtimeAPI
  predictor:
    type: python
    path: flowers.py
"""
PREDICTOR = """
class PythonPredictor:
    def __init__(self, config):
        pass

    def predict(self, payload):
        return {"%s": payload}
"""


def test_every_api_of_a_cortex_file_is_deployed(site, tmp_path):
    site.run("up", *FREE_PORTS, "--detach", code=None)
    folder = tmp_path / "cortex"
    folder.mkdir()
    (folder / "cortex.yaml").write_text(CORTEX)
    (folder / "iris.py").write_text(PREDICTOR % "iris")
    (folder / "flowers.py").write_text(PREDICTOR % "flowers")
    found = site.run("deploy", "-o", "json", folder=folder).json()
    assert [each["name"] for each in found] == ["iris", "flowers"]
    iris = site.run("endpoint", "get", "iris", "-o", "json").json()
    assert (iris["min_replicas"], iris["max_replicas"], iris["initial_replicas"]) == (1, 2, 1)
    assert (iris["autoscaling"]["policy"], iris["autoscaling"]["window_s"]) == ("cortex", 20)
    assert iris["instance_type"] == f"memory={64 << 20}"
    assert site.call("/flowers", {"a": 1}, site.admin) == (200, {"flowers": {"a": 1}})
    site.run("endpoint", "delete", "iris", "--force")
