from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hotplate.authoring import BATCH_MARK, PATH_MARK, Service, batch, path, volume_environment, volume_path


def test_a_service_without_infer_cannot_be_made():
    class Model(Service):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Model()


def test_hooks_do_nothing_unless_overridden():
    class Model(Service):
        def infer(self, prompt: str) -> str:
            return prompt

    model = Model()
    assert [model.setup(), model.store_assets(), model.on_server_startup(), model.on_server_shutdown()] == [None] * 4
    assert hasattr(model.store_assets, "NOT_OVERRIDDEN")


def test_path_marks_the_function_itself():
    def route(x):
        return x

    assert path("/x")(route) is route
    assert getattr(route, PATH_MARK) == "/x"


@pytest.mark.parametrize("kind", [classmethod, staticmethod])
def test_path_marks_through_class_and_static_methods(kind):
    class Model:
        @path("/x")
        @kind
        def route(*args): ...

    assert getattr(Model.route, PATH_MARK) == "/x"


def test_a_path_is_needed():
    with pytest.raises(TypeError, match='write @path."/my-route".'):
        path(lambda: None)


@pytest.mark.parametrize(("mark", "settings"), [(batch, (32, 0.0)), (batch(), (32, 0.0)), (batch(8, 2), (8, 2.0))])
def test_batch_works_with_and_without_settings(mark, settings):
    def route(x):
        return x

    assert mark(route) is route
    assert getattr(route, BATCH_MARK) == settings


@pytest.mark.parametrize("settings", [{"max_size": 0}, {"max_wait_ms": -1}, {"max_wait_ms": float("nan")}])
def test_a_batch_that_cannot_be_is_refused(settings):
    with pytest.raises(ValueError, match="must"):
        batch(**settings)


@pytest.fixture
def nothing_set(monkeypatch, tmp_path):
    for name in ("HOTPLATE_HOME", "HOTPLATE_VOLUME_PATH", "OCTOAI_VOLUME_PATH", "HOTPLATE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("hotplate.authoring.DEFAULT_VOLUME_PATH", str(tmp_path / "octoai"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_volume_is_where_the_environment_says(nothing_set, monkeypatch):
    monkeypatch.setenv("OCTOAI_VOLUME_PATH", "/b")
    assert volume_path() == "/b"
    monkeypatch.setenv("HOTPLATE_VOLUME_PATH", "/a")
    assert volume_path() == "/a"
    assert volume_environment() == {
        "HUGGINGFACE_HUB_CACHE": "/a/huggingface_hub_cache",
        "TORCH_HOME": "/a/torch_home",
    }
    monkeypatch.setenv("HOTPLATE_VOLUME_PATH", "")
    assert volume_path() == "/b"


def test_the_volume_is_octoais_mount_where_there_is_one(nothing_set):
    (nothing_set / "octoai").mkdir()
    assert volume_path() == str(nothing_set / "octoai")


@pytest.mark.parametrize(
    ("endpoint", "folder"),
    [("", "default"), ("mine", "mine"), ("../../x", "-..-x"), ("..", "default"), ("a b/é", "a-b-é")],
)
def test_else_it_is_a_folder_with_the_endpoints_name_that_is_made(nothing_set, monkeypatch, endpoint, folder):
    monkeypatch.setenv("HOTPLATE_ENDPOINT", endpoint)
    assert volume_path() == str(nothing_set / ".hotplate" / "volumes" / folder)
    assert os.path.isdir(volume_path())


@pytest.mark.parametrize(("named", "found"), [("~/other", "other"), ("other", "elsewhere/other")])
def test_that_folder_lies_in_hotplates_home(nothing_set, monkeypatch, named, found):
    (nothing_set / "elsewhere").mkdir()
    monkeypatch.chdir(nothing_set / "elsewhere")
    monkeypatch.setenv("HOTPLATE_HOME", named)
    monkeypatch.setenv("HOTPLATE_ENDPOINT", "mine")
    assert volume_path() == str(nothing_set / found / "volumes" / "mine")


def test_importing_it_loads_nothing_that_python_has_not():
    code = "import sys, __future__, abc, os, typing, collections.abc, importlib; before = set(sys.modules)\n"
    code += "import hotplate.authoring; print(*sorted(sys.modules.keys() - before))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["hotplate", "hotplate.authoring"]
