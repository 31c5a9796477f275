"""octoai.server as it stands, but on loopback: the host 0.0.0.0 is fixed in it."""

import sys

import uvicorn
from octoai.server import server

if __name__ == "__main__":
    run = uvicorn.run
    uvicorn.run = lambda *args, **kwargs: run(*args, **{**kwargs, "host": "127.0.0.1"})
    sys.path.insert(0, "")
    server()
