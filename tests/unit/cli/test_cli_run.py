"""`hotplate run` hands the project, how it was recognised, and the settings to the server."""

from __future__ import annotations

import pytest


def settings(server):
    return server.runs[-1]["settings"]


def test_the_server_gets_the_project_the_match_and_the_settings(cli, server, tmp_path):
    server.code = 7
    ran = cli("run", "--port", "9", "--workers", "2", "-e", "A=1", "--dialect", "service")
    assert (ran.code, ran.out, ran.err) == (7, "", "")
    (arguments,) = server.runs
    assert arguments["match"] is server.match
    assert arguments["command"] is None
    assert arguments["project"].root == tmp_path
    assert server.detected == [(arguments["project"], "service")]
    assert (settings(server).port, settings(server).workers, settings(server).env) == (9, 2, {"A": "1"})


def test_options_may_stand_between_functions(cli, server, tmp_path):
    (tmp_path / "model.py").touch()
    assert cli("run", "model.py:a", "--port", "9", "model.py:b").code == 0
    assert server.runs[0]["project"].targets == ("model.py:a", "model.py:b")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "auto"),
        (("-l",), "on"),
        (("--logs",), "on"),
        (("--access-log",), "on"),
        (("--no-access-log",), "off"),
        (("-l", "--no-access-log"), "off"),
    ],
)
def test_logs_show_each_call(cli, server, words, expected):
    assert cli("run", *words).code == 0
    assert settings(server).access_log == expected


@pytest.mark.parametrize(
    ("words", "file", "level"),
    [
        (("--command", "true"), "", "warning"),
        (("--command", "true", "-l"), "", "info"),
        (("--command", "true", "--log-level", "debug"), "", "debug"),
        (("--command", "true"), "log_level: debug\n", "debug"),
        ((), "", "info"),
    ],
)
def test_a_command_has_the_output_to_itself(cli, server, tmp_path, words, file, level):
    (tmp_path / "hotplate.yaml").write_text(file)
    assert cli("run", *words).code == 0
    assert settings(server).log_level == level
    assert server.runs[0]["command"] == ("true" if "--command" in words else None)


def test_a_wrong_setting_stops_before_anything_starts(cli, server, tmp_path):
    (tmp_path / "hotplate.yaml").write_text("port: 80a\n")
    ran = cli("run")
    assert (ran.code, server.runs) == (2, [])
    assert "hotplate.yaml:1: `port` must be a whole number, not '80a'." in ran.err


def test_the_public_needs_leave(cli, server):
    ran = cli("run", "--host", "0.0.0.0")
    assert (ran.code, server.runs) == (2, [])
    assert "--i-know" in ran.err
    assert cli("run", "--host", "0.0.0.0", "--i-know").code == 0
    assert settings(server).i_know
