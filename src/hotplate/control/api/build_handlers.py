"""Routes over builds: an archive comes in, is checked and unpacked, and is built behind the answer."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from starlette.responses import StreamingResponse

from hotplate.control import builds
from hotplate.control.api.route import Call
from hotplate.control.api.streams import followers
from hotplate.control.builds import Asked, Build
from hotplate.control.event_stream import BEAT, BEAT_S, event
from hotplate.control.ledger import record_change
from hotplate.control.settings import convert
from hotplate.errors import BadArchive, LimitExceeded, MalformedBody

SILENT_S = 30.0
MANY = ("target", "option")
FLAGS = ("upgrade", "store_assets")


async def start_build(call: Call) -> Any:
    asked = convert(_query(call), Asked)
    call.builds.check_room()
    upload = await asyncio.to_thread(builds.make_folder, call.plane.home)
    try:
        with tempfile.TemporaryFile(dir=upload) as spool:
            size = await _receive(call, spool)
            await asyncio.to_thread(builds.unpack, spool, upload, asked.folder)
        build = call.builds.submit(call.caller, asked, upload)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, upload, ignore_errors=True)
        raise
    record = (
        call.plane.database,
        call.caller.id,
        "build.start",
        build.id,
        f"{asked.folder or ''} {size} bytes".strip(),
    )
    await asyncio.to_thread(record_change, *record)
    return build.told()


def get_build(call: Call) -> Any:
    return call.builds.find(call.caller, call.path["id"]).told()


async def stream_build(call: Call) -> StreamingResponse:
    return followers.answer(_follow(call, call.builds.find(call.caller, call.path["id"])))


def _query(call: Call) -> dict[str, Any]:
    """The query as a record's fields: some may be there more than once, some are true or false."""
    found: dict[str, Any] = dict(call.query)
    for name in MANY:
        if name in found:
            found[name] = call.request.query_params.getlist(name)
    for name in FLAGS:
        if found.get(name) in ("true", "1", "false", "0"):
            found[name] = found[name] in ("true", "1")
    return found


async def _receive(call: Call, spool: Any) -> int:
    size = 0
    stream = call.request.stream()
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                piece = await anext(stream, None)
        except TimeoutError:
            raise MalformedBody(f"The archive stopped coming for {SILENT_S:g} s.") from None
        if piece is None:
            break
        size += len(piece)
        if size > builds.MAX_UPLOAD_BYTES:
            raise LimitExceeded(f"The archive is larger than {builds.MAX_UPLOAD_BYTES >> 20} MiB.")
        await asyncio.to_thread(spool.write, piece)
    if not size:
        raise BadArchive("The body is empty: send a .tar, .tar.gz or .zip archive.")
    spool.seek(0)
    return size


async def _follow(call: Call, build: Build) -> AsyncGenerator[bytes]:
    """Each step as it comes, and at the end all of it."""
    told, quiet = 0, time.monotonic()
    while True:
        for step in build.steps[told:]:
            told += 1
            quiet = time.monotonic()
            yield event({"event": "step", **step})
        if build.state in builds.ENDED:
            yield event({"event": "end", **build.told()})
            return
        async with call.builds.changed:
            try:
                async with asyncio.timeout(BEAT_S):
                    await call.builds.changed.wait_for(partial(_has_news, build, told))
            except TimeoutError:
                pass
        if time.monotonic() - quiet > BEAT_S:
            quiet = time.monotonic()
            yield BEAT


def _has_news(build: Build, told: int) -> bool:
    return len(build.steps) > told or build.state in builds.ENDED
