from __future__ import annotations

import time

import postgres_server
import pytest
from job_calls import ASYNC, MODEL, ended, result, show, submit, until
from serving import serve, write_project

pytestmark = pytest.mark.skipif(not postgres_server.installed(), reason=postgres_server.REASON)


def test_a_job_of_a_killed_server_is_finished_by_another_one(tmp_path):
    write_project(tmp_path / "model", MODEL)
    store = ("--jobs-store", postgres_server.fresh_database(), "--job-lease", "2s")
    one, two = ({"HOTPLATE_HOME": str(tmp_path / name)} for name in ("one", "two"))  # as on two hosts
    with serve(tmp_path / "model", *store, env=one) as first, serve(tmp_path / "model", *store, env=two) as second:
        text = "x" * 400_000 + "y"
        job_id = submit(first, "/infer", {"prompt": text})
        assert ended(second, job_id)["status"] == "completed"
        assert result(second, job_id).json()["output"] == text[::-1], "large values are not left on one host"
        job_id = submit(first, "/wait", {"seconds": 3})
        until(lambda: show(second, job_id)["status"] == "running", "running")
        first.process.kill()
        job = ended(second, job_id)
        assert job["status"] == "completed"
        assert job["losses"] == job["attempt"] - 1


def test_a_database_that_is_away_is_503_and_calls_work(tmp_path):
    write_project(tmp_path / "model", MODEL)
    store = ("--jobs-store", "postgresql://nobody@127.0.0.1:1/none")
    with serve(tmp_path / "model", *store, env={"HOTPLATE_HOME": str(tmp_path / "home")}) as server:
        reply = server.post("/infer", {"prompt": "ab"}, headers=ASYNC)
        assert (reply.status, reply.json()["code"]) == (503, "storage_full")
        assert "cannot be reached" in reply.json()["detail"]
        assert server.post("/infer", {"prompt": "ab"}).json()["output"] == "ba"


def test_a_database_that_may_only_be_read_for_a_while_keeps_nothing_and_loses_nothing(tmp_path):
    import psycopg

    url = postgres_server.fresh_database()
    name = url.rpartition("/")[2]
    write_project(tmp_path / "model", MODEL)

    def change(statement: str) -> None:  # as where a standby takes over, or the address leads to one
        with psycopg.connect(postgres_server.server_url(), autocommit=True) as db:
            db.execute(f"ALTER DATABASE {name} {statement}".encode())
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    with serve(tmp_path / "model", "--jobs-store", url, env={"HOTPLATE_HOME": str(tmp_path / "home")}) as server:
        job_id = submit(server, "/wait", {"seconds": 1})
        until(lambda: show(server, job_id)["status"] == "running", "running")
        change("SET default_transaction_read_only = on")
        time.sleep(1.5)  # the job ends meanwhile, and cannot be written down
        reply = server.post("/infer", {"prompt": "ab"}, headers=ASYNC)
        assert (reply.status, reply.json()["code"]) == (503, "storage_full"), reply.body
        with psycopg.connect(postgres_server.server_url(), autocommit=True) as db:
            db.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
        until(lambda: server.post("/infer", {"prompt": "ab"}, headers=ASYNC).status == 202, "another connection")
        assert ended(server, job_id)["status"] == "completed"
        assert ended(server, submit(server, "/infer", {"prompt": "ab"}))["status"] == "completed"
