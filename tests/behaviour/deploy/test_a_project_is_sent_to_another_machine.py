"""`hotplate deploy --url`: what is built and served lies on the disk of a control that knows nothing of this one's."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import FREE_PORTS, Installation, installation
from serving import write_project

from hotplate.client import AsyncControlClient, ControlClient

pytestmark = pytest.mark.timeout(600)
HELLO = {
    "model.py": "import six\n\n\ndef greet(name: str) -> str:\n    return f'{GREETING} {name} {six.__version__}'\n",
    "hotplate.yaml": "functions: [model.py:greet]\nmax_replicas: 2\npublic: true\n",
    "requirements.txt": "six==1.16.0\n",
    ".env": "PASSWORD=hush\n",
    "weights.bin": "x" * 100_000,
    ".hotplateignore": "*.tmp\n",
    "big.tmp": "left here",
}


def project(folder: Path, greeting: str = "Hello") -> Path:
    return write_project(folder, {**HELLO, "model.py": f"GREETING = {greeting!r}\n{HELLO['model.py']}"})


@pytest.fixture(scope="module")
def there() -> Iterator[Installation]:
    with installation() as made:
        made.run("up", "--detach", *FREE_PORTS)
        yield made


@pytest.fixture(scope="module")
def here() -> Iterator[Installation]:
    """A machine on which nothing runs."""
    with installation() as made:
        yield made


@pytest.fixture(scope="module")
def token(there: Installation) -> str:
    return there.run("token", "create", "--name", "ci", "--scope", "deploy", "-o", "json").json()["token"]


def words(there: Installation, token: str) -> tuple[str, ...]:
    return ("--url", there.supervisor["control_url"], "--token", token)


def test_it_is_built_and_served_there(there, here, token, tmp_path):
    folder = project(tmp_path / "greeter")
    done = here.run("deploy", *words(there, token), folder=folder)
    url = f"{there.supervisor['url']}/greeter"
    assert f'"greeter" has been successfully deployed at {url}' in done.out
    assert "Nothing was running" not in done.err
    for text in ("to http://127.0.0.1", "Installing", "Loading", "is made"):
        assert text in done.err, done.err
    assert "uploads" not in done.err and "project/greeter" not in done.err, "where it was unpacked is nobody's business"
    assert there.call("/greeter/greet", {"name": "you"})[1]["output"] == "Hello you 1.16.0"
    assert not (here.root / "revisions").exists() or not list((here.root / "revisions").iterdir())
    assert list((there.root / "uploads").iterdir()) == []

    # What the ignore rules and the look of a name leave out never leaves this machine.
    digest = there.run("revisions", "greeter", "-o", "json").json()[0]["revision"]
    names = {path.name for path in (there.root / "revisions" / digest / "files").iterdir()}
    names.discard("__pycache__")  # of the replicas there
    assert names == {"model.py", "hotplate.yaml", "requirements.txt", "weights.bin", ".hotplateignore"}
    listed = there.run("endpoint", "get", "--name", "greeter", "-o", "json").json()
    assert listed["max_replicas"] == 2

    # The same again is there already, and has the digest that a build on the spot gives.
    again = here.run("deploy", *words(there, token), folder=folder)
    assert "is there already" in again.err
    local = there.run("build", "-o", "json", folder=folder).json()["revisions"][0]
    assert local["revision"] == digest


def test_what_fails_there_is_told_here_and_changes_nothing(there, here, token, tmp_path):
    folder = project(tmp_path / "fragile")
    here.run("deploy", *words(there, token), folder=folder)
    (folder / "model.py").write_text("def greet(name: str) -> str:\n    return name\n\nraise KeyError('weights')\n")
    done = here.run("deploy", *words(there, token), folder=folder, code=1)
    assert "KeyError: 'weights'" in done.err
    assert "model.py" in done.err and "line 4" in done.err
    assert there.call("/fragile/greet", {"name": "you"})[1]["output"] == "Hello you 1.16.0"
    assert list((there.root / "uploads").iterdir()) == []


def test_the_variables_say_the_same_and_functions_are_named_from_the_folder(there, here, token, tmp_path):
    folder = write_project(tmp_path / "Some Model", {"app/model.py": "def twice(x: int) -> int:\n    return 2 * x\n"})
    here.variables.update(HOTPLATE_CONTROL_URL=there.supervisor["control_url"], HOTPLATE_TOKEN=token)
    try:
        done = here.run("deploy", "app/model.py:twice", "--visibility", "public", "-o", "json", folder=folder)
    finally:
        here.variables.clear()
    assert done.json()["name"] == "some-model"
    assert there.call("/some-model/twice", {"x": 4})[1]["output"] == 8


def test_several_apis_of_one_file(there, here, token, tmp_path):
    predictor = (
        "class PythonPredictor:\n    def __init__(self, config):\n        pass\n\n    def predict(self, payload):\n"
    )
    api = "- name: {0}\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: {0}.py\n"
    files = {f"{name}.py": f"{predictor}        return ['{name}']\n" for name in ("one", "two")}
    folder = write_project(tmp_path / "pair", {**files, "cortex.yaml": api.format("one") + api.format("two")})
    done = here.run("deploy", *words(there, token), "--visibility", "public", "-o", "json", folder=folder)
    assert [each["name"] for each in done.json()] == ["one", "two"]
    assert there.call("/one", {})[1] == ["one"]
    assert there.call("/two", {})[1] == ["two"]
    refused = here.run("deploy", *words(there, token), "--name", "three", folder=folder, code=None)
    assert refused.code != 0
    assert "2 APIs" in refused.err


def test_a_token_that_may_not_deploy_sends_nothing(there, here, tmp_path):
    reader = there.run("token", "create", "--name", "r", "--scope", "read", "-o", "json").json()["token"]
    done = here.run("deploy", *words(there, reader), folder=project(tmp_path / "no"), code=1)
    assert "scope deploy" in done.err
    assert not (there.root / "uploads").exists() or list((there.root / "uploads").iterdir()) == []


def test_nobody_listens_there(here, tmp_path):
    done = here.run("deploy", "--url", "http://127.0.0.1:9", "--token", "x", folder=project(tmp_path / "no"), code=1)
    assert "127.0.0.1:9" in done.err
    assert "Traceback" not in done.err


def test_a_bad_name_is_refused_before_the_build(here, tmp_path):
    done = here.run("deploy", "--name", "Bad Name!", folder=project(tmp_path / "no"), code=None)
    assert done.code != 0
    assert "'Bad Name!' cannot name an endpoint" in done.err
    assert "Reading" not in done.err
    assert not (here.root / "run" / "supervisor.json").exists()


def archive(folder: Path) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        tar.add(folder, folder.name)
    return made.getvalue()


def test_the_sdk_sends_any_archive(there, token, tmp_path):
    folder = project(tmp_path / "packed", "Hi")
    url = there.supervisor["control_url"]
    with ControlClient(url, token) as control:
        begun = control.start_build(archive(folder), store_assets=False)
        assert begun["state"] in ("waiting", "running")
        *steps, end = list(control.follow_build(begun["id"]))
        assert [each["event"] for each in steps] == ["step"] * len(steps)
        assert end["state"] == "built"
        built = end["revisions"][0]
        assert built["name"] == "packed", "the one folder in it is the project's"
        assert control.get_build(begun["id"])["revisions"] == [built]
        found = control.deploy(built["name"], built["revision"], settings={"visibility": "public"}, wait_s=60)
        assert found["rollout"]["state"] == "stable"
    assert there.call("/packed/greet", {"name": "you"})[1]["output"] == "Hi you 1.16.0"

    async def zipped() -> None:
        packed = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", folder))
        async with AsyncControlClient(url, token) as control:
            begun = await control.start_build(packed, folder="from-zip", target=["model.py:greet"])
            events = [each async for each in control.follow_build(begun["id"])]
            assert events[-1]["revisions"][0]["name"] == "from-zip"

    asyncio.run(zipped())


def test_a_build_is_seen_by_who_asked_for_it(there, token, tmp_path):
    mine = there.run("token", "create", "--name", "m", "--scope", "deploy", "--endpoint", "mine", "-o", "json").json()[
        "token"
    ]
    url = there.supervisor["control_url"]
    with ControlClient(url, token) as control, ControlClient(url, mine) as limited:
        theirs = control.start_build(archive(project(tmp_path / "theirs")))
        with pytest.raises(Exception, match="no such build"):
            limited.get_build(theirs["id"])
        own = limited.start_build(archive(project(tmp_path / "mine")))
        end = list(limited.follow_build(own["id"]))[-1]
        assert end["state"] == "built"
        digest = end["revisions"][0]["revision"]
        assert limited.deploy("mine", digest)["name"] == "mine"
        with pytest.raises(Exception, match="mine alone"):
            limited.deploy("theirs", digest)


def test_control_that_is_killed_leaves_nothing_that_fills_the_disk(there, token, tmp_path):
    slow = write_project(
        tmp_path / "slow", {"m.py": "import time\ntime.sleep(60)\n\n\ndef f() -> int:\n    return 1\n"}
    )
    url = there.supervisor["control_url"]
    with ControlClient(url, token) as control:
        begun = control.start_build(archive(slow), target=["m.py:f"])
        next(iter(control.follow_build(begun["id"])))
    assert list((there.root / "uploads").iterdir())
    os.kill(there.supervisor["children"]["control"], signal.SIGKILL)
    end = time.monotonic() + 60
    while list((there.root / "uploads").iterdir() if (there.root / "uploads").exists() else ()):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert json.loads(there.run("status", "-o", "json").out)["up"] is True
