"""Finding the command, and telling people what is wrong with what they typed."""

from __future__ import annotations

import errno
import os

import pytest

from hotplate import __version__
from hotplate.cli import COMMANDS
from hotplate.errors import Overloaded, ProjectError, SettingError


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command(cli, words):
    ran = cli(*words)
    assert ran.code == 0
    for command, text in COMMANDS.items():
        assert f"  {command}" in ran.out
        assert text in ran.out


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", ["{} --help", "help {}"])
def test_every_command_explains_itself(cli, command, form):
    ran = cli(*form.format(command).split())
    assert ran.code == 0
    assert ran.out.startswith(f"usage: hotplate {command}")


def test_the_version(cli):
    assert cli("--version").out == f"hotplate {__version__}\n"
    assert cli("version").out.startswith(f"hotplate  {__version__}\n")


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (("rum",), "`rum` is no command of hotplate.", "Did you mean `run`?"),
        (("zzz",), "`zzz` is no command of hotplate.", "lists every command"),
        (("--verison",), "`--verison` is no option of hotplate.", ""),
        (("run", "--prot", "1"), "`--prot` is no option of `hotplate run`.", "Did you mean `--port`?"),
        (("run", "--por=1"), "`--por` is no option of `hotplate run`.", "Did you mean `--port`?"),
        (("config", "explain", "--prot", "1"), "`--prot` is no option of `hotplate config`.", "Did you mean `--port`?"),
        (("version", "now"), "`now` is one argument too many for `hotplate version`.", "--help"),
        (("run", "--port"), "Argument -p/--port: expected one argument.", "--help"),
        (("config",), "explain | list", "--help"),
        (("completion", "tcsh"), "invalid choice", "--help"),
    ],
)
def test_wrong_usage_says_what_and_ends_with_two(cli, words, problem, hint):
    ran = cli(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert problem in ran.err
    assert hint in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            ProjectError("No.", file="service.py", line=3, hint="Do this.\nOr that."),
            1,
            "service.py:3: No.\n  Do this.\n  Or that.",
        ),
        (ProjectError("No.", file="service.py"), 1, "error: service.py: No.\n"),
        (ProjectError("No."), 1, "error: No.\n"),
        (SettingError("No.", source="--port", hint="Do this."), 2, "error: --port: No.\n  Do this.\n"),
        (Overloaded(), 1, "error: Every slot is busy"),
        (ProjectError("a\x1b[31m\rb"), 1, "error: a\ufffd[31m\ufffdb\n"),
    ],
)
def test_an_expected_error_is_told_without_a_traceback(cli, server, error, code, text):
    server.failure = error
    ran = cli("run")
    assert ran.code == code
    assert text in ran.err
    assert "Traceback" not in ran.err


def test_an_unexpected_error_is_not_swallowed(cli, server):
    server.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        cli("run")


def test_an_interruption_ends_quietly(cli, server):
    server.failure = KeyboardInterrupt()
    ran = cli("run")
    assert (ran.code, ran.err) == (130, "")


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EACCES, "name a folder of your own with HOTPLATE_HOME"), (errno.EROFS, "")]
)
def test_a_home_that_the_system_refuses_is_told_without_a_traceback(cli, monkeypatch, tmp_path, number, hint):
    monkeypatch.setenv("HOTPLATE_HOME", str(tmp_path))

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path / "run/lock"))

    monkeypatch.setattr("hotplate.supervisor.lock.is_up", refuse)
    ran = cli("status")
    assert ran.code == 1
    assert f"{tmp_path / 'run/lock'}: {os.strerror(number)}." in ran.err
    assert hint in ran.err
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    assert ("is closed to this user" in cli("endpoint", "list").err) == (number == errno.EACCES)
