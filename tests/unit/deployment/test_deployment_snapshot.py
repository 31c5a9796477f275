from __future__ import annotations

from pathlib import Path

import pytest

from hotplate.contract import Contract
from hotplate.deployment import snapshot
from hotplate.deployment.home import Home, write_whole
from hotplate.deployment.records import EndpointSpec, Revision, Share, Snapshot, TokenSpec
from hotplate.errors import PlatformError

REVISION = Revision(
    digest="ab", root="/r", python="/p", dialect="service", entry="service:S", contract=Contract(dialect="", entry="")
)
FULL = Snapshot(
    number=3,
    endpoints=(
        EndpointSpec(name="a", generation=1, revisions=(REVISION,), traffic=(Share(revision="ab", percent=100),)),
    ),
    tokens=(TokenSpec(id="t", hash="h", scopes=("invoke",)),),
)


def test_what_is_published_is_what_is_read(tmp_path: Path) -> None:
    snapshot.write(tmp_path / "s", FULL)
    assert snapshot.read(tmp_path / "s") == FULL
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["s"]


def test_none_yet_is_an_empty_one(tmp_path: Path) -> None:
    assert snapshot.read(tmp_path / "s") == Snapshot(number=0)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"number":1,"format":2}', b"\xff"])
def test_one_that_cannot_be_read_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(PlatformError, match="snapshot"):
        snapshot.read(tmp_path / "s")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "s", b"old")

    def no_replace(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "replace", no_replace)
    with pytest.raises(OSError):
        write_whole(tmp_path / "s", b"new")
    assert (tmp_path / "s").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_home_is_closed_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    home.make()
    assert {each.stat().st_mode & 0o777 for each in (home.root, *home.root.iterdir())} == {0o700}
