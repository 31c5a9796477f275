from __future__ import annotations

import hashlib

import pytest
from control_rig import running_control, server_socket, short_home


@pytest.fixture(scope="module")
def home():
    with short_home() as made:
        yield made


@pytest.fixture(scope="module")
def server(home):
    with server_socket(home) as rig:
        yield rig


@pytest.fixture(scope="module")
def control(home, server):
    with running_control(home) as running:
        yield running


@pytest.fixture
def name(request):
    """An endpoint of this test's own."""
    return f"e-{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"
