from __future__ import annotations

import pytest
from control_rig import running_control, short_home


@pytest.fixture(scope="module")
def control():
    with short_home() as home, running_control(home) as running:
        yield running
