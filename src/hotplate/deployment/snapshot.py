"""Reading and writing the snapshot, the one thing that control tells the server."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hotplate.deployment.home import write_whole
from hotplate.deployment.records import FORMAT, Snapshot
from hotplate.errors import PlatformError

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Snapshot)


def write(path: Path, snapshot: Snapshot) -> None:
    """Publish a snapshot: whole, private (0600) and on disk when this returns."""
    write_whole(path, _encoder.encode(snapshot))


def read(path: Path) -> Snapshot:
    """Read the snapshot; an empty one where there is none yet.

    Raises:
        PlatformError: it cannot be read or is of another format. Whoever has an older one keeps it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Snapshot(number=0)
    try:
        snapshot = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise PlatformError(f"The snapshot cannot be read: {error}") from error
    if snapshot.format != FORMAT:
        raise PlatformError(f"The snapshot has format {snapshot.format}; this version reads {FORMAT}.")
    return snapshot
