"""What tests of several folders share.

Property tests are judged by what they find: neither a slow machine nor a first import is a failure.
"""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from support import engine_rig, ids, ray_rig
from support.installation import FREE_PORTS, installation
from support.targets_rig import Target

settings.register_profile("hotplate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hotplate")
PROPERTY_TIMEOUT_S = 900


pytest_itemcollected = ids.pytest_itemcollected


def pytest_configure(config: pytest.Config) -> None:
    """Nothing that the developer has deployed is seen or touched: the run has a home of its own."""
    if hasattr(config, "workerinput"):  # a process of xdist's has its parent's
        return
    home = os.environ["HOTPLATE_HOME"] = tempfile.mkdtemp(prefix="hotplate-home-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A property test makes a hundred examples by the same clock as one that makes a single one: it has longer."""
    for item in items:
        if item.get_closest_marker("hypothesis") and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PROPERTY_TIMEOUT_S))
    ids.group(config, items)


@pytest.fixture(scope="session")
def engine():
    """A Docker engine of the test run's own. Tests that use it are marked `xdist_group("engine")`: there is one."""
    if why := engine_rig.reason():
        pytest.skip(why)
    with engine_rig.engine() as rig:
        yield rig


@pytest.fixture(scope="session")
def ray_cluster():
    """A Ray cluster of three nodes on this machine. Tests that use it are marked `xdist_group("ray")`: there is one."""
    with ray_rig.cluster() as rig:
        yield rig


@pytest.fixture(scope="session")
def on_ray(ray_cluster):
    """An installation whose replicas run on that cluster."""
    with installation() as made:
        made.variables = ray_cluster.settings
        made.run("up", "--detach", "--target", "ray", "--address", ray_cluster.address, *FREE_PORTS)
        yield Target("ray", made, None)
