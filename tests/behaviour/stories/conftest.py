from __future__ import annotations

import pytest
from installation import FREE_PORTS, installation


@pytest.fixture(scope="module")
def site():
    """An installation of this file's own, where nothing runs yet."""
    with installation() as made:
        yield made


@pytest.fixture
def up(site):
    """The same, with `hotplate up` running."""
    site.run("up", *FREE_PORTS, "--detach", code=None)
    return site


@pytest.fixture
def token(up):
    """A token that may only call, as somebody would give it to callers."""
    return up.run("token", "create", "--name", "callers").out.strip()
