"""The disk of an installation is full: each command says so, what served is served on, with room all is well again.

Everything runs in a mount namespace of its own, with a small file system at HOTPLATE_HOME.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.behaviour.build.test_a_build_is_whole_or_not_there import can_mount

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or not can_mount(), reason="no small disk can be mounted here"),
    pytest.mark.timeout(600),
]

SCRIPT = """
import io, json, os, signal, subprocess, sys, tarfile, time, urllib.error, urllib.request
from pathlib import Path

home, folder = Path(os.environ["HOTPLATE_HOME"]), Path(sys.argv[1])
said = {}


def run(what, *words, given=""):
    done = subprocess.run([sys.executable, "-m", "hotplate.cli", *words], cwd=folder, input=given,
                          capture_output=True, text=True, timeout=100)
    said[what] = (done.returncode, done.stdout + done.stderr)


def ask(url, data, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


JSON = {"content-type": "application/json"}


def call(**headers):
    return ask(url + "/one/f", b'{"x": 1}', **JSON, **headers)


def wait_for(found):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            result = found()
            if result[0] == 200:
                return result
        except OSError:
            pass
        time.sleep(0.1)
    return (0, "")


def children():
    return json.loads((home / "run/supervisor.json").read_text())["children"]


run("deploy", "deploy", "--port", "0", "--control-port", "0", "--min-replicas", "1")
try:
    place = json.loads((home / "run/supervisor.json").read_text())
    url, control = place["url"], place["control_url"]
    run("volume", "volume", "create", "weights")
    said["call"] = call()
    job = json.loads(call(prefer="respond-async")[1])["links"]["result"]
    wait_for(lambda: ask(url + job, None))
    for _ in "ab":
        ask(url + "/one/g", b"{}", **JSON, prefer="respond-async")
    with (home / "fill").open("wb", buffering=0) as fill:
        try:
            while fill.write(bytes(4096)):
                pass
        except OSError:
            pass
    (folder / "model.py").write_text((folder / "model.py").read_text().replace("x + 1", "x + 2"))
    (folder / "big").write_bytes(bytes(100_000))
    run("full deploy", "deploy")
    run("full token", "token", "create", "--name", "x")
    run("full update", "endpoint", "update", "one", "--max-replicas", "7")
    run("full secret", "secret", "create", "--key", "A", given="value\\n")
    run("full volume", "volume", "cp", "big", "weights:big")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:") as tar:
        tar.add(folder / "big", "big")
    token = "Bearer " + (home / "admin-token").read_text().strip()
    said["full upload"] = ask(control + "/api/v1/builds", packed.getvalue(), authorization=token)
    said["full call"] = call()
    said["left"] = (0, repr(sorted(each.name for each in (home / "uploads").iterdir())))
    said["full job"] = call(prefer="respond-async")
    for pid in children().values():
        os.kill(pid, signal.SIGKILL)
    said["full restarted"] = wait_for(call)
    said["full restarted job"] = call(prefer="respond-async")
    (home / "fill").unlink()
    done = folder.parent / "done"
    said["again jobs"] = wait_for(lambda: (200 if done.exists() and done.stat().st_size >= 2 else 0, ""))
    (folder / "big").unlink()
    run("again deploy", "deploy", "--max-replicas", "7")
    said["again call"] = call()
    run("again get", "endpoint", "get", "one", "-o", "json")
    run("down", "down")
    with (home / "fill").open("wb", buffering=0) as fill:
        try:
            while fill.write(bytes(4096)):
                pass
        except OSError:
            pass
    run("full up", "up", "--detach", "--port", "0", "--control-port", "0")
finally:
    run("down", "down")
print(json.dumps(said))
"""

SLOW = """

def g() -> str:
    import time
    time.sleep(3)
    with open({done!r}, "a") as file:
        file.write("x")
    return "done"
"""


def test_each_command_says_so_and_what_served_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.py").write_text(
        f"def f(x: int) -> int:\n    return x + 1\n{SLOW.format(done=str(tmp_path / 'done'))}"
    )
    (folder / "hotplate.yaml").write_text("functions: [model.py:f, model.py:g]\nname: one\npublic: true\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    with tempfile.TemporaryDirectory(prefix="hp-") as home:
        mount = 'mount -t tmpfs -o size=24m tmpfs "$HOTPLATE_HOME" && exec "$@"'
        inside = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
        done = subprocess.run(
            [*inside, sys.executable, str(tmp_path / "script.py"), str(folder)],
            env={**os.environ, "HOTPLATE_HOME": home, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["call"][0] == said["full call"][0] == said["again call"][0] == 200, said
    assert '"output":2' in said["full call"][1]
    assert '"output":2' in said["full restarted"][1], "a server and a control that die then are back"
    assert said["full job"][0] == said["full restarted job"][0] == 503, said
    assert said["again jobs"][0] == 200, "jobs that waited are run without anybody asking"
    code, text = said["full up"]
    assert (code, "is full" in text, "Traceback" in text) == (1, True, False), text
    assert '"output":3' in said["again call"][1]
    for what in ("deploy", "token", "update", "secret", "volume"):
        code, text = said[f"full {what}"]
        assert code == 1, (what, text)
        assert "is full" in text and "Make room" in text, (what, text)
        assert "Traceback" not in text, (what, text)
    status, body = said["full upload"]
    assert (status, json.loads(body)["code"]) == (507, "disk_full")
    assert said["left"][1] == "[]"
    assert said["again deploy"][0] == 0, said["again deploy"]
    assert json.loads(said["again get"][1])["max_replicas"] == 7
