from __future__ import annotations

import json

import pytest

from hotplate.client.errors import ConnectionFailed
from hotplate.client.installation import find_control, find_server
from hotplate.deployment.home import Home

OURS, THEIRS = "http://127.0.0.1:8081", "https://elsewhere.example"


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    made.make()
    made.admin_token.write_text("hp_admin_secret\n")
    made.supervisor_file.write_text(json.dumps({"pid": 1, "url": "http://127.0.0.1:8080/", "control_url": OURS}))
    return made


def test_what_runs_here_is_found_with_the_admin_token(home):
    found = find_control({}, home)
    assert (found.url, found.token) == (OURS, "hp_admin_secret")
    assert "secret" not in repr(found)
    assert find_server({}, home).url == "http://127.0.0.1:8080"


def test_the_environment_wins(home):
    assert find_control({"HOTPLATE_TOKEN": "mine"}, home).token == "mine"
    found = find_control({"HOTPLATE_CONTROL_URL": THEIRS + "/", "HOTPLATE_TOKEN": "mine"}, home)
    assert (found.url, found.token) == (THEIRS, "mine")


def test_the_admin_token_goes_to_this_machine_alone(home):
    assert find_control({"HOTPLATE_CONTROL_URL": THEIRS}, home).token == ""
    assert find_control({"HOTPLATE_CONTROL_URL": OURS}, home).token == "hp_admin_secret"


def test_a_replica_finds_its_siblings_with_its_own_token(home):
    siblings = {"HOTPLATE_SIBLINGS": "http://127.0.0.1:9", "HOTPLATE_SIBLING_TOKEN": "own", "HOTPLATE_TOKEN": "other"}
    assert find_server(siblings, home).token == "own"
    assert find_server(siblings, home).url == "http://127.0.0.1:9"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_where_nothing_runs_the_next_step_is_told(tmp_path, text):
    home = Home(tmp_path)
    home.make()
    home.supervisor_file.write_text(text)
    with pytest.raises(ConnectionFailed, match="hotplate up"):
        find_control({}, home)
    with pytest.raises(ConnectionFailed, match="hotplate up"):
        find_server({}, home)
