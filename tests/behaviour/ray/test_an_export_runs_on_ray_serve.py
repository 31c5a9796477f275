"""What `hotplate export ray-serve` writes runs on real Ray Serve, with the endpoint's own paths, bodies and streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.installation import installation
from support.job_rig import free_port
from support.ray_rig import Rig
from support.targets_rig import SERVICE, wait_for

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("ray"), pytest.mark.soak]


def ask(port: int, path: str, body: Any) -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/everything/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextmanager
def serving(cluster: Rig, folder: Path, log: Path) -> Iterator[int]:
    """`serve run serve_config.yaml`, as a user does it, at a free port."""
    config = yaml.safe_load((folder / "serve_config.yaml").read_text())
    port = config["http_options"]["port"] = free_port()
    (folder / "serve_config.yaml").write_text(yaml.safe_dump(config))
    environ = {**os.environ, **cluster.variables, "RAY_ADDRESS": cluster.address}
    with log.open("wb") as file:
        words = [str(cluster.python.parent / "serve"), "run", "serve_config.yaml"]
        process = subprocess.Popen(words, cwd=folder, env=environ, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
    try:

        def up() -> bool:
            assert process.poll() is None, log.read_text()[-3000:]
            try:
                return ask(port, "infer", {"do": "mark"})[0] == 200
            except OSError:
                return False

        wait_for(up, "an answer")
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_it_answers_as_the_endpoint_does(ray_cluster, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "service.py").write_text(SERVICE)
    folder = tmp_path / "app"
    with installation() as made:
        words = ("-n", "everything", "--min-replicas", "1", "--max-replicas", "1", "--hardware", "cpus=1")
        made.run("export", "ray-serve", "-o", str(folder), *words, folder=project)
    assert sorted(path.name for path in folder.iterdir()) == [
        "hotplate_app.py",
        "order.json",
        "parcel.py",
        "revision.tar.gz",
        "serve_config.yaml",
    ]
    order = json.loads((folder / "order.json").read_text())
    order["cache"] = ray_cluster.cache
    (folder / "order.json").write_text(json.dumps(order))
    with serving(ray_cluster, folder, tmp_path / "log") as port:
        mark = ask(port, "infer", {"do": "mark"})
        wrong = ask(port, "infer", {"no": "such"})
        stream = ask(port, "count", {"n": 300})
        long = ask(port, "infer", {"do": "length", "text": "x" * 2_000_000})
    assert mark[0] == 200
    assert json.loads(mark[1])["output"] == "one"
    assert wrong[0] == 422
    assert stream[0] == 200
    assert "299" in stream[1]
    assert json.loads(long[1])["output"] == "2000000"
