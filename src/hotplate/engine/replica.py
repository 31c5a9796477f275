"""The container of one replica of the target `docker`: what it is allowed, how it is started, how it is ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hotplate.engine import fence
from hotplate.engine.engine import Engine
from hotplate.engine.names import ENDPOINT_LABEL, HOME_LABEL, NETWORK
from hotplate.errors import EngineRefused, EngineUnavailable

LINK = "/run/hotplate"
MOST_PROCESSES = 4096
START_S = 120.0
TEMPORARY = "rw,nosuid,nodev,mode=1777"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What to start. `folder` is this machine's folder with the server's sockets; `shared` are folders that the
    container finds under their own names, to read; `volume` is mounted at `volume_at`, and
    `output`, where there is one, at `output_at`."""

    name: str
    image: str
    python: str
    home: str
    endpoint: str
    folder: str
    volume: str
    volume_at: str
    writable: str
    output: str = ""
    output_at: str = ""
    port: int = 0
    shared: tuple[str, ...] = ()
    user: str = ""
    network: str = "none"
    cpus: float | None = None
    memory_bytes: int | None = None
    gpus: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def words(cell: Cell) -> list[str]:
    """The engine's command. It holds no secret: those go through the socket."""
    found = ["run", "--detach", "--name", cell.name]
    found += ["--label", f"{HOME_LABEL}={cell.home}", "--label", f"{ENDPOINT_LABEL}={cell.endpoint}"]
    found += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    found += ["--pids-limit", str(MOST_PROCESSES), "--ipc", "private", "--network", cell.network]
    found += ["--tmpfs", f"/tmp:{TEMPORARY}", "--mount", f"type=volume,destination={cell.writable}"]  # noqa: S108
    found += ["--mount", f"type=bind,source={cell.folder},destination={LINK},readonly"]
    found += ["--mount", f"type=bind,source={cell.volume},destination={cell.volume_at}"]
    if cell.output:
        found += ["--mount", f"type=bind,source={cell.output},destination={cell.output_at}"]
    for path in cell.shared:
        found += ["--mount", f"type=bind,source={path},destination={path},readonly"]
    found += ["--no-healthcheck", "--log-driver", "none", "--stop-timeout", "5", "--restart", "no"]
    if cell.user:
        found += ["--user", cell.user]
    if cell.cpus is not None:
        found += ["--cpus", f"{cell.cpus:g}"]
    if cell.memory_bytes is not None:
        found += ["--memory", str(cell.memory_bytes), "--memory-swap", str(cell.memory_bytes)]
    if cell.gpus:
        found += ["--gpus", f'"device={",".join(cell.gpus)}"']
    for name, value in cell.environment.items():
        found += ["--env", f"{name}={value}"]
    found += ["--entrypoint", cell.python, cell.image]
    return [*found, "-P", "-m", "hotplate.worker.contained", LINK, str(cell.port)]


def start(engine: Engine, cell: Cell) -> None:
    """Start it, with its network closed where that is ours; its worker still waits to be let in.

    Raises:
        EngineRefused, EngineUnavailable: then nothing is left of it.
    """
    try:
        engine.ask(*words(cell), timeout_s=START_S)
        if cell.network == NETWORK:
            fence.put_around(engine, cell.name, cell.image, cell.python)
    except (EngineRefused, EngineUnavailable):
        remove(engine, cell.name)
        raise


def ended(engine: Engine, name: str) -> tuple[int, bool]:
    """Wait for its end, remove it; give its exit status, and whether it took more memory than it may."""
    try:
        engine.ask("wait", name)
        said = engine.ask("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", name)
        code, _, over = said.partition(" ")
        return int(code), over == "true"
    finally:
        remove(engine, name)


def kill(engine: Engine, name: str) -> None:
    """End it at once, if it is there."""
    try:
        engine.ask("kill", name)
    except (EngineRefused, EngineUnavailable):
        pass


def remove(engine: Engine, name: str) -> None:
    """Remove it, whatever it does, with what it wrote."""
    try:
        engine.ask("rm", "--force", "--volumes", name)
    except (EngineRefused, EngineUnavailable):
        pass


def left(engine: Engine, home: str) -> list[str]:
    """The containers of an installation: after a crash of its server, those that nobody knows any more."""
    return engine.ask("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={HOME_LABEL}={home}").split()


def network(engine: Engine, wanted: str) -> str:
    """The network of replicas: as it is wanted, else one of their own, else none.

    In their own they reach other machines, and neither each other nor this one (`fence.py`).
    """
    if wanted != "auto":
        return wanted
    try:
        engine.ask("network", "inspect", NETWORK)
        return NETWORK
    except EngineRefused:
        pass
    if engine.kind == "docker":
        options = ("--opt", "com.docker.network.bridge.enable_icc=false")
    else:  # its server of names would be at this machine's address
        options = ("--opt", "isolate=true", "--disable-dns")
    try:
        engine.ask("network", "create", "--driver", "bridge", "--ipv6=false", *options, NETWORK)
    except EngineRefused:
        return "none"
    return NETWORK
