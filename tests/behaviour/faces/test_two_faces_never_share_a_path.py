"""Two faces that want one path for different things stop the start; a name that is no face does, too."""

from __future__ import annotations

import pytest

from tests.serving import serve, write_project

CLASHES = {
    "mcp": ("/mcp", "The faces plain and mcp both answer POST /mcp."),
    "openai": ("/v1/completions", "The faces plain and openai both answer POST /v1/completions."),
    "open_inference": (
        "/v2/repository/index",
        "The faces plain and open_inference both answer POST /v2/repository/index.",
    ),
}


@pytest.mark.parametrize("face", CLASHES)
def test_a_clash_names_both_and_the_function(tmp_path, face):
    path, error = CLASHES[face]
    model = f'from hotplate import path\n\n@path("{path}")\ndef complete(prompt: str) -> str:\n    return prompt\n'
    files = {"model.py": model, "hotplate.yaml": f"faces: [{face}]\nfunctions: [model.py:complete]\n"}
    with serve(write_project(tmp_path / "m", files), wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for(lambda running: running.ended, "the end")
        assert error in server.text()
        assert "model.py:3" in server.text()
        assert "give complete another path" in server.text()


def test_a_name_that_is_no_face(tmp_path):
    files = {"model.py": "def f(x): return x\n", "hotplate.yaml": "faces: [opnai]\nfunctions: [model.py:f]\n"}
    with serve(write_project(tmp_path / "m", files), wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for(lambda running: running.ended, "the end")
        assert "There is no face called 'opnai'." in server.text()
        assert "Did you mean 'openai'?" in server.text()
        assert "Traceback" not in server.text()
