"""The wheel in a fresh environment: `from octoai.client import …` works, and gives way to a real package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import UV, octoai_python
from scripted import Reply, scripted_server

from hotplate.compat import SHIMS

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = '''
import argparse

from octoai.client import {name}

inputs = {{"prompt": "Hello world!"}}


def main(endpoint):
    """Run inference against the endpoint."""
    # create an OctoAI client
    client = {name}()

    # perform inference
    response = client.infer(endpoint_url=f"{{endpoint}}/infer", inputs=inputs)

    # show the response
    print(response)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", type=str, default="http://localhost:8080")
    args = parser.parse_args()
    main(args.endpoint)
'''


def run(python: Path, *args: str | Path, **environ: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ}
    done = subprocess.run([python, *args], env=environment, cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def where_octoai_is(python: Path, **environ: str) -> Path:
    return Path(run(python, "-c", "import octoai.client; print(octoai.client.__file__)", **environ))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", out, ROOT], check=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has Hotplate, from its wheel, and nothing else."""
    home = tmp_path_factory.mktemp("fresh") / "env"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, home], check=True)
    python = home / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, wheel], check=True)
    return python


@pytest.fixture
def real_octoai(python: Path) -> Iterator[Path]:
    """Something called octoai, installed as the real one would be."""
    (site,) = python.parent.parent.glob("lib/python*/site-packages")
    package = site / "octoai"
    package.mkdir()
    (package / "__init__.py").write_text("from . import client\n")
    (package / "client.py").write_text("class Client: real = True\n")
    yield package / "client.py"
    shutil.rmtree(package)


@pytest.mark.parametrize("name", ["OctoAI", "Client"])
def test_the_script_of_the_page_runs(python: Path, tmp_path: Path, name: str) -> None:
    script = tmp_path / "test_request.py"
    script.write_text(SCRIPT.format(name=name))
    answer = {"output": "Hello world!", "analytics": {"inference_time_ms": 0.01, "performance_time_ms": 0.69}}
    with scripted_server() as server:
        server.on("/infer", Reply(answer))
        assert run(python, script, "--endpoint", server.url) == str(answer)
    (seen,) = server.seen
    assert (seen.method, seen.path, json.loads(seen.body)) == ("POST", "/infer", {"prompt": "Hello world!"})


def test_it_costs_the_interpreter_one_path_line(wheel: Path, python: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".pth")]
        assert names == ["zz_hotplate_compat.pth"]
        assert archive.read(names[0]) == b"hotplate/compat/shims\n"
        assert not any(name.startswith("octoai/") for name in archive.namelist())
    code = "import sys; print(sys.path[-1]); print([m for m in sys.modules if 'hotplate' in m or 'octoai' in m])"
    last, loaded = run(python, "-c", code).splitlines()
    assert last.endswith("/site-packages/hotplate/compat/shims")
    assert loaded == "[]"


def test_a_real_installed_package_wins(python: Path, real_octoai: Path) -> None:
    assert where_octoai_is(python) == real_octoai


def test_a_real_installed_package_wins_even_behind_the_shims(python: Path, real_octoai: Path) -> None:
    shims = run(python, "-c", "from hotplate.compat import SHIMS; print(SHIMS)")
    first = run(python, "-c", "import sys; print(sys.path[1])", PYTHONPATH=shims)
    assert first == shims
    assert where_octoai_is(python, PYTHONPATH=shims) == real_octoai


def test_two_copies_of_hotplate_on_one_path_do_not_hand_over_to_each_other(python: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(SHIMS, tmp_path / "shims")
    assert where_octoai_is(python, PYTHONPATH=str(copy)) == copy / "octoai/client.py"


def test_a_folder_that_only_has_the_name_does_not(python: Path, tmp_path: Path) -> None:
    (tmp_path / "octoai").mkdir()
    assert where_octoai_is(python, PYTHONPATH=str(tmp_path)).parts[-3:] == ("shims", "octoai", "client.py")


@pytest.mark.peer
def test_the_real_sdk_wins_behind_the_shims() -> None:
    code = (
        "import octoai, octoai.client; print(octoai.client.__file__); print(octoai.client.OctoAIClientError.__module__)"
    )
    file, module = run(octoai_python(), "-c", code, PYTHONPATH=SHIMS).splitlines()
    assert file.endswith("/site-packages/octoai/client.py")
    assert module == "octoai.errors"


def test_an_editable_installation_has_the_shims_too() -> None:
    assert where_octoai_is(Path(sys.executable)) == ROOT / "src/hotplate/compat/shims/octoai/client.py"
