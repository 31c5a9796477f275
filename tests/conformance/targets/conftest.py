"""An installation for each target, which all tests of the suite share."""

from __future__ import annotations

import pytest
from support.engine_rig import CERTIFICATES, reason
from support.installation import FREE_PORTS, installation
from support.targets_rig import Target

TARGETS = [
    pytest.param("local", marks=pytest.mark.xdist_group("target-local")),
    pytest.param("loopback", marks=pytest.mark.xdist_group("target-loopback")),
    pytest.param("docker", marks=pytest.mark.xdist_group("engine")),
    pytest.param("ray", marks=pytest.mark.xdist_group("ray")),
]


@pytest.fixture(scope="session", params=TARGETS)
def target(request):
    if request.param == "ray":
        yield request.getfixturevalue("on_ray")
        return
    with installation() as made:
        engine = None
        if request.param == "docker":
            if why := reason():
                pytest.skip(why)
            engine = request.getfixturevalue("engine")
            made.variables = {
                **engine.environ,
                "HOTPLATE_BASE_IMAGE": engine.base(),
                "HOTPLATE_BUILD_NETWORK": "host",
                "HOTPLATE_CERTIFICATES": str(CERTIFICATES),
            }
        made.run("up", "--detach", "--target", request.param, *FREE_PORTS)
        yield Target(request.param, made, engine)
