from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import sys
from pathlib import Path

import pytest
from serving import write_project

from hotplate.errors import SettingError
from hotplate.supervisor.https import caddyfile
from tests.behaviour.up.conftest import ECHO
from tests.behaviour.up.test_the_supervisor_keeps_things_running import deploy, up

pytestmark = pytest.mark.skipif(
    not (Path(sys.executable).parent / "caddy").exists() and shutil.which("caddy") is None, reason="needs Caddy"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def test_a_name_of_this_machine_gets_a_certificate_of_its_own_authority(tmp_path: Path) -> None:
    root, port = tmp_path / "home", free_port()
    with up(root, "--https", f"localhost:{port}") as fleet:
        deploy(root, write_project(tmp_path / "model", ECHO), "open", "--min-replicas", "1")
        authority = root / "caddy/caddy/pki/authorities/local/root.crt"
        fleet.wait_for(authority.exists, "an authority")
        context = ssl.create_default_context(cafile=str(authority))

        def call() -> tuple[int, bytes]:
            connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
            try:
                connection.request("POST", "/open/predict", '{"text": "hi"}', {"content-type": "application/json"})
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        status, body = fleet.wait_for(lambda: (found := call())[0] == 200 and found, "an answer over HTTPS")
        assert b"v1 hi" in body


def test_a_public_name_gets_a_public_certificate() -> None:
    text = caddyfile("Models.example.org", "http://127.0.0.1:8080")
    assert "https://models.example.org {" in text
    assert "tls internal" not in text
    assert "reverse_proxy 127.0.0.1:8080" in text


@pytest.mark.parametrize("name", ["a b", "x{", "x\n}", "https://x", "", "-x", "x:99999999"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(SettingError):
        caddyfile(name, "http://127.0.0.1:8080")
