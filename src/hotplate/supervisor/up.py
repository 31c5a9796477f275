"""From the options of `hotplate up` to a running supervisor: sockets, children, and one already running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

from hotplate.config.resolve import resolve
from hotplate.config.settings import Settings
from hotplate.deployment.home import VARIABLE, Home
from hotplate.errors import Conflict, PlatformError
from hotplate.server.listening import bind, url_of
from hotplate.server.log import make_log
from hotplate.supervisor import lock
from hotplate.supervisor.child import Child, python
from hotplate.supervisor.first import make_installation
from hotplate.supervisor.https import caddy, host_of
from hotplate.supervisor.supervisor import Supervisor

BACKLOG = 2048
START_S = 30.0
LOG_NAME = "up.log"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `hotplate up` was told."""

    host: str = "127.0.0.1"
    port: int = 8080
    control_port: int = 8081
    i_know: bool = False
    https: str = ""


def run(home: Home, options: Options) -> int:
    """Be up, in the foreground, until a signal. Gives the exit status.

    Raises:
        Conflict: it is up already. SettingError: a port is taken, or the address is open to others.
    """
    home.make()
    held = lock.Lock(home)
    try:
        return _run(home, options)
    finally:
        held.release()


def _run(home: Home, options: Options) -> int:
    if options.https:
        host_of(options.https)
    flags = {"host": options.host, "port": str(options.port)} | ({"i_know": "true"} if options.i_know else {})
    settings = resolve(flags=flags, environ=os.environ).settings
    log = make_log(settings.log_level, settings.log_format)
    data = bind(settings, why=OPEN_HOST)
    control = bind(replace(settings, host="127.0.0.1", port=options.control_port))
    for sock in (data, control):
        sock.listen(BACKLOG)
    new = make_installation(home)
    url, control_url = url_of(data), url_of(control)
    env = {**os.environ, VARIABLE: str(home.root), **_as_environment(settings, options.https)}
    children = [
        Child("server", python("hotplate.server"), data.fileno(), env),
        Child("control", python("hotplate.control"), control.fileno(), env),
    ]
    if options.https:
        children.insert(0, caddy(home, options.https, url, env))
    log.info(f"Hotplate is up: endpoints at {url}, control at {control_url}")
    if new:
        log.info(f"The admin token was made: {home.admin_token}")
    return Supervisor(
        home, log, children, url=url, control_url=control_url, sockets=(data, control), grace_s=settings.grace_s
    ).run()


OPEN_HOST = "Serving on {host} would send tokens over the network as they are, for anyone on the way to read."


def _as_environment(settings: Settings, https: str) -> dict[str, str]:
    """What the children have to know of the flags."""
    given = {"HOTPLATE_HOST": settings.host, "HOTPLATE_PORT": str(settings.port)}
    if https:
        given["HOTPLATE_ALLOWED_HOSTS"] = ",".join((*settings.allowed_hosts, "localhost", host_of(https)))
    return given | ({"HOTPLATE_I_KNOW": "true"} if settings.i_know else {})


def start_detached(home: Home, words: list[str]) -> dict[str, object]:
    """Start `hotplate up` with these further words in the background; give what it says of itself once it serves.

    Raises:
        Conflict: it is up already. PlatformError: it ended at once; its words are in the message.
    """
    home.make()
    if lock.is_up(home):
        lock.Lock(home)  # raises, with who it is
        raise Conflict("Hotplate is up already.")
    path = home.logs / LOG_NAME
    with path.open("ab") as log:
        begun = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "hotplate.cli", "up", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, VARIABLE: str(home.root)},
            start_new_session=True,
        )
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        said = lock.read(home)
        if said.get("pid") == process.pid and _answers(str(said["url"])):
            return said
        if process.poll() is not None:
            with path.open("rb") as log:
                log.seek(begun)
                words_of_it = log.read().decode(errors="replace").strip()
            raise PlatformError(f"Hotplate could not be started:\n{words_of_it}")
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    raise PlatformError(f"Hotplate did not start within {START_S:g} s; see {path}.")


def _answers(url: str) -> bool:
    """Whether the server serves, and not only its socket."""
    import http.client

    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=START_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
