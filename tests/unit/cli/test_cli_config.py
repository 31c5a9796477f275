from __future__ import annotations

import json

import pytest

from hotplate.config.reference import settings_page
from hotplate.config.settings import SETTINGS


def test_explain_shows_each_value_and_where_it_came_from(cli, tmp_path, monkeypatch):
    (tmp_path / "hotplate.yaml").write_text("# ours\nworkers: 2\nport: 1\n")
    monkeypatch.setenv("HOTPLATE_TIMEOUT", "5")
    ran = cli("config", "explain", "--port", "9", "-o", "json")
    rows = {row["setting"]: (row["value"], row["from"]) for row in json.loads(ran.out)}
    assert len(rows) == len(SETTINGS)
    assert rows["workers"] == ("2", "hotplate.yaml:2")
    assert rows["port"] == ("9", "--port")
    assert rows["timeout"] == ("5s", "HOTPLATE_TIMEOUT")
    assert rows["grace"] == ("25s", "default")


@pytest.mark.parametrize("name", ["timeout", "timeout_s", "TIMEOUT", "HOTPLATE_TIMEOUT"])
def test_explain_knows_one_setting_by_any_of_its_names(cli, name):
    ran = cli("config", "explain", name)
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["timeout", "300s", "default"]
    assert SETTINGS["timeout_s"].help in ran.out


def test_explain_of_an_unknown_setting(cli):
    ran = cli("config", "explain", "worker")
    assert (ran.code, ran.err) == (2, "error: There is no setting `worker`.\n  Did you mean `workers`?\n")


def test_values_of_the_environment_are_never_shown(cli, tmp_path):
    (tmp_path / "hotplate.yaml").write_text("env: {PASSWORD: hunter2}\n")
    for output in ("text", "json"):
        ran = cli("config", "explain", "-o", output, "-e", "TOKEN=hunter3")
        assert ran.code == 0
        assert "PASSWORD" in ran.out
        assert "TOKEN" in ran.out
        assert "PASSWORD=***, TOKEN=***" in ran.out
        assert "hunter" not in ran.out + ran.err


def test_explain_of_another_folder(cli, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app/hotplate.yaml").write_text("port: 77\n")
    assert "77" in cli("config", "explain", "port", "--path", "app").out


def test_list_names_every_setting(cli):
    text = cli("config", "list").out
    listed = json.loads(cli("config", "list", "-o", "json").out)
    assert [item["setting"] for item in listed] == [setting.key for setting in SETTINGS.values()]
    for setting in SETTINGS.values():
        assert setting.flag in text
        assert setting.help in text
    assert cli("config", "list", "-o", "markdown").out == settings_page()
