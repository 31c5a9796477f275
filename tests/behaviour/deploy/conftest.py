from __future__ import annotations

import pytest
from installation import installation


@pytest.fixture(scope="module")
def site():
    with installation() as made:
        yield made
