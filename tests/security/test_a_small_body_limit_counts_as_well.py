from __future__ import annotations

from pathlib import Path

from serving import serve, write_project


def test_a_body_that_comes_whole_with_its_head_is_measured_too(tmp_path: Path) -> None:
    folder = write_project(tmp_path, {"model.py": "def size(text: str) -> int:\n    return len(text)\n"})
    with serve("model.py:size", "--max-body-size", "100", cwd=folder) as server:
        assert server.post("/size", {"text": "x" * 50}).json()["output"] == 50
        assert server.post("/size", {"text": "x" * 100}).status == 413
