"""Records that were lost, that are damaged or older than what is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from control_rig import make_revision

from hotplate.control.deployments import Deploy, deploy
from hotplate.control.joining import greet
from hotplate.control.losses import check_not_lost
from hotplate.control.plane import ITSELF, open_plane
from hotplate.deployment.home import Home
from hotplate.errors import PlatformError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One endpoint, `one`, in records of which all but nothing is still in the WAL, as after a power cut."""
    home = Home(tmp_path / "home")
    home.make()
    plane = open_plane(home)
    check_not_lost(plane)
    greet(plane)
    deploy(plane, ITSELF, "one", Deploy(revision=make_revision(home, "a" * 64), settings={}))
    kept = {path: path.read_bytes() for path in home.root.glob("control.db*")}
    plane.database.close()
    for path, data in kept.items():
        path.write_bytes(data)
    return home


def look(home: Home) -> None:
    plane = open_plane(home)
    try:
        check_not_lost(plane)
    finally:
        plane.database.close()


def test_what_is_there_is_taken(home: Home) -> None:
    look(home)


@pytest.mark.parametrize("how", ["removed", "emptied", "copied without its WAL"])
def test_an_empty_database_is_not_believed(home: Home, how: str) -> None:
    for path in home.root.glob("control.db*"):
        if how == "removed" or path != home.control_db:
            path.unlink()
        elif how == "emptied":
            path.write_bytes(b"")
    with pytest.raises(PlatformError, match="is empty, though one is served") as caught:
        look(home)
    for said in (home.control_db, "from a backup", home.snapshot):
        assert str(said) in str(caught.value)
    home.snapshot.unlink()
    look(home)


def test_a_damaged_database_is_named(home: Home) -> None:
    look(home)
    whole = home.control_db.read_bytes()
    for at in (0, 4096):
        home.control_db.write_bytes(whole[:at] + b"\xff" * (len(whole) - at))
        with pytest.raises(PlatformError, match=r"control\.db is damaged .* from a backup"):
            look(home)


def test_an_older_database_is_served_and_that_is_said(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    look(home)
    older = home.control_db.read_bytes()
    plane = open_plane(home)
    deploy(plane, ITSELF, "two", Deploy(revision="a" * 64, settings={}))
    plane.database.close()
    home.control_db.write_bytes(older)
    look(home)
    assert f"{home.control_db} is older than what was served" in capfd.readouterr().err
