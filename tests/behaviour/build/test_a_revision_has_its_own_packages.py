"""Packages come from the project's own lists, are locked, and never meet those of the server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hotplate.errors import IndexUnreachable, PackagesRefused, ProjectError, SettingError

SEES = "import importlib.util as u,sys;print(sorted(n for n in sys.argv[1:] if u.find_spec(n)))"


def has(python: str, *modules: str) -> list[str]:
    done = subprocess.run([python, "-P", "-c", SEES, *modules], capture_output=True, text=True, check=True, timeout=60)
    return eval(done.stdout)


def test_a_project_without_packages_runs_in_hotplates_own_environment(site):
    site.service(**{"requirements.txt": "# nothing\n"})
    revision = site.build().revision
    assert (revision.environment, revision.python) == ("", sys.executable)


def test_the_environment_has_what_is_listed_and_nothing_of_the_servers(site):
    site.service("import six\nassert six.__version__ == '1.16.0'\n", **{"requirements.txt": "six==1.16.0\n"})
    built = site.build()
    assert built.revision.environment
    seen = has(built.revision.python, "six", "msgspec", "hotplate", "octoai", "starlette", "uvicorn", "cryptography")
    assert seen == ["hotplate", "msgspec", "octoai", "six"]
    record = json.loads((site.home.environments / built.revision.environment / "environment.json").read_text())
    assert record["packages"]["six"] == "1.16.0"


def test_projects_with_the_same_packages_share_one_environment(site):
    site.service(**{"requirements.txt": "six==1.16.0\n"})
    first = site.build().revision
    site.write("service.py", (site.root / "service.py").read_text() + "\n# changed\n")
    second = site.build().revision
    assert first.digest != second.digest
    assert first.environment == second.environment


def test_every_list_is_read(site):
    wanted = "import six, idna\nassert six.__version__ == '1.16.0'\n"
    site.service(wanted)
    site.write("base.txt", "six==1.16.0\n")
    site.write("pins/limits.txt", "idna==3.4\n")
    site.write("requirements.txt", "-r base.txt\n-c pins/limits.txt\nidna  # any\n")
    one = site.build().revision
    (site.root / "requirements.txt").unlink()
    site.write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["six==1.16.0", "idna==3.4"]\n')
    two = site.build().revision
    assert one.environment == two.environment


def test_pylock_counts_before_the_other_lists_and_is_kept_to(site):
    from hotplate.build import uv

    site.service("import six\nassert six.__version__ == '1.15.0', six.__version__\n")
    site.write("in.txt", "six==1.15.0\n")
    uv.run("pip", "compile", "--quiet", "--format", "pylock.toml", "in.txt", "-o", "pylock.toml", cwd=site.root)
    site.write("requirements.txt", "six==1.16.0\n")
    site.build()


def test_a_package_that_lies_in_the_project_is_installed_from_there(site):
    site.service("import mine\nassert mine.WORD == 'here'\n", **{"requirements.txt": "-e ./vendor/mine\n"})
    site.write("vendor/mine/pyproject.toml", PACKAGE)
    site.write("vendor/mine/mine.py", "WORD = 'here'\n")
    first = site.build().revision
    assert site.build().revision == first
    assert sorted(path.name for path in (site.root / "vendor/mine").iterdir()) == ["mine.py", "pyproject.toml"]


PACKAGE = """
[project]
name = "mine"
version = "1"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.hatch.build.targets.wheel]
include = ["mine.py"]
"""


def test_a_clash_with_the_worker_names_both_requirements(site):
    site.service(**{"requirements.txt": "six==1.16.0\nmsgspec<0.15\n"})
    with pytest.raises(PackagesRefused) as caught:
        site.build()
    error = caught.value
    assert "msgspec<0.15" in error.message
    assert "msgspec>=0.19" in error.message
    assert (error.file, error.line) == ("requirements.txt", 2)
    assert "msgspec>=0.19" in (error.hint or "")
    assert site.leftovers() == []


def test_what_the_worker_can_do_without_gives_way(site):
    site.service("import httpx\nassert httpx.__version__ == '0.23.0'\n", **{"requirements.txt": "httpx==0.23.0\n"})
    site.build()


def test_packages_that_do_not_exist_or_fit_are_named_with_their_line(site):
    site.service(**{"requirements.txt": "six\n\nno-such-package-of-hotplate>=1\n"})
    with pytest.raises(PackagesRefused, match="no-such-package-of-hotplate") as caught:
        site.build()
    assert (caught.value.file, caught.value.line) == ("requirements.txt", 3)


def test_an_index_that_is_away_is_said_to_be(site, monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    site.service(**{"requirements.txt": "six==1.16.0\n"})
    with pytest.raises(IndexUnreachable, match=r"127\.0\.0\.1:9"):
        site.build()


def test_hotplate_in_a_list_means_this_one_and_its_extras(site):
    site.service(**{"requirements.txt": "hotplate[media]\n"})
    from hotplate.build import requirements
    from hotplate.dialects.opening import open_project
    from hotplate.dialects.registry import detect

    project = open_project([str(site.root)]).project
    wanted = requirements.read(project, detect(project), "refuse")
    assert {need.text.partition(">")[0] for need in wanted.needs} == {"pillow", "numpy", "soundfile", "av"}
    assert {need.place for need in wanted.needs} == {"requirements.txt:1"}


def test_a_python_that_is_not_there_is_refused_with_those_that_are(site):
    site.service()
    with pytest.raises(SettingError, match=r"no Python 3\.99") as caught:
        site.build(python="3.99")
    version = ".".join(map(str, sys.version_info[:3]))
    assert version in (caught.value.hint or "")


def test_another_python_gets_an_environment_of_its_own(site):
    from hotplate.build import interpreter

    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    others = [text.split()[0].rpartition(".")[0] for text in interpreter.present()]
    other = next((one for one in others if one != ours), None)
    if other is None:
        pytest.skip("this machine has one Python")
    site.service(f"import sys\nassert '%d.%d' % sys.version_info[:2] == '{other}'\n")
    revision = site.build(python=other).revision
    assert revision.environment
    assert Path(revision.python).is_file()


def test_an_environment_whose_python_has_gone_is_made_anew(site):
    site.service(**{"requirements.txt": "six==1.16.0\n"})
    first = site.build().revision
    for name in ("python", "python3"):
        (Path(first.python).parent / name).unlink(missing_ok=True)
    second = site.build()
    assert second.revision.python == first.python
    assert has(first.python, "six") == ["six"]


@pytest.mark.parametrize(
    ("name", "text", "way"),
    [
        ("environment.yml", "dependencies: [numpy]\n", "requirements.txt"),
        ("Pipfile", "[packages]\nsix = '*'\n", "pipenv requirements"),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython = '*'\nsix = '*'\n", "poetry export"),
        ("requirements.txt", "-r ../other.txt\n", "Copy it into the project"),
        ("requirements.txt", "../package\n", "Copy the package into the project"),
        ("requirements.txt", "-r https://example.org/r.txt\n", "Save"),
    ],
)
def test_other_lists_are_refused_with_the_way_to_go(site, name, text, way):
    site.service()
    site.write(name, text)
    with pytest.raises(ProjectError) as caught:
        site.build()
    assert caught.value.file in (name, "../other.txt", str(site.root.parent / "other.txt"))
    assert way in (caught.value.hint or "")


def test_the_project_file_names_a_python_and_the_flag_wins(site):
    site.write("model.py", "import sys\n\n\ndef f() -> str:\n    return sys.version\n")
    site.write("hotplate.yaml", 'functions: [model.py:f]\npython: "3.99"\n')
    with pytest.raises(SettingError, match=r"no Python 3\.99"):
        site.build()
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert site.build(python=here).revision.environment
    site.write("hotplate.yaml", f'functions: [model.py:f]\npython: "{here}"\n')
    assert site.build().revision.environment, "it has an environment of its own, which it would not have without"
