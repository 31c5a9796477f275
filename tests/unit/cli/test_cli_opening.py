"""From what was typed to a project."""

from __future__ import annotations

import pytest

from hotplate.dialects.opening import open_project
from hotplate.errors import ProjectError


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "app").mkdir()
    (tmp_path / "other").mkdir()
    for name in ("model.py", "app/model.py", "other/model.py", "app/svc.py"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_this_folder_unless_another_is_named(here):
    assert open_project().project.root == here
    assert open_project(["app"]).project.root == here / "app"


def test_functions_keep_this_folder_as_the_project(here):
    project = open_project(["model.py:predict", "app.model:Model.run"]).project
    assert (project.root, project.targets) == (here, ("model.py:predict", "app.model:Model.run"))
    assert open_project(["app/model.py:predict"]).project.root == here


def test_a_folder_and_functions_in_it(here):
    project = open_project(["app", "model.py:predict"]).project
    assert (project.root, project.targets) == (here / "app", ("model.py:predict",))


def test_functions_elsewhere_bring_their_folder(here, monkeypatch):
    monkeypatch.chdir(here / "app")
    for typed in ("../other/model.py:predict", f"{here}/other/model.py:predict"):
        project = open_project([typed]).project
        assert (project.root, project.targets) == (here / "other", ("model.py:predict",))
    with pytest.raises(ProjectError, match="one folder"):
        open_project(["../other/model.py:predict", "../model.py:predict"])


def test_a_python_file_alone_is_a_service_module(here):
    project = open_project(["app/svc.py"]).project
    assert (project.root, project.service_module) == (here / "app", "svc")


def test_what_was_typed_wins_over_the_project_file(here):
    (here / "hotplate.yaml").write_text(
        "dialect: service\nservice_module: a\nservice_class: B\nfunctions: [model.py:f]\n"
    )
    opened = open_project()
    assert (opened.dialect, opened.project.service_module, opened.project.service_class) == ("service", "a", "B")
    assert opened.project.targets == ("model.py:f",)
    assert opened.file is not None
    opened = open_project(["model.py:g"], dialect="function", service_module="c", service_class="D")
    assert (opened.dialect, opened.project.service_module, opened.project.service_class) == ("function", "c", "D")
    assert opened.project.targets == ("model.py:g",)


def test_a_project_file_is_read_from_the_project(here):
    (here / "app/hotplate.yaml").write_text("name: inner\n")
    opened = open_project(["app"])
    assert opened.file is not None
    assert opened.file.name == "inner"
    assert open_project().file is None


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nowhere"], "no such folder"), (["nowhere.py"], "no such"), (["app", "other"], "one folder")],
)
def test_what_cannot_be_served_is_refused(here, words, message):
    with pytest.raises(ProjectError, match=message) as caught:
        open_project(words)
    assert caught.value.hint
