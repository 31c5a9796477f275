"""What nothing names goes; what an endpoint, the snapshot or a build under way needs stays."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hotplate.build import store
from hotplate.build.prune import KEEP_S, prune
from hotplate.build.staging import Staging, keep_fresh
from hotplate.contract import Contract
from hotplate.control.named import named_revisions
from hotplate.control.sqlite import SqliteDatabase
from hotplate.deployment import snapshot
from hotplate.deployment.attachment import RECORD
from hotplate.deployment.records import EndpointSpec, Revision, Share, Snapshot
from hotplate.errors import PlatformError


def revision(site, digest: str, env: str = "") -> Revision:
    folder = site.home.revisions / digest
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "service.py").write_text("x" * 8192)
    made = Revision(
        digest=digest,
        root=str(folder / "files"),
        python=sys.executable,
        dialect="service",
        entry="service:M",
        environment=env,
        contract=Contract(dialect="service", entry="service:M"),
    )
    store.write(folder, made)
    if env:
        place = site.home.environments / env
        place.mkdir(exist_ok=True)
        (place / RECORD).write_text("{}")
    return made


def age(*folders: Path) -> None:
    for folder in folders:
        os.utime(folder, (1, 1))


def old(site, digest: str, env: str = "") -> Revision:
    made = revision(site, digest, env)
    age(site.home.revisions / digest, *([site.home.environments / env] if env else []))
    return made


def test_only_what_is_named_stays(site):
    site.home.make()
    old(site, "kept", "env-kept")
    old(site, "gone", "env-gone")
    found = prune(site.home, ["kept"])
    assert (found.revisions, found.environments) == (("gone",), ("env-gone",))
    assert found.freed_bytes >= 8192
    assert [one.digest for one in store.every(site.home)] == ["kept"]
    assert sorted(path.name for path in site.home.environments.iterdir() if path.is_dir()) == ["env-kept"]


def test_an_environment_stays_as_long_as_a_revision_has_it(site):
    site.home.make()
    old(site, "kept", "shared")
    old(site, "gone", "shared")
    assert prune(site.home, ["kept"]).environments == ()


def test_what_was_built_just_now_stays(site):
    site.home.make()
    revision(site, "new", "env")
    assert prune(site.home, []).revisions == ()
    assert prune(site.home, [], now=(site.home.revisions / "new").stat().st_mtime + KEEP_S + 1).revisions == ("new",)


def test_what_the_snapshot_names_stays(site):
    site.home.make()
    served = old(site, "served")
    endpoint = EndpointSpec(
        name="a", generation=1, revisions=(served,), traffic=(Share(revision="served", percent=100),)
    )
    snapshot.write(site.home.snapshot, Snapshot(number=1, endpoints=(endpoint,)))
    assert prune(site.home, []).revisions == ()


def test_what_the_database_names_stays_and_the_command_says_what_went(site):
    site.home.make()
    old(site, "kept")
    old(site, "gone")
    database = SqliteDatabase(site.home.control_db)
    with database.transaction():
        database.run(
            "INSERT INTO endpoints (name, settings, generation, created_at, updated_at) VALUES ('a', '{}', 1, 0, 0)"
        )
        database.run("INSERT INTO revisions VALUES ('a', 1, 'kept', 0, '')")
    assert named_revisions(site.home) == {"kept"}
    done = site.command("hotplate.cli", "prune")
    assert done.stdout.startswith("Removed 1 revisions and 0 environments")
    assert [one.digest for one in store.every(site.home)] == ["kept"]
    database.close()
    site.home.control_db.write_bytes(b"no database at all" * 100)
    with pytest.raises(PlatformError, match="nothing was removed"):
        named_revisions(site.home)


def test_nothing_deployed_names_nothing(site):
    assert named_revisions(site.home) == set()


def test_with_a_damaged_snapshot_nothing_goes(site):
    site.home.make()
    old(site, "maybe-served")
    site.home.snapshot.write_text("{")
    with pytest.raises(PlatformError, match="Nothing was removed"):
        prune(site.home, [])
    assert (site.home.revisions / "maybe-served").is_dir()


def test_what_a_died_build_left_goes_and_a_living_ones_stays(site):
    site.home.make()
    (site.home.revisions / ".building-dead" / "files").mkdir(parents=True)
    with Staging(site.home.revisions) as living:
        prune(site.home, [])
        assert living.path.is_dir()
        assert not (site.home.revisions / ".building-dead").exists()
    assert not living.path.exists()


def test_what_a_build_finds_at_the_last_moment_stays(site, monkeypatch):
    site.home.make()
    old(site, "found")
    rename = Path.rename

    def found_just_before(folder: Path, target: Path) -> Path:
        if folder.name == "found":
            keep_fresh(folder)
        return rename(folder, target)

    monkeypatch.setattr(Path, "rename", found_just_before)
    assert prune(site.home, []).revisions == ()
    assert store.read(site.home, "found").digest == "found"


def test_folders_that_were_closed_go_too(site):
    site.home.make()
    old(site, "gone")
    folder = site.home.revisions / "gone" / "files" / "closed"
    folder.mkdir()
    (folder / "a").touch()
    folder.chmod(0o500)
    age(site.home.revisions / "gone")
    assert prune(site.home, []).revisions == ("gone",)
    assert list(site.home.revisions.iterdir()) == []
