"""Drive a server with wrk: one thread, keep-alive connections, closed loop."""

from __future__ import annotations

import re
from pathlib import Path

from bench import tools
from bench.load import child
from bench.records import BenchError, Call, Load
from bench.servers import HOST, Server

HERE = Path(__file__).parent
_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)$", re.MULTILINE)
_MARK = "@@"


def same(server: Server, call: Call, value: object, *, connections: int, seconds: float, core: int) -> Load:
    """Send one request again and again. `seconds` is rounded up to whole ones, which is all that wrk knows."""
    body = call.encode(value)
    file = server.scratch / "request-body"
    file.write_bytes(body.data)
    headers = [text for header in call.headers.items() for text in header]
    return _run(server, call, "post.lua", [str(file), body.content_type, *headers], connections, seconds, core)


def unique(server: Server, call: Call, *, connections: int, seconds: float, core: int) -> Load:
    """Send requests of which no two are alike: id, length and text differ. `call` must take a prompt."""
    body = call.encode(_MARK)
    before, after = body.data.split(_MARK.encode())
    (server.scratch / "request-before").write_bytes(before)
    (server.scratch / "request-after").write_bytes(after)
    files = [str(server.scratch / name) for name in ("request-before", "request-after")]
    arguments = [call.path, f"{HOST}:{server.port}", body.content_type, *files]
    return _run(server, call, "unique.lua", arguments, connections, seconds, core)


def _run(
    server: Server, call: Call, script: str, arguments: list[str], connections: int, seconds: float, core: int
) -> Load:
    wrk = tools.find("wrk") or "wrk"
    whole = str(max(1, -int(-seconds // 1)))
    options = ["-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "20s", "-s", str(HERE / script)]
    url = f"http://{HOST}:{server.port}{call.path}"
    done = child.run([wrk, *options, url, "--", *arguments], core)
    return parse(done.output, done.cpu_s)


def parse(output: str, client_cpu_s: float) -> Load:
    """Read the line that the scripts write at the end."""
    found = _RESULT.search(output)
    if not found:
        raise BenchError(f"wrk gave no result:\n{output[-1500:]}")
    requests, duration_us, errors, p50_us, p99_us = (float(text) for text in found.groups())
    return Load(
        requests=requests,
        duration_s=duration_us / 1e6,
        errors=int(errors),
        client_cpu_s=client_cpu_s,
        values={"p50_ms": p50_us / 1e3, "p99_ms": p99_us / 1e3},
    )
