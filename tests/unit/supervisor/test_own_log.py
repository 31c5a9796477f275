"""The log of a detached supervisor is put aside when it is large, while other processes go on writing to it."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from hotplate.deployment.home import Home
from hotplate.supervisor.own_log import FILES, OwnLog
from hotplate.supervisor.unit import unit


def test_it_is_kept_small_and_writers_notice_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    own = OwnLog(home, file_bytes=1000)
    assert not own.in_use
    own.keep_small()  # there is none
    with own.path.open("ab", buffering=0) as writer:
        for number in range(FILES + 3):
            writer.write(f"first line of {number}\n".encode() + b"x" * 1000)
            own.keep_small()
            assert own.path.stat().st_size == 0
        writer.write(b"small")
        own.keep_small()
    assert own.path.read_bytes() == b"small"
    kept = sorted(path.name for path in own.path.parent.iterdir())
    assert kept == ["up.log", *(f"up.log.{number}" for number in range(1, FILES + 1))]
    assert own._older(1).read_bytes().startswith(f"first line of {FILES + 2}\n".encode())
    assert own._older(FILES).read_bytes().startswith(b"first line of 3\n")
    assert own._older(1).stat().st_mode & 0o077 == 0


def test_a_full_disk_is_no_reason_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    OwnLog(Home(tmp_path / "nowhere")).keep_small()
    home = Home(tmp_path)
    home.make()
    own = OwnLog(home, file_bytes=1)
    own.path.write_bytes(b"text")
    monkeypatch.setattr("hotplate.supervisor.own_log.shutil.copyfile", full)
    own.keep_small()
    assert own.path.read_bytes() == b"text"


def test_the_unit_hands_over_its_group_and_hides_no_home(tmp_path: Path) -> None:
    lines = unit(Home(Path("/srv/models/.hotplate")), []).splitlines()
    assert "Delegate=yes" in lines
    assert ("PrivateTmp=yes" in lines) or sys.prefix.startswith(("/tmp", "/var/tmp"))
    for place in ("/tmp/home", "/var/tmp/x/y"):
        assert "PrivateTmp=no" in unit(Home(Path(place)), []).splitlines()
