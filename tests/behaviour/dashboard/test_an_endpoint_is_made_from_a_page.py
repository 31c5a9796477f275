"""Create: from a folder, from functions with routes, from an upload; a project that fails says why."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import zipfile
from pathlib import Path

import pytest
from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect
from serving import write_project

SHOUTER = """
from hotplate import Service


class Shouter(Service):
    def infer(self, text: str) -> str:
        return text.upper()
"""
MODEL = "def shout(text: str, times: int = 1) -> str:\n    return (text.upper() + '!') * times\n"


def test_from_a_folder_with_settings(admin: Visitor, site: Installation, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "shouter", {"service.py": SHOUTER})
    page = admin.go("/ui/new")
    page.locator("[name=folder]").fill(str(folder))
    page.get_by_label("Name", exact=True).fill("shouter")
    page.get_by_label("At most").fill("2")
    shown = page.locator("#command").inner_text()
    assert shlex.split(shown.replace("\\\n", "")) == [
        "hotplate",
        "deploy",
        str(folder),
        "--name",
        "shouter",
        "--max-replicas",
        "2",
    ]
    admin.picture("create")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name="Open shouter")).to_be_visible()
    assert page.locator("pre").first.inner_text() == shown.replace(" \\\n ", "")
    admin.picture("create-done")
    page.get_by_role("link", name="Open shouter").click()
    expect(page.get_by_role("heading", name=re.compile("shouter"))).to_be_visible()
    assert site.call("/shouter/infer", {"text": "plate"}, site.admin)[1]["output"] == "PLATE"
    assert site.run("endpoint", "get", "--name", "shouter", "-o", "json").json()["max_replicas"] == 2


def test_from_functions_with_routes(admin: Visitor, site: Installation, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "plain", {"predict.py": MODEL})
    page = admin.go("/ui/new")
    page.locator("[name=folder]").fill(str(folder))
    page.get_by_label("Name", exact=True).fill("functions")
    page.get_by_role("button", name="Add route").click()
    page.get_by_label("File name").fill("predict")
    page.get_by_label("Function name").fill("shout")
    for name, kind in (("text", "str"), ("times", "int")):
        page.get_by_role("button", name="Add parameter").click()
        row = page.locator(".parameter").last
        row.get_by_label("Name").fill(name)
        row.get_by_label("Data type").select_option(kind)
    row = page.locator(".parameter").last
    row.get_by_label("Optional").check()
    row.get_by_label("Default value").fill("2")
    admin.picture("create-routes")
    words = shlex.split(page.locator("#command").inner_text().replace("\\\n", ""))
    route = json.loads(words[words.index("--route") + 1])
    assert route["body"] == [
        {"name": "text", "type": "str"},
        {"name": "times", "type": "int", "optional": True, "default_value": "2"},
    ]
    written = page.locator("#yaml").inner_text()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name="Open functions")).to_be_visible()
    assert site.call("/functions/predict", {"text": "a"}, site.admin) == (200, "A!A!")
    (folder / "hotplate.yaml").write_text(written)
    inspected = site.run("inspect", str(folder)).out
    assert "/predict" in inspected and "shout" in inspected


def test_from_an_upload(admin: Visitor, site: Installation) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("echo/service.py", SHOUTER)
    page = admin.go("/ui/new")
    page.get_by_label("An upload").check()
    page.get_by_label("Archive").set_input_files(
        {"name": "echo.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    )
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name="Open echo")).to_be_visible()
    assert site.call("/echo/infer", {"text": "up"}, site.admin)[1]["output"] == "UP"
    assert list((site.root / "run").glob("upload-*")) == []


def test_what_cannot_be_built_says_why(admin: Visitor, site: Installation, tmp_path: Path) -> None:
    page = admin.go("/ui/new")
    page.locator("[name=folder]").fill("not/whole")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("whole path")
    folder = write_project(tmp_path / "wrong", {"service.py": "import no_such_module\n"})
    page.locator("[name=folder]").fill(str(folder))
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("#live_state")).to_contain_text("failed")
    expect(page.locator(".said")).to_contain_text("error:")


def test_a_dangerous_archive_is_refused(admin: Visitor, site: Installation) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../escaped.py", "x = 1\n")
    page = admin.go("/ui/new")
    page.get_by_label("An upload").check()
    page.get_by_label("Archive").set_input_files(
        {"name": "bad.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    )
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert list((site.root / "run").glob("**/escaped.py")) == []


def test_from_a_branch_and_a_folder_of_a_git_repository(admin: Visitor, site: Installation, tmp_path: Path) -> None:
    origin = write_project(tmp_path / "origin", {"README.md": "Models.", "models/loud/service.py": SHOUTER})
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=trunk")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "One"), ("branch", "ready")):
        subprocess.run(["git", *who, *words], cwd=origin, check=True)
    (origin / "models/loud/service.py").write_text("raise SystemExit('the wrong branch')\n")
    subprocess.run(["git", *who, "commit", "-qam", "Two"], cwd=origin, check=True)
    address = f"git+file://{origin}@ready#subdirectory=models/loud"
    page = admin.go("/ui/new")
    page.get_by_label("A git repository").check()
    page.locator("[name=git]").fill(address)
    page.get_by_label("Name", exact=True).fill("from-git")
    shown = shlex.split(page.locator("#command").inner_text().replace("\\\n", ""))
    assert shown == ["hotplate", "deploy", "--model", address, "--name", "from-git"]
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name="Open from-git")).to_be_visible(timeout=60_000)
    assert site.call("/from-git/infer", {"text": "git"}, site.admin)[1]["output"] == "GIT"


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c touch% {mark}",
        "git+ext::sh -c touch% {mark}",
        "fd::17",
        "--upload-pack=touch {mark}",
        "git+http://127.0.0.1/project.git",
        "/etc",
        "https://-oProxyCommand=touch {mark}/x.git",
        "git+file:///tmp@--upload-pack=touch {mark}",
    ],
)
def test_an_address_that_is_more_than_one_is_refused(admin: Visitor, tmp_path: Path, address: str) -> None:
    mark = tmp_path / "touched"
    page = admin.go("/ui/new")
    page.get_by_label("A git repository").check()
    page.locator("[name=git]").fill(address.replace("{mark}", str(mark)))
    page.get_by_role("button", name="Create", exact=True).click()
    told = page.get_by_role("alert").or_(page.locator("#live_state .pill", has_text="failed"))
    expect(told.first).to_be_visible()
    assert not mark.exists()
