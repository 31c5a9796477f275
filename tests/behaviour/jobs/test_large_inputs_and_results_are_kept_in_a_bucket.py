"""Blobs in a bucket: a real server of S3's protocol that checks signatures, and what is said when it is not there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import peers
import pytest
from job_calls import ASYNC, MODEL, ended, result, show, submit, until
from s3_server import BUCKET, S3Server, s3_server
from serving import serve, write_project
from tcp_gate import Gate

from hotplate.jobs.s3 import S3Blobs

LARGE = "x" * 300_000 + "yz"
TURNED = LARGE[::-1]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server(peers.moto_python(), free_port()) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "model", MODEL)


def env_of(s3: S3Server, home: Path, bucket: str = BUCKET, **more: str) -> dict[str, str]:
    return {**s3.env, "HOTPLATE_HOME": str(home), "HOTPLATE_JOBS_BLOBS": f"s3://{bucket}/some/where", **more}


def test_a_large_job_goes_through_the_bucket_and_its_result_comes_from_there(s3, project, tmp_path):
    with serve(project, env=env_of(s3, tmp_path / "home")) as server:
        small = submit(server, "/infer", {"prompt": "ab"})
        large = submit(server, "/infer", {"prompt": LARGE})
        assert ended(server, small)["status"] == ended(server, large)["status"] == "completed"
        assert result(server, large).json()["output"] == TURNED
        objects = s3.objects()
        assert len(objects) == 2, "the input and the result of the large one"
        assert all(key.startswith("some/where/model-") for key in objects)
        for key in objects:
            s3.boto(f"s3.put_object(Bucket={BUCKET!r}, Key={key!r}, Body=b'something else')")
        refused = result(server, large)
        assert (refused.status, refused.json()["code"]) == (503, "storage_full")
        assert "not what was written" in refused.json()["detail"]
    assert not list((tmp_path / "home").glob("jobs/*/blobs/*"))


def test_objects_that_nothing_names_are_dropped_when_no_row_can_name_them_any_more(s3, monkeypatch):
    for name, value in s3.env.items():
        monkeypatch.setenv(name, value)
    told: list[str] = []
    young, old = (S3Blobs(BUCKET, "swept/", keep_s=keep_s, warn=told.append) for keep_s in (3600, -1))
    names = {text: young.put(text * 10) for text in (b"one", b"two")}
    assert young.collect({names[b"one"]}) == 0
    assert old.collect({names[b"one"]}) == 1
    assert young.get(names[b"one"]) == b"one" * 10
    with pytest.raises(FileNotFoundError):
        young.get(names[b"two"])
    assert told == []


def test_two_hosts_with_one_database_and_one_bucket_run_each_others_large_jobs(s3, project, tmp_path):
    import postgres_server

    if not postgres_server.installed():
        pytest.skip(postgres_server.REASON)
    store = ("--jobs-store", postgres_server.fresh_database())
    with serve(project, *store, env=env_of(s3, tmp_path / "one")) as first:
        job_id = submit(first, "/infer", {"prompt": LARGE})
        assert ended(first, job_id)["status"] == "completed"
        with serve(project, *store, env=env_of(s3, tmp_path / "two")) as second:
            assert result(second, job_id).json()["output"] == TURNED


def test_a_bucket_that_is_not_there_refuses_large_jobs_and_nothing_else(s3, project, tmp_path):
    with serve(project, env=env_of(s3, tmp_path / "home", bucket="no-such-bucket")) as server:
        refused = server.post("/infer", {"prompt": LARGE}, headers=ASYNC)
        assert (refused.status, refused.json()["code"]) == (503, "storage_full")
        assert "the bucket for large inputs and results does not exist" in refused.json()["detail"]
        assert "no-such-bucket" not in refused.body.decode(), "callers need not know its name"
        server.wait_for_line("does not exist (no-such-bucket)")
        assert server.post("/infer", {"prompt": LARGE}).json()["output"] == TURNED
        job_id = submit(server, "/infer", {"prompt": "ab"})
        assert ended(server, job_id)["status"] == "completed"


@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_keys_that_the_bucket_does_not_take_are_named_as_the_cause(wrong, s3, project, tmp_path):
    with serve(project, env=env_of(s3, tmp_path / "home", **{wrong: "AKIAWRONGWRONGWRONG1"})) as server:
        refused = server.post("/infer", {"prompt": LARGE}, headers=ASYNC)
        assert (refused.status, refused.json()["code"]) == (503, "storage_full")
        assert "refuses this server" in refused.json()["detail"]
        server.wait_for_line(f"refuses this server ({BUCKET})")


def test_a_bucket_that_goes_away_loses_nothing_and_goes_on_when_it_is_back(s3, project, tmp_path):
    """A job waits for its input, another one for a place for its result; a result is not gone but out of reach."""
    write_project(project, {**MODEL, "service.py": MODEL["service.py"] + BIG})
    gate = Gate(s3.port)
    env = env_of(s3, tmp_path / "home", AWS_ENDPOINT_URL=f"http://127.0.0.1:{gate.port}")
    with serve(project, "--slots", "1", env=env) as server:
        kept = submit(server, "/infer", {"prompt": LARGE})
        assert ended(server, kept)["status"] == "completed"
        writing = submit(server, "/big", {"flag": str(tmp_path / "flag")})
        until(lambda: show(server, writing)["status"] == "running", "running")
        reading = submit(server, "/infer", {"prompt": LARGE + "!"})
        gate.shut()
        (tmp_path / "flag").touch()
        server.wait_for_line("cannot be reached (")
        refused = server.get(f"/jobs/{kept}/result")
        assert (refused.status, refused.json()["code"]) == (503, "storage_full")
        refused = server.post("/infer", {"prompt": LARGE}, headers=ASYNC)
        assert (refused.status, refused.json()["code"]) == (503, "storage_full")
        until(lambda: show(server, reading)["attempt"] >= 1, "an attempt without its input")
        assert show(server, writing)["status"] == "running", "its result waits for a place"
        gate.open()
        assert result(server, kept).json()["output"] == TURNED
        for job_id, output in ((writing, "r" * 400_000), (reading, "!" + TURNED)):
            job = ended(server, job_id)
            assert (job["status"], job["failures"], job["crashes"]) == ("completed", 0, 0)
            assert result(server, job_id).json()["output"] == output
    gate.shut()


BIG = """
    def big(self, flag: str) -> str:
        while not os.path.exists(flag):
            time.sleep(0.01)
        return "r" * 400_000
"""


def test_a_url_that_is_none_is_refused_in_words(project, tmp_path):
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-m", "hotplate.cli", "run", str(project), "--port", "0", "--jobs-blobs", "https://bucket"]
    done = subprocess.run(words, env=os.environ | env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "`jobs_blobs` must be like s3://BUCKET" in done.stderr
