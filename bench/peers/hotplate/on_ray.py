"""The server of `hotplate up` with its replicas on a Ray of its own: `python on_ray.py RAY_PYTHON PORT ID SECRET`.

Ends as that server. `hello` has one replica, always; `asleep` has none but while it is called.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from msgspec import structs

from bench.peers.hotplate.deployed import endpoint, gone, kept
from hotplate.deployment import sealed, snapshot
from hotplate.deployment.home import Home
from hotplate.deployment.records import Hardware, Snapshot, TokenSpec
from hotplate.deployment.tokens import hash_of

CLUSTER = Path(__file__).parents[1] / "rayserve" / "cluster.py"


def main() -> None:
    """Start Ray, publish, then be the server."""
    python, port, token_id, token_secret = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]
    ray = subprocess.Popen([python, str(CLUSTER), str(Path("ray").absolute())], stdout=subprocess.PIPE)
    assert ray.stdout is not None
    address = json.loads(ray.stdout.readline())["address"]
    home = Home(Path("home").absolute())
    home.make()
    sealed.make_key(home.key)
    how = {"hello": kept(1, "off"), "asleep": gone("off")}
    made = (endpoint(name, "hello", scaling, public=False) for name, scaling in how.items())
    endpoints = tuple(structs.replace(each, target="ray", hardware=Hardware(cpus=0.0)) for each in made)
    token = TokenSpec(id=token_id, hash=hash_of(token_secret), scopes=("invoke",))
    snapshot.write(home.snapshot, Snapshot(number=1, endpoints=endpoints, tokens=(token,)))
    listener = socket.create_server(("127.0.0.1", port))
    listener.set_inheritable(True)
    os.environ |= {"HOTPLATE_HOME": str(home.root), "HOTPLATE_RAY_ADDRESS": address, "HOTPLATE_RAY_PYTHON": python}
    os.execv(sys.executable, [sys.executable, "-m", "hotplate.server", "--fd", str(listener.fileno())])


if __name__ == "__main__":
    main()
