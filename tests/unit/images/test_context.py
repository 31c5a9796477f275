"""What a builder is sent: the same bytes for the same revision, and nothing from outside it."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace

import pytest

from hotplate.images.context import write
from hotplate.images.plan import SERVER, ImagePlan, Packages


@pytest.fixture
def plan(tmp_path):
    files = tmp_path / "files"
    (files / "deep").mkdir(parents=True)
    (files / "service.py").write_text("x = 1\n")
    (files / "deep" / "run.sh").write_text("#!/bin/sh\n")
    (files / "deep" / "run.sh").chmod(0o500)
    package = tmp_path / "package"
    for name in ("control", "worker", "__pycache__"):
        (package / name).mkdir(parents=True)
        (package / name / "x.py").write_text("")
    (tmp_path / "uv").write_text("binary")
    return ImagePlan(
        base="python:3.12-slim",
        python="3.12",
        platform="linux/amd64",
        server=Packages(path=SERVER, lock=("lock",)),
        hotplate=package,
        files=files,
        record=b"{}",
    )


def packed(plan: ImagePlan, dockerfile: str = "FROM x", *, own: bool = False) -> bytes:
    target = io.BytesIO()
    write(target, plan, dockerfile, plan.files.parent / "uv", own=own)
    return target.getvalue()


def names(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar}


def test_it_is_the_same_wherever_and_whenever_it_is_made(plan, tmp_path):
    first = packed(plan)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = plan.files.rename(elsewhere / "files")
    (elsewhere / "uv").write_text("binary")
    for path in moved.rglob("*"):
        os.utime(path, (1, 1))
    assert packed(replace(plan, files=moved)) == first


def test_what_python_leaves_beside_files_that_were_run_stays_out(plan):
    (plan.files / "Dockerfile").write_text("FROM x")
    first = packed(plan, "COPY app/ .", own=True)
    for folder in (plan.files, plan.files / "deep"):
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "service.cpython-311.pyc").write_bytes(b"of this machine")
    assert packed(plan, "COPY app/ .", own=True) == first


def test_everybody_may_read_it_and_nobody_else_owns_it(plan):
    for member in names(packed(plan)).values():
        assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
        assert member.mode & 0o444 == 0o444
    assert names(packed(plan))[".hotplate/files/deep/run.sh"].mode == 0o755


def test_links_and_what_an_image_never_runs_stay_out(plan):
    (plan.files / "link").symlink_to("/etc/passwd")
    (plan.files / "folder").symlink_to("/etc")
    found = names(packed(plan))
    assert not [name for name in found if "link" in name or "folder" in name]
    assert ".hotplate/hotplate/worker/x.py" in found
    assert not [name for name in found if name.startswith((".hotplate/hotplate/control", ".hotplate/hotplate/__py"))]


def test_a_dockerfile_of_the_projects_own_finds_the_files_where_it_looks(plan):
    (plan.files / "Dockerfile").write_text("old")
    found = names(packed(plan, "FROM x\nCOPY app/service.py .\n", own=True))
    assert {"service.py", "app/service.py", "deep/run.sh", ".hotplate/files/service.py", "Dockerfile"} <= found.keys()
    assert list(found).count("Dockerfile") == 1
    assert "service.py" not in names(packed(plan))
