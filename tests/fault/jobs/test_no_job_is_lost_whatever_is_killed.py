from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest
from job_calls import ASYNC, MODEL, ended, result, show, submit, until
from job_driver import Driver
from job_faults import POINTS
from serving import serve, write_project

SUPPORT = str(Path(__file__).parents[2] / "support")
SAMPLE = [
    "SqliteStore.submit:after",
    "SqliteStore.commit:before",
    "SqliteStore.commit:after",
    "SqliteStore.lease:after",
    "SqliteStore.finish:after",
    "Runner._start:after",
    "Runner.ended:before",
]


def faulty_env(home: Path) -> dict[str, str]:
    return {"HOTPLATE_HOME": str(home), "PYTHONPATH": os.pathsep.join((SUPPORT, os.environ.get("PYTHONPATH", "")))}


def leftovers() -> set[str]:
    import tempfile

    return {path.name for path in Path(tempfile.gettempdir()).glob("hotplate-jobs-*")}


def driven(driver: Driver) -> dict[str, int]:
    try:
        driver.run()
        return driver.check()
    finally:
        driver.close()


def test_nothing_is_lost_while_workers_and_servers_are_killed(tmp_path):
    driver = Driver(tmp_path, seed=int(os.environ.get("HOTPLATE_SEED", "7")), seconds=15, kill_mean_s=1.5)
    counted = driven(driver)
    assert counted["acked"] >= 500
    assert {victim for _, victim in driver.kills} == {"worker", "server"}, "the seed kills both kinds"
    assert counted["attempts"] > counted["acked"], "no kill hit a running job: the test shows nothing"
    pids = {name.split("-")[2] for name in leftovers()}
    assert str(driver.server.process.pid) not in pids
    owners = list((tmp_path / "home").glob("jobs/*/owners/*"))
    assert owners == [], "files of dead servers stay"


@pytest.mark.soak
@pytest.mark.timeout(5000)
def test_nothing_is_lost_in_an_hour(tmp_path):
    seconds = float(os.environ.get("HOTPLATE_SOAK_S", "3660"))
    driver = Driver(tmp_path, seed=random.randrange(10**6), seconds=seconds, kill_mean_s=4.0)
    counted = driven(driver)
    assert counted["acked"] >= seconds * 49
    print(json.dumps(counted))


def crash_at(point: str, nth: int, folder: Path) -> None:
    """Submit jobs to a server that dies at a point; a sound one must finish every one that was acknowledged."""
    write_project(folder / "model", MODEL)
    program = ("-m", "job_faults", point, str(nth), "--")
    env = faulty_env(folder / "home")
    acked: dict[str, str] = {}

    def submit_all(server) -> None:
        for number in range(12):
            key = f"key-{number}"
            route, body = ("/count", {"number": number}) if number % 3 else ("/steps", {"steps": 2, "pause": 0.02})
            try:
                reply = server.post(route, body, headers={**ASYNC, "idempotency-key": key})
            except Exception:  # noqa: BLE001 - it has died
                return
            if reply.status == 202:
                acked[key] = reply.json()["id"]

    with serve(folder / "model", env=env, program=program) as server:
        submit_all(server)
        try:
            server.process.wait(3)
        except Exception:  # noqa: BLE001 - it never came to that point so often
            pass
    with serve(folder / "model", env=env) as server:
        before = dict(acked)
        submit_all(server)
        assert len(acked) == 12
        for key, job_id in before.items():
            assert acked[key] == job_id, f"{key} was acknowledged as {job_id} and is forgotten"
        for key, job_id in acked.items():
            job = ended(server, job_id)
            assert job["status"] == "completed", job
            number = int(key.split("-")[1])
            assert result(server, job_id).json()["output"] == (number + 1 if number % 3 else "done")
        assert len(server.get("/jobs?limit=500").json()["jobs"]) == 12, "an idempotent submit made a second job"


@pytest.mark.parametrize("point", SAMPLE)
def test_a_server_that_dies_at_any_step_loses_nothing(point, tmp_path):
    crash_at(point, 4, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("point", POINTS)
def test_a_server_that_dies_at_every_step_twenty_times_loses_nothing(point, tmp_path):
    for run in range(int(os.environ.get("HOTPLATE_RUNS", "20"))):
        crash_at(point, 1 + run, tmp_path / str(run))
        shutil.rmtree(tmp_path / str(run))


def test_a_killed_servers_jobs_go_on_as_soon_as_another_one_starts(tmp_path):
    write_project(tmp_path / "model", MODEL)
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    with serve(tmp_path / "model", env=env) as server:
        job_id = submit(server, "/wait", {"seconds": 1})
        until(lambda: show(server, job_id)["status"] == "running", "running")
        server.process.kill()
    with serve(tmp_path / "model", env=env) as server:
        job = ended(server, job_id, timeout_s=20)  # a lease lasts 30 s: the dead owner was noticed at once
        assert (job["status"], job["attempt"], job["losses"], job["crashes"]) == ("completed", 2, 1, 0)


def test_a_server_that_is_told_to_stop_gives_its_jobs_back_for_nothing(tmp_path):
    write_project(tmp_path / "model", MODEL)
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    with serve(tmp_path / "model", "--grace", "0.3s", env=env) as server:
        job_id = submit(server, "/steps", {"steps": 40, "pause": 0.05})
        until(lambda: show(server, job_id)["status"] == "running", "running")
        assert server.terminate() == 0
    with serve(tmp_path / "model", env=env) as server:
        job = ended(server, job_id)
        assert (job["status"], job["attempt"]) == ("completed", 2)
        assert (job["losses"], job["crashes"], job["failures"]) == (0, 0, 0)


def test_a_stopped_server_loses_its_lease_and_its_late_write_is_refused(tmp_path):
    import signal

    write_project(tmp_path / "model", MODEL)
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    lease = ("--job-lease", "1s")
    with serve(tmp_path / "model", *lease, env=env) as first:
        ended(first, submit(first, "/count", {"number": 1}))
        with serve(tmp_path / "model", *lease, env=env) as second:
            job_id = submit(first, "/steps", {"steps": 20, "pause": 0.05})
            until(lambda: show(first, job_id)["status"] == "running", "running")
            first.process.send_signal(signal.SIGSTOP)
            try:
                until(lambda: show(second, job_id)["attempt"] == 2, "another attempt elsewhere", 30)
                job = ended(second, job_id)
            finally:
                first.process.send_signal(signal.SIGCONT)
            assert (job["status"], job["attempt"], job["losses"]) == ("completed", 2, 1)
            until(lambda: first.metric("hotplate_job_stale_writes_total") >= 1, "a refused write")
            assert show(second, job_id) == job
            assert ended(first, submit(first, "/count", {"number": 1}))["status"] == "completed"


def test_a_poison_job_and_a_hanging_one_hold_nobody_up(tmp_path):
    write_project(
        tmp_path / "model", {"service.py": MODEL["service.py"].replace("async def", "def").replace("await ", "")}
    )
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    args = ("--workers", "2", "--job-timeout", "0.5s", "--job-attempts", "2", "--job-crashes", "3")
    with serve(tmp_path / "model", *args, env=env) as server:
        good = [submit(server, "/count", {"number": n}) for n in range(100)]
        poison = submit(server, "/die", {"status": 1})
        hanging = submit(server, "/steps", {"steps": 1, "pause": 1000})
        good += [submit(server, "/count", {"number": n}) for n in range(100, 198)]
        for number, job_id in enumerate(good):
            assert ended(server, job_id)["status"] == "completed"
            assert result(server, job_id).json()["output"] == number + 1
        job = ended(server, poison)
        assert (job["status"], job["crashes"]) == ("dead", 3)
        job = ended(server, hanging, 60)
        assert (job["status"], job["failures"], job["error"]["code"]) == ("dead", 2, "deadline_exceeded")
        assert ended(server, submit(server, "/count", {"number": 1}))["status"] == "completed"
