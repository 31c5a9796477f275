"""`hotplate init` without questions: every answer as a flag. The questions are in tests/behaviour."""

from __future__ import annotations

import json

import pytest

from hotplate.cli import scaffold
from hotplate.config.project_file import load_project_file


def test_defaults_make_a_project_that_is_read_back(cli, tmp_path):
    ran = cli("init", "--yes")
    assert ran.code == 0
    assert (
        "Initialized project in hello-world. Run your endpoint with:\n\n\tcd hello-world\n\thotplate run\n" in ran.out
    )
    assert "editing the hotplate.yaml file" in ran.out
    folder = tmp_path / "hello-world"
    assert sorted(path.name for path in folder.iterdir()) == [
        "hotplate.yaml",
        "requirements.txt",
        "service.py",
        "test_request.py",
    ]
    file = load_project_file(folder)
    assert file is not None
    assert (file.name, file.deploy["hardware"]) == ("hello-world", "cpu")
    for name in ("service.py", "requirements.txt", "test_request.py"):
        assert (folder / name).read_bytes() == (scaffold.FOLDER / "hello-world" / name).read_bytes()


def test_every_answer_is_a_flag(cli, tmp_path):
    words = ["init", "--scaffold", "hello-world", "--path", "deep/er", "--name", "echo", "--hardware", "gpu.t4.medium"]
    ran = cli(*words, "--secret", "KEY", "--secret", "TWO", "--env", "A=b: c", "-e", "ON=on", "-e", "EMPTY=")
    assert ran.code == 0
    file = load_project_file(tmp_path / "deep/er")
    assert file is not None
    assert file.name == "echo"
    assert file.deploy == {"hardware": "gpu.t4.medium", "secrets": ("KEY", "TWO")}
    assert file.settings["env"].value == {"A": "b: c", "ON": "on", "EMPTY": ""}


@pytest.mark.parametrize(
    "value", ["", "1.10", "true", "a: b", "#no", "ü\u2028", "'\"\\", "- x", "a\tb", "*x", "null", "~"]
)
def test_any_value_survives_the_file(cli, tmp_path, value):
    assert cli("init", "--yes", "-e", f"A={value}").code == 0
    file = load_project_file(tmp_path / "hello-world")
    assert file is not None
    assert file.settings["env"].value == {"A": value}


def test_this_folder_when_it_is_empty(cli, tmp_path):
    ran = cli("init", "--yes", "--path", ".")
    assert ran.code == 0
    assert (tmp_path / "service.py").is_file()
    assert "cd " not in ran.out


def test_json_for_programs(cli):
    ran = cli("init", "-o", "json", "--path", "My Model")
    assert json.loads(ran.out) == {"path": "My Model", "scaffold": "hello-world", "name": "my-model"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--scaffold", "hello-wrld"), "Did you mean `hello-world`?"),
        (("--name", "Hello World"), "--name: A name has lower-case letters"),
        (("--name", "x-"), "--name: A name has"),
        (("--hardware", "gpu t4"), "--hardware: Hardware has a name"),
        (("--secret", "MY KEY"), "--secret: A variable's name"),
        (("--env", "A"), "--env: Write it as KEY=VALUE."),
        (("--env", "1A=x"), "--env: A variable's name"),
        (("--path", "taken"), "--path: taken is not empty."),
        (("--path", "taken/file"), "--path: taken/file is a file."),
    ],
)
def test_a_wrong_answer_is_refused_before_anything_is_written(cli, tmp_path, words, problem):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").touch()
    ran = cli("init", "--yes", *words)
    assert ran.code == 2
    assert problem in ran.err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "taken"]


def test_nobody_to_ask(cli):
    ran = cli("init", "--scaffold", "hello-world")
    assert ran.code == 2
    assert "there is no terminal to ask them on" in ran.err
    assert "--yes" in ran.err


@pytest.fixture
def another(tmp_path, monkeypatch):
    """A scaffold with settings of its own."""
    folder = tmp_path / "scaffolds" / "another"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__/x.pyc").touch()
    (folder / "service.py").write_text('"""Boxes in pictures.\n\nMore of it."""\n')
    (folder / "requirements.txt").write_text("numpy\n")
    (folder / "hotplate.yaml").write_text(
        "# How it runs.\nname: another\nenv:\n  OMP_NUM_THREADS: 1\n  KEEP: me\ntimeout: 2m # slow\nhardware: cpu\n"
    )
    monkeypatch.setattr(scaffold, "FOLDER", folder.parent)
    return folder


def test_a_scaffold_keeps_its_own_settings(cli, another, tmp_path):
    ran = cli("init", "--yes", "--scaffold", "another", "--path", "new", "-e", "OMP_NUM_THREADS=4")
    assert ran.code == 0
    assert "\tpip install -r requirements.txt\n\thotplate run\n" in ran.out
    assert (tmp_path / "new/hotplate.yaml").read_text() == (
        'name: new\nhardware: cpu\nenv:\n  OMP_NUM_THREADS: "4"\n  KEEP: me\n# How it runs.\ntimeout: 2m # slow\n'
    )
    assert not (tmp_path / "new/__pycache__").exists()


def test_scaffolds_are_described_by_themselves(another):
    assert scaffold.scaffold_names() == ["another"]
    assert scaffold.describe_scaffold("another") == "Boxes in pictures"


@pytest.mark.parametrize("name", scaffold.scaffold_names())
def test_every_scaffold_is_whole(name):
    folder = scaffold.FOLDER / name
    assert scaffold.describe_scaffold(name)
    for file in ("service.py", "requirements.txt", "test_request.py"):
        assert (folder / file).is_file(), file
    load_project_file(folder)  # not needed, but right where it is there


def test_hello_world_is_offered_first():
    assert scaffold.scaffold_names()[0] == "hello-world"


def test_the_registry_of_its_image_is_written(cli, tmp_path):
    words = ("--registry", "ghcr.io", "--repository", "ann/hello", "--regcred", "ghcr")
    assert cli("init", "--yes", *words).code == 0
    file = load_project_file(tmp_path / "hello-world")
    assert file is not None and file.deploy["registry"] == {"host": "ghcr.io", "path": "ann/hello"}
    assert file.deploy["registry_credential"] == "ghcr"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--registry", "ghcr.io"), "place in the registry is missing"),
        (("--registry", "a/b", "--repository", "c"), "is no registry"),
        (("--registry", "ghcr.io", "--repository", "Up/../x"), "is no repository"),
        (("--registry", "ghcr.io", "--repository", "x", "--regcred", "a b"), "cannot name"),
        (("--repository", "x"), "The registry is missing"),
    ],
)
def test_a_registry_that_is_none_is_refused_before_anything_is_made(cli, tmp_path, words, text):
    ran = cli("init", "--yes", *words)
    assert ran.code == 2 and text in ran.err
    assert not (tmp_path / "hello-world").exists()
