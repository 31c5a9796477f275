"""Every Python block of docs/client.md runs, in order, against a server that answers as the page says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from scripted import Reply, scripted_server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "client.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cat.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    Path("audio.wav").write_bytes(b"RIFF")
    text = PAGE.read_text()
    blocks = [
        (text[: found.start()].count("\n") + 1, found[1])
        for found in BLOCK.finditer(text)
        if "import Image" not in found[1] or importlib.util.find_spec("hotplate.media")
    ]
    assert len(blocks) >= 9
    with scripted_server() as server:
        server.on("/infer", Reply({"output": "Hello world!"}))
        server.on("/infer-form-data", Reply({"output": {"file_size": 4}}))
        server.on(
            "/stream", Reply([b'data: "once"\n\n', b'data: "more"\n\n'], headers={"content-type": "text/event-stream"})
        )
        server.on("/healthcheck", Reply({"status": "RUNNING"}))
        missing = {"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": {}}
        server.on("/strict", Reply({"detail": [missing]}, 422))
        names: dict[str, Any] = {}
        for line, block in blocks:
            source = "\n" * line + block.replace("http://127.0.0.1:8080", server.url)
            exec(compile(source, str(PAGE), "exec"), names)
    assert names["answers"] == [{"output": "Hello world!"}] * 3
    assert names["status"] == 200
    assert names["response"] == {"output": "Hello world!"}
    printed = capsys.readouterr().out
    assert "once more " in printed
    assert "answered 422: prompt: Field required." in printed
    assert Path("boxes.png").read_bytes() == b'{"output": "Hello world!"}'
