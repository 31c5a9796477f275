"""`name` and `description` of the project file are the endpoint's, on its pages and in `inspect`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from serving import serve, write_project

SERVICE = """
from hotplate import Service


class Hello(Service):
    \"\"\"The class's own words.\"\"\"

    def infer(self, prompt: str) -> str:
        return prompt
"""
FILES = {
    "hotplate.yaml": "name: greeter\ndescription: Says hello\n",
    "octoai.yaml": "endpoint_config:\n  name: greeter\n  description: Says hello\n  hardware: cpu\n",
}


@pytest.mark.parametrize("file", FILES)
def test_the_page_and_inspect_show_them(tmp_path: Path, file: str) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": SERVICE, file: FILES[file]})
    with serve(folder) as server:
        info = server.get("/openapi.json").json()["info"]
    assert (info["title"], info["description"]) == ("greeter", "Says hello")
    for more in ((), ("--load",)):
        command = [sys.executable, "-m", "hotplate.cli", "inspect", folder, "-o", "json", *more]
        contract = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["contract"]
        assert (contract["name"], contract["description"]) == ("greeter", "Says hello")


def test_without_them_the_folder_and_the_class_speak(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "folder", {"service.py": SERVICE})
    with serve(folder) as server:
        info = server.get("/openapi.json").json()["info"]
    assert (info["title"], info["description"]) == ("folder", "The class's own words.")
