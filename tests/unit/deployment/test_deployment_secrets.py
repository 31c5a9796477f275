from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hotplate.deployment import sealed, tokens
from hotplate.errors import PlatformError, Unavailable


def test_a_sealed_value_opens_under_its_own_name_and_key_alone(tmp_path: Path) -> None:
    sealed.make_key(tmp_path / "key")
    sealed.make_key(tmp_path / "other")
    closed = sealed.seal("hunter2", "PASSWORD", tmp_path / "key")
    assert "hunter2" not in closed
    assert closed != sealed.seal("hunter2", "PASSWORD", tmp_path / "key")
    assert sealed.unseal(closed, "PASSWORD", tmp_path / "key") == "hunter2"
    for name, key in (("TOKEN", "key"), ("PASSWORD", "other")):
        with pytest.raises(PlatformError, match="cannot be opened"):
            sealed.unseal(closed, name, tmp_path / key)


def test_a_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    sealed.make_key(tmp_path / "key")
    first = (tmp_path / "key").read_bytes()
    sealed.make_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == first
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "key").write_bytes(first[1:])
    with pytest.raises(Unavailable, match="damaged"):
        sealed.seal("x", "X", tmp_path / "key")


def test_a_token_is_known_by_its_hash() -> None:
    made = tokens.make()
    split = tokens.split(made.text)
    assert split is not None
    name, secret = split
    assert name == made.id
    assert tokens.fits(secret, made.hash)
    assert secret not in made.hash
    assert not tokens.fits(secret[:-1] + ("0" if secret[-1] != "0" else "1"), made.hash)
    assert tokens.make().id != made.id


@pytest.mark.parametrize("text", ["", "hp", "hp__", "hp_a_", "hp__b", "xx_a_b", "hp_a_b_c", "hp_a_é"])
def test_what_is_no_token_is_none(text: str) -> None:
    assert tokens.split(text) is None


def test_a_key_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "fsync", full)
        sealed.make_key(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
    sealed.make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("left", [0, 10])
def test_a_key_that_is_damaged_is_told_with_what_to_do(tmp_path: Path, left: int) -> None:
    key = tmp_path / "key"
    sealed.make_key(key)
    closed = sealed.seal("hunter2", "PASSWORD", key)
    key.write_bytes(key.read_bytes()[:left])
    for use in (lambda: sealed.seal("a", "B", key), lambda: sealed.unseal(closed, "PASSWORD", key)):
        with pytest.raises(Unavailable, match=f"{key}, is damaged: it has {left} bytes in place of 32. Put it back"):
            use()
