"""Webhooks with a real receiver, which checks them with the reference library of Standard Webhooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from job_calls import ASYNC, MODEL, ended, submit, until
from serving import Server, serve, write_project
from standardwebhooks import Webhook

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


class Receiver(ThreadingHTTPServer):
    """Takes messages, and answers with what `answers` says next, else 204."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?key=private"

    def of(self, job_id: str) -> list[dict[str, Any]]:
        found = [json.loads(body) for _, body in list(self.got)]
        return [each for each in found if each["data"]["id"] == job_id]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root: Path = tmp_path_factory.mktemp("webhooks")
    write_project(root / "model", MODEL)
    env = {"HOTPLATE_HOME": str(root / "home"), "HOTPLATE_WEBHOOK_SECRET": SECRET}
    args = ("--job-attempts", "1", "--fetch-allow", "127.0.0.1:*")
    with serve(root / "model", *args, env=env) as running:
        yield running


def test_a_job_tells_its_end_and_the_reference_library_takes_it(server: Server, receiver: Receiver) -> None:
    job_id = submit(server, "/count", {"number": 1}, hotplate_webhook=receiver.url)
    until(lambda: receiver.of(job_id), "a message")
    headers, body = next(each for each in receiver.got if job_id.encode() in each[1])
    told = Webhook(SECRET).verify(body, headers)
    assert told["type"] == "job.completed"
    assert (told["data"]["status"], told["data"]["route"], told["data"]["endpoint"]) == (
        "completed",
        "POST /count",
        ended(server, job_id) and told["data"]["endpoint"],
    )
    assert headers["webhook-id"].startswith("msg_") and headers["webhook-attempt"] == "1"
    with pytest.raises(Exception, match="signature"):
        Webhook("whsec_" + "A" * 43 + "=").verify(body, headers)


def test_only_the_events_that_are_wanted_are_told(server: Server, receiver: Receiver) -> None:
    more = {"hotplate_webhook": receiver.url, "hotplate_webhook_events": "started, failed"}
    good = submit(server, "/count", {"number": 1}, **more)
    bad = submit(server, "/boom", {"text": "x"}, **more)
    until(lambda: len(receiver.of(bad)) == 2, "two messages")
    until(lambda: receiver.of(good), "a message")
    assert sorted(each["type"] for each in receiver.of(bad)) == ["job.failed", "job.started"]
    assert [each["type"] for each in receiver.of(good)] == ["job.started"]
    failed = next(each for each in receiver.of(bad) if each["type"] == "job.failed")
    assert "about to fail: x" in failed["data"]["error"]["last_output"]


def test_a_cancelled_job_is_told_too(server: Server, receiver: Receiver) -> None:
    job_id = submit(server, "/wait", {"seconds": 60}, hotplate_webhook=receiver.url)
    assert server.request("DELETE", f"/jobs/{job_id}").status == 200
    until(lambda: [each["type"] for each in receiver.of(job_id)] == ["job.cancelled"], "the message")


def test_what_is_not_taken_is_sent_again_with_the_same_id(server: Server) -> None:
    with receiving() as receiver:
        receiver.answers = [500, 302]
        job_id = submit(server, "/count", {"number": 1}, hotplate_webhook=receiver.url)
        until(lambda: len(receiver.got) == 3, "three attempts")
        assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
        assert len({body for _, body in receiver.got}) == 1
        assert [headers["webhook-attempt"] for headers, _ in receiver.got] == ["1", "2", "3"]
        for headers, body in receiver.got:
            Webhook(SECRET).verify(body, headers)
        told = until(
            lambda: (
                (all_ := server.get(f"/jobs/{job_id}/webhooks").json()["webhooks"])
                and all_[0]["status"] == "delivered"
                and all_
            ),
            "its end",
        )
        assert (told[0]["attempt"], told[0]["answer"], told[0]["job"]) == (3, 204, job_id)
        assert told[0]["url"].endswith("/hook"), "the query may hold a secret"
        assert server.metric('hotplate_webhook_attempts_total{outcome="missed"}') >= 2
        again = server.post(f"/jobs/-/webhooks/{told[0]['id']}/redeliver")
        assert (again.status, again.json()["status"]) == (202, "waiting")
        until(lambda: len(receiver.got) == 4, "another delivery")


def test_a_receiver_that_is_gone_or_may_not_be_reached_is_given_up(server: Server) -> None:
    with receiving() as receiver:
        receiver.answers = [410]
        job_id = submit(server, "/count", {"number": 1}, hotplate_webhook=receiver.url)
        place = f"/jobs/{job_id}/webhooks"
        (gone,) = until(
            lambda: [each for each in server.get(place).json()["webhooks"] if each["status"] == "failed"], "x"
        )
        assert (gone["answer"], len(receiver.got)) == (410, 1)
    job_id = submit(server, "/count", {"number": 1}, hotplate_webhook="http://169.254.169.254/latest/meta-data")
    place = f"/jobs/{job_id}/webhooks"
    (blocked,) = until(
        lambda: [each for each in server.get(place).json()["webhooks"] if each["status"] == "failed"], "x"
    )
    assert "may not" in blocked["error"] or "not public" in blocked["error"], blocked
    failed = server.get("/jobs/-/webhooks?state=failed").json()["webhooks"]
    assert {gone["id"], blocked["id"]} <= {each["id"] for each in failed}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"hotplate-webhook": "ftp://x.example/"}, "http"),
        ({"hotplate-webhook": "http://user:word@x.example/"}, ""),
        ({"hotplate-webhook": "https://x.example/", "hotplate-webhook-events": "done"}, "no event 'done'"),
    ],
)
def test_what_could_never_be_sent_is_refused_at_submit(server: Server, headers: dict[str, str], said: str) -> None:
    reply = server.post("/count", {"number": 1}, headers={**ASYNC, **headers})
    assert (reply.status, reply.json()["code"]) == (400, "job_error"), reply.body
    assert said in reply.json()["detail"]


def test_messages_survive_a_kill_and_an_endpoints_own_webhook_needs_no_header(tmp_path: Path) -> None:
    with receiving() as receiver:
        write_project(
            tmp_path / "model", {**MODEL, "hotplate.yaml": f"webhook: {receiver.url}\nwebhook_events: [dead]\n"}
        )
        env = {"HOTPLATE_HOME": str(tmp_path / "home")}
        args = ("--job-crashes", "1", "--fetch-allow", "127.0.0.1:*")
        receiver.answers = [503] * 2
        with serve(tmp_path / "model", *args, env=env) as server:
            job_id = submit(server, "/die", {"status": 1})
            until(lambda: receiver.got, "a first attempt")
            server.process.kill()
        (secret,) = (tmp_path / "home").glob("jobs/*/webhook-secret")
        assert secret.stat().st_mode & 0o077 == 0
        with serve(tmp_path / "model", *args, env=env) as server:
            told = until(
                lambda: [
                    e for e in server.get(f"/jobs/{job_id}/webhooks").json()["webhooks"] if e["status"] == "delivered"
                ],
                "a delivery",
                200,
            )
        assert told[0]["event"] == "dead"
        headers, body = receiver.got[-1]
        assert Webhook(secret.read_text().strip()).verify(body, headers)["type"] == "job.dead"


def test_the_command_lists_and_sends_again(server: Server, receiver: Receiver) -> None:
    def hotplate(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hotplate.cli", "job", *words, "--port", str(server.port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    job_id = hotplate(
        "submit", "/count", "number:=1", "--webhook", receiver.url, "--webhook-events", "completed"
    ).strip()
    until(lambda: receiver.of(job_id), "a message")
    until(lambda: "delivered" in hotplate("webhooks", "list", job_id), "its end")
    (message,) = json.loads(hotplate("webhooks", "list", job_id, "-o", "json"))
    assert message["event"] == "completed"
    hotplate("webhooks", "redeliver", message["id"])
    until(lambda: len(receiver.of(job_id)) == 2, "it again")
    assert message["id"] in hotplate("webhooks", "list", "--state", "delivered") + hotplate("webhooks", "list")
