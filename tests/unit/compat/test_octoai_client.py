"""What the `octoai.client` shim does beyond the real one; what they share is in tests/conformance/compat."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import octoai
import pytest
from octoai.client import Client, OctoAI
from octoai.errors import OctoAIClientError, OctoAIValidationError
from scripted import Reply, Scripted, scripted_server


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("HOTPLATE_TOKEN", "OCTOAI_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted_server() as rig:
        yield rig


class Picture:
    def model_dump(self) -> dict[str, Any]:
        return {"data": base64.b64encode(b"\xff")}


@pytest.mark.parametrize("picture", [Picture(), Picture().model_dump()])
def test_media_is_sent_as_an_object_too_and_by_infer_async_too(server: Scripted, picture: Any) -> None:
    client = Client()
    client.infer(server.on("/infer", Reply({"output": 1})), {"image": picture})
    future = client.infer_async(
        server.on("/async", Reply({"response_id": "r", "poll_url": "http://h/p"}, 201)), {"image": picture}
    )
    assert (future.response_id, future.poll_url) == ("r", "http://h/p")
    assert [json.loads(seen.body) for seen in server.seen] == [{"image": {"data": "/w=="}}] * 2
    assert server.seen[1].headers["x-octoai-async"] == "1"


def test_inputs_that_json_cannot_carry_are_refused_by_name(server: Scripted) -> None:
    with pytest.raises(OctoAIValidationError, match=r"inputs\['image'\] holds bytes that are not text"):
        Client().infer(server.url, {"image": b"\xff"})
    assert server.seen == []


@pytest.mark.parametrize("answer", [{"output": "hi", "analytics": {}}, 5])
def test_infer_async_says_that_the_server_has_no_jobs(server: Scripted, answer: Any) -> None:
    with pytest.raises(OctoAIClientError, match=r"ran the call at once and answered 200: this server has no jobs"):
        Client().infer_async(server.on("/infer", Reply(answer)), {})


def test_comments_of_a_stream_are_passed_over(server: Scripted) -> None:
    body = [b": still here\n\n", b'data: "data: x"\n\n']
    url = server.on("/stream", Reply(body, headers={"content-type": "text/event-stream"}))
    assert list(Client().infer_stream(url, {})) == ["data: x"]


def test_where_the_token_comes_from(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> None:
    url = server.on("/infer", Reply({}))

    def sent(client: Client) -> str | None:
        client.infer(url, {})
        return server.seen[-1].headers.get("authorization")

    assert sent(OctoAI()) is None
    for folder, token in ((home, "of-home"), (tmp_path / "other", "of-path")):
        (folder / ".octoai").mkdir(parents=True)
        (folder / ".octoai/config.yaml").write_text(f"token: {token}\n")
    assert sent(Client()) == "Bearer of-home"
    assert sent(Client(config_path=str(tmp_path / "other"))) == "Bearer of-path"
    monkeypatch.setenv("HOTPLATE_TOKEN", "of-hotplate")
    assert sent(Client()) == "Bearer of-home"
    monkeypatch.setenv("OCTOAI_TOKEN", "of-env")
    assert sent(Client()) == "Bearer of-env"
    assert sent(Client("given")) == "Bearer given"
    assert sent(OctoAI(api_key="key")) == "Bearer key"
    assert sent(OctoAI(api_key=lambda: "made")) == "Bearer made"


def test_a_hotplate_token_serves_where_octoai_has_none(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPLATE_TOKEN", "of-hotplate")
    Client().infer(server.on("/infer", Reply({})), {})
    assert server.seen[-1].headers["authorization"] == "Bearer of-hotplate"


def test_no_token_is_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        OctoAI()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("name", ["chat", "asset", "tune"])
def test_closed_products_say_so(name: str) -> None:
    with pytest.raises(AttributeError, match="hosted until October 2024"):
        getattr(Client(), name)
    assert not hasattr(Client(), name)


def test_the_package_names_its_modules() -> None:
    assert octoai.__version__ == "0.10.1"
    assert octoai.errors.OctoAIClientError is OctoAIClientError
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        octoai.nothing  # noqa: B018
