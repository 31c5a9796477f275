"""A secret's value and a token are looked for in everything that control writes and says: only sealed forms exist."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from control_rig import make_revision, running_control, server_socket, short_home

from hotplate.control.registry_credentials import read_login
from hotplate.errors import SettingError

CANARY = "c4nary-b3a1d5e7-of-a-secret"
SECOND = "s3cond-99aa88bb-of-a-secret"


@pytest.fixture(scope="module")
def used():
    """A control that has seen secrets and tokens in every way there is."""
    with short_home() as home, server_socket(home) as server, running_control(home) as control:
        control.good("POST", "/secrets", {"key": "API_KEY", "value": SECOND})
        control.good("PUT", "/secrets/API_KEY", {"value": CANARY})
        login = {"key": "hub", "username": "ann", "token": SECOND}
        control.good("POST", "/registry-credentials", login)
        control.good("PUT", "/registry-credentials/hub", {"token": CANARY, "registry": "ghcr.io"})
        make_revision(home, "a" * 16)
        make_revision(home, "b" * 16)
        settings = {"container_secrets": ["API_KEY"]}
        control.good("POST", "/endpoints/leaky/deploy", {"revision": "a" * 16, "settings": settings, "wait_s": 30})
        server.rollouts["leaky"] = ("failed", f"ValueError: {CANARY} does not work")
        control.good("POST", "/endpoints/leaky/deploy", {"revision": "b" * 16, "wait_s": 30})
        logs = home.logs / "leaky"
        logs.mkdir()
        lines = [{"at": time.time(), "replica": 1, "stream": "stdout", "text": f"key is {CANARY}!"}]
        (logs / "current.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        bad = [
            control.ask("POST", "/secrets", {"key": "API_KEY", "value": CANARY}),
            control.ask("POST", "/secrets", {"key": "bad key", "value": CANARY}),
            control.ask("PUT", "/secrets/API_KEY", {"value": CANARY, "more": 1}),
            control.ask("POST", "/secrets", {"key": "X", "value": [CANARY]}),
            control.ask("POST", "/registry-credentials", {**login, "token": CANARY}),
            control.ask("POST", "/registry-credentials", {**login, "key": "b", "registry": "a/b"}),
            control.ask("PUT", "/registry-credentials/hub", {"token": CANARY + "\n"}),
        ]
        assert {reply.status for reply in bad} == {409, 422}
        made = control.token("invoke")
        yield control, made, bad


def test_no_answer_has_a_value_or_a_token(used):
    control, made, bad = used
    paths = ["/secrets", "/secrets/API_KEY", "/endpoints", "/endpoints/leaky", "/endpoints/leaky/deployments", "/audit"]
    paths += ["/registry-credentials", "/registry-credentials/hub"]
    paths += ["/events", "/events/leaky", "/logs/leaky", "/tokens", f"/tokens/{made.split('_')[1]}", "/account"]
    for path in paths:
        text = control.ask("GET", path).body.decode()
        assert CANARY not in text and SECOND not in text, path
        assert made.split("_")[2] not in text and control.admin.split("_")[2] not in text, path
    assert all(CANARY.encode() not in reply.body for reply in bad)


def test_logs_and_events_show_where_something_was_masked(used):
    control, _, _ = used
    assert control.good("GET", "/logs/leaky")[0]["data"] == "key is ***!"
    assert "ValueError: *** does not work" in control.good("GET", "/endpoints/leaky")["rollout"]["text"]
    assert any("***" in each["event"]["details"] for each in control.good("GET", "/events/leaky"))


def test_no_file_has_a_value_or_a_token(used):
    control, made, _ = used
    for path in control.home.root.rglob("*"):
        if path.is_file() and path.name not in ("admin-token", "current.jsonl"):
            data = path.read_bytes()
            assert CANARY.encode() not in data and SECOND.encode() not in data, path
            assert made.split("_")[2].encode() not in data and control.admin.split("_")[2].encode() not in data, path


def test_no_process_has_one_in_its_arguments(used):
    _, made, _ = used
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        assert CANARY.encode() not in words and made.encode() not in words, path


def test_files_are_private_to_their_user(used):
    control, _, _ = used
    for name in ("admin-token", "key", "control.db", "snapshot.json"):
        assert (control.home.root / name).stat().st_mode & 0o077 == 0, name
    assert control.home.root.stat().st_mode & 0o077 == 0


def test_a_registry_credential_is_read_on_this_machine_alone(used):
    control, _, _ = used
    assert read_login(control.home, "hub") == ("ghcr.io", "ann", CANARY)
    found = control.good("GET", "/registry-credentials/hub")
    assert set(found) == {"key", "registry", "username", "fingerprint", "created_at", "updated_at"}
    with pytest.raises(SettingError, match="no registry credential other"):
        read_login(control.home, "other")


def test_a_secret_in_use_cannot_be_deleted_and_its_fingerprint_tells_a_change(used):
    control, _, _ = used
    assert control.ask("DELETE", "/secrets/API_KEY").status == 409
    before = control.good("GET", "/secrets/API_KEY")
    assert before["endpoints"] == ["leaky"]
    assert set(before) == {"key", "fingerprint", "created_at", "updated_at", "endpoints"}
    generation = control.good("GET", "/endpoints/leaky")["generation"]
    after = control.good("PUT", "/secrets/API_KEY", {"value": CANARY})
    assert after["fingerprint"] != before["fingerprint"] or after["updated_at"] > before["updated_at"]
    assert control.good("GET", "/endpoints/leaky")["generation"] == generation + 1
