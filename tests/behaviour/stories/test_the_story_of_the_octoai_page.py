"""The whole story of the page, as typed, with octoai.yaml and code that imports octoai: from `init` to `delete`.

`hotplate init` writes the project. What it writes is then made what `octoai init` wrote, so that both the old file and
the old imports are what is built, run and deployed.
"""

from __future__ import annotations

import json
import re

from control_rig import wait_for
from installation import FREE_PORTS, PROGRAMS

OCTOAI_YAML = """\
endpoint_config:
  name: hello-world
  hardware: gpu.t4.medium
  env_overrides:
    key1: value1
  registry:
    host: r.octoai.cloud
    path: 4jkxk521l3v1/hello-world
version_info:
  cli_version: 0.5.13
  sdk_version: 0.8.2
"""
SERVICE = '''\
"""Example OctoAI service scaffold: Hello World."""
from octoai.service import Service

class HelloService(Service):
    """An OctoAI service extends octoai.service.Service."""

    def setup(self):
        """Perform intialization."""
        print("Setting up.")

    def infer(self, prompt: str) -> str:
        """Perform inference."""
        return prompt
'''


def test_from_init_to_delete(site, tmp_path):
    folder = tmp_path / "hello-world"
    said = site.run("init", "--scaffold", "hello-world", "--path", str(folder), "--name", "hello-world", "--yes").out
    assert "Initialized project" in said and "hotplate deploy" in said
    (folder / "hotplate.yaml").unlink()
    (folder / "octoai.yaml").write_text(OCTOAI_YAML)
    (folder / "service.py").write_text(SERVICE)
    test_request = folder / "test_request.py"
    test_request.write_text(test_request.read_text().replace("from hotplate import", "from octoai.client import"))

    built = site.run("build", folder=folder)
    assert "hello-world" in built.out and "service:HelloService" in built.out
    ran = site.run(
        "run",
        "--port",
        "0",
        "--command",
        f"sh -c '{PROGRAMS / 'python'} test_request.py --endpoint $HOTPLATE_URL'",
        folder=folder,
    )
    assert "'output': 'Hello world!'" in ran.out

    done = site.run("deploy", *FREE_PORTS, folder=folder)
    url = f"{site.supervisor['url']}/hello-world"
    assert f'Your endpoint "hello-world" has been successfully deployed at {url}.' in done.out
    assert "Nothing was running" in done.err
    listed = site.run("endpoint", "list").out
    assert re.search(rf"^hello-world +{re.escape(url)} .*\[0-3\]", listed, re.M)

    # export OCTOAI_TOKEN=<PasteYourOctoAITokenHere>
    made = site.run("token", "create", "--name", "page", "-o", "json").json()
    python = str(PROGRAMS / "python")
    refused = site.program(python, "test_request.py", "--endpoint", url, folder=folder, code=1)
    assert "401" in refused.err and "hotplate token create" in refused.err
    site.variables["OCTOAI_TOKEN"] = made["token"]
    answered = site.program(python, "test_request.py", "--endpoint", url, folder=folder)
    assert "'output': 'Hello world!'" in answered.out
    del site.variables["OCTOAI_TOKEN"]

    def rows():
        return [line.split("   ") for line in site.run("logs", "--name", "hello-world").out.splitlines()]

    wait_for(lambda: any(row[-1].strip() == "Setting up." for row in rows()), "the log")
    age, replica, _ = rows()[0]
    assert re.fullmatch(r"\d+[sm]", age) and replica == "hello-world-1"

    # Edit max-replicas, deploy, list.
    yaml = folder / "octoai.yaml"
    yaml.write_text(yaml.read_text().replace("  registry:", "  max-replicas: 5\n  registry:"))
    site.run("deploy", folder=folder)
    assert "[0-5]" in site.run("endpoint", "list").out
    assert len(site.run("revisions", "hello-world", "-o", "json").json()) == 2
    back = site.run("rollback", "--name", "hello-world").out
    assert back.startswith('Endpoint "hello-world" serves ')
    first = site.run("revisions", "hello-world", "-o", "json").json()[-1]
    assert first["percent"] == 100
    assert site.call("/hello-world/infer", {"prompt": "x"}, made["token"])[1]["output"] == "x"

    shown = json.loads(site.run("endpoint", "get", "--name", "hello-world", "-o", "json").out)
    assert shown["env_overrides"] == {"key1": "value1"} and shown["instance_type"] == "gpu.t4.medium"
    site.run("endpoint", "delete", "--name", "hello-world", "--force")
    assert site.run("endpoint", "list", "-o", "json").json() == []
    wait_for(lambda: site.call("/hello-world/infer", {"prompt": "x"}, site.admin)[0] == 404, "the end")
