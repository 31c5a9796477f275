"""Hotplate itself, from this checkout, with every feature on and the model in a process of its own."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path

from bench.peers import calls
from bench.records import Body, Call, Launch, Peer

HERE = Path(__file__).parent
DEPLOYED = HERE / "deployed.py"
"""Serves the tasks in which endpoints come and go, as `hotplate up` does."""
TOKEN_ID, TOKEN_SECRET = "bench", "0" * 64
"""Of the token that the calls of *up* carry, and its server knows."""
ASLEEP = ("hello-off", "hello-imports", "slow-loaded", "heavy-loaded", "eight")


def launch(task: str, port: int, scratch: Path) -> Launch:
    """`hotplate run` of the service in the folder of the task, or what is deployed for it."""
    if task in ("zero", "shared", "up"):
        return Launch(argv=(sys.executable, str(DEPLOYED), task, str(port), TOKEN_ID, TOKEN_SECRET), cwd=scratch)
    return run(HERE / task / "service" if task == "dialects" else HERE / task, port, scratch)


def run(folder: Path, port: int, scratch: Path) -> Launch:
    """`hotplate run` of a folder, by the program beside this interpreter."""
    program = Path(sys.executable).parent / "hotplate"
    command = (str(program),) if program.is_file() else (sys.executable, "-m", "hotplate.cli")
    return Launch(argv=(*command, "run", str(folder), "--port", str(port)), cwd=scratch)


def version() -> str:
    """The version of the checkout."""
    from hotplate import __version__

    return __version__


def _image(value: bytes) -> Body:
    return calls.as_json({"image": {"data": b64encode(value).decode()}})


_STREAM = {"Accept": "text/event-stream"}

PEER = Peer(
    name="hotplate",
    title="Hotplate",
    processes="server, 1 worker",
    launch=launch,
    calls={
        "hello": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "json": Call(path="/infer", encode=_image, decode=calls.output),
        "multipart": Call(path="/infer", encode=calls.part("image"), decode=calls.output),
        "raw": Call(path="/infer", encode=calls.raw, decode=calls.output),
        "batch": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "generator": Call(path="/infer", encode=calls.prompt, decode=calls.text, headers=_STREAM),
        "async generator": Call(path="/infer-async", encode=calls.prompt, decode=calls.text, headers=_STREAM),
        "dialects": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "hop": Call(path="/infer", encode=calls.raw, decode=calls.output, waited_us=calls.waited_us),
        "up": Call(
            path="/hello/infer",
            encode=calls.prompt,
            decode=calls.output,
            headers={"Authorization": f"Bearer hp_{TOKEN_ID}_{TOKEN_SECRET}"},
        ),
        **{name: Call(path=f"/{name}/infer", encode=calls.prompt, decode=calls.output) for name in ASLEEP},
    },
    version=version,
    locked=False,
)
