"""The pages for users of other systems: each serves and calls an example of this repository, exactly as written."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving import serve

ROOT = Path(__file__).parents[2]
PAGES = {
    "coming-from-inferless.md": "setosa",
    "coming-from-deepaas.md": "setosa",
}
"""Page to what its call's answer holds. Pages whose commands are about a project of the reader's own are not run."""
DEFAULT_PORT = "8080"


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_work_as_written(page):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    text = (ROOT / "docs" / page).read_text()
    (run, call) = re.search(r"```(?:ba)?sh\n(hotplate run examples\S+.*)\n(curl [^`]*)```", text).groups()
    words = shlex.split(run)[2:]
    port = DEFAULT_PORT
    if "--listen-port" in words:
        at = words.index("--listen-port")
        port = words[at + 1]
        del words[at : at + 2]
    with serve(*words, cwd=ROOT) as server:
        command = call.replace(f"localhost:{port}/", f"127.0.0.1:{server.port}/")
        assert command != call, f"the page calls another port than {port}"
        done = subprocess.run(["sh", "-c", f"{command.strip()} -s"], capture_output=True, text=True, check=True)
    assert PAGES[page] in done.stdout


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("coming-from-*.md")))
def test_a_page_calls_the_port_that_its_commands_serve(page):
    text = (ROOT / "docs" / page).read_text()
    served = {DEFAULT_PORT, *re.findall(r"--(?:listen-)?port (\d+)", text)}
    assert set(re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)", text)) <= served


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_lead_somewhere(page):
    text = (ROOT / "docs" / page).read_text()
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        assert (ROOT / "docs" / target).exists(), target
