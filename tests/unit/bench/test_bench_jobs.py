from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from serving import serve, wait_gone

from bench import environments, postgres
from bench.records import BenchError
from bench.workloads import jobs

SERVICE = environments.PEERS / "hotplate" / "jobs"


def told(*argv: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", *argv], capture_output=True, text=True, cwd=environments.ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_clients_of_jobs_time_what_they_submit(tmp_path: Path) -> None:
    with serve(SERVICE, "--slots", "1", env={"HOTPLATE_HOME": str(tmp_path)}) as server:
        flood = told("bench.load.jobs", "flood", str(server.port), "100", "8")
        assert server.metric("hotplate_jobs_ended_total") == 100
        assert 0 < flood["submitted_s"] <= flood["total_s"]
        starts = told("bench.load.jobs", "starts", str(server.port), "10")
        assert 0 < starts["p50_ms"] <= starts["p99_ms"] <= starts["result_p99_ms"]


def test_a_lease_is_timed_beside_finished_jobs_that_are_made_once(tmp_path: Path) -> None:
    first = told("bench.load.leases", str(tmp_path), "1000")
    made = (tmp_path / "1000.db").stat().st_ino
    second = told("bench.load.leases", str(tmp_path), "1000")
    assert (tmp_path / "1000.db").stat().st_ino == made
    assert min(first["best_us"], second["best_us"]) > 0


def test_a_folder_in_memory_is_refused() -> None:
    with pytest.raises(BenchError, match="TMPDIR"):
        jobs.on_disk(Path("/dev/shm"))


@pytest.mark.parametrize("name", ["huey", "procrastinate"])
def test_every_requirement_of_a_queue_is_pinned(name: str) -> None:
    lines = (environments.PEERS / name / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert wanted
    assert all("==" in line for line in wanted)


def test_without_postgresql_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "BINARIES", tmp_path)
    with pytest.raises(BenchError, match="apt-get install postgresql"):
        postgres.binaries()


@pytest.mark.skipif(not sorted(postgres.BINARIES.glob("*/bin/postgres")), reason="needs PostgreSQL's server")
def test_the_postgresql_of_the_bench_flushes_and_is_gone_afterwards() -> None:
    import psycopg

    with postgres.running(0) as (url, pid), psycopg.connect(url) as db:
        for setting in ("fsync", "synchronous_commit"):
            assert db.execute(f"SHOW {setting}".encode()).fetchone() == ("on",)
    wait_gone(pid)
