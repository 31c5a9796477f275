from __future__ import annotations

import asyncio
import gc
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted import Reply, Scripted, closed_port, scripted_server

from hotplate import AsyncClient, Client
from hotplate.client import CallTimeout, ConnectionFailed, ConnectionLost, InvalidCall, StatusError

SSE = {"content-type": "text/event-stream"}


def test_json_goes_out_and_comes_back(make_client: Callable[..., Any], server: Scripted) -> None:
    server.on("/infer", Reply({"output": "hi"}))
    assert make_client(token="t0k", base_url=server.url).infer("/infer", {"prompt": b"hi"}) == {"output": "hi"}
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/infer", b'{"prompt":"hi"}')
    assert seen.headers["authorization"] == "Bearer t0k"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["content-length"] == "15"
    assert seen.headers["user-agent"].startswith("hotplate/")
    assert "transfer-encoding" not in seen.headers


def test_a_form_goes_out_with_its_files(client: Any, server: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    client.infer(server.on("/form", Reply({})), {"metadata": "about"}, files={"file": path})
    (seen,) = server.seen
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert len(seen.body) == int(seen.headers["content-length"])
    assert b'name="metadata"\r\n\r\nabout\r\n' in seen.body
    assert b'name="file"; filename="a.wav"\r\nContent-Type: audio/x-wav\r\n\r\nRIFF\r\n' in seen.body


def test_raw_bytes_go_out_and_come_back(client: Any, server: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(b"JFIF")
    url = server.on("/infer", Reply(b"\x89PNG", headers={"content-type": "image/png"}))
    answer = client.infer_raw(url, path, accept="image/png")
    assert (server.seen[0].headers["content-type"], server.seen[0].body) == ("image/jpeg", b"JFIF")
    assert answer.save(tmp_path / "out.png").read_bytes() == b"\x89PNG"


def test_connections_are_reused(client: Any, server: Scripted) -> None:
    url = server.on("/infer", Reply({}))
    for _ in range(5):
        client.infer(url, {})
    assert server.connections == 1


def test_a_client_that_nobody_closed_leaves_no_connection(server: Scripted) -> None:
    client = Client()
    client.infer(server.on("/infer", Reply({})), {})
    http = client._http
    del client
    gc.collect()
    assert http.is_closed


def test_many_threads_share_one_client(server: Scripted) -> None:
    url = server.on("/infer", Reply({"output": 1}))
    with Client() as client:
        results: list[Any] = []
        threads = [threading.Thread(target=lambda: results.append(client.infer(url, {}))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [{"output": 1}] * 8


def test_values_of_a_stream_come_as_they_are_made(server: Scripted) -> None:
    step = threading.Event()

    def body() -> Iterator[bytes]:
        yield b'data: {"token": "a"}\n\n'
        assert step.wait(10)
        yield b": still here\n\n"
        yield b'data: {"token": "b"}\n\n'

    url = server.on("/stream", Reply(body(), headers=SSE))
    with Client() as client:
        values = client.infer_stream(url, {"n": 2}, map_fn=lambda value: value["token"])
        assert next(values) == "a"  # the server is still held back
        step.set()
        assert list(values) == ["b"]
    assert server.seen[0].headers["accept"] == "text/event-stream"


def endless() -> Iterator[bytes]:
    while True:
        yield b"data: 1\n\n"


def test_a_stream_that_is_left_early_is_closed(server: Scripted) -> None:
    url = server.on("/stream", Reply(endless(), headers=SSE))
    with Client() as client:
        values = client.infer_stream(url, {})
        assert next(values) == 1
        values.close()
        assert server.left_early.wait(10)


def test_an_async_stream_that_is_left_early_is_closed(server: Scripted) -> None:
    url = server.on("/stream", Reply(endless(), headers=SSE))

    async def main() -> None:
        async with AsyncClient() as client:
            values = client.infer_stream(url, {})
            assert await anext(values) == 1
            await values.aclose()
            assert await asyncio.to_thread(server.left_early.wait, 10)

    asyncio.run(main())


def test_a_stream_that_breaks_is_an_error(client: Any, server: Scripted) -> None:
    url = server.on("/stream", Reply([b"data: 1\n\n"], headers=SSE, cut=True))
    values: list[Any] = []
    with pytest.raises(ConnectionLost, match="The model may have run"):
        client.infer_stream(url, {}, map_fn=values.append)
    assert values == [1]


def test_the_error_of_a_stream_has_its_body(client: Any, server: Scripted) -> None:
    with pytest.raises(StatusError, match="answered 418: teapot") as caught:
        client.infer_stream(server.on("/stream", Reply({"detail": "teapot"}, 418)), {})
    assert caught.value.body == b'{"detail": "teapot"}'


def test_no_answer_in_time_is_an_error(make_client: Callable[..., Any], server: Scripted) -> None:
    held = threading.Event()

    def body() -> Iterator[bytes]:
        held.wait(10)
        yield b"{}"

    client = make_client(timeout_s=0.2)
    with pytest.raises(CallTimeout, match=r"no answer in 0\.2 s"):
        client.infer(server.on("/infer", Reply(body())), {})
    held.set()


def test_an_answer_that_trickles_is_cut_off_in_time(client: Any, server: Scripted) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(200):
            time.sleep(0.05)  # each read is well within the limit; all together are not
            yield b" "

    url = server.on("/infer", Reply(body()))
    started = time.monotonic()
    with pytest.raises(CallTimeout):
        client.infer(url, {}, timeout_s=0.3)
    assert time.monotonic() - started < 5


def test_a_silent_stream_is_cut_off(make_client: Callable[..., Any], server: Scripted) -> None:
    held = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"data: 1\n\n"
        held.wait(10)

    values: list[Any] = []
    url = server.on("/stream", Reply(body(), headers=SSE))
    with pytest.raises(CallTimeout, match=r"no answer in 1\.5 s"):
        make_client(timeout_s=1.5).infer_stream(url, {}, values.append)
    assert values == [1]
    held.set()


def test_health_check_gives_the_status(client: Any, server: Scripted) -> None:
    assert client.health_check(server.on("/healthcheck", Reply({"status": "RUNNING"}))) == 200
    assert server.seen[0].method == "GET"
    with pytest.raises(StatusError):
        client.health_check(server.url + "/nope")


def test_health_check_waits_for_a_server_that_starts() -> None:
    with scripted_server() as server, Client() as client:
        url = server.on("/healthcheck", Reply({"status": "SETUP_SERVICE"}, 503), Reply({"status": "RUNNING"}))
        slept: list[float] = []
        client._sleep = slept.append
        assert client.health_check(url, timeout_s=30) == 200
        assert slept == [1.0]


def test_a_proxy_from_the_environment_does_not_stand_before_this_machine(
    monkeypatch: pytest.MonkeyPatch, make_client: Callable[..., Any], server: Scripted
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    assert make_client(retries=0).infer(server.on("/infer", Reply({"output": 1})), {}) == {"output": 1}


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "socks://127.0.0.1:9/", "http://[::1"])
def test_a_proxy_that_cannot_be_used_stands_before_other_places_alone(
    monkeypatch: pytest.MonkeyPatch, make_client: Callable[..., Any], server: Scripted, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    if proxy.startswith("socks5"):
        monkeypatch.setitem(sys.modules, "socksio", None)
    client = make_client(retries=0)
    assert client.infer(server.on("/infer", Reply({"output": 1})), {}) == {"output": 1}
    with pytest.raises(ConnectionFailed, match="the proxy that the environment names is of no use"):
        client.infer("http://models.example.com/infer", {})


def test_a_redirect_takes_no_token_elsewhere(make_client: Callable[..., Any], server: Scripted) -> None:
    url = server.on("/infer/", Reply(status=307, headers={"location": f"{server.url}/infer"}))
    with pytest.raises(StatusError, match="It moved to"):
        make_client(token="t0k").infer(url, {})
    assert len(server.seen) == 1


def test_an_unknown_host_fails_at_once(client: Any) -> None:
    with pytest.raises(ConnectionFailed, match="the host is not known"):
        client.infer("http://nowhere.invalid/infer", {})


def test_tls_to_a_server_without_it_says_so(client: Any, server: Scripted) -> None:
    with pytest.raises(ConnectionFailed, match="no TLS there"):
        client.infer(server.url.replace("http://", "https://"), {})


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_certificates_are_checked(make_client: Callable[..., Any], tmp_path: Path) -> None:
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    with scripted_server(tls) as server:
        url = server.on("/infer", Reply({"output": 1}))
        with pytest.raises(ConnectionFailed, match="the certificate is not trusted"):
            make_client().infer(url, {})
        assert make_client(verify=cert).infer(url, {}) == {"output": 1}
        assert make_client(verify=False).infer(url, {}) == {"output": 1}


def test_one_async_client_serves_one_event_loop_after_another(server: Scripted) -> None:
    url = server.on("/infer", Reply({"output": 1}))
    client = AsyncClient()

    async def call() -> Any:
        answer = await client.infer(url, {})
        await client._pools[asyncio.get_running_loop()].aclose()  # else its sockets outlive their loop
        return answer

    assert [asyncio.run(call()), asyncio.run(call())] == [{"output": 1}] * 2


def test_a_closed_client_says_so(server: Scripted) -> None:
    with Client() as client:
        pass
    with pytest.raises(InvalidCall, match="This client is closed"):
        client.infer(server.url, {})

    async def main() -> None:
        async with AsyncClient() as client:
            pass
        with pytest.raises(InvalidCall, match="This client is closed"):
            await client.infer(server.url, {})

    asyncio.run(main())
