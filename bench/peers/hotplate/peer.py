"""Hotplate itself, from this checkout, with every feature on and the model in a process of its own."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path
from secrets import token_hex

from bench.peers import calls
from bench.records import Body, Call, Launch, Peer

HERE = Path(__file__).parent
DEPLOYED = HERE / "deployed.py"
"""Serves the tasks in which endpoints come and go, as `hotplate up` does."""
WHOLE = HERE / "whole.py"
"""All of `hotplate up`, with its dashboard."""
TOKEN_ID, TOKEN_SECRET = "bench", "0" * 64
"""Of the token that the calls of *up* carry, and its server knows."""
RAY_ENV = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",  # some of its ports are not on loopback
    "RAY_AUTH_TOKEN": token_hex(32),
    "RAY_raylet_start_wait_time_s": "120",
}
ASLEEP = ("hello-off", "hello-imports", "slow-loaded", "heavy-loaded", "eight")


def launch(task: str, port: int, scratch: Path) -> Launch:
    """`hotplate run` of the service in the folder of the task, or what is deployed for it."""
    if task in ("zero", "shared", "up", "remote"):
        return Launch(argv=(sys.executable, str(DEPLOYED), task, str(port), TOKEN_ID, TOKEN_SECRET), cwd=scratch)
    if task == "whole":
        return Launch(argv=(sys.executable, str(WHOLE), str(port)), cwd=scratch)
    if task in ("ray", "ray-no-spares"):
        from bench import environments

        python = str(environments.ensure("rayserve"))
        argv = (sys.executable, "-m", "bench.peers.hotplate.on_ray", python, str(port), TOKEN_ID, TOKEN_SECRET)
        spares = {"HOTPLATE_RAY_SPARES": "0"} if task == "ray-no-spares" else {}
        return Launch(argv=argv, cwd=scratch, env={**RAY_ENV, "PYTHONPATH": str(environments.ROOT), **spares})
    if task == "jobs":
        made = run(HERE / task, port, scratch)
        argv = (*made.argv, "--slots", "1", "--max-jobs", "10000000")
        return Launch(argv=argv, cwd=scratch, env={"HOTPLATE_HOME": str(scratch / "home")})
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


def _deployed(name: str) -> Call:
    """A call of an endpoint that asks for a token."""
    headers = {"Authorization": f"Bearer hp_{TOKEN_ID}_{TOKEN_SECRET}"}
    return Call(path=f"/{name}/infer", encode=calls.prompt, decode=calls.output, headers=headers)


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
        "jobs": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "hop": Call(path="/infer", encode=calls.raw, decode=calls.output, waited_us=calls.waited_us),
        "dashboard": Call(path="/hello/infer", encode=calls.prompt, decode=calls.output),
        "up": _deployed("hello"),
        "ray": _deployed("hello"),
        "ray-zero": _deployed("asleep"),
        **{name: Call(path=f"/{name}/infer", encode=calls.prompt, decode=calls.output) for name in ASLEEP},
    },
    version=version,
    locked=False,
)
