"""Where the token comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotplate.client.tokens import find_token
from hotplate.errors import SettingError


def write(home: Path, name: str, text: str) -> None:
    path = home / name / "config.yaml"
    path.parent.mkdir()
    path.write_text(text)


def test_argument_then_environment_then_files(tmp_path: Path) -> None:
    write(tmp_path, ".octoai", "token: from-octoai\n")
    both = {"HOTPLATE_TOKEN": "first", "OCTOAI_TOKEN": "second"}
    assert find_token("given", both, tmp_path).value == "given"
    assert find_token(None, both, tmp_path).value == "first"
    assert find_token(None, {"HOTPLATE_TOKEN": " ", "OCTOAI_TOKEN": "second"}, tmp_path).value == "second"
    assert find_token(None, {}, tmp_path).value == "from-octoai"
    write(tmp_path, ".hotplate", "other: 1\ntoken: from-hotplate\n")
    found = find_token(None, {}, tmp_path)
    assert (found.value, found.source) == ("from-hotplate", "~/.hotplate/config.yaml")
    assert "from-hotplate" not in repr(found)


def test_an_empty_argument_sends_none(tmp_path: Path) -> None:
    assert find_token("", {"HOTPLATE_TOKEN": "x"}, tmp_path).value is None


@pytest.mark.parametrize("text", ["", "- a list\n", "token:\n", "token: ''\n", "other: 1\n"])
def test_a_file_without_a_token_is_as_none(tmp_path: Path, text: str) -> None:
    write(tmp_path, ".hotplate", text)
    assert find_token(None, {}, tmp_path).value is None


def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, ".hotplate", "token: a\nbroken: [\n")
    with pytest.raises(SettingError) as caught:
        find_token(None, {}, tmp_path)
    assert caught.value.source == f"{tmp_path}/.hotplate/config.yaml:3"


def test_an_unsafe_yaml_tag_makes_nothing(tmp_path: Path) -> None:
    write(tmp_path, ".hotplate", f"token: !!python/object/apply:pathlib.Path.touch ['{tmp_path}/made']\n")
    with pytest.raises(SettingError):
        find_token(None, {}, tmp_path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX: 1", "tök", "a\x00b"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(tmp_path: Path, token: str) -> None:
    with pytest.raises(SettingError) as caught:
        find_token(token, {}, tmp_path)
    assert token not in str(caught.value)


def test_a_newline_at_the_end_is_what_a_file_or_a_paste_leaves(tmp_path: Path) -> None:
    assert find_token("abc\n", {}, tmp_path).value == "abc"


def test_a_user_without_a_home_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert find_token(None, {}, Path("~")).value is None
