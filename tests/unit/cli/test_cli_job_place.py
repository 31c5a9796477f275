"""Where the commands about jobs look for a server."""

from __future__ import annotations

import json
import socket


def test_where_only_deployed_endpoints_run_their_name_is_asked_for(cli, tmp_path, monkeypatch):
    with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as up:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "supervisor.json").write_text(
            json.dumps({"url": f"http://127.0.0.1:{up.getsockname()[1]}"})
        )
        (tmp_path / "admin-token").write_text("secret")
        monkeypatch.setenv("HOTPLATE_PORT", str(closed.getsockname()[1]))
        monkeypatch.setenv("HOTPLATE_HOME", str(tmp_path))
        ran = cli("job", "list")
        assert ran.code != 0
        assert "Name one of the endpoints of `hotplate up` with --name" in ran.err
        monkeypatch.setenv("HOTPLATE_HOME", str(tmp_path / "nothing"))
        assert "the connection was refused" in cli("job", "list").err


def test_on_the_port_of_up_a_name_is_asked_for(cli, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "supervisor.json").write_text(json.dumps({"url": "http://127.0.0.1:9"}))
    monkeypatch.setenv("HOTPLATE_HOME", str(tmp_path))
    ran = cli("job", "list", "--port", "9")
    assert ran.code != 0
    assert "`hotplate up` runs on port 9. Name one of its endpoints with --name." in ran.err
