"""Where a model's code comes from: addresses are checked before git sees them, and a fetch is private and shallow."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from hotplate.cli import model_source
from hotplate.cli.model_source import Repository, environment, open_source, parse
from hotplate.errors import SettingError

FLAG = "--git-uri"


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *settings, "-C", str(folder), *words],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1"},
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository with two commits on main, a tag at the first, and a branch."""
    folder = tmp_path / "project.git"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "predict.py").write_text("VERSION = 1\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "model.py").write_text("DEEP = True\n")
    (folder / "out").symlink_to("/etc")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    git(folder, "tag", "v1")
    git(folder, "checkout", "--quiet", "-b", "next/step")
    (folder / "predict.py").write_text("VERSION = 3\n")
    git(folder, "commit", "--quiet", "-am", "three")
    git(folder, "checkout", "--quiet", "main")
    (folder / "predict.py").write_text("VERSION = 2\n")
    git(folder, "commit", "--quiet", "-am", "two")
    return folder


def url(folder: Path) -> str:
    return f"file://{folder}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://github.com/a/b.git", Repository("https://github.com/a/b.git")),
        ("git+https://github.com/a/b.git", Repository("https://github.com/a/b.git")),
        ("git+https://github.com/a/b@v1.2", Repository("https://github.com/a/b", "v1.2")),
        ("git+https://github.com/a/b@feature/x", Repository("https://github.com/a/b", "feature/x")),
        ("git+https://u:p@host:8443/a/b@main", Repository("https://u:p@host:8443/a/b", "main")),
        ("git+ssh://git@host/a/b.git", Repository("ssh://git@host/a/b.git")),
        ("git+file:///srv/b.git#subdirectory=models/x", Repository("file:///srv/b.git", "HEAD", "models/x")),
        ("git@github.com:a/b.git", Repository("git@github.com:a/b.git")),
        ("file:///srv/b.git", Repository("file:///srv/b.git")),
        ("models/b", None),
        (".", None),
    ],
)
def test_an_address_is_read(text, found):
    assert parse(text, FLAG) == found


@pytest.mark.parametrize(
    "text",
    [
        "http://host/a/b",
        "git://host/a/b",
        "ext::sh -c touch% /tmp/x",
        "git+ext::sh",
        "git+--upload-pack=touch",
        "git+ssh://-oProxyCommand=touch/a",
        "ssh://-oProxyCommand=touch%20x/a",
        "git+ssh://-x@host/a",
        "https:///a/b",
        "https://host",
        "https://host/a%0ab",
        "https://host/a b",
        "file://host/a",
        "file://a",
        "git+https://host/a/b@-upload",
        "git+https://host/a/b@--output=x",
        "git+https://host/a/b@a..b",
        "git+https://host/a/b#subdirectory=../x",
        "git+https://host/a/b#subdirectory=/etc",
        "git+https://host/a/b#egg=x",
        "https://[::1/a",
    ],
)
def test_what_is_no_address_never_reaches_git(text, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("git was started"))
    with pytest.raises(SettingError) as raised:
        open_source(text, FLAG)
    assert raised.value.source == FLAG
    assert raised.value.hint


@pytest.mark.parametrize("text", ["git@-oProxyCommand=x:a", "-x@host:a", "--upload-pack=touch", "git@host:-x"])
def test_what_looks_like_an_option_is_at_most_a_folder(text):
    assert parse(text, FLAG) is None


def test_the_newest_commit_is_fetched_alone_into_a_private_folder(repository):
    folder = open_source(url(repository), FLAG)
    assert (folder / "predict.py").read_text() == "VERSION = 2\n"
    assert folder.name == "project"
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert git(folder, "rev-list", "--count", "HEAD") == "1"


@pytest.mark.parametrize(("ref", "version"), [("v1", 1), ("next/step", 3), ("main", 2)])
def test_a_branch_or_a_tag_is_named_after_the_address(repository, ref, version):
    folder = open_source(f"git+{url(repository)}@{ref}", FLAG)
    assert (folder / "predict.py").read_text() == f"VERSION = {version}\n"


def test_a_commit_is_named_after_the_address(repository):
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    commit = git(repository, "rev-parse", "v1")
    assert (open_source(f"git+{url(repository)}@{commit}", FLAG) / "predict.py").read_text() == "VERSION = 1\n"


def test_a_folder_of_a_repository_is_the_project(repository):
    assert (open_source(f"git+{url(repository)}#subdirectory=deep", FLAG) / "model.py").is_file()
    for wrong in ("nowhere", "out", "predict.py"):  # the second is a link that leads out of it
        with pytest.raises(SettingError, match="has no folder"):
            open_source(f"git+{url(repository)}#subdirectory={wrong}", FLAG)


def test_a_folder_is_itself(tmp_path):
    assert open_source(str(tmp_path), FLAG) == tmp_path
    with pytest.raises(SettingError, match="There is no folder"):
        open_source(str(tmp_path / "nowhere"), FLAG)


def test_what_git_says_is_told_without_the_password(tmp_path):
    with pytest.raises(SettingError) as raised:
        open_source("git+https://me:hunter@2@127.0.0.1:1/a/b.git@main", FLAG)
    assert "git cannot fetch main of https://***@127.0.0.1:1/a/b.git" in raised.value.message
    assert "hunter" not in raised.value.message
    with pytest.raises(SettingError, match="does not (exist|appear)"):
        open_source(url(tmp_path / "nowhere"), FLAG)


def test_no_hook_runs(repository, tmp_path, monkeypatch):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "post-checkout").chmod(0o755)
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    (template / "post-checkout").write_bytes((hooks / "post-checkout").read_bytes())
    (template / "post-checkout").chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[core]\nhooksPath = {hooks}\n[init]\ntemplateDir = {template.parent}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    open_source(url(repository), FLAG)
    assert not (tmp_path / "ran").exists()


def test_another_repository_of_the_environment_is_not_touched(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    assert (open_source(url(repository), FLAG) / "predict.py").is_file()
    assert not (tmp_path / "other").exists()


def test_git_asks_nobody_and_uses_no_other_protocol():
    made = environment({"GIT_DIR": "x", "GIT_SSH_COMMAND": "ssh -i key", "GIT_ALLOW_PROTOCOL": "ext"})
    assert made["GIT_TERMINAL_PROMPT"] == "0"
    assert made["GIT_ALLOW_PROTOCOL"] == "https:ssh:file"
    assert made["GIT_SSH_COMMAND"] == "ssh -i key"
    assert "GIT_DIR" not in made
    assert "BatchMode=yes" in environment({})["GIT_SSH_COMMAND"]


def test_without_git_a_sentence_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(model_source, "environment", lambda _: {"PATH": "/nowhere"})
    with pytest.raises(SettingError, match="git is not installed"):
        open_source("https://host/a/b", FLAG)
