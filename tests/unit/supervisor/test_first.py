"""What a start makes where it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotplate.deployment import tokens
from hotplate.deployment.home import Home
from hotplate.supervisor.first import make_installation


def test_what_is_there_stays(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert make_installation(home)
    before = home.admin_token.read_bytes(), home.key.read_bytes()
    assert not make_installation(home)
    assert (home.admin_token.read_bytes(), home.key.read_bytes()) == before


@pytest.mark.parametrize("damage", [b"", b"\n", b"hp_\n", b"\xff\xfe"])
def test_a_file_without_a_token_gets_one(tmp_path: Path, damage: bytes) -> None:
    home = Home(tmp_path / "home")
    make_installation(home)
    home.admin_token.write_bytes(damage)
    assert make_installation(home)
    assert tokens.split(home.admin_token.read_text().strip())
    assert home.admin_token.stat().st_mode & 0o777 == 0o600
