"""What a project imports and nobody has is told from its text."""

from __future__ import annotations

from hotplate.dialects.missing import imports


def test_modules_that_nobody_has_are_found_through_the_projects_own(folder):
    folder.write("service.py", "import os, json\nimport near\nfrom pkg import deep\nimport hotplate, msgspec\n")
    folder.write("near.py", "import zz_far\n")
    folder.write("pkg/__init__.py", "from zz_farther.inner import x\n")
    folder.write("requirements.txt", "zz-far==1\n")
    found = imports(folder.root, ["service.py"])
    assert [(each.module, each.file, each.line) for each in found] == [
        ("zz_far", "near.py", 1),
        ("zz_farther", "pkg/__init__.py", 1),
    ]
    assert found[0].hint == "install what the project needs: pip install -r requirements.txt"
    assert "pip install zz_farther" in found[1].hint


def test_imports_that_may_never_run_are_not_looked_at(folder):
    folder.write(
        "a.py", "try:\n    import zz_1\nexcept ImportError:\n    pass\ndef f():\n    import zz_2\nfrom . import zz_3\n"
    )
    assert imports(folder.root, ["a.py", "not.there.py", "pyproject.toml"]) == []


def test_a_circle_of_imports_and_broken_files_end(folder):
    folder.write("a.py", "import b\n")
    folder.write("b.py", "import a, c\n")
    folder.write("c.py", "import (\n")
    assert imports(folder.root, ["a.py"]) == []
