"""One project of each dialect, built and run by an engine, asked in its own wire format."""

from __future__ import annotations

import json
import re

import pytest
from support.engine_rig import CERTIFICATES
from support.installation import installation

from bench.peers.hotplate.dialects import CALLS, FOLDER, TASK
from bench.peers.hotplate.peer import PEER
from bench.servers import ask

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]
LONG_S = 400.0
WIRES = {**CALLS, "service": PEER.calls[TASK]}


@pytest.fixture(scope="module")
def site(engine):
    """One home, so that all six share the layer of Hotplate's own packages."""
    with installation() as made:
        made.variables = {
            **engine.environ,
            "HOTPLATE_BASE_IMAGE": engine.base(),
            "HOTPLATE_BUILD_NETWORK": "host",
            "HOTPLATE_CERTIFICATES": str(CERTIFICATES),
        }
        yield made


@pytest.mark.parametrize("dialect", sorted(WIRES))
def test_it_is_asked_in_its_own_wire_format(engine, site, dialect):
    tag = json.loads(site.run("build", "--image", folder=FOLDER / dialect, patience_s=LONG_S).out)["tag"]
    labels = json.loads(engine.docker("image", "inspect", tag))[0]["Config"]["Labels"]
    assert labels["org.hotplate.dialect"] == dialect
    name = f"dialect-{dialect.replace('_', '-')}"
    words = ("run", "--image", tag, "--network", "host", "-p", "0", "-b", "--container-name", name)
    done = site.run(*words, patience_s=LONG_S)
    try:
        port = re.search(r"http://127\.0\.0\.1:(\d+)", done.out + done.err)
        assert port, done
        assert ask(int(port[1]), WIRES[dialect], "Hello world!", timeout_s=60) == "Hello world!"
    finally:
        engine.docker("rm", "--force", "--volumes", name)
