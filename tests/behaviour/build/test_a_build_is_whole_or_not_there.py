"""Killed at any moment, run twice at once, on a full disk: a build leaves no half revision, and the next works."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hotplate.build import environment, staging, store
from hotplate.errors import DiskFull, SettingError


def start(site, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hotplate.build", str(site.root), *words],
        env={**os.environ, "HOTPLATE_HOME": str(site.home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def assert_whole(site) -> None:
    for folder in site.home.revisions.glob("*/"):
        if not folder.name.startswith("."):
            revision = store.read(site.home, folder.name)
            assert Path(revision.root, "service.py").is_file()
            assert Path(revision.python).exists()
    for folder in site.home.environments.glob("*/"):
        if not folder.name.startswith(".") and folder.name != "locks":
            assert environment.is_whole(site.home, folder.name)


def test_killed_at_any_step_nothing_half_is_there(site):
    """Each build is killed after another one of its words, or a little later."""
    site.service("import six\n", **{"requirements.txt": "six==1.16.0\n"})
    chance = random.Random(4)
    for after in range(1, 7):
        process = start(site)
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        time.sleep(chance.random() * 0.3)  # somewhere inside of the step
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert_whole(site)
    built = site.build()
    assert Path(built.revision.python).exists()
    staging.sweep(site.home.revisions)
    staging.sweep(site.home.environments)
    assert site.leftovers() == []
    assert_whole(site)


def test_builds_of_the_same_project_at_once_agree(site):
    site.service("import six\n", **{"requirements.txt": "six==1.16.0\n"})
    processes = [start(site) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda process: process.communicate(timeout=110)[0], processes))
    assert [process.returncode for process in processes] == [0, 0, 0], said
    events = [json.loads(line) for text in said for line in text.splitlines()]
    digests = {event["revision"] for event in events if event["event"] == "built"}
    assert len(digests) == 1
    assert site.leftovers() == []
    assert_whole(site)
    installed = [event for event in events if event.get("text", "").startswith("Installing")]
    waited = [event for event in events if "waiting for it" in event.get("text", "")]
    assert len(installed) - len(waited) == 1, "one builds the environment, the others wait for it or find it"


def can_mount() -> bool:
    words = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=30).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux" or not can_mount(), reason="no small disk can be mounted here")
@pytest.mark.parametrize(("packages", "size"), [("", "200k"), ("six==1.16.0\n", "3m")])
def test_a_full_disk_is_said_and_leaves_what_was_there(site, packages, size):
    """First there is no room for the files, then none for the environment, where it is uv who says so."""
    site.service(**{"requirements.txt": packages, "data.bin": "" if packages else "x" * 400_000})
    site.home.root.mkdir()
    script = 'mount -t tmpfs -o size="$1" tmpfs "$2"; shift 2; "$@"; code=$?; ls -A "$HOTPLATE_HOME"/re*; exit $code'
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", size, str(site.home.root)),
            *(sys.executable, "-m", "hotplate.build", str(site.root)),
        ],
        env={**os.environ, "HOTPLATE_HOME": str(site.home.root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 1, done.stderr
    (*events,) = (json.loads(line) for line in done.stdout.splitlines())  # no name of a folder follows: nothing is left
    assert events[-1]["code"] == "disk_full", events[-1]
    assert "full" in events[-1]["message"]


def test_uvs_word_for_a_full_disk_is_understood(monkeypatch, tmp_path):
    from hotplate.build import uv

    fake = tmp_path / "uv"
    fake.write_text("#!/bin/sh\necho 'error: failed to write: No space left on device (os error 28)' >&2\nexit 2\n")
    fake.chmod(0o755)
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(fake))
    with pytest.raises(DiskFull):
        uv.run("venv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_is_closed_is_said_to_be(site):
    site.service()
    site.home.root.mkdir(mode=0o500)
    with pytest.raises(SettingError, match="cannot be written"):
        site.build()


def test_a_revision_whose_folder_was_damaged_is_not_believed(site):
    site.service()
    digest = site.build().revision.digest
    folder = site.home.revisions / digest
    (folder / "revision.json").unlink()
    built = site.build()
    assert not built.reused
    assert (folder / "revision.json").is_file()


def test_files_of_a_revision_that_were_damaged_are_put_back_where_they_were(site):
    site.service(**{"data.txt": "one", "weights.bin": "w" * (2 << 20), "sub/more.txt": "more"})
    first = site.build()
    files = Path(first.revision.root)
    before = {path: path.read_bytes() for path in files.rglob("*.*")}
    place = files.stat().st_ino
    (files / "service.py").unlink()
    (files / "data.txt").chmod(0o600)
    (files / "data.txt").write_text("two")
    (files / "weights.bin").chmod(0o600)
    (files / "weights.bin").write_bytes(b"")
    (files / "sub/more.txt").unlink()
    (files / "sub/more.txt").mkdir()
    (files / "written by the model").touch()
    again = site.build()
    assert again.reused
    assert again.revision == first.revision
    assert {path: path.read_bytes() for path in files.rglob("*.*")} == before
    assert files.stat().st_ino == place, "replicas run in it"
    assert (files / "written by the model").exists()
    assert not list(site.home.revisions.glob(".building-*"))
