"""A training's log can be followed, and what it leaves in its output folder is listed and fetched."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_calls import until
from serving import Server, serve, write_project

from tests.behaviour.jobs import test_trainings_answer_as_deepaas_did as deepaas
from tests.fleet import Fleet, endpoint, revision_of, serve_fleet, token

TRAIN = """
def train(epochs, rate, name=None):
    import os, time
    from hotplate import output_path
    folder = output_path()
    print("epoch 1 of", epochs, flush=True)
    os.makedirs(folder + "/weights")
    with open(folder + "/weights/big.bin", "wb") as file:
        for _ in range(24):
            file.write(b"x" * (1 << 20))
    open(folder + "/metrics.json", "w").write("{}")
    os.symlink("/etc/hostname", folder + "/link")
    os.symlink("/etc", folder + "/away")
    time.sleep(epochs * 0.1)
    print("done", flush=True)
    return {"folder": folder}
"""
MODEL = {**deepaas.MODEL, "my_model/api.py": deepaas.MODEL["my_model/api.py"].partition("def train(")[0] + TRAIN}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("artifacts"), MODEL)


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Server]:
    with serve(project, env={"HOTPLATE_HOME": str(project / "home")}) as running:
        yield running


@pytest.fixture(scope="module")
def trained(server: Server) -> dict[str, Any]:
    return deepaas.ended(server, deepaas.start(server, "epochs=1")["uuid"])


def test_its_files_are_listed_and_fetched_as_they_are(server: Server, trained: dict[str, Any]) -> None:
    place = f"/jobs/{trained['uuid']}/artifacts"
    listed = server.get(place).json()["artifacts"]
    assert [(each["path"], each["bytes"]) for each in listed] == [("metrics.json", 2), ("weights/big.bin", 24 << 20)]
    assert server.get(f"{place}/metrics.json").body == b"{}"
    big = server.get(f"{place}/weights/big.bin")
    assert big.headers["content-type"] == "application/octet-stream"
    assert hashlib.sha256(big.body).digest() == hashlib.sha256(b"x" * (24 << 20)).digest()
    for worker in server.workers():
        assert trained["result"]["output"]["folder"] != f"/proc/{worker}/cwd/output"


def test_a_slow_client_holds_no_file_in_memory(server: Server, trained: dict[str, Any]) -> None:
    path = f"/jobs/{trained['uuid']}/artifacts/weights/big.bin"
    before = resident(server.process.pid)
    with server.connect(30) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        assert sock.recv(1024)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert server.get("/livez").status == 200
            assert resident(server.process.pid) - before < 12 << 20
    assert server.get("/livez").status == 200


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "name",
    ["link", "away/hostname", "../jobs.db", "weights/../../x", "weights", "%2e%2e/jobs.db", "/etc/hostname", "no"],
)
def test_nothing_leads_out_of_the_folder(server: Server, trained: dict[str, Any], name: str) -> None:
    reply = server.get(f"/jobs/{trained['uuid']}/artifacts/{name}")
    assert reply.status in (400, 404), (name, reply.status, reply.body[:100])


def test_its_log_is_kept_and_all_goes_when_it_is_deleted(server: Server) -> None:
    uuid = deepaas.ended(server, deepaas.start(server, "epochs=0")["uuid"])["uuid"]
    lines = until(
        lambda: (
            (now := [line["text"] for line in server.get(f"/jobs/{uuid}/log").json()["lines"]])[-1:] == ["done"] and now
        ),
        "its log",
    )
    assert "epoch 1 of 0" in lines
    folder = Path(server.get(f"{deepaas.TRAIN}{uuid}").json()["result"]["output"]["folder"])
    assert folder.is_dir()
    assert server.request("DELETE", f"{deepaas.TRAIN}{uuid}").status == 200
    assert server.get(f"/jobs/{uuid}/artifacts").status == server.get(f"/jobs/{uuid}/log").status == 404
    assert not folder.exists()


def test_a_deployed_trainings_files_and_log_are_below_its_endpoint(project: Path, tmp_path: Path) -> None:
    caller, other = token("invoke", endpoints=("trainer",)), token("invoke", endpoints=("else",))
    with serve_fleet(tmp_path / "home") as fleet:
        fleet.publish(endpoint("trainer", revision_of(project, "trainer")), tokens=[caller, other])
        started = fleet.request("POST", f"/trainer{deepaas.TRAIN}?epochs=1", None, caller.headers)
        uuid = started.json()["uuid"]
        place = f"/trainer/jobs/{uuid}"
        followed = fleet.get(f"{place}/log?follow=1", caller.headers)
        assert b'"text":"epoch 1 of 1"' in followed.body and b'"text":"done"' in followed.body
        assert fleet.get(f"{place}/artifacts/metrics.json", caller.headers).body == b"{}"
        for rest in ("log", "artifacts", "artifacts/metrics.json"):
            assert fleet.get(f"{place}/{rest}", other.headers).status == 403
            assert fleet.get(f"{place}/{rest}").status == 401
        assert isinstance(fleet, Fleet)
