"""One target of replicas, seen as its users see it: deploy, call, look."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.engine_rig import Rig
from support.installation import Installation

PATIENCE_S = 90.0

SERVICE = """
import os, signal, sys, time
from collections.abc import Iterator
from octoai.service import Service, path

MARK = "one"


class Everything(Service):
    def setup(self):
        print("Setting up.")
        if os.environ.get("BROKEN"):
            raise ValueError("the weights are broken")

    def infer(self, do: str, text: str = "") -> str:
        if do == "mark":
            return MARK
        if do == "environ":
            return os.environ.get(text, "")
        if do == "say":
            print(text)
        if do == "write":
            with open(os.path.join(os.environ["HOTPLATE_VOLUME_PATH"], "kept"), "w") as file:
                file.write(text)
        if do == "read":
            with open(os.path.join(os.environ["HOTPLATE_VOLUME_PATH"], "kept")) as file:
                return file.read()
        if do == "sleep":
            time.sleep(float(text))
        if do == "raise":
            raise ValueError(text)
        if do == "exit":
            os._exit(3)
        if do == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if do == "length":
            return str(len(text))
        if do == "file":
            with open(text) as file:
                return file.read()
        if do == "python":
            values = {}
            try:
                exec(text, values)
            except BaseException as error:
                return type(error).__name__
            return str(values.get("out"))
        if do == "sibling":
            from hotplate.client import endpoint

            return endpoint(text).infer({"do": "mark"})["output"]
        return str(os.getpid())

    @path("/count")
    def count(self, n: int) -> Iterator[str]:
        for number in range(n):
            yield f"{number} "
"""


@dataclass
class Target:
    kind: str
    installation: Installation
    engine: Rig | None

    def deploy(self, folder: Path, name: str, *words: str, mark: str = "one", code: int | None = 0) -> Any:
        folder.mkdir(exist_ok=True)
        (folder / "service.py").write_text(SERVICE.replace('MARK = "one"', f"MARK = {mark!r}"))
        wait = ("--wait", "100")
        return self.installation.run("deploy", "-n", name, *wait, *words, folder=folder, code=code)

    def call(self, name: str, do: str, text: str = "") -> tuple[int, Any]:
        return self.installation.call(f"/{name}/infer", {"do": do, "text": text}, self.installation.admin)

    def output(self, name: str, do: str, text: str = "") -> str:
        status, body = self.call(name, do, text)
        assert status == 200, body
        return body["output"]

    def endpoint(self, name: str) -> dict[str, Any]:
        return self.installation.run("endpoint", "get", "--name", name, "-o", "json").json()

    def running(self, name: str) -> int:
        return sum(each["status"] == "running" for each in self.endpoint(name)["replicas"])

    def events(self, name: str) -> list[dict[str, Any]]:
        return self.installation.run("events", name, "-o", "json").json()

    def logged(self, name: str) -> str:
        return self.installation.run("logs", "--name", name, "-n", "500").out

    def containers(self, name: str) -> list[str]:
        assert self.engine is not None
        return self.engine.docker(
            "ps", "-a", "--format", "{{.Names}}", "-f", f"label=org.hotplate.endpoint={name}"
        ).split()

    def inspect(self, name: str) -> dict[str, Any]:
        assert self.engine is not None
        return json.loads(self.engine.docker("inspect", self.containers(name)[0]))[0]


def wait_for(what: Callable[[], Any], text: str) -> Any:
    until = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < until, f"{text} did not happen"
        time.sleep(0.2)
    return found
