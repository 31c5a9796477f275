"""nginx with `return 200`: the bound. It reads a request and writes an answer of the same size, and does no work."""

from __future__ import annotations

import os
from pathlib import Path

from bench import tools
from bench.peers.calls import output, prompt
from bench.records import Call, Launch, Peer

PROMPT = "Hello world!"

_CONFIG = """\
daemon off;
{user}worker_processes 1;
pid {scratch}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ default_type application/json; return 200 '{{"output":"{prompt}"}}'; }}
    }}
}}
"""


def launch(task: str, port: int, scratch: Path) -> Launch:
    """One worker, no access log, everything it writes in `scratch`."""
    user = "user root;\n" if os.geteuid() == 0 else ""
    config = scratch / "nginx.conf"
    config.write_text(_CONFIG.format(port=port, scratch=scratch, prompt=PROMPT, user=user))
    return Launch(argv=(tools.find("nginx") or "nginx", "-p", str(scratch), "-c", str(config)), cwd=scratch)


PEER = Peer(
    name="nginx",
    title="nginx return 200",
    processes="C, no model, body discarded",
    launch=launch,
    calls={"hello": Call(path="/infer", encode=prompt, decode=output)},
    version=lambda: tools.version("nginx"),
    locked=False,
)
