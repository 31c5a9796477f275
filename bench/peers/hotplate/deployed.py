"""The server of `hotplate up`, with endpoints from a snapshot: `python deployed.py TASK PORT TOKEN_ID TOKEN_SECRET`.

Ends as that server.

The snapshot is what control would publish. Replicas go as soon as they are idle, so that each call finds none.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from hotplate.cli.opening import open_project
from hotplate.config.resolve import resolve
from hotplate.deployment import sealed, snapshot
from hotplate.deployment.home import Home
from hotplate.deployment.records import EndpointSpec, Revision, Scaling, Share, Snapshot, Target, TokenSpec
from hotplate.deployment.tokens import hash_of
from hotplate.dialects.registry import detect
from hotplate.server import describe

HERE = Path(__file__).parent


def gone(template: str) -> Scaling:
    """A call starts a replica, and it ends right after."""
    return Scaling(min_replicas=0, max_replicas=1, scale_down_delay_s=0.1, window_s=0.1, template=template)  # pyright: ignore


def kept(count: int, template: str) -> Scaling:
    """So many replicas, always."""
    return Scaling(min_replicas=count, max_replicas=count, template=template)  # pyright: ignore


TASKS = {
    "zero": {
        "hello-off": ("hello", gone("off")),
        "hello-imports": ("hello", gone("imports")),
        "slow-loaded": ("slow", gone("loaded")),
        "heavy-loaded": ("heavy", gone("loaded")),
    },
    "up": {"hello": ("hello", kept(1, "off"))},
    "remote": {"hello": ("hello", kept(1, "off"))},
    "shared": {"one": ("heavy", kept(1, "off")), "eight": ("heavy", kept(8, "loaded"))},
}
"""Endpoints by task: the project and how it is scaled."""


def endpoint(name: str, project: str, scaling: Scaling, *, public: bool, target: Target = "local") -> EndpointSpec:
    """An endpoint of one revision."""
    opened = open_project([str(HERE / project)])
    match = detect(opened.project, dialect=opened.dialect)
    revision = Revision(
        digest=project,
        root=str(HERE / project),
        python=sys.executable,
        dialect=match.dialect,
        entry=match.entry,
        contract=describe(opened.project, match, resolve().settings),
    )
    return EndpointSpec(
        name=name,
        generation=1,
        revisions=(revision,),
        traffic=(Share(revision=project, percent=100),),
        scaling=scaling,
        public=public,
        target=target,
    )


def main() -> None:
    """Publish, then be the server."""
    task, port, token_id, token_secret = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]
    home = Home(Path("home").absolute())
    home.make()
    sealed.make_key(home.key)
    target: Target = "loopback" if task == "remote" else "local"
    public = task not in ("up", "remote")
    endpoints = tuple(endpoint(name, *how, public=public, target=target) for name, how in TASKS[task].items())
    token = TokenSpec(id=token_id, hash=hash_of(token_secret), scopes=("invoke",))
    snapshot.write(home.snapshot, Snapshot(number=1, endpoints=endpoints, tokens=(token,)))
    listener = socket.create_server(("127.0.0.1", port))
    listener.set_inheritable(True)
    os.environ["HOTPLATE_HOME"] = str(home.root)
    os.execv(sys.executable, [sys.executable, "-m", "hotplate.server", "--fd", str(listener.fileno())])


if __name__ == "__main__":
    main()
