from __future__ import annotations

import pytest
from job_calls import MODEL
from serving import write_project

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
