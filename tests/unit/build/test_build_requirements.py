"""Lists of packages are read line by line, with the place of each, and what belongs to them."""

from __future__ import annotations

import pytest

from hotplate.build import requirements, worker_needs
from hotplate.build.requirement_file import read_file
from hotplate.dialects.opening import open_project
from hotplate.dialects.registry import detect
from hotplate.errors import PackagesRefused


def read(site, scripts: str = "refuse") -> requirements.Wanted:
    project = open_project([str(site.root)]).project
    return requirements.read(project, detect(project), scripts)


def test_lines_keep_their_places_and_options_their_words(site):
    site.write(
        "requirements.txt",
        """
        # a comment
        six==1.16.0  # why
        idna \\
            >=3 \\
            --hash=sha256:abc

        --extra-index-url https://example.org/simple
        -c limits.txt
        name[extra] ; python_version < "4"
        url @ https://example.org/a#egg=b
        """,
    )
    site.write("limits.txt", "idna<4 --hash=sha256:def\n")
    found = read_file(site.root, "requirements.txt")
    assert [(need.text, need.line) for need in found.needs] == [
        ("six==1.16.0", 2),
        ("idna     >=3     --hash=sha256:abc", 3),
        ('name[extra] ; python_version < "4"', 9),
        ("url @ https://example.org/a#egg=b", 10),
    ]
    assert found.options == ("--extra-index-url https://example.org/simple",)
    assert [need.place for need in found.constraints] == ["limits.txt:1"]
    assert not found.local


@pytest.mark.parametrize("line", ["./vendor/a", "-e ./a", "a @ file:./a", "wheels/a-1-py3-none-any.whl", "-f wheels"])
def test_what_lies_in_the_project_is_noticed(site, line):
    site.write("requirements.txt", f"{line}\n")
    assert read_file(site.root, "requirements.txt").local


@pytest.mark.parametrize("line", ["/abs/a", "../a", "a @ file:///abs/a", "-e ../../a"])
def test_what_lies_elsewhere_is_refused_with_its_line(site, line):
    site.write("requirements.txt", f"six\n{line}\n")
    with pytest.raises(PackagesRefused, match="outside of the project") as caught:
        read_file(site.root, "requirements.txt")
    assert (caught.value.file, caught.value.line) == ("requirements.txt", 2)


def test_lists_that_include_each_other_end(site):
    site.write("requirements.txt", "-r other.txt\n")
    site.write("other.txt", "-r requirements.txt\n")
    with pytest.raises(PackagesRefused, match="too deeply"):
        read_file(site.root, "requirements.txt")


@pytest.mark.parametrize(
    ("source", "local"),
    [
        ('registry = "https://pypi.org/simple"', False),
        ('virtual = "."', False),
        ('editable = "."', False),
        ('directory = "vendor/mine"', True),
        ('editable = "vendor/mine"', True),
        ('path = "mine.whl"', True),
    ],
)
def test_a_package_of_the_projects_own_in_uv_lock_is_noticed(site, source, local):
    site.service()
    site.write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\n')
    site.write("uv.lock", f'version = 1\n[[package]]\nname = "mine"\nsource = {{ {source} }}\n')
    found = read(site)
    assert (found.lock, found.local) == ("uv.lock", local)


@pytest.mark.parametrize(
    ("text", "name", "extras"),
    [
        ("PyYAML>=6", "pyyaml", ()),
        ("a.b_c[x, y]>1; python_version<'4'", "a-b-c", ("x", "y")),
        ("hotplate[media]", "hotplate", ("media",)),
        ("git+https://example.org/a", "", ()),
        ("./a", "", ()),
    ],
)
def test_requirements_are_taken_apart(text, name, extras):
    assert worker_needs.name_of(text) == name
    assert worker_needs.extras_of(text) == extras


def test_what_images_of_other_systems_had_comes_along_where_packages_are_listed(site):
    site.write("service.py", "from octoai.service import Service\nfrom octoai.types import Image\n")
    site.service("from octoai.types import Image\n")
    assert read(site).nothing
    site.write("requirements.txt", "six\n")
    assert {worker_needs.name_of(need.text) for need in read(site).extras} >= {"pillow", "numpy"}


def test_a_wrong_file_is_told_with_its_line(site):
    site.service()
    site.write("pyproject.toml", '[project]\nname = "x"\ndependencies = [\n')
    with pytest.raises(PackagesRefused, match="not TOML") as caught:
        read(site)
    assert caught.value.file == "pyproject.toml"
    (site.root / "pyproject.toml").unlink()
    site.write("setup.cfg", "no section\n")
    with pytest.raises(PackagesRefused, match="cannot be read"):
        read(site)


def test_setup_cfg_counts_where_nothing_else_does(site):
    site.service()
    site.write("setup.cfg", "[options]\ninstall_requires =\n    six==1.16.0\n    idna\n")
    assert [(need.text, need.line) for need in read(site).needs] == [("six==1.16.0", 3), ("idna", 4)]
