"""Volumes with their files, logins to registries, and the GPUs of the machine: what is done in a page is done."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from control_rig import running_control, short_home
from dashboard_calls import Guest
from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect

RECORDED = """\
0, GPU-5fd4f0a1-7c1e-2f55-9e1b-0d0f9b5f2a11, NVIDIA A100-SXM4-40GB, 37, 1024, 40960, 45, 132.45
1, GPU-9b0c1d2e-1111-2222-3333-444455556666, Tesla <b>K80</b>, [N/A], 11, 11441, 31, [Not Supported]
"""
"""What `nvidia-smi --query-gpu=… --format=csv,noheader,nounits` printed, with another name for the second."""


def test_a_file_is_put_into_a_volume_found_and_taken_out(admin: Visitor, site: Installation, tmp_path: Path) -> None:
    body = bytes(range(256)) * 40_000
    (tmp_path / "weights é.bin").write_bytes(body)
    page = admin.go("/ui/volumes")
    page.get_by_label("New volume").fill("shelf")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status")).to_contain_text("shelf is made")
    (tmp_path / "note.txt").write_text("inside")
    site.run("volume", "cp", str(tmp_path / "note.txt"), "shelf:deep/er/note.txt")
    page.reload()
    page.get_by_label("Put a file here").set_input_files(tmp_path / "weights é.bin")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("status")).to_contain_text("weights é.bin is stored")
    admin.picture("volume")
    listed = site.run("volume", "ls", "shelf", "-o", "json").json()
    assert {each["name"] for each in listed} == {"deep", "weights é.bin"}
    with page.expect_download() as coming:
        page.get_by_role("link", name="weights é.bin").click()
    assert coming.value.suggested_filename == "weights é.bin"
    assert hashlib.sha256(Path(coming.value.path()).read_bytes()).digest() == hashlib.sha256(body).digest()
    for folder in ("deep/", "er/"):
        page.get_by_role("link", name=folder).click()
    expect(page.get_by_role("navigation", name="Folder")).to_contain_text("shelf / deep / er")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("row", name=re.compile("note.txt")).get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("note.txt is removed")
    page = admin.go("/ui/volumes/shelf")
    page.get_by_label("Type its name").fill("shelf")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("shelf is deleted")
    assert "shelf" not in site.run("volume", "list").out


def test_a_login_to_a_registry_is_kept_changed_and_forgotten(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/registries")
    page.get_by_label("Name", exact=True).fill("GHCR")
    page.get_by_label("Registry", exact=True).fill("ghcr.io")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password or token", exact=True).fill("a token of mine")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("status")).to_contain_text("GHCR is kept")
    table = page.get_by_role("region", name="Registries")
    expect(table).to_contain_text("ghcr.io")
    assert "a token of mine" not in page.content()
    before = site.run("regcred", "get", "--name", "GHCR", "-o", "json").json()
    assert (before["registry"], before["username"]) == ("ghcr.io", "ann")
    admin.picture("registries")
    table.get_by_label("New token of GHCR").fill("another token")
    row = table.get_by_role("row", name=re.compile("GHCR"))
    row.get_by_role("button", name="Set").click()
    expect(page.get_by_role("status")).to_contain_text("another token")
    after = site.run("regcred", "get", "--name", "GHCR", "-o", "json").json()
    assert after["fingerprint"] != before["fingerprint"]
    page.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("GHCR is deleted")
    assert "GHCR" not in site.run("regcred", "list").out


def test_the_machine_shows_what_its_gpus_do(tmp_path: Path, monkeypatch) -> None:
    """A stand-in for NVIDIA's command, which prints what the real one printed."""
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\ncat <<'END'\n{RECORDED}END\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with short_home() as home, running_control(home) as control:
        page = Guest(control).sign_in(control.token("read")).get("/ui/machine").body.decode()
    text = re.sub(r"<[^>]+>", " ", page[page.index("<h2>GPUs</h2>") :])
    first, second = re.findall(r"(A100.*?GPU-5fd4f0a1|K80.*?GPU-9b0c1d2e)", re.sub(r"\s+", " ", text))
    assert first.split()[1:8] == ["37", "%", "1.1", "GB", "42.9", "GB", "45"]
    assert "– " in second and "31" in second
    assert "Tesla &lt;b&gt;K80&lt;/b&gt;" in page
    assert "&#34;GPU 0&#34;" in page  # the chart of their use
