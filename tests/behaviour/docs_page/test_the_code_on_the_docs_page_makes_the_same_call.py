"""The curl command and the Python program that the page shows are run, and must send what the page itself sends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from docs_page_steps import answered, code, fill, parts, send, show


def curl_call(page, endpoint, path: str, folder: Path):
    """Run the page's curl command in a shell, in the folder of the file; give what the endpoint got."""
    command = code(page, path, "curl")
    done = subprocess.run(["bash", "-euc", command], cwd=folder, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return endpoint.calls[-1]


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: sudo apt-get install curl")


@needs_curl
@pytest.mark.parametrize("path", ["/infer", "/detect"])
def test_the_curl_command_makes_the_same_call(page, endpoint, picture, path):
    nasty = 'it\'s $HOME `id` \\ "q" <&>\n\té'
    show(page, path)
    if path == "/infer":
        fill(page, path, "prompt", nasty)
    else:
        page.choose_files(f"[id='{path}'] input[type=file]", picture)
    send(page, path)
    answered(page, path)
    sent = endpoint.calls[-1].json
    again = curl_call(page, endpoint, path, picture.parent)
    assert again.json == sent
    assert again.headers["content-type"] == "application/json"
    if path == "/infer":
        assert sent["prompt"] == nasty


@needs_curl
def test_the_curl_command_of_a_form_sends_the_same_parts(page, endpoint, picture):
    show(page, "/form")
    page.choose_files("[id='/form'] input[type=file]", picture)
    fill(page, "/form", "metadata", "@it's; type=x")
    send(page, "/form")
    answered(page, "/form")
    sent = parts(endpoint.calls[-1])
    assert parts(curl_call(page, endpoint, "/form", picture.parent)) == sent


@pytest.mark.parametrize("path", ["/infer", "/detect", "/form", "/stream", "/tree", "/healthcheck:get"])
def test_the_python_code_compiles(page, path):
    show(page, path)
    compile(code(page, path, "Python"), path, "exec")


def test_the_python_code_of_a_form_makes_the_same_call(page, endpoint, picture, monkeypatch):
    show(page, "/form")
    page.choose_files("[id='/form'] input[type=file]", picture)
    fill(page, "/form", "metadata", 'a "b" \\ é')
    send(page, "/form")
    answered(page, "/form")
    sent = parts(endpoint.calls[-1])
    monkeypatch.chdir(picture.parent)
    exec(compile(code(page, "/form", "Python"), "/form", "exec"), {"__name__": "example"})
    assert parts(endpoint.calls[-1]) == sent
