"""One container for people: started in the background, watched until it answers, its log, its end."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from hotplate.engine.engine import Engine
from hotplate.errors import EngineRefused, EngineUnavailable

POLL_S = 0.1
STOP_S = 30
LABEL = "org.hotplate.run"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to run. `port` is this machine's (0: a free one), `inside` the container's. `environment` goes to the
    engine's command in its own environment, so that no value stands on a command line."""

    image: str
    name: str
    port: int
    inside: int
    host: str = HOST
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    gpus: str = ""
    network: str = ""


class Died(Exception):
    """The container ended before it answered."""

    def __init__(self, status: int) -> None:
        super().__init__(f"it ended with status {status}")
        self.status = status


class Container:
    """A started container. `port` is where it answers on this machine."""

    def __init__(self, engine: Engine, name: str, host: str, port: int) -> None:
        self.engine = engine
        self.name = name
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    def answers(self, path: str) -> bool:
        """Whether a GET of this path is answered with 200."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self, path: str, timeout_s: float) -> None:
        """Wait until it answers. Raises Died, and TimeoutError."""
        until = time.monotonic() + timeout_s
        while not self.answers(path):
            if (status := self.ended()) is not None:
                raise Died(status)
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(POLL_S)

    def ended(self) -> int | None:
        """Its exit status; None while it runs."""
        said = self.engine.ask("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", self.name)
        state, _, code = said.partition(" ")
        return int(code) if state in ("exited", "dead") else None

    def logs(self, *, follow: bool) -> subprocess.Popen[bytes]:
        """A process that writes its log where this process writes."""
        words = ["logs", *(["--follow"] if follow else []), self.name]
        return subprocess.Popen([self.engine.program, *words], env=self.engine.environment(), stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """End it in order, and remove it."""
        try:
            self.engine.ask("stop", "--time", str(STOP_S), self.name, timeout_s=STOP_S + 30)
        except EngineRefused:
            pass
        self.remove()

    def remove(self) -> None:
        """Remove it with all that it wrote, whatever it does."""
        try:
            self.engine.ask("rm", "--force", "--volumes", self.name)
        except EngineRefused:
            pass


def start(engine: Engine, wish: Wish) -> Container:
    """Start a container.

    Raises:
        EngineRefused: there is no such image, or the name or port is taken.
    """
    port = wish.port
    variables = dict(wish.environment)
    words = ["run", "--detach", "--name", wish.name, "--label", f"{LABEL}={wish.name}"]
    if wish.network == "host":  # nothing is published: it listens here itself
        port = port or _free_port(wish.host)
        variables |= {"PORT": str(port), "HOTPLATE_HOST": wish.host}
    else:
        words += ["--publish", f"{wish.host}:{port or ''}:{wish.inside}"]
    if wish.network:
        words += ["--network", wish.network]
    if wish.gpus:
        words += ["--gpus", wish.gpus]
    for name in variables:
        words += ["--env", name]
    done = subprocess.run(
        [engine.program, *words, wish.image],
        env={**engine.environment(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    container = Container(engine, wish.name, wish.host, port)
    if done.returncode:
        from hotplate.engine.engine import refusal

        error = refusal(engine.kind, "run", done.stderr.decode("utf-8", "replace"))
        if not (isinstance(error, EngineUnavailable) or "is already in use" in error.message):
            container.remove()  # it may have been made, and could not be started
        raise error
    if not port:
        said = engine.ask("port", wish.name, f"{wish.inside}/tcp").splitlines()[0]
        container.port = int(said.rpartition(":")[2])
    return container


def _free_port(host: str) -> int:
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])
