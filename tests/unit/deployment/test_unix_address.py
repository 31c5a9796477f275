"""A socket in a folder of any depth."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from hotplate.deployment.unix_address import MAX_BYTES, unix_address


@pytest.mark.parametrize(
    "deeper",
    [
        "near",
        pytest.param(
            "ü" * MAX_BYTES, marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a short name")
        ),
    ],
)
def test_both_ends_of_a_socket_meet_at_a_path_of_any_length(tmp_path: Path, deeper: str) -> None:
    path = tmp_path / deeper / "server.sock"
    path.parent.mkdir()
    opened = len(os.listdir("/dev/fd"))
    with socket.socket(socket.AF_UNIX) as near, socket.socket(socket.AF_UNIX) as far:
        with unix_address(path) as address:
            near.bind(address)
        near.listen()
        assert path.is_socket()
        with unix_address(path) as address:
            far.connect(address)
    assert len(os.listdir("/dev/fd")) == opened


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError), unix_address(tmp_path / ("x" * MAX_BYTES) / "server.sock"):
        pass
