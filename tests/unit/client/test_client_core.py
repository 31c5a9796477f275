"""The core's decisions, driven step by step: no network, no clock, no sleeping."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest

from hotplate.client.core import Core
from hotplate.client.errors import (
    CallTimeout,
    ConnectionFailed,
    ConnectionLost,
    InputRefused,
    InvalidAnswer,
    InvalidCall,
    NotAuthorized,
    RateLimited,
    ServerUnavailable,
    StatusError,
)
from hotplate.client.exchange import Answer, Failure, Pause, Request, Send, Steps
from hotplate.client.retry import Retries
from hotplate.client.tokens import Token

URL = "http://127.0.0.1:8080/infer"


class Highest(random.Random):
    """Dice that always throw the most."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Rig:
    """A fake transport with a fake clock: gives scripted outcomes and notes what was asked of it."""

    def __init__(self, *outcomes: Answer | Failure, takes_s: float = 0.0, **settings: Any) -> None:
        self.outcomes = list(outcomes)
        self.takes_s = takes_s
        self.clock = 0.0
        self.sent: list[Request] = []
        self.limits: list[float] = []
        self.pauses: list[float] = []
        settings = {"token": Token(None, ""), "timeout_s": 100.0} | settings
        self.core = Core(now=lambda: self.clock, dice=Highest(), **settings)

    def drive(self, steps: Steps[Any]) -> Any:
        result: Answer | Failure | None = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as end:
                return end.value
            if isinstance(step, Send):
                self.sent.append(step.request)
                self.limits.append(step.timeout_s)
                self.clock += self.takes_s
                result = self.outcomes.pop(0)
            else:
                assert isinstance(step, Pause)
                self.pauses.append(step.seconds)
                self.clock += step.seconds
                result = None

    def infer(self, inputs: Any = None, url: str = URL, idempotent: bool = False) -> Any:
        return self.drive(self.core.infer(url, inputs, None, None, idempotent))


def reply(status: int = 200, body: Any = None, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={name.replace("_", "-"): v for name, v in headers.items()}, body=content)


def test_infer_posts_json_and_gives_the_decoded_answer() -> None:
    rig = Rig(reply(body={"output": "hi"}), token=Token("secret", "token="))
    assert rig.infer({"prompt": "hi"}) == {"output": "hi"}
    (request,) = rig.sent
    assert (request.method, request.url) == ("POST", URL)
    assert request.body is not None
    assert request.body.content() == b'{"prompt":"hi"}'
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Content-Length"] == "15"
    assert request.headers["Authorization"] == "Bearer secret"
    assert "secret" not in repr(request)
    assert "secret" not in repr(rig.core)


def test_no_token_sends_no_authorization() -> None:
    rig = Rig(reply(body={}))
    rig.infer({})
    assert "Authorization" not in rig.sent[0].headers


def test_refused_calls_are_tried_again_with_growing_waits() -> None:
    rig = Rig(
        Failure(kind="not_sent", reason="refused"),
        reply(429),
        reply(503, retry_after="3"),
        reply(body={"output": 1}),
        retries=Retries(first_s=0.5),
    )
    assert rig.infer({}) == {"output": 1}
    assert rig.pauses == [0.5, 1.0, 2.0 + 3.0]
    assert len({request.headers["X-Request-Id"] for request in rig.sent}) == 1


def test_tries_end_with_the_servers_last_word() -> None:
    rig = Rig(*[reply(429, {"detail": "slow down"}, retry_after="1") for _ in range(3)], retries=Retries(count=2))
    with pytest.raises(RateLimited, match=r"answered 429: slow down\. Try again in 1 s\.") as caught:
        rig.infer({})
    assert len(rig.sent) == 3
    assert caught.value.retry_after_s == 1.0


def test_no_retries_means_one_try() -> None:
    rig = Rig(reply(429), retries=Retries(count=0))
    with pytest.raises(RateLimited):
        rig.infer({})


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_call_that_may_have_run_is_sent_once_unless_it_is_idempotent(status: int) -> None:
    with pytest.raises(ServerUnavailable):
        Rig(reply(status)).infer({})
    assert Rig(reply(status), reply(body=5)).infer({}, idempotent=True) == 5


def test_a_lost_connection_says_that_the_model_may_have_run() -> None:
    cause = OSError("reset")
    rig = Rig(Failure(kind="lost", reason="the connection broke", cause=cause))
    with pytest.raises(ConnectionLost, match="The model may have run") as caught:
        rig.infer({})
    assert caught.value.__cause__ is cause
    assert caught.value.request_id == rig.sent[0].headers["X-Request-Id"]


def test_a_hopeless_connection_is_not_tried_again() -> None:
    rig = Rig(Failure(kind="hopeless", reason="the host is not known"))
    with pytest.raises(ConnectionFailed, match=r"the host is not known\. Nothing was sent\."):
        rig.infer({})


def test_no_try_starts_that_the_deadline_would_not_let_finish() -> None:
    rig = Rig(*[reply(503, retry_after="30") for _ in range(9)], takes_s=10.0, timeout_s=100.0)
    with pytest.raises(ServerUnavailable):
        rig.infer({})
    # 10 s of work and 30 s of waiting (and some jitter) each: the third wait would end past 100 s.
    assert len(rig.sent) == 3
    assert rig.limits[0] == 100.0
    assert rig.limits[1] == pytest.approx(59.5)
    assert rig.clock < 100.0


def test_a_timeout_names_the_limit() -> None:
    with pytest.raises(CallTimeout, match="no answer in 100 s. Raise timeout_s"):
        Rig(Failure(kind="timeout", reason="")).infer({})


def test_validation_errors_read_as_a_sentence() -> None:
    detail = [
        {"type": "missing", "loc": ["body", "boxes", 0, "x2"], "msg": "Field required", "input": {}},
        {"type": "string_type", "loc": ["body", "prompt"], "msg": "Input should be a valid string", "input": 5},
    ]
    with pytest.raises(InputRefused) as caught:
        Rig(reply(422, {"detail": detail})).infer({})
    assert str(caught.value) == (
        f"POST {URL} answered 422: boxes.0.x2: Field required; prompt: Input should be a valid string."
    )
    assert caught.value.detail == detail
    assert caught.value.status == 422
    assert json.loads(caught.value.body) == {"detail": detail}


def test_401_says_which_token_was_refused_but_never_its_value() -> None:
    with pytest.raises(NotAuthorized, match=r"No token was sent: set HOTPLATE_TOKEN") as caught:
        Rig(reply(401)).infer({})
    with pytest.raises(NotAuthorized, match="The token from OCTOAI_TOKEN was not accepted") as caught:
        Rig(reply(401), token=Token("hush", "OCTOAI_TOKEN")).infer({})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "no such route"}, "no such route."),
        ({"error": "model not found"}, "model not found."),
        ({"error": {"message": "too long", "type": "x"}}, "too long."),
        ({"title": "Not Found", "status": 404}, "Not Found."),
        (b"<html>\x1b[31mnope</html>", "<html> [31mnope</html>."),
        (b"", "no body."),
        (b"x" * 900, "x" * 500 + "…"),
        ({"detail": "Stop!"}, "Stop!"),
        ({"detail": []}, '{"detail": []}.'),
        ({"detail": [{"msg": f"m{n}"} for n in range(7)]}, "m0; m1; m2; m3; m4; and 2 more."),
        ({"detail": ["text", {"loc": ["body"], "msg": "m"}, {"odd": 1}]}, "text; m; {'odd': 1}."),
        ([1], "[1]."),
        ({"error": {"code": 7}}, '{"error": {"code": 7}}.'),
    ],
)
def test_an_error_says_what_the_server_said(body: Any, said: str) -> None:
    with pytest.raises(StatusError) as caught:
        Rig(reply(404, body, x_request_id="r-1")).infer({})
    assert str(caught.value) == f"POST {URL} answered 404: {said} Request id r-1."
    assert caught.value.request_id == "r-1"


def test_a_redirect_is_not_followed() -> None:
    with pytest.raises(StatusError, match="It moved to http://elsewhere/"):
        Rig(reply(307, b"", location="http://elsewhere/")).infer({})


def test_an_answer_that_is_not_json_names_the_call_that_reads_it() -> None:
    with pytest.raises(InvalidAnswer, match=r"with image/png, which is not JSON. infer_raw\(\)"):
        Rig(reply(200, b"\x89PNG", content_type="image/png")).infer({})


def test_an_empty_answer_is_none() -> None:
    assert Rig(reply(204, b"")).infer({}) is None


@pytest.mark.parametrize(
    ("base_url", "given", "whole"),
    [
        ("http://h:1", "/infer", "http://h:1/infer"),
        ("http://h:1/", "infer", "http://h:1/infer"),
        ("http://h:1/a", "/b", "http://h:1/a/b"),
        ("http://h:1", "https://other/x", "https://other/x"),
    ],
)
def test_a_relative_url_is_added_to_the_base(base_url: str, given: str, whole: str) -> None:
    rig = Rig(reply(body=1), base_url=base_url)
    rig.infer({}, url=given)
    assert rig.sent[0].url == whole


@pytest.mark.parametrize("url", ["/infer", "localhost:8080/infer", "ftp://h/x", "file:///etc/passwd"])
def test_a_url_that_is_not_whole_is_refused_before_anything_is_sent(url: str) -> None:
    rig = Rig()
    with pytest.raises(InvalidCall):
        rig.infer({}, url=url)


def test_raw_bytes_go_out_as_they_are_and_come_back_as_they_are() -> None:
    rig = Rig(reply(200, b"\x89PNG", content_type="image/png"))
    answer = rig.drive(rig.core.infer_raw(URL, b"JFIF", "image/jpeg", "image/png", None, False))
    (request,) = rig.sent
    assert request.body is not None
    assert (request.body.content(), request.headers["Content-Type"]) == (b"JFIF", "image/jpeg")
    assert request.headers["Accept"] == "image/png"
    assert (answer.content, answer.content_type, answer.status) == (b"\x89PNG", "image/png", 200)


def test_health_check_waits_while_the_server_starts(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(
        Failure(kind="not_sent", reason="refused"),
        reply(503),
        reply(503, retry_after="4"),
        Failure(kind="timeout", reason="the time is over"),
        reply(429),
        reply(200),
    )
    with caplog.at_level(logging.WARNING):
        assert rig.drive(rig.core.health_check("http://h/healthcheck", None)) == 200
    assert rig.pauses == [1.0, 1.0, 4.0, 1.0, 1.0]
    assert {request.method for request in rig.sent} == {"GET"}
    assert [record.message for record in caplog.records] == [
        "http://h/healthcheck is not ready (refused); waiting for it, at most 100 s"
    ]


def test_health_check_gives_up_when_the_time_is_over() -> None:
    rig = Rig(*[reply(503) for _ in range(9)])
    with pytest.raises(CallTimeout, match=r"was not ready in 3\.5 s: it answers 503"):
        rig.drive(rig.core.health_check("http://h/x", 3.5))
    assert len(rig.sent) == 4


@pytest.mark.parametrize(
    ("outcome", "error"), [(reply(404), StatusError), (Failure(kind="hopeless", reason="x"), ConnectionFailed)]
)
def test_health_check_does_not_wait_for_what_will_not_change(outcome: Any, error: type[Exception]) -> None:
    rig = Rig(outcome)
    with pytest.raises(error):
        rig.drive(rig.core.health_check("http://h/x", None))


@pytest.mark.parametrize("settings", [{"timeout_s": 0.0}, {"timeout_s": float("nan")}, {"retries": -1}])
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    create: Callable[..., Core] = Core.create
    with pytest.raises(InvalidCall):
        create(**({"token": "", "base_url": None, "timeout_s": 1.0, "retries": 0} | settings))
