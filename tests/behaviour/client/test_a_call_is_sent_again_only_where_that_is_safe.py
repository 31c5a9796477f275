from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scripted import Reply, Scripted, closed_port

from hotplate.client import ConnectionFailed, ConnectionLost, InputRefused, RateLimited, ServerError, ServerUnavailable


@pytest.mark.parametrize(
    "refusal", [Reply(status=429), Reply(status=503, headers={"Retry-After": "0"})], ids=["429", "503"]
)
def test_a_call_that_the_server_did_not_take_is_sent_again(client: Any, server: Scripted, refusal: Reply) -> None:
    url = server.on("/infer", refusal, refusal, Reply({"output": "at last"}))
    assert client.infer(url, {"prompt": "hi"}) == {"output": "at last"}
    assert [seen.body for seen in server.seen] == [b'{"prompt":"hi"}'] * 3


def test_the_servers_last_word_is_raised_when_the_tries_are_used_up(
    make_client: Callable[..., Any], server: Scripted
) -> None:
    url = server.on("/infer", Reply({"detail": "busy"}, 429))
    with pytest.raises(RateLimited, match="busy"):
        make_client(retries=2).infer(url, {})
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=500), ServerError),
        (Reply(status=502, headers={"Retry-After": "0"}), ServerUnavailable),
        (Reply(status=503), ServerUnavailable),
        (Reply(status=504, headers={"Retry-After": "0"}), ServerUnavailable),
        (Reply({"detail": []}, 422), InputRefused),
        (Reply(silent=True), ConnectionLost),
        (Reply({"output": 1}, cut=True), ConnectionLost),
    ],
    ids=["500", "502", "503", "504", "422", "no answer", "half an answer"],
)
def test_a_call_that_may_have_run_is_sent_once(
    client: Any, server: Scripted, reply: Reply, error: type[Exception]
) -> None:
    url = server.on("/infer", reply, Reply({"output": 2}))
    with pytest.raises(error):
        client.infer(url, {})
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [Reply(status=502), Reply(status=504), Reply(silent=True), Reply({"output": 1}, cut=True)],
    ids=["502", "504", "no answer", "half an answer"],
)
def test_a_call_that_may_run_twice_is_sent_again(client: Any, server: Scripted, reply: Reply) -> None:
    url = server.on("/infer", reply, Reply({"output": 2}))
    assert client.infer(url, {}, idempotent=True) == {"output": 2}
    assert len(server.seen) == 2


def test_a_refused_connection_is_tried_again_and_then_told(make_client: Callable[..., Any]) -> None:
    with pytest.raises(ConnectionFailed, match=r"connection was refused \(is the server running there\?\)\. Nothing"):
        make_client(retries=1).infer(f"http://127.0.0.1:{closed_port()}/infer", {})


def test_a_stream_that_was_refused_is_sent_again(client: Any, server: Scripted) -> None:
    good = Reply([b"data: 1\n\n"], headers={"content-type": "text/event-stream"})
    url = server.on("/stream", Reply(status=503, headers={"Retry-After": "0"}), good)
    assert client.infer_stream(url, {}) == [1]


def test_a_file_is_sent_whole_again(client: Any, server: Scripted, tmp_path: Any) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(b"x" * 700_000)
    url = server.on("/infer", Reply(status=429), Reply({"output": 1}))
    client.infer(url, {"n": 1}, files={"file": path})
    assert [len(seen.body) for seen in server.seen] == [int(server.seen[0].headers["content-length"])] * 2
