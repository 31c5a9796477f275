"""The flush before each 202, seen in the system calls; a full disk; clocks that jump."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from crash_run import faulty_env
from job_calls import ASYNC, MODEL, ended, submit, until
from serving import serve, write_project

CALLS = "pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg"


def flushed_before_each_202(trace: str, ids: list[str]) -> list[bool]:
    """For each job whether the log was flushed after the first write of its row and before its 202.

    A lease of another job may be on its way to the log when a 202 goes out: it is the row itself that must be on disk.
    """
    written: set[str] = set()  # rows in the log, not flushed yet
    flushing: dict[str, set[str]] = {}  # thread -> the rows that its unfinished fdatasync covers
    flushed: set[str] = set()
    answered: dict[str, bool] = {}
    for line in trace.splitlines():
        thread = line.split()[0]
        if "pwrite64(" in line and "jobs.db-wal" in line:
            written |= {job_id for job_id in ids if job_id in line and job_id not in flushed}
        elif "fdatasync(" in line and "jobs.db-wal" in line:
            if "unfinished" in line:
                flushing[thread] = set(written)
            elif "= 0" in line:
                flushed |= written
        elif "fdatasync resumed" in line and thread in flushing:
            flushed |= flushing.pop(thread)
        elif "HTTP/1.1 202" in line:
            answered |= {job_id: job_id in flushed for job_id in ids if job_id in line}
    return [answered[job_id] for job_id in ids]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: sudo apt-get install strace")
@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_every_202_follows_a_flush_and_the_proof_fails_without_it(synchronous, tmp_path):
    write_project(tmp_path / "model", MODEL)
    trace = tmp_path / "trace"
    under = ("strace", "-f", "-y", "-s", "4200", "-e", f"trace={CALLS}", "-o", str(trace))
    program = ("-m", "job_faults", "NORMAL", "1", "--") if synchronous == "NORMAL" else ("-m", "hotplate.cli")
    with serve(
        tmp_path / "model", "--slots", "1", env=faulty_env(tmp_path / "home"), under=under, program=program
    ) as s:
        submit(s, "/steps", {"steps": 1, "pause": 600})
        time.sleep(0.2)
        ids = [submit(s, "/count", {"number": number}) for number in range(20)]
        children = Path(f"/proc/{s.process.pid}/task/{s.process.pid}/children").read_text().split()
        for pid in children:  # strace passes no signal on
            os.kill(int(pid), 9)
        s.process.wait(20)
    flushed = flushed_before_each_202(trace.read_text(errors="replace"), ids)
    if synchronous == "FULL":
        assert all(flushed)
    else:
        assert not all(flushed), "the proof does not see a missing flush"


def mounted(folder: Path, megabytes: int) -> bool:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_full_disk_refuses_jobs_and_heals_without_a_restart(tmp_path):
    home = tmp_path / "home"
    if not mounted(home, 8):
        pytest.skip("mounting a tmpfs needs root")
    try:
        write_project(tmp_path / "model", MODEL)
        with serve(tmp_path / "model", env={"HOTPLATE_HOME": str(home)}) as server:
            kept = [submit(server, "/count", {"number": 1})]
            filler = home / "filler"
            with filler.open("wb") as file:
                try:
                    while True:
                        file.write(b"x" * 65536)
                        file.flush()
                except OSError:
                    pass
            text = "y" * 200_000
            refused = None
            for _ in range(50):
                reply = server.post("/infer", {"prompt": text}, headers=ASYNC)
                if reply.status == 202:
                    kept.append(reply.json()["id"])
                else:
                    refused = reply
                    break
            assert refused is not None
            assert (refused.status, refused.json()["code"]) == (503, "storage_full")
            assert "retry-after" in refused.headers
            assert server.post("/infer", {"prompt": "ab"}).json()["output"] == "ba", "calls work all the same"
            filler.unlink()
            begun = time.monotonic()
            until(lambda: server.post("/count", {"number": 2}, headers=ASYNC).status == 202, "a submit after healing")
            assert time.monotonic() - begun < 10
            for job_id in kept:
                assert ended(server, job_id)["status"] == "completed"
        database = next(home.glob("jobs/*/jobs.db"))
        import sqlite3

        connection = sqlite3.connect(database)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def test_the_clock_of_timers_does_not_jump_with_the_wall_clock(tmp_path, monkeypatch):
    from hotplate.jobs.records import NewJob, Setback
    from hotplate.jobs.sqlite import SqliteStore

    real = time.time_ns
    store = SqliteStore(tmp_path / "jobs.db")
    for jump_s in (3600, -3600):
        monkeypatch.setattr(time, "time_ns", lambda jump_s=jump_s: real() + jump_s * 10**9)
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() / 1e9 + jump_s)
        other = SqliteStore(tmp_path / "jobs.db")  # a process that starts after the jump
        other.begin()
        other.submit(NewJob(id=f"job{jump_s}", endpoint="m", method="POST", path="/", deadline_s=60), 9)
        (lease,) = other.lease("m", "me", 5)
        other.set_back(lease.fence, Setback(cause="failure", delay_s=5))
        other.commit()
        for each in (store, other):
            assert 4.0 < each.next_due_s("m") <= 5.0
            each.begin()
            assert each.lease("m", "me", 5) == []
            assert each.overdue("m") == []
            each.commit()
        other.begin()
        other.cancel("m", f"job{jump_s}")
        other.commit()
        other.close()
    store.close()


def test_the_trace_reader_sees_a_missing_flush():
    write = '12 pwrite64(9</h/jobs.db-wal>, "..job1..", 4096, 0) = 4096'
    other = '12 pwrite64(9</h/jobs.db-wal>, "..lease..", 4096, 0) = 4096'
    flush = "12 fdatasync(9</h/jobs.db-wal>) = 0"
    begun, done = "12 fdatasync(9</h/jobs.db-wal> <unfinished ...>", "12 <... fdatasync resumed>) = 0"
    answer = '11 write(20<socket>, "HTTP/1.1 202 Accepted\\r\\nlocation: /jobs/job1", 300) = 300'

    def seen(*lines: str) -> bool:
        return flushed_before_each_202("\n".join(lines), ["job1"])[0]

    assert seen(write, flush, answer)
    assert seen(write, flush, other, answer)
    assert seen(write, begun, done, answer)
    assert not seen(write, answer, flush)
    assert not seen(begun, write, done, answer)
    assert not seen(other, flush, write, answer)
