"""From the options of `hotplate up` to a running supervisor: sockets, children, and one already running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

from hotplate.build.full_disk import disk_errors
from hotplate.config.resolve import resolve
from hotplate.config.settings import Settings
from hotplate.deployment.home import VARIABLE, Home, write_whole
from hotplate.deployment.sealed import check_key
from hotplate.deployment.shared import FILES, find_store, keep_store
from hotplate.errors import Conflict, PlatformError, Unavailable
from hotplate.jobs.places import check_places
from hotplate.jobs.webhooks import check_settings
from hotplate.server.listening import bind, url_of
from hotplate.server.log import make_log
from hotplate.server.tracing import check_traces
from hotplate.supervisor import lock, store
from hotplate.supervisor.child import Child, python
from hotplate.supervisor.first import make_installation
from hotplate.supervisor.https import caddy, host_of
from hotplate.supervisor.own_log import OwnLog
from hotplate.supervisor.supervisor import Supervisor

BACKLOG = 2048
START_S = 30.0
TARGET = "HOTPLATE_TARGET"
STORE = "HOTPLATE_STORE"
ADDRESS = "HOTPLATE_RAY_ADDRESS"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `hotplate up` was told. Where it was told nothing, the environment says it, else the settings' defaults."""

    host: str | None = None
    port: int | None = None
    control_port: int = 8081
    i_know: bool = False
    https: str = ""
    target: str = ""
    store: str | None = None
    address: str = ""


def run(home: Home, options: Options) -> int:
    """Be up, in the foreground, until a signal. Gives the exit status.

    Raises:
        Conflict: it is up already. SettingError: a port is taken, or the address is open to others, or the home
            cannot be written to.
    """
    with disk_errors(home):
        home.make()
        held = lock.Lock(home)
    try:
        return _run(home, options)
    finally:
        held.release()


def _run(home: Home, options: Options) -> int:
    if options.https:
        host_of(options.https)
    given = {"host": options.host, "port": options.port, "i_know": "true" if options.i_know else None}
    flags = {name: str(value) for name, value in given.items() if value is not None}
    told = {TARGET: options.target, ADDRESS: options.address, STORE: options.store}
    environ = {**os.environ, **{name: value for name, value in told.items() if value}}
    settings = resolve(flags=flags, environ=environ).settings
    log = make_log(settings.log_level, settings.log_format)
    if settings.traces == "on":
        check_traces()
    check_places(settings)
    check_settings(settings)
    shared = find_store(home, settings.store)
    if shared is not None:
        store.check(home, shared, log)
    data = bind(settings, why=OPEN_HOST)
    control = bind(replace(settings, host="127.0.0.1", port=options.control_port), flag="--control-port")
    for sock in (data, control):
        sock.listen(BACKLOG)
    with disk_errors(home):
        new = make_installation(home)
    if shared is None and home.store.exists() and not home.control_db.exists():
        home.snapshot.unlink(missing_ok=True)  # what is served is of the store that is left, and nothing is here yet
    keep_store(home, shared)
    environ[STORE] = shared or FILES
    url, control_url = url_of(data), url_of(control)
    env = {**environ, VARIABLE: str(home.root), **_as_environment(settings, options.https)}
    children = [
        Child("server", python("hotplate.server"), data.fileno(), env),
        Child("control", python("hotplate.control"), control.fileno(), env),
    ]
    if options.https:
        children.insert(0, caddy(home, options.https, url, env))
    log.info(f"Hotplate is up: endpoints at {url}, control at {control_url}")
    if new:
        log.info(f"The admin token was made: {home.admin_token}")
    try:
        check_key(home.key)
    except Unavailable as error:  # calls and all that needs no secret go on
        log.error(error.message)
    return Supervisor(
        home, log, children, url=url, control_url=control_url, sockets=(data, control), grace_s=settings.grace_s
    ).run()


def _store(given: str | None) -> dict[str, str]:
    return {STORE: given} if given else {}


OPEN_HOST = "Serving on {host} would send tokens over the network as they are, for anyone on the way to read."


def _as_environment(settings: Settings, https: str) -> dict[str, str]:
    """What the children have to know of the flags."""
    given = {"HOTPLATE_HOST": settings.host, "HOTPLATE_PORT": str(settings.port)}
    if https:
        given["HOTPLATE_ALLOWED_HOSTS"] = ",".join((*settings.allowed_hosts, "localhost", host_of(https)))
    return given | ({"HOTPLATE_I_KNOW": "true"} if settings.i_know else {})


def start_detached(home: Home, words: list[str], *, store: str | None = None) -> dict[str, object]:
    """Start `hotplate up` with these further words in the background; give what it says of itself once it serves.

    `store` goes to it in its environment, which others cannot read as they can its words.

    Raises:
        Conflict: it is up already. PlatformError: it ended at once; its words are in the message.
        DiskFull, SettingError: it could neither say where it is nor keep a log.
    """
    with disk_errors(home):
        home.make()
        if lock.is_up(home):
            lock.Lock(home)  # raises, with who it is
            raise Conflict("Hotplate is up already.")
        write_whole(home.supervisor_file, b"{}")  # it will say there where it is; an older one's words are gone
    own_log = OwnLog(home)
    own_log.keep_small()
    path = own_log.path
    with path.open("ab") as log:
        begun = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "hotplate.cli", "up", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, VARIABLE: str(home.root), **_store(store)},
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
