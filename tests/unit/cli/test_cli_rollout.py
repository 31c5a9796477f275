"""What is said while a rollout is waited for."""

from __future__ import annotations

from typing import Any

import pytest

from hotplate.cli import rollout
from hotplate.errors import Unavailable

ROLLING = {"name": "one", "rollout": {"state": "rolling", "text": ""}}


class Control:
    """A control whose server is there, or is not."""

    def __init__(self, server: str) -> None:
        self._server = server

    def get_endpoint(self, _: str) -> dict[str, Any]:
        return ROLLING

    def get_status(self) -> dict[str, str]:
        return {"server": self._server}


@pytest.mark.parametrize(("server", "times"), [("away", 1), ("running", 0)])
def test_a_server_that_hangs_is_told_once(
    server: str, times: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rollout, "LOOK_S", 0.0)
    monkeypatch.setattr(rollout, "ASK_S", 0.0)
    with pytest.raises(Unavailable, match="not ready after"):
        rollout.finish(Control(server), ROLLING, 0.05)  # pyright: ignore[reportArgumentType]
    assert capsys.readouterr().err.count("gives no answer") == times
