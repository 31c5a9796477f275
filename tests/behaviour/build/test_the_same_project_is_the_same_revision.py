"""A revision is named by what it holds: not by where the project lies, when it was written, or who builds it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from hotplate.deployment.home import Home


def test_the_second_build_finds_the_first(site):
    site.service()
    first, second = site.build(), site.build()
    assert (first.reused, second.reused) == (False, True)
    assert second.revision == first.revision
    assert second.seconds < first.seconds


def test_neither_place_nor_dates_nor_home_count(site, tmp_path):
    site.service(**{"data.txt": "one"})
    first = site.build()
    elsewhere = tmp_path / "a" / "b" / "other-name"
    shutil.copytree(site.root, elsewhere)
    for path in elsewhere.rglob("*"):
        os.utime(path, (time.time() - 1e6, time.time() - 1e6))
    second = site.build(root=elsewhere, home=Home(tmp_path / "second-home"))
    assert second.revision.digest == first.revision.digest
    assert second.revision.contract == first.revision.contract


def test_content_names_and_the_executable_bit_do(site):
    site.service(**{"data.txt": "one"})
    digests = {site.build().revision.digest}
    site.write("data.txt", "two")
    digests.add(site.build().revision.digest)
    (site.root / "data.txt").rename(site.root / "date.txt")
    digests.add(site.build().revision.digest)
    (site.root / "date.txt").chmod(0o755)
    digests.add(site.build().revision.digest)
    assert len(digests) == 4


def test_what_is_left_out_does_not(site):
    site.service()
    first = site.build()
    site.write(".git/HEAD", "ref: refs/heads/main")
    site.write("__pycache__/x.pyc", "x")
    assert site.build().revision.digest == first.revision.digest


def test_another_home_locks_pinned_packages_alike(site, tmp_path):
    site.service("import six\n", **{"requirements.txt": "six==1.16.0\n"})
    first = site.build()
    second = site.build(home=Home(tmp_path / "second-home"))
    assert second.revision.digest == first.revision.digest
    assert second.revision.environment == first.revision.environment


def test_a_revision_is_not_changed_by_what_happens_to_the_project(site):
    site.service(**{"data.txt": "one"})
    built = site.build()
    site.write("data.txt", "two")
    copy = Path(built.revision.root) / "data.txt"
    assert copy.read_text() == "one"
    assert not copy.stat().st_mode & 0o222


def test_large_files_are_kept_once(site):
    from hotplate.build.prune import prune

    site.service(**{"weights.bin": "w" * (2 << 20)})
    first = Path(site.build().revision.root)
    site.write("service.py", (site.root / "service.py").read_text() + "\n# changed\n")
    second = Path(site.build().revision.root)
    assert (first / "weights.bin").samefile(second / "weights.bin")
    assert not (first / "service.py").samefile(second / "service.py")
    damaged = second / "weights.bin"
    damaged.chmod(0o600)
    damaged.write_bytes(b"x" * (2 << 20))
    site.write("service.py", (site.root / "service.py").read_text() + "\n# again\n")
    third = Path(site.build().revision.root)
    assert (third / "weights.bin").read_bytes() == b"w" * (2 << 20), "what was damaged is not handed on"
    prune(site.home, [], keep_s=-1)
    assert [path for path in site.home.revisions.rglob("*") if path.is_file()] == []
