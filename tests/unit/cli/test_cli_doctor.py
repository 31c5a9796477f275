from __future__ import annotations

import json
import os
import resource
import socket

import pytest

from hotplate.cli import checks
from hotplate.config.settings import Settings
from hotplate.contract import Contract, Param, Route, TypeSpec
from hotplate.errors import ProjectError


@pytest.fixture
def contract(server):
    server.contract = Contract(dialect="service", entry="service:Hello", routes=(Route(path="/infer", name="infer"),))
    return server.contract


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def doctor(cli, contract, free_port):
    def run(*words):
        ran = cli("doctor", "--port", str(free_port), "-o", "json", *words)
        seen = json.loads(ran.out)
        assert seen["ok"] is (ran.code == 0)
        return ran.code, {check["name"]: check for check in seen["checks"]}

    return run


def test_a_sound_machine_and_project(doctor, tmp_path):
    (tmp_path / "requirements.txt").write_text("# none\nPyYAML>=6\n-r more.txt\nold; python_version < '3'\n")
    code, found = doctor()
    assert code == 0
    assert {check["status"] for name, check in found.items() if name != "open files"} == {"ok"}
    assert found["project"]["detail"] == "service service:Hello: /infer"
    assert set(found) >= {"python", "packages", "open files", "shared memory", "port", "octoai", "settings"}


def test_people_see_the_fix_under_what_fails(cli, contract, free_port, tmp_path):
    (tmp_path / "requirements.txt").write_text("no-such-package-here==1\n")
    ran = cli("doctor", "-p", str(free_port))
    assert ran.code == 1
    assert "FAIL  requirements   not installed: no-such-package-here\n" in ran.out
    assert "-m pip install -r" in ran.out


def test_a_taken_port_fails(cli, contract):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = cli("doctor", "--port", str(port))
    assert ran.code == 1
    assert f"FAIL  port           127.0.0.1:{port}: Address already in use" in ran.out
    assert "hotplate run --port" in ran.out


def test_a_project_that_cannot_be_read_fails_where_one_was_meant(doctor, server, monkeypatch, tmp_path):
    def detect(project, dialect=None):
        raise ProjectError("No Service in it.", file="service.py", line=1, hint="Derive from Service.")

    monkeypatch.setattr(__import__("sys").modules["hotplate.dialects.registry"], "detect", detect)
    assert doctor()[1]["project"]["status"] == "warn"
    code, found = doctor(".")
    assert code == 1
    assert found["project"]["detail"] == "service.py:1: No Service in it."
    assert found["project"]["fix"] == "Derive from Service."
    (tmp_path / "service.py").touch()
    assert doctor()[0] == 1


def test_a_wrong_project_file_fails(doctor, tmp_path):
    (tmp_path / "hotplate.yaml").write_text("wrokers: 2\n")
    code, found = doctor()
    assert code == 1
    assert found["settings"]["detail"] == "hotplate.yaml:1: Unknown key `wrokers`."


def test_a_missing_secret_is_a_warning(doctor, tmp_path, monkeypatch):
    (tmp_path / "hotplate.yaml").write_text("secrets: [API_KEY]\n")
    code, found = doctor()
    assert (code, found["secrets"]["status"]) == (0, "warn")
    monkeypatch.setenv("API_KEY", "x")
    assert "secrets" not in doctor()[1]


def test_media_that_cannot_be_decoded_is_a_warning(doctor, server, monkeypatch):
    image = TypeSpec(kind="image")
    route = Route(path="/infer", name="infer", params=(Param(name="image", type=image),))
    server.contract = Contract(dialect="service", entry="service:Hello", routes=(route,))
    assert "media" not in doctor()[1]
    version = checks._version
    monkeypatch.setattr(checks, "_version", lambda name: None if name == "pillow" else version(name))
    assert doctor()[1]["media"]["fix"] == "pip install 'hotplate[media]'"


def test_a_missing_package_fails(doctor, monkeypatch):
    version = checks._version
    monkeypatch.setattr(checks, "_version", lambda name: None if name == "uvloop" else version(name))
    code, found = doctor()
    assert (code, found["packages"]["detail"]) == (1, "missing: uvloop")


@pytest.mark.parametrize(
    ("limits", "status"),
    [((20_000, 20_000), "ok"), ((1024, 20_000), "warn"), ((1024, 4096), "warn"), ((200, 200), "fail")],
)
def test_open_files(monkeypatch, limits, status):
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    check = checks._open_files(Settings())
    assert check.status == status
    if limits[0] == limits[1]:
        assert "ulimit" not in (check.fix or ""), "there is no more to be had"
    elif status != "ok":
        assert check.fix.startswith(f"ulimit -n {min(limits[1], 10_100)}")


def test_shared_memory_that_a_sandbox_forbids(monkeypatch):
    def forbid(name):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", forbid, raising=False)
    assert checks._shared_memory().status == "fail"
    monkeypatch.delattr(os, "memfd_create")
    assert checks._shared_memory().status == "ok"


def test_a_temporary_folder_that_sockets_cannot_live_in(monkeypatch, tmp_path):
    monkeypatch.setattr(checks.tempfile, "tempdir", str(tmp_path / ("x" * 100)))
    assert checks._temporary_folder().status == "fail"
    monkeypatch.setattr(checks.tempfile, "tempdir", "/nonexistent")
    assert checks._temporary_folder().status == "fail"
