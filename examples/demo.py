"""`make demo`: serve the face-detection scaffold, post it a photograph, print the boxes, save the marked picture.

Needs the checkout's own environment (`make setup`) and, the first time, PyPI. Exits 0, or 1 with the reason.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from hotplate import Client, Image
from hotplate.errors import HotplateError

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".venv/bin/uv"
SCAFFOLD = ROOT / "src/hotplate/scaffolds/face-detection"
CACHE = ROOT / ".cache/demo"
PICTURE = ROOT / "demo-output/faces.jpg"
START_S = 60


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def main() -> None:
    """Run the demo."""
    began = time.monotonic()
    programs = environment()
    project = copy_of_the_scaffold()
    with serving(programs, project) as endpoint:
        show_the_faces(endpoint)
    print(f"\nDone in {time.monotonic() - began:.0f} s. Your turn, in a folder of your own:\n")
    print("    hotplate init --scaffold face-detection --path my-faces")


def environment() -> Path:
    """Make an environment with Hotplate and the scaffold's requirements, once; give the folder of its programs."""
    folder = CACHE / "environment"
    requirements = SCAFFOLD / "requirements.txt"
    made_of = [sys.version, str(ROOT), *((file.read_text()) for file in (requirements, ROOT / "uv.lock"))]
    wanted = hashlib.sha256("\0".join(made_of).encode()).hexdigest()
    stamp = folder / ".made-of"
    if stamp.exists() and stamp.read_text() == wanted:
        print("The environment is here already: .cache/demo/environment")
        return folder / "bin"

    print("Making an environment with OpenCV in .cache/demo/environment ...")
    pins = CACHE / "pins.txt"
    python = folder / "bin/python"
    CACHE.mkdir(parents=True, exist_ok=True)
    tool(UV, "venv", "--clear", "--python", sys.executable, folder)
    tool(UV, "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes", "--output-file", pins)
    tool(UV, "pip", "install", "--python", python, "--constraint", pins, "--editable", ROOT, "-r", requirements)
    stamp.write_text(wanted)
    return folder / "bin"


def tool(*command: str | Path) -> None:
    """Run a program without its chatter; if it fails, show what it said."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoError(f"`{' '.join(map(str, command))}` failed:\n{done.stdout}{done.stderr}")


def copy_of_the_scaffold() -> Path:
    """Copy the scaffold, so that what the demo serves is a project like any other."""
    project = CACHE / "face-detection"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(SCAFFOLD, project, ignore=shutil.ignore_patterns("__pycache__"))
    return project


@contextmanager
def serving(programs: Path, project: Path) -> Iterator[str]:
    """Serve the project while the block runs; give its address."""
    port = free_port()
    command = [programs / "hotplate", "run", project, "--port", str(port)]
    print(f"\n$ hotplate run {project.relative_to(ROOT)} --port {port}")
    log = CACHE / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        wait_until_ready(endpoint, server, command, log)
        print(f"It is up after {time.monotonic() - began:.1f} s: {endpoint} (its page for people: {endpoint}/docs)")
        yield endpoint
    finally:
        stop(server)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(endpoint: str, server: subprocess.Popen[bytes], command: Sequence[str | Path], log: Path) -> None:
    """Wait until the endpoint says that it is healthy."""
    give_up = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < give_up:
        try:
            if httpx.get(f"{endpoint}/healthcheck", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    state = f"was not ready after {START_S} s" if server.poll() is None else f"ended with {server.returncode}"
    raise DemoError(f"`{' '.join(map(str, command))}` {state}. Its log:\n{log.read_text(errors='replace')}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop; after ten seconds, insist."""
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def show_the_faces(endpoint: str) -> None:
    """Post the photograph, print what comes back, and save the picture."""
    photograph = SCAFFOLD / "astronaut.jpg"
    print(f"\nPosting a photograph of an astronaut (NASA, public domain): {photograph.relative_to(ROOT)}")
    inputs = {"image": Image.from_file(str(photograph)).model_dump()}
    response = Client().infer(endpoint_url=f"{endpoint}/infer", inputs=inputs)
    faces = response["output"]["faces"]
    if not faces:
        raise DemoError("The answer has no faces, though there is one in the photograph.")

    print(f"{len(faces)} face(s), in {response['analytics']['inference_time_ms']:.0f} ms:")
    for face in faces:
        corners = ", ".join(f"{name} {value:.0f}" for name, value in face["box"].items())
        print(f"    {corners} (confidence {face['confidence']:.3f})")

    PICTURE.parent.mkdir(exist_ok=True)
    Image.from_endpoint_response(response["output"], "image_with_boxes").to_file(str(PICTURE))
    print(f"The picture with the boxes drawn in: {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except (DemoError, HotplateError, OSError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        sys.exit(1)
