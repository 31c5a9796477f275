"""Importing the author's module: as they expect it, and with their own traceback when it fails."""

from __future__ import annotations

import pytest

from hotplate.errors import ProjectError

SERVICE = "from hotplate import Service\nclass Model(Service):\n    def infer(self, x: str) -> str: return x\n"


def failure(folder, *targets, **named) -> ProjectError:
    with pytest.raises(ProjectError) as raised:
        folder.load(*targets, **named)
    return raised.value


def test_a_missing_module_is_named_with_what_to_do(folder):
    error = failure(folder, service_module="service")
    assert error.message == "Module 'service' not found. Ensure your service is defined in service.py."
    assert failure(folder, service_module="app.main").message == "Module 'app.main' not found."


def test_a_missing_package_in_the_authors_code_is_not_a_missing_service(folder):
    folder.write("service.py", "import zz_not_installed.part\n" + SERVICE)
    error = failure(folder)
    assert "ModuleNotFoundError: No module named 'zz_not_installed'" in error.message
    assert (error.file, error.line) == ("service.py", 1)
    assert "pip install zz_not_installed" in str(error.hint)
    assert isinstance(error.__cause__, ModuleNotFoundError)


def test_a_module_that_looks_for_itself_is_not_a_missing_service(folder):
    folder.write("service.py", "from service.part import x\n" + SERVICE)
    error = failure(folder)
    assert (error.file, error.line) == ("service.py", 1)


def test_the_place_is_the_innermost_line_in_the_project(folder):
    folder.write("deep/__init__.py", "")
    folder.write("deep/er.py", "def fall():\n    import json\n    return json.loads('{')\nfall()\n")
    folder.write("service.py", "import deep.er\n" + SERVICE)
    error = failure(folder)
    assert (error.file, error.line) == ("deep/er.py", 3)
    assert error.message.startswith("service could not be imported: JSONDecodeError")


def test_an_environment_inside_the_project_is_not_the_authors_code(folder, monkeypatch):
    folder.write(".venv/lib/zz_package.py", "raise RuntimeError('theirs')")
    monkeypatch.syspath_prepend(str(folder.root / ".venv/lib"))
    folder.write("service.py", "\nimport zz_package\n" + SERVICE)
    error = failure(folder)
    assert (error.file, error.line) == ("service.py", 2)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("import sys\nsys.exit(3)", "SystemExit: 3", "__main__"),
        ("x: Image = None", "NameError", "from hotplate import Image"),
        ("1 / 0", "ZeroDivisionError", "None"),
        ("import cv2_, cv2", "No module named 'cv2_'", "pip install cv2_"),
        ("import zz_helpr", "No module named 'zz_helpr'", "did you mean zz_helper?"),
        ("import zz_needed", "No module named 'zz_needed'", "pip install -r requirements.txt"),
    ],
)
def test_whatever_an_import_raises_is_shown_with_a_next_step(folder, text, message, hint):
    folder.write("zz_helper.py", "")
    folder.write("requirements.txt", "# needed\nzz-needed==1.0\n")
    folder.write("service.py", SERVICE + text)
    error = failure(folder)
    assert message in error.message
    assert hint in str(error.hint)


def test_a_syntax_error_shows_its_line(folder):
    folder.write("service.py", "x = 1\ndef (:\n")
    error = failure(folder)
    assert (error.file, error.line) == ("service.py", 2)
    folder.write("service.py", SERVICE + "import broken")
    folder.write("broken.py", "\n\nx = (")
    error = failure(folder)
    assert (error.file, error.line) == ("broken.py", 3)


def test_a_file_with_the_name_of_a_standard_module_is_refused(folder):
    folder.write("string.py", "def shout(x: str) -> str: return x")
    assert "that name belongs to" in failure(folder, "string.py:shout").message


def test_the_project_comes_first_on_the_search_path(folder, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    (other / "zz_shared.py").write_text("WHO = 'other'")
    monkeypatch.syspath_prepend(str(other))
    folder.write("zz_shared.py", "WHO = 'project'")
    folder.write("service.py", "from zz_shared import WHO\n" + SERVICE.replace("return x", "return WHO"))
    assert folder.load().calls[0].function("x") == "project"
