from __future__ import annotations

import json
import re
from base64 import b64decode
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from bench import environments, tools
from bench.__main__ import main, pick
from bench.peers import PEERS
from bench.records import BenchError
from bench.workloads import WORKLOADS, batch, stream

TASKS = {variant.call: workload.task for workload in WORKLOADS.values() for variant in workload.variants}
LOCKED = [peer.name for peer in PEERS.values() if peer.locked]


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_of_a_peer_is_pinned(name: str) -> None:
    lines = (environments.PEERS / name / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert wanted
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+( ;.*)?$", line) for line in wanted)


@pytest.mark.parametrize("name", PEERS)
def test_what_a_peer_can_do_is_asked_by_a_workload_and_can_be_started(name: str, tmp_path: Path) -> None:
    peer = PEERS[name]
    assert peer.calls.keys() <= TASKS.keys()
    for at, task in enumerate(sorted({TASKS[call] for call in peer.calls})):
        scratch = tmp_path / str(at)
        scratch.mkdir()
        launch = peer.launch(task, 4321, scratch)
        assert launch.cwd.is_dir()
        told = " ".join(launch.argv) + "".join(path.read_text() for path in scratch.glob("*.*"))
        assert "4321" in told


@pytest.mark.parametrize("name", PEERS)
def test_no_peer_listens_beyond_loopback(name: str, tmp_path: Path) -> None:
    assert "0.0.0.0" not in " ".join(PEERS[name].launch("hello", 1, tmp_path).argv)


def test_every_server_models_the_same_work() -> None:
    sources = {path: path.read_text() for path in environments.PEERS.glob("**/*.py")}
    # hotplate/slow and rayserve are asked how long a start takes, not how long a call does.
    slow = [
        path for path, text in sources.items() if "time.sleep" in text and path.parent.name not in ("slow", "rayserve")
    ]
    assert {path.relative_to(environments.PEERS).parts[0] for path in slow} == {
        name for name, peer in PEERS.items() if "batch" in peer.calls
    }
    assert all("time.sleep(0.005 + 0.0001 * len(" in sources[path] for path in slow)
    tokens = {found for text in sources.values() for found in re.findall(r"^TOKENS = (\d+)$", text, re.MULTILINE)}
    assert tokens == {str(stream.TOKENS)}
    assert pytest.approx(32 / 0.0082) == batch.BOUND


@pytest.mark.parametrize(
    ("peer", "call"), [(p, c) for p in PEERS for c in ("json", "multipart", "raw") if c in PEERS[p].calls]
)
def test_the_payload_comes_out_as_it_went_in(peer: str, call: str) -> None:
    data = bytes(range(256)) * 3
    body = PEERS[peer].calls[call].encode(data)
    if call == "raw":
        assert body.data == data
    elif call == "json":
        assert data in {b64decode(text) for text in texts(json.loads(body.data)) if len(text) > 100}
    else:
        head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + body.data).get_payload()
        assert isinstance(part.get_payload(decode=True), bytes)  # type: ignore[union-attr]
        assert data in body.data


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in texts(one)]


def test_a_missing_program_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda _: None)
    with pytest.raises(BenchError, match="sudo apt-get install wrk nginx-light"):
        tools.require("wrk", "nginx")


def test_an_unknown_name_is_told_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "helo"]) == 2
    assert "helo. Known: memory, hello" in capsys.readouterr().err
    assert [workload.name for workload in pick("workload", "cold,hello", WORKLOADS)] == ["hello", "cold"]
