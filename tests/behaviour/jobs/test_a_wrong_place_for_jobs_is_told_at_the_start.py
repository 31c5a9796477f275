from __future__ import annotations

import pytest
from job_calls import ASYNC, MODEL, ended, submit
from serving import serve, write_project

from tests.behaviour.up.test_the_supervisor_keeps_things_running import hotplate


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOTPLATE_JOBS_BLOBS", "https://bucket.example.com", "must be like s3://BUCKET"),
        ("HOTPLATE_JOBS_STORE", "mysql://db/jobs", "must be a URL such as postgresql://"),
    ],
)
def test_up_and_run_end_before_they_serve(tmp_path, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    write_project(tmp_path / "model", MODEL)
    for words in (("up", "--port", "0", "--control-port", "0"), ("run", str(tmp_path / "model"), "--port", "0")):
        done = hotplate(tmp_path / "home", *words)
        assert done.returncode not in (0, -15), words
        assert said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_a_damaged_database_of_jobs_is_told_and_what_comes_in_its_place_is_used(tmp_path):
    write_project(tmp_path / "model", MODEL)
    home = {"HOTPLATE_HOME": str(tmp_path / "home")}
    with serve(tmp_path / "model", env=home) as server:
        job_id = submit(server, "/infer", {"prompt": "ab"})
        assert ended(server, job_id)["status"] == "completed"
    (database,) = (tmp_path / "home/jobs").glob("*/jobs.db")
    whole = database.read_bytes()
    database.write_text("This was a database.")
    with serve(tmp_path / "model", env=home) as server:
        reply = server.post("/infer", {"prompt": "ab"}, headers=ASYNC)
        assert (reply.status, reply.json()["code"]) == (503, "storage_full"), reply.body
        assert "jobs.db back from a backup" in reply.json()["detail"]
        assert server.post("/infer", {"prompt": "ab"}).json()["output"] == "ba"
        database.write_bytes(whole)
        assert ended(server, job_id)["status"] == "completed"
