"""A Ray Serve application, written by `hotplate export ray-serve`. It holds an endpoint of Hotplate's, and is yours.

    serve run serve_config.yaml        in this folder

Each replica runs `hotplate serve` of the revision that lies beside this file, and passes every request on to it as it
came: paths, bodies, answers and streams are those of the endpoint. The revision's packages are installed on the node
when the first replica starts there, into ~/.cache/hotplate, apart from Ray's own.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading

import aiohttp
import parcel
from ray import serve
from starlette.responses import Response, StreamingResponse

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "127.0.0.1"
START_S = 900.0
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


@serve.deployment
class Endpoint:
    """One replica, with one process of Hotplate's."""

    def __init__(self):
        with open(os.path.join(HERE, "order.json"), encoding="utf-8") as file:
            order = json.load(file)
        with open(os.path.join(HERE, "revision.tar.gz"), "rb") as file:
            python, record = parcel.find(order, file.read())
        path = os.path.join(os.path.dirname(record["root"]), "record.json")
        beside = f"{path}.{os.getpid()}"
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.replace(beside, path)
        left_out = ("RAY_", "HOTPLATE_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PORT")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        self.process = subprocess.Popen(
            [python, "-P", "-m", "hotplate.cli", "serve", "--record", path, "--host", HOST, "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**kept, **order["environment"], "HOTPLATE_SLOTS": str(order["slots"]), "HOTPLATE_WORKERS": "1"},
            preexec_fn=lambda: ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL),
        )
        self.last = ""
        self.port = self.wait()
        self.session = None
        threading.Thread(target=self.drain, daemon=True).start()

    def wait(self):
        """Read the log until the model runs. Gives the port."""
        port = None
        timer = threading.Timer(START_S, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                text = self.say(line)
                if "Hotplate running on http://" in text:
                    port = int(text.partition("http://")[2].split()[0].rpartition(":")[2])
                if port and "-> State.RUNNING" in text:
                    return port
        finally:
            timer.cancel()
        raise RuntimeError(f"hotplate serve ended with status {self.process.wait()}: {self.last}")

    def drain(self):
        """Pass its log on."""
        for line in self.process.stdout:
            self.say(line)

    def say(self, line):
        """Print a line of its log, and give it."""
        text = line.decode("utf-8", "replace").rstrip()
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        self.last = text or self.last
        return text

    def check_health(self):
        """Ray Serve asks now and again, and replaces a replica that raises."""
        if self.process.poll() is not None:
            raise RuntimeError(f"hotplate serve ended with status {self.process.returncode}: {self.last}")

    async def __call__(self, request):
        """Pass a request on, and its answer back, piece by piece."""
        if self.session is None:
            self.session = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None))
        path = request.scope["path"].removeprefix(request.scope.get("root_path", "")) or "/"
        query = request.scope["query_string"].decode("latin-1")
        headers = [(name, value) for name, value in request.headers.items() if name not in HOP_BY_HOP]
        sends = "content-length" in request.headers or "transfer-encoding" in request.headers
        if "content-length" in request.headers:
            headers.append(("content-length", request.headers["content-length"]))
        url = f"http://{HOST}:{self.port}{path}{'?' * bool(query)}{query}"
        body = request.stream() if sends else None
        try:
            answer = await self.session.request(
                request.method, url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=["Accept"]
            )
        except aiohttp.ClientError as error:
            return Response(f"The replica did not answer: {error}", status_code=502, media_type="text/plain")
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}

        async def pieces():
            async with answer:
                async for piece in answer.content.iter_any():
                    yield piece

        return StreamingResponse(pieces(), status_code=answer.status, headers=kept)

    def __del__(self):
        self.process.kill()


app = Endpoint.bind()
