"""What is wrong with a project is told with its author's traceback, the place and the next step."""

from __future__ import annotations

import json

import pytest

from hotplate.errors import PackagesRefused, ProjectError


def test_a_failing_import_shows_the_authors_own_file(site):
    site.service("import json\n\nWEIGHTS = open('weights.bin')\n")
    with pytest.raises(ProjectError, match=r"FileNotFoundError.*weights\.bin") as caught:
        site.build()
    assert (caught.value.file, caught.value.line) == ("service.py", 3)
    assert f'File "{site.root}/service.py", line 3' in caught.value.trace
    assert "hotplate/worker" not in caught.value.trace
    assert ".building-" not in caught.value.trace + caught.value.message
    assert site.leftovers() == []
    assert list(site.home.revisions.iterdir()) == []


def test_a_missing_module_is_to_be_listed(site):
    site.service("import not_listed_anywhere\n", **{"requirements.txt": "six==1.16.0\n"})
    with pytest.raises(ProjectError) as caught:
        site.build()
    assert "list the one that has not_listed_anywhere in requirements.txt" in (caught.value.hint or "")


def test_nothing_comes_from_the_shells_folder(site, monkeypatch, tmp_path):
    (tmp_path / "stray").mkdir()
    (tmp_path / "stray" / "stray_module.py").write_text("")
    monkeypatch.chdir(tmp_path / "stray")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stray"))
    site.service("import stray_module\n")
    with pytest.raises(ProjectError, match="No module named 'stray_module'"):
        site.build()


def test_a_file_that_is_left_out_is_missed_at_build_and_not_later(site):
    site.service("from secret_sauce import WORD\n", **{"secret_sauce.py": "WORD = 1\n", ".hotplateignore": "secret*\n"})
    with pytest.raises(ProjectError, match="secret_sauce") as caught:
        site.build()
    assert "a pattern leaves it out" in (caught.value.hint or "")


def test_the_projects_folder_is_the_working_folder(site):
    site.service("LABELS = open('labels.txt').read()\n", **{"labels.txt": "a b c\n"})
    site.build()


def test_the_command_line_shows_it_and_ends_with_1(site):
    site.service("raise RuntimeError('no weights')\n")
    done = site.command("hotplate.cli", "build", ".", check=False)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "error: service.py:1: " in done.stderr
    assert "no weights" in done.stderr


def test_programs_get_it_as_one_line(site):
    site.service("raise RuntimeError('no weights')\n")
    done = site.command("hotplate.build", ".", check=False)
    assert done.returncode == 1
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events[:-1]] == ["step"] * (len(events) - 1)
    failed = events[-1]
    assert (failed["event"], failed["code"], failed["file"], failed["line"]) == (
        "failed",
        "project_error",
        "service.py",
        1,
    )
    assert "no weights" in failed["trace"]


CORTEX = """
- name: one
  kind: RealtimeAPI
  predictor:
    type: python
    path: predictor.py
"""
PREDICTOR = """
class PythonPredictor:
    def __init__(self, config):
        pass

    def predict(self, payload):
        return payload
"""


def test_packages_of_conda_are_refused_with_the_other_way(site, monkeypatch):
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    site.write("cortex.yaml", CORTEX)
    site.write("predictor.py", PREDICTOR)
    site.write("conda-packages.txt", "conda-forge::rdkit\n")
    with pytest.raises(ProjectError, match="conda") as caught:
        site.build()
    assert caught.value.file == "conda-packages.txt"
    assert "List them in requirements.txt" in (caught.value.hint or "")


def test_a_script_is_run_only_when_asked_to(site):
    site.write("cortex.yaml", CORTEX)
    site.write("predictor.py", "import six\nassert six.__version__ == '1.16.0'\n" + PREDICTOR)
    site.write("dependencies.sh", "set -u\npip install --quiet six==1.16.0\necho done > made-by-the-script\n")
    with pytest.raises(PackagesRefused, match=r"dependencies\.sh is a script") as caught:
        site.build()
    assert "--scripts run" in (caught.value.hint or "")
    with pytest.raises(ProjectError, match="six"):
        site.build(scripts="skip")
    built = site.build(scripts="run")
    assert "made-by-the-script" not in site.files(built)
    assert not (site.root / "made-by-the-script").exists()
    assert not any("is not run for you" in text for text in built.revision.contract.warnings)
    assert site.build(scripts="run").reused


def test_a_failing_script_shows_its_last_words(site):
    site.write("cortex.yaml", CORTEX)
    site.write("predictor.py", PREDICTOR)
    site.write("dependencies.sh", "echo cannot find the thing >&2\nfalse\n")
    with pytest.raises(PackagesRefused, match="status 1") as caught:
        site.build(scripts="run")
    assert "cannot find the thing" in caught.value.trace
    assert site.leftovers() == []


def test_inferless_runtime_packages_are_installed_and_its_commands_asked_for(site):
    site.write(
        "app.py",
        """
        import six

        class InferlessPythonModel:
            def initialize(self):
                pass

            def infer(self, inputs):
                return {"word": inputs["word"]}
        """,
    )
    site.write("input_schema.py", 'INPUT_SCHEMA = {"word": {"datatype": "STRING", "required": True, "shape": [1]}}\n')
    site.write(
        "inferless-runtime-config.yaml",
        """
        build:
          cuda_version: "12.1.1"
          system_packages: ["no-such-system-package"]
          python_packages:
            - "six==1.16.0"
          run: ["touch /nowhere/at/all"]
        """,
    )
    with pytest.raises(PackagesRefused, match=r"inferless-runtime-config\.yaml is a script"):
        site.build()
    built = site.build(scripts="skip")
    assert built.revision.environment
    assert built.revision.contract.warnings == ()
    assert not built.notes or "apt-get install no-such-system-package" in built.notes[0]


def test_several_apis_of_one_file_are_several_revisions_with_one_environment(site):
    site.write("cortex.yaml", CORTEX + CORTEX.replace("one", "two"))
    site.write("predictor.py", PREDICTOR)
    site.write("requirements.txt", "six==1.16.0\n")
    one, two = site.build_all()
    assert (one.revision.entry, two.revision.entry) == ("cortex.yaml:one", "cortex.yaml:two")
    assert one.revision.digest != two.revision.digest
    assert one.revision.environment == two.revision.environment != ""
    done = site.command("hotplate.cli", "build", ".", "-o", "json")
    found = json.loads(done.stdout)["revisions"]
    assert [(each["name"], each["reused"]) for each in found] == [("one", True), ("two", True)]
