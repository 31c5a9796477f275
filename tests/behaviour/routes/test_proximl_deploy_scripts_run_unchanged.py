"""The deploy script and the command line of proxiML's page make endpoints on this machine, which outlive them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import installation

from tests.serving import write_project

MODEL = """
print("loading the model")


def predict_image(filename):
    return [{"file": filename}]


def variable(name):
    import os

    return os.environ.get(name)
"""
SEED = (
    '{"verb": "POST", "path": "/predict", "file": "predict", "positional": true, '
    '"body": [{"name": "filename", "type": "str"}], "function": "predict_image"}'
)
SCRIPT = """
import asyncio

from proximl import ProxiML


async def main():
    proximl = ProxiML()
    job = await proximl.jobs.create(
        name="Endpoint",
        type="endpoint",
        gpu_type="rtx3090",
        model=dict(source_type="local", source_uri="."),
        environment=dict(type="DEEPLEARNING_PY39", env=[dict(key="GREETING", value="a=b c")]),
        endpoint=dict(
            routes=[
                dict(
                    path="/predict",
                    verb="POST",
                    function="predict_image",
                    file="predict",
                    positional=True,
                    body=[dict(name="filename", type="str")],
                ),
                dict(
                    path="/variable",
                    verb="POST",
                    function="variable",
                    file="predict",
                    body=[dict(name="name", type="str", optional=True, default_value='"GREETING"')],
                ),
            ]
        ),
    )
    await job.wait_for("running")
    await job.refresh()
    print(job.id, job.url)


asyncio.run(main())
"""
END = """
import asyncio, json, sys

from proximl import ProxiML
from proximl.exceptions import ApiError


async def main(name):
    client = ProxiML()
    job = await client.jobs.get(name)
    first = job.url
    print(job.status, await job.connect() == first, job.get_create_json()["endpoint"]["routes"][0]["path"], bool(job))
    await job.stop()
    await job.wait_for("stopped")
    assert not job.url
    await job.start()
    await job.wait_for("running")
    heard = []
    log = asyncio.create_task(job.attach(heard.append))
    while not any("loading the model" in each["msg"] for each in heard):
        await asyncio.sleep(0.05)
    other = await client.jobs.get(name)
    await other.stop()
    await log
    assert heard == sorted(heard, key=lambda each: each["time"])
    await other.remove()
    await other.wait_for("archived")
    try:
        await client.jobs.get(name)
    except ApiError as error:
        print(error.status, await client.jobs.list())


asyncio.run(main(sys.argv[1]))
"""


TWICE = """
import asyncio, subprocess, sys

from proximl import ProxiML

BODY = [dict(name="filename", type="str")]
ROUTE = dict(path="/predict", verb="POST", function="predict_image", file="predict", body=BODY)


def hotplate(*words):
    subprocess.run([sys.executable, "-m", "hotplate.cli", *words], check=True, stdout=subprocess.DEVNULL)


async def create(client):
    return await client.jobs.create("My Endpoint!", "endpoint", "rtx3090", endpoint=dict(routes=[ROUTE]))


async def main():
    client = ProxiML()
    one = await create(client)
    two = await create(client)
    print(one.status, one.get_create_json()["name"])
    for job in (one, two):
        await job.wait_for("running")
    print([job.url.rpartition("/")[2] for job in (one, two)])
    hotplate("endpoint", "pause", "my-endpoint")
    await one.wait_for("stopped")
    hotplate("endpoint", "delete", "my-endpoint-2", "--force")
    await two.refresh()
    print(two.status, bool(two.url))
    await two.remove()
    hotplate("down")
    await one.refresh()
    print(one.status)
    await one.start()
    await one.wait_for("running")
    print([job.name for job in await client.jobs.list()], await one.get_worker_log_url("") != "")


asyncio.run(main())
"""


@pytest.fixture(params=["up", "run"])
def place(tmp_path, request) -> Iterator[dict[str, str]]:
    """A folder with the model, and an environment in which jobs are remembered beside it. Every job ends."""
    write_project(tmp_path / "model", {"predict.py": MODEL, "deploy.py": SCRIPT, "end.py": END})
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE_")}
    with installation() as site:
        environ = {**kept, "HOTPLATE_HOME": str(site.root), "PROXIML_CONFIG_DIR": str(tmp_path / "config")}
        if request.param == "up":
            environ["HOTPLATE_PORT"] = "0"
        else:
            environ["PROXIML_LOCAL"] = "run"
        yield environ
        jobs = json.loads(python(environ, tmp_path, "-m", "proximl", "job", "list", "-f", "json").stdout)
        for job in jobs:
            python(environ, tmp_path, "-m", "proximl", "job", "remove", job["id"])


def python(environ: dict[str, str], folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *words], env=environ, cwd=folder, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def call(url: str, **body: object) -> object:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_the_pages_script_makes_an_endpoint_that_outlives_it(place, tmp_path):
    folder = tmp_path / "model"
    name, url = python(place, folder, "deploy.py").stdout.split()
    assert call(f"{url}/predict", filename="pizza.jpg") == [{"file": "pizza.jpg"}]
    assert call(f"{url}/variable") == "a=b c"
    (kept,) = (tmp_path / "config").glob("local-jobs/*/job.json")
    assert kept.parent.stat().st_mode & 0o077 == 0
    assert "--env=GREETING" in json.loads(kept.read_text())["options"]  # so no listing of processes shows the value
    assert python(place, folder, "end.py", name).stdout.splitlines() == ["running True /predict True", "404 []"]
    with pytest.raises(urllib.error.URLError):
        call(f"{url}/predict", filename="pizza.jpg")


def test_the_pages_command_prints_its_lines(place, tmp_path):
    folder = tmp_path / "model"
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "x"]):
        git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words]
        subprocess.run(git, cwd=folder, check=True, capture_output=True)
    create = ["-m", "proximl", "job", "create", "endpoint"]
    words = [*create, "--git-uri", f"file://{folder}", "--route", SEED, "New Inference Endpoint"]
    said = python(place, tmp_path, *words).stdout
    found = re.fullmatch(
        r"Created Job\.\nWaiting for job to start\.\.\.\nEndpoint is running at:  (http://\S+)\n", said
    )
    assert found is not None, said
    assert call(f"{found[1]}/predict", filename="a") == [{"file": "a"}]
    listed = python(place, tmp_path, "-m", "proximl", "job", "list").stdout.splitlines()
    assert listed[0].split() == ["ID", "NAME", "STATUS", "TYPE"]
    assert "New Inference Endpoint" in listed[1]
    assert listed[1].split()[-2:] == ["running", "endpoint"]
    stopped = python(place, tmp_path, "-m", "proximl", "job", "stop", "New Inference Endpoint").stdout
    assert stopped == "Waiting for job to stop...\n"


def test_an_endpoint_that_cannot_start_fails_with_its_last_words(place, tmp_path):
    create = ["-m", "proximl", "job", "create", "endpoint", "--model-dir", "model"]
    done = python(place, tmp_path, *create, "--route", SEED.replace("predict_image", "predict_imag"), "Bad", code=1)
    assert done.stdout.splitlines()[:2] == ["Created Job.", "Uploading model..."]
    assert "predict.py has no function predict_imag" in done.stderr
    assert "did you mean predict_image?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["up"], indirect=True)
def test_a_job_is_an_endpoint_like_others(place, tmp_path):
    write_project(tmp_path / "model", {"twice.py": TWICE})
    lines = python(place, tmp_path / "model", "twice.py").stdout.splitlines()
    assert lines[0] == "waiting for data/model download My Endpoint!"
    assert lines[1:] == ["['my-endpoint', 'my-endpoint-2']", "removed False", "stopped", "['My Endpoint!'] True"]
    listed = python(place, tmp_path, "-m", "hotplate.cli", "endpoint", "list", "-o", "json").stdout
    found = {each["name"]: each for each in json.loads(listed)}
    assert list(found) == ["my-endpoint"]
    shown = {key: found["my-endpoint"][key] for key in ("display_name", "visibility", "min_replicas", "max_replicas")}
    assert shown == {"display_name": "My Endpoint!", "visibility": "public", "min_replicas": 1, "max_replicas": 1}


def test_where_endpoints_run_is_up_or_run(tmp_path):
    done = python({**os.environ, "PROXIML_LOCAL": "cloud"}, tmp_path, "-c", "import proximl; proximl.ProxiML()", code=1)
    assert "PROXIML_LOCAL is up or run, not 'cloud'." in done.stderr


@pytest.mark.parametrize("place", ["up"], indirect=True)
@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        (["--route", "{bad", "x"], "is not JSON", 2),
        (
            ["--env", "A", "--route", SEED, "x"],
            "Invalid environment variable format.  Must be in 'KEY=VALUE' format.",
            2,
        ),
        (["--env", "=A", "--route", SEED, "x"], "cannot name an environment variable", 1),
        (["x"], "An endpoint needs routes", 1),
        (["--route", SEED, "--checkpoint", "c", "x"], "no checkpoints on this machine", 1),
        (["--route", SEED, "--model-id", "m", "x"], "Models of the kind 'proximl' are not on this machine", 1),
        (["--route", SEED, "--disk-size", "5", "x"], "Invalid Request - Disk Size must be between 10 and 2000", 1),
        (["--route", SEED, "--model-dir", "nowhere", "x"], "There is no folder", 1),
    ],
)
def test_what_cannot_be_made_leaves_nothing_behind(place, tmp_path, words, text, code):
    done = python(place, tmp_path, "-m", "proximl", "job", "create", "endpoint", *words, code=code)
    assert text in done.stderr
    assert done.stdout == ""
    assert not list((tmp_path / "config").rglob("job.json"))
    assert not (Path(place["HOTPLATE_HOME"]) / "run").exists()
