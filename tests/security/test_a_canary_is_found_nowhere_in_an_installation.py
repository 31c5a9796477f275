"""A secret that a real replica prints and raises is looked for in all that an installation writes and says.

Only a sealed form of it may be found.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_rig import wait_for
from installation import FREE_PORTS, Installation, installation
from serving import write_project

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("canary")]
CANARY = "c4nary-5e1f-not-to-be-seen"
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex())
MODEL = """
import base64, os, sys

KEY = os.environ.get("API_KEY", "none")  # a build has no secrets
print("loaded with", KEY, flush=True)


def tell(how: str) -> str:
    print(how, KEY, base64.b64encode(KEY.encode()).decode(), KEY.encode().hex(), file=sys.stderr, flush=True)
    if how == "raise":
        raise ValueError(f"{KEY} does not work")
    if how == "die":
        os._exit(3)
    return "told"
"""
YAML = "functions: [model.py:tell]\nname: leaky\npublic: true\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = write_project(
        tmp_path_factory.mktemp("leaky"),
        {"model.py": MODEL, "hotplate.yaml": YAML},
    )
    with installation() as site:
        site.run("up", "--detach", *FREE_PORTS)
        site.run("secret", "create", "--key", "API_KEY", given=f"{CANARY}\n")
        site.run("deploy", "--secrets", "API_KEY", "--min-replicas", "1", folder=folder)
        assert site.call("/leaky/tell", {"how": "say"})[0] == 200
        assert site.call("/leaky/tell", {"how": "raise"})[0] == 500
        assert site.call("/leaky/tell", {"how": "die"})[0] == 502
        text = (folder / "model.py").read_text()
        (folder / "model.py").write_text(text + '\nif KEY != "none":\n    raise RuntimeError("not with " + KEY)\n')
        failed = site.run("deploy", folder=folder, code=1)
        assert "not with ***" in failed.err
        wait_for(lambda: "raise ***" in site.run("logs", "leaky").out, "the log")
        yield site


def clean(text: str, where: object) -> None:
    assert not [form for form in FORMS if form in text], where


def test_no_file_has_it(site: Installation) -> None:
    looked = [path for path in site.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {"up.log", "current.jsonl", "server.db", "control.db", "snapshot.json"} <= {path.name for path in looked}
    for path in looked:
        clean(path.read_bytes().decode("latin-1"), path)


def test_no_command_says_it(site: Installation) -> None:
    for words in (
        ("logs", "leaky", "-n", "1000"),
        ("logs", "leaky", "-o", "json"),
        ("events", "leaky"),
        ("events", "-o", "json"),
        ("endpoint", "get", "leaky"),
        ("endpoint", "get", "leaky", "-o", "json"),
        ("revisions", "leaky", "--history"),
        ("secret", "list", "-o", "json"),
        ("secret", "get", "--key", "API_KEY", "-o", "json"),
        ("scale", "explain", "leaky"),
        ("status",),
        ("status", "-o", "json"),
    ):
        done = site.run(*words)
        clean(done.out + done.err, words)


def get(url: str, token: str) -> str:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def test_no_page_and_no_route_says_it(site: Installation) -> None:
    server, control = site.supervisor["url"], site.supervisor["control_url"]
    for path in ("/metrics", "/leaky/metrics", "/leaky/openapi.json", "/leaky/healthcheck", "/leaky/docs"):
        clean(get(server + path, site.admin), path)
    for path in (
        "endpoints",
        "endpoints/leaky",
        "endpoints/leaky/deployments",
        "events",
        "logs/leaky",
        "audit",
        "status",
    ):
        clean(get(f"{control}/api/v1/{path}", site.admin), path)


def test_no_process_has_it_in_its_arguments_and_none_but_replicas_in_its_environment(site: Installation) -> None:
    state = json.loads(site.run("status", "-o", "json").out)
    for pid in (state["pid"], *state["children"].values()):
        clean(Path(f"/proc/{pid}/environ").read_bytes().decode("latin-1"), pid)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            clean(path.read_bytes().decode("latin-1"), path)
        except OSError:
            continue
