"""Runs inside the peer's own environment: `python -m octoai.server ARGS` as it stands, but on loopback.

The host 0.0.0.0 is fixed in the package, and nobody on the network is to reach a server of a test.
"""

import sys

import uvicorn
from octoai.server import server

if __name__ == "__main__":
    run = uvicorn.run
    uvicorn.run = lambda *args, **kwargs: run(*args, **{**kwargs, "host": "127.0.0.1"})
    sys.path.insert(0, "")
    server(obj={})
