"""The systems that are measured, in the order of the tables. A new one is a folder with a peer.py, and a line here."""

from __future__ import annotations

from bench.peers.bentoml.peer import PEER as BENTOML
from bench.peers.fastapi.peer import PEER as FASTAPI
from bench.peers.hotplate.dialects import PEERS as DIALECTS
from bench.peers.hotplate.peer import PEER as HOTPLATE
from bench.peers.litserve.peer import PEER as LITSERVE
from bench.peers.mlserver.peer import PEER as MLSERVER
from bench.peers.nginx.peer import PEER as NGINX
from bench.peers.octoai.peer import PEER as OCTOAI
from bench.peers.rayserve.peer import PEER as RAYSERVE
from bench.peers.uvicorn.peer import PEER as UVICORN
from bench.records import Peer

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (HOTPLATE, NGINX, UVICORN, FASTAPI, LITSERVE, BENTOML, MLSERVER, OCTOAI, RAYSERVE, *DIALECTS)
}
