"""Tokens on the data port: none, wrong, expired, revoked, of another scope, of another endpoint, over their limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from serving import read_all, write_project

from tests.fleet import Fleet, endpoint, revision_of, serve_fleet, token

ECHO = {
    "model.py": """
import time


def predict(text: str, seconds: float = 0.0) -> str:
    time.sleep(seconds)
    return text
""",
    "hotplate.yaml": "functions: [model.py:predict]\n",
}
TEXT = {"text": "hi"}

EXPIRED = token("invoke", expires_at=time.time() - 1)
GOOD, READER, DEPLOYER = token("invoke"), token("read"), token("deploy")
ADMIN, ELSEWHERE = token("admin"), token("invoke", endpoints=("other",))
REVOKED = token("invoke")
SLOW = token("invoke", rate_per_s=0.5)
ALONE = token("invoke", concurrency=1)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("tokens")
    revision = revision_of(write_project(folder / "model", ECHO), "first1")
    with serve_fleet(folder / "home") as fleet:
        known = [GOOD, READER, DEPLOYER, ADMIN, ELSEWHERE, EXPIRED, SLOW, ALONE]
        fleet.publish(endpoint("echo", revision), endpoint("other", revision), tokens=[*known, REVOKED])
        assert fleet.post("/echo/predict", TEXT, REVOKED.headers).status == 200
        fleet.publish(tokens=known)
        yield fleet


WRONG = {"authorization": GOOD.headers["authorization"][:-1] + "x"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (WRONG, 401),
        ({"authorization": "Bearer hp__"}, 401),
        ({"authorization": "Basic dXNlcjpwYXNz"}, 401),
        ({"authorization": GOOD.text}, 401),
        (EXPIRED.headers, 401),
        (REVOKED.headers, 401),
        (READER.headers, 403),
        (DEPLOYER.headers, 403),
        (ELSEWHERE.headers, 403),
        (GOOD.headers, 200),
        ({"authorization": f"bearer  {GOOD.text}"}, 200),
        (ADMIN.headers, 200),
    ],
)
def test_a_call(fleet: Fleet, headers: dict[str, str], status: int) -> None:
    for _ in range(2):  # the second time the head is known
        answer = fleet.post("/echo/predict", TEXT, headers)
        assert answer.status == status, answer.body
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_who_may_see_pages(fleet: Fleet) -> None:
    for path in ("/echo/openapi.json", "/echo/healthcheck", "/echo/metrics", "/echo/", "/echo/nothing"):
        assert fleet.get(path).status == 401, path
    assert fleet.get("/echo/openapi.json", READER.headers).status == 200
    assert fleet.get("/metrics").status == 401
    assert fleet.get("/metrics", GOOD.headers).status == 403
    assert fleet.get("/metrics", READER.headers).status == 200


def test_a_stranger_cannot_tell_which_endpoints_there_are(fleet: Fleet) -> None:
    there, absent = fleet.post("/echo/predict", TEXT), fleet.post("/nobody/predict", TEXT)
    assert there.status == absent.status == 401
    assert there.json()["code"] == absent.json()["code"]
    assert fleet.post("/nobody/predict", TEXT, GOOD.headers).status == 404


def test_a_rate_is_kept_and_the_wait_is_named(fleet: Fleet) -> None:
    assert fleet.post("/echo/predict", TEXT, SLOW.headers).status == 200
    refused = fleet.post("/echo/predict", TEXT, SLOW.headers)
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == ("0.5", "0")
    assert refused.json()["code"] == "too_many_calls"


def test_calls_at_the_same_time_are_counted_and_given_back(fleet: Fleet) -> None:
    answers: list[int] = []

    def call() -> None:
        answers.append(fleet.post("/echo/predict", {"text": "x", "seconds": 3.0}, ALONE.headers).status)

    thread = threading.Thread(target=call)
    thread.start()
    fleet.wait_for(lambda: fleet.of("echo")["in_flight"], "a call that runs")
    assert fleet.post("/echo/predict", TEXT, ALONE.headers).status == 429
    thread.join(20)
    assert answers == [200]
    assert fleet.post("/echo/predict", TEXT, ALONE.headers).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "api-evil", "echo.localhost.evil.example"])
def test_a_page_of_another_name_that_points_here_gets_nothing(fleet: Fleet, host: str) -> None:
    assert fleet.post("/echo/predict", TEXT, {**GOOD.headers, "host": host}).status == 421


def test_a_path_is_no_way_around_the_token(fleet: Fleet) -> None:
    for path in ("/livez/../echo/predict", "//echo/predict", "/livez/echo/predict", "/echo/docs/../predict"):
        assert fleet.post(path, TEXT).status in (401, 404, 405), path
    for path in ("/%65cho/predict", "/echo/docs%2f..%2fpredict"):
        assert fleet.post(path, TEXT).status == 401, path


def test_the_token_is_looked_at_before_a_large_body_is_read(fleet: Fleet) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", fleet.port), timeout=10) as sock:
        sock.sendall(b"POST /echo/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n")
        assert read_all(sock).startswith(b"HTTP/1.1 401 ")


def test_last_use_is_kept(fleet: Fleet) -> None:
    import sqlite3

    assert fleet.post("/echo/predict", TEXT, ADMIN.headers).status == 200

    def used() -> bool:
        with closing(sqlite3.connect(fleet.home.server_db)) as database:
            found = dict(database.execute("SELECT token, at FROM token_use").fetchall())
        return abs(found.get(ADMIN.spec.id, 0) - time.time()) < 60

    fleet.wait_for(used, "a row of token_use")


def test_who_sends_wrong_tokens_again_and_again_is_told_to_wait(fleet: Fleet) -> None:
    answers = [fleet.post("/echo/predict", TEXT, WRONG) for _ in range(12)]
    assert answers[-1].status == 429
    assert answers[-1].json()["code"] == "too_many_calls"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert fleet.get("/echo/openapi.json", WRONG).status == fleet.post("/nobody/x", TEXT, WRONG).status == 429
    assert fleet.post("/echo/predict", TEXT).status == 401, "without a token nothing is counted"
    assert fleet.post("/echo/predict", TEXT, GOOD.headers).status == 200, "a right one is let in"
    assert fleet.post("/echo/predict", TEXT, READER.headers).status == 403
