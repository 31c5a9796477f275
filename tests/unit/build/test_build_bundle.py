"""Which files of a project go into a revision, and which are refused."""

from __future__ import annotations

import os
import socket

import pytest

from hotplate.build import bundle as bundles
from hotplate.build.bundle import Limits
from hotplate.errors import ProjectError


def names(site, dialect: str = "service") -> list[str]:
    return [entry.name for entry in bundles.collect(site.root, dialect).entries]


def write(site, *files: str) -> None:
    for name in files:
        site.write(name, "x")


def test_caches_environments_and_keys_stay_out_and_are_named(site):
    write(site, "app.py", ".git/HEAD", "__pycache__/a.pyc", "node_modules/a.js", "my-env/pyvenv.cfg", "my-env/lib/a.py")
    write(site, ".env", "id_rsa", "sub/server.key", ".aws/credentials")
    found = bundles.collect(site.root, "service")
    assert [entry.name for entry in found.entries] == ["app.py"]
    assert found.private == (".aws", ".env", "id_rsa", "sub/server.key")


def test_the_folder_of_an_installation_stays_out_with_all_its_keys(site):
    write(site, "app.py", "state/admin-token", "state/control.db", "state/key", "other/control.db")
    found = bundles.collect(site.root, "service")
    assert [entry.name for entry in found.entries] == ["app.py", "other/control.db"]
    assert found.private == ("state",)


def test_what_is_named_in_hotplateignore_comes_in_again_or_stays_out(site):
    write(site, "app.py", ".env", "data/big.bin", "data/small.txt")
    site.write(".hotplateignore", "!.env\n*.bin\n")
    assert names(site) == [".env", ".hotplateignore", "app.py", "data/small.txt"]


def test_cortex_leaves_out_what_is_hidden_but_takes_the_dotenv(site):
    write(
        site, "cortex.yaml", "predictor.py", ".hidden", ".config/a", ".env", "sub/.env", "cortex-debug-1.tgz", "a.csv"
    )
    site.write(".cortexignore", "*.csv\n.env\n")
    assert names(site, "predictor") == [".cortexignore", ".env", "cortex.yaml", "predictor.py"]


def test_a_dockerignore_counts_for_a_service_alone(site):
    write(site, "service.py", "notes/a.md")
    site.write(".dockerignore", "notes\n")
    assert names(site) == [".dockerignore", "service.py"]
    assert names(site, "input_schema") == [".dockerignore", "notes/a.md", "service.py"]


def test_links_inside_are_followed(site):
    write(site, "models/v1/weights.txt")
    (site.root / "current").symlink_to("models/v1")
    (site.root / "weights.txt").symlink_to(site.root / "models/v1/weights.txt")
    found = bundles.collect(site.root, "service")
    assert [entry.name for entry in found.entries] == ["current/weights.txt", "models/v1/weights.txt", "weights.txt"]
    target = site.home.root
    bundles.copy(found, target)
    assert not any(path.is_symlink() for path in target.rglob("*"))


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../home", "missing", "."])
def test_links_that_lead_out_or_nowhere_are_refused(site, target):
    write(site, "app.py")
    (site.root / "sub").mkdir()
    (site.root / "sub" / "link").symlink_to(target if target != "." else "../sub")
    if target == "..":
        (site.root / "sub" / "link").unlink()
        (site.root / "sub" / "link").symlink_to("../..")
    with pytest.raises(ProjectError, match="The link leads") as caught:
        names(site)
    assert caught.value.file is not None
    assert caught.value.file.startswith("sub/link")
    assert ".hotplateignore" in (caught.value.hint or "")
    site.write(".hotplateignore", "/sub/link\n")
    assert names(site) == [".hotplateignore", "app.py"]


def test_pipes_sockets_and_devices_are_refused(site, monkeypatch):
    os.mkfifo(site.root / "pipe")
    with pytest.raises(ProjectError, match="no plain file"):
        names(site)
    (site.root / "pipe").unlink()
    monkeypatch.chdir(site.root)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("socket")
        with pytest.raises(ProjectError, match="no plain file"):
            names(site)


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", b"not-utf8-\xff".decode("utf-8", "surrogateescape")])
def test_names_that_are_no_text_are_refused(site, name):
    write(site, "app.py")
    (site.root / name).touch()
    with pytest.raises(ProjectError, match="The name"):
        names(site)


def test_too_many_and_too_large_are_refused_while_they_are_read(site):
    write(site, "a", "b", "c")
    with pytest.raises(ProjectError, match="more than 2 files"):
        bundles.collect(site.root, "service", Limits(files=2))
    site.write("b", "x" * 2_000_000)
    with pytest.raises(ProjectError, match="more than 1 MiB, with b"):
        bundles.collect(site.root, "service", Limits(size=1 << 20))


def test_a_home_is_no_project(site, monkeypatch):
    monkeypatch.setenv("HOME", str(site.root))
    with pytest.raises(ProjectError, match="not a project"):
        names(site)


def test_a_file_that_changes_meanwhile_is_noticed(site):
    site.write("a", "one")
    found = bundles.collect(site.root, "service")
    site.write("a", "two")
    with pytest.raises(ProjectError, match="changed while it was read"):
        bundles.copy(found, site.home.root)


def test_a_link_that_takes_a_files_place_is_not_followed(site):
    site.write("a", "one")
    found = bundles.collect(site.root, "service")
    (site.root / "a").unlink()
    (site.root / "a").symlink_to("/etc/passwd")
    with pytest.raises(ProjectError, match="cannot be read"):
        bundles.copy(found, site.home.root)
