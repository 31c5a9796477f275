"""The project as a predictor finds it: folder, environment, packages, models."""

from __future__ import annotations

import os

import pytest
from predictor_projects import API, PREDICTOR, made, project

from hotplate.errors import MissingExtra, ProjectError

__all__ = ["project"]


class TestProject:
    def test_its_folder_is_the_working_folder_and_first_to_import_from(self, project):
        text = (
            "import json\nfrom beside import NAME\nwith open('values.json') as f: VALUES = json.load(f)\n" + PREDICTOR
        )
        folder = project(text.replace("self.config}", "[VALUES, NAME]}"), more="python_path: src")
        folder.write("values.json", "[1]")
        folder.write("src/beside.py", "NAME = 'beside'\n")
        with pytest.raises(ProjectError, match="python_path"):
            project(more="python_path: nowhere").match()
        project(text.replace("self.config}", "[VALUES, NAME]}"), more="python_path: src")
        assert made(folder).calls[0].function(0) == {"payload": 0, "config": [[1], "beside"]}

    def test_env_is_read_by_bash_over_the_yamls_and_below_the_command_lines(self, project):
        text = "import os\n" + PREDICTOR.replace("self.config}", "[os.environ.get(n) for n in 'ABCDE']}")
        folder = project(text, more="env: {A: yaml, B: yaml, D: yaml}")
        folder.write(".env", 'B="two words"\nC="${A}-$B" # why\nE=\'$A\'\nexport F=x\n')
        loaded = made(folder, env={"D": "typed"})
        assert loaded.calls[0].function(0)["config"] == ["yaml", "two words", "yaml-two words", "typed", "$A"]
        assert os.environ["F"] == "x"

    def test_an_env_file_that_bash_refuses_is_an_error(self, project):
        folder = project()
        folder.write(".env", "A=1\nno_such_command_here\n")
        with pytest.raises(ProjectError, match=r"bash cannot read \.env: .*no_such_command_here"):
            folder.load()

    def test_conda_packages_are_refused_with_the_alternative(self, project, monkeypatch):
        monkeypatch.delenv("CONDA_PREFIX", raising=False)
        folder = project()
        folder.write("conda-packages.txt", "cudatoolkit\n")
        with pytest.raises(ProjectError, match=r"conda-packages\.txt lists packages for conda") as raised:
            folder.load()
        assert "requirements.txt" in raised.value.hint
        monkeypatch.setenv("CONDA_PREFIX", "/opt/conda")
        assert "must have its packages" in folder.load().contract.warnings[0]

    def test_a_script_and_missing_packages_name_the_commands(self, project):
        folder = project("import zz_missing\n" + PREDICTOR, more="dependencies: {shell: setup.sh}")
        folder.write("setup.sh", "exit 1\n")
        folder.write("requirements.txt", "zz-missing\n")
        assert "bash setup.sh" in folder.describe().warnings[0]
        with pytest.raises(ProjectError) as raised:
            folder.load()
        assert raised.value.line == 1
        assert "bash setup.sh && pip install -r requirements.txt" in raised.value.hint


class TestModels:
    TEXT = """
import pathlib
class PythonPredictor:
    def __init__(self, config, python_client):
        self.client = python_client
        self.client.set_load_method  # it is there already
    def load_model(self, model_path):
        return (pathlib.Path(model_path) / "w.txt").read_text()
    def predict(self, payload):
        return self.client.get_model(**payload)
"""

    def test_python_models_come_by_name_and_version(self, project):
        folder = project(self.TEXT, more="multi_model_reloading: {dir: models}")
        folder.write("models/a/1/w.txt", "a1")
        folder.write("models/a/12/w.txt", "a12")
        folder.write("models/b/w.txt", "b")
        predict = made(folder).calls[0].function
        assert predict({"model_name": "a"}) == "a12"
        assert predict({"model_name": "a", "model_version": "1"}) == "a1"
        assert predict({"model_name": "b"}) == "b"
        for given, words in (
            ({}, r"model_name was not specified, choose one of the following: \['a', 'b'\]"),
            ({"model_name": "c"}, "'c' model wasn't found in the list of available models"),
            ({"model_name": "a", "model_version": "2"}, "version 2 wasn't found"),
            ({"model_name": "a", "model_version": "new"}, "numeric value or 'latest'"),
        ):
            with pytest.raises(ValueError, match=words):
                predict(given)

    def test_one_model_needs_no_name_and_is_loaded_once(self, project):
        folder = project(self.TEXT, more="multi_model_reloading: {path: model/}")
        folder.write("model/w.txt", "w")
        predict = made(folder).calls[0].function
        assert predict({"model_name": "ignored"}) == "w"
        (folder.root / "model/w.txt").write_text("changed")
        assert predict({}) == "w"

    def test_models_of_a_bucket_are_found_in_their_copy(self, project):
        folder = project(self.TEXT, more="multi_model_reloading: {path: s3://bucket/key/}")
        with pytest.raises(ProjectError, match="does not fetch models from s3://") as raised:
            made(folder)
        assert "aws s3 cp --recursive s3://bucket/key/ .models/bucket/key" in raised.value.hint
        folder.write(".models/bucket/key/w.txt", "copy")
        assert made(folder).calls[0].function({}) == "copy"

    @pytest.mark.parametrize(("argument", "method"), [("", "load_model"), (", python_client", "")])
    def test_models_need_a_client_and_a_loader(self, project, argument, method):
        text = self.TEXT.replace(", python_client", argument).replace("load_model", method or "other")
        with pytest.raises(ProjectError, match="when the python predictor type is used and models are specified"):
            project(text, more="multi_model_reloading: {path: model}").load()

    @pytest.mark.parametrize(
        ("kind", "name", "package"),
        [("onnx", "ONNX", "onnxruntime"), ("tensorflow", "TensorFlow", "tensorflow")],
    )
    def test_a_missing_runtime_names_its_extra(self, project, monkeypatch, kind, name, package):
        monkeypatch.setitem(__import__("sys").modules, package, None)
        text = f"class {name}Predictor:\n  def __init__(self, config, {kind}_client): pass\n  def predict(self): pass\n"
        folder = project(text, yaml=API.replace("python", kind), more="models: {path: model}")
        folder.write("model/x", "")
        with pytest.raises(MissingExtra, match=f"{name}Predictor needs {package}") as raised:
            made(folder)
        assert f'pip install "hotplate[{kind}]"' in raised.value.hint
