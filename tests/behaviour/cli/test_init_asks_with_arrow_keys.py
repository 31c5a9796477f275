"""The session of "Create Your First Endpoint", typed on a terminal of its own."""

from __future__ import annotations

import os
import sys

import pexpect
import pytest

from hotplate.config.project_file import load_project_file

UP, DOWN, ENTER, INTERRUPT = "\x1b[A", "\x1b[B", "\r", "\x03"
COMMAND = [sys.executable, "-c", "import sys; from hotplate.cli import main; sys.exit(main())"]


@pytest.fixture
def terminal(tmp_path):
    started = []

    def start(*words):
        environ = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PROMPT_TOOLKIT_NO_CPR": "1"}
        child = pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], "init", *words],
            cwd=str(tmp_path),
            env=environ,
            encoding="utf-8",
            dimensions=(40, 120),
            timeout=60,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def choose(child, question, *keys):
    child.expect_exact(question)
    child.expect_exact("»")  # the list is drawn: keys that come before it are lost
    child.send("".join(keys) + ENTER)


def write(child, question, text=""):
    child.expect_exact(question)
    child.send(text + ENTER)


def finish(child):
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


def test_the_first_session(terminal, tmp_path):
    child = terminal()
    choose(child, "Scaffold")
    write(child, "Directory")
    write(child, "Endpoint name")
    choose(child, "Hardware", DOWN)
    choose(child, "Secrets")
    choose(child, "Environment variables")
    child.expect_exact("Initialized project in hello-world. Run your endpoint with:")
    child.expect_exact("cd hello-world")
    child.expect_exact("hotplate run")
    assert finish(child) == 0
    file = load_project_file(tmp_path / "hello-world")
    assert file is not None
    assert (file.name, file.deploy, dict(file.settings)) == ("hello-world", {"hardware": "gpu.t4.medium"}, {})


def test_answers_of_ones_own_and_a_wrong_one_in_between(terminal, tmp_path):
    child = terminal()
    choose(child, "Scaffold", DOWN, UP)
    write(child, "Directory", "mine")  # the default that is shown is not part of what is typed
    write(child, "Endpoint name", "My Model")
    child.expect_exact("A name has lower-case letters")
    child.send("\x7f" * 20 + "my-model" + ENTER)
    choose(child, "Hardware")
    choose(child, "Secrets", DOWN)
    write(child, "Name of the secret", "API_KEY")
    choose(child, "Secrets")
    choose(child, "Environment variables", DOWN)
    write(child, "KEY=VALUE", "A=b c")
    choose(child, "Environment variables")
    assert finish(child) == 0
    file = load_project_file(tmp_path / "mine")
    assert file is not None
    assert (file.name, file.deploy) == ("my-model", {"hardware": "cpu", "secrets": ("API_KEY",)})
    assert file.settings["env"].value == {"A": "b c"}


def test_only_what_was_not_told_is_asked(terminal, tmp_path):
    child = terminal("--scaffold", "hello-world", "--path", "p", "--secret", "K", "--env", "A=1", "--hardware", "cpu")
    write(child, "Endpoint name")
    assert finish(child) == 0
    assert (tmp_path / "p/service.py").is_file()


def test_giving_up_leaves_nothing_behind(terminal, tmp_path):
    child = terminal()
    child.expect_exact("Scaffold")
    child.expect_exact("»")
    child.send(INTERRUPT)
    assert finish(child) == 130
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in str(child.before)


def test_a_registry_is_asked_about_when_one_is_named(terminal, tmp_path, monkeypatch):
    monkeypatch.setenv("HOTPLATE_HOME", str(tmp_path / "home"))  # where no control runs to tell of logins
    child = terminal("--registry", "docker.io", "--scaffold", "hello-world", "--path", "hello", "--hardware", "cpu")
    write(child, "Endpoint name")
    choose(child, "Secrets")
    choose(child, "Environment variables")
    write(child, "Image repository namespace", "ann")
    write(child, "Image repository name")
    assert finish(child) == 0
    file = load_project_file(tmp_path / "hello")
    assert file is not None
    assert file.deploy["registry"] == {"host": "docker.io", "path": "ann/hello"}
