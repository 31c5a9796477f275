"""What is so, and would surprise whoever looks: an endpoint of another name, and one of which nothing runs yet."""

from __future__ import annotations

import pytest
from installation import FREE_PORTS
from serving import write_project

pytestmark = pytest.mark.timeout(300)
YAML = "functions: [model.py:f]\nname: {name}\npublic: true\nmin_replicas: {least}\n"
IDLE = "No replica of {name} runs yet: the first call starts one.\n"
OTHER = 'The project is called "{written}", so its endpoint is {name}; --name gives it another.\n'


@pytest.fixture
def deploy(site, tmp_path):
    site.run("up", *FREE_PORTS, "--detach", code=None)

    def run(name: str, least: int, *words: str):
        files = {
            "model.py": "def f(x: int) -> int:\n    return x\n",
            "hotplate.yaml": YAML.format(name=name, least=least),
        }
        return site.run("deploy", *words, folder=write_project(tmp_path / "folder", files))

    return run


def test_a_name_that_no_url_can_have_is_changed_and_told(site, deploy):
    done = deploy("Hello World", 1)
    assert OTHER.format(written="Hello World", name="hello-world") in done.err
    assert 'Your endpoint "hello-world" has been successfully deployed' in done.out
    assert "is called" not in deploy("Hello World", 1, "--name", "hello-world").err
    assert "is called" not in deploy("hello-world", 1).err
    assert site.call("/hello-world/f", {"x": 1})[0] == 200


def test_that_nothing_runs_yet_is_told(site, deploy):
    assert IDLE.format(name="idle") in deploy("idle", 0).err
    assert site.call("/idle/f", {"x": 1})[0] == 200
    assert "No replica" not in deploy("busy", 1).err
