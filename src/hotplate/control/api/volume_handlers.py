"""Routes over volumes. Files are streamed: neither way is a file ever held in memory."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response, StreamingResponse

from hotplate.control import volumes
from hotplate.control.api.route import Call
from hotplate.control.ledger import record_change
from hotplate.control.settings import refused


def create_volume(call: Call) -> Any:
    return volumes.create_volume(call.plane, call.caller, call.body.name)


def list_volumes(call: Call) -> Any:
    return volumes.list_volumes(call.plane)


def get_volume(call: Call) -> Any:
    return volumes.get_volume(call.plane, call.path["volume"])


def delete_volume(call: Call) -> Any:
    return volumes.delete_volume(call.plane, call.caller, call.path["volume"])


def list_files(call: Call) -> Any:
    return volumes.list_files(call.plane, call.path["volume"], call.query.get("path", ""))


def remove_file(call: Call) -> Any:
    path = _path(call)
    recursive = call.query.get("recursive", "") in ("true", "1")
    return volumes.remove_file(call.plane, call.caller, call.path["volume"], path, recursive=recursive)


async def read_file(call: Call) -> Response:
    size, pieces = await volumes.stream_file(call.plane, call.path["volume"], _path(call))
    headers = {"Content-Length": str(size), "Content-Disposition": "attachment"}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


async def write_file(call: Call) -> Any:
    name, path = call.path["volume"], _path(call)
    upload = await asyncio.to_thread(volumes.Upload, call.plane, name, path)
    try:
        gathered: list[bytes] = []
        size = 0
        async for piece in call.request.stream():
            gathered.append(piece)
            size += len(piece)
            if size >= volumes.PIECE_BYTES:
                await asyncio.to_thread(upload.write, b"".join(gathered))
                gathered, size = [], 0
        await asyncio.to_thread(upload.write, b"".join(gathered))
        total = await asyncio.to_thread(upload.keep)
    finally:
        await asyncio.to_thread(upload.close)
    await asyncio.to_thread(record_change, call.plane.database, call.caller.id, "volume.cp", name, path)
    return {"path": path, "size": total}


def _path(call: Call) -> str:
    path = call.query.get("path", "")
    if not path:
        raise refused("path", "names no file: add ?path=….")
    return path
