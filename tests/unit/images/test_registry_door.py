"""The way to a registry."""

from __future__ import annotations

import pytest

from hotplate.images.registry_http import Door


def test_a_proxy_that_cannot_be_used_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:9/")
    with Door("localhost:5000") as door:
        assert door.host == "localhost:5000"
