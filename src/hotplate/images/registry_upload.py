"""Brings an image into a registry: first what it is made of, then, last of all, its tag.

What the registry has already is not sent; what another repository of it has is mounted from there; large parts go in
pieces, and after a break the registry is asked how many bytes it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from hotplate.errors import RegistryRefused, RegistryUnreachable
from hotplate.images.blobs import Blobs
from hotplate.images.documents import MANIFEST, Descriptor, read_manifest
from hotplate.images.reference import Reference
from hotplate.images.registry import Registry, push

PIECE = 64 * 1024 * 1024
"""What is larger is sent in pieces of this size."""
_BREAKS = 5
_CHUNK = 256 * 1024
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,15})")

Progress = Callable[[str, str], None]


def upload_image(
    registry: Registry,
    reference: Reference,
    manifest: bytes,
    blobs: Blobs,
    *,
    mount: str = "",
    progress: Progress | None = None,
) -> str:
    """Bring an image into a registry and give its digest. `mount` is a repository there that may have parts of it.

    Raises:
        RegistryRefused: it does not take it. There is no tag then.
        RegistryUnreachable: it is away, or breaks off again and again. Another push goes on where this one stopped.
    """
    found = read_manifest(manifest, str(reference))
    parts = list({part.digest: part for part in (*found.layers, found.config)}.values())
    for number, part in enumerate(parts, 1):
        what = f"{number} of {len(parts)}, {part.digest[7:19]}, {_size(part.size)}"
        if registry.has(reference.repository, part):
            _say(progress, f"{what}: there already")
            continue
        _say(progress, what)
        upload_blob(registry, reference.repository, part, blobs.path(part.digest), mount=mount)
    digest = registry.put(reference, manifest, found.media_type or MANIFEST)
    _say(progress, f"{reference}@{digest}")
    return digest


def upload_blob(
    registry: Registry, repository: str, part: Descriptor, path: Path, *, mount: str = "", piece: int = PIECE
) -> None:
    """Bring one blob into a repository (end-4a, 5, 6 and 11 of the specification)."""
    for attempt in range(_BREAKS):
        if attempt:
            registry.door.wait(attempt)
        place = _begin(registry, repository, part, mount if mount != repository and not attempt else "")
        if place is None:
            return
        try:
            if part.size > piece:
                place = _pieces(registry, repository, part, path, place, piece)
                content, length = (lambda: iter(())), 0
            else:
                content, length = (lambda: _read(path, 0, part.size)), part.size
            target = place.copy_add_param("digest", part.digest)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
            with registry.asked("PUT", target, push(repository), headers=headers, content=content, once=True) as answer:
                if answer.status_code in (404, 416) and attempt < _BREAKS - 1:
                    continue  # it has lost this upload
                registry.expect(answer, 201, f"take the part {part.digest[:19]}")
            return
        except RegistryUnreachable:
            if attempt == _BREAKS - 1:
                raise
            if registry.has(repository, part):  # the answer alone was lost
                return
    raise RegistryUnreachable(f"The registry {registry.host} does not keep the part {part.digest[:19]}.")


def _begin(registry: Registry, repository: str, part: Descriptor, other: str) -> httpx.URL | None:
    """Ask for a place to upload to. None: the blob was mounted from the other repository."""
    target = registry.door.url(f"/v2/{repository}/blobs/uploads/")
    scope = push(repository)
    if other:
        target = target.copy_merge_params({"mount": part.digest, "from": other})
        scope = f"{scope} repository:{other}:pull"
    with registry.asked("POST", target, scope, headers={"Content-Length": "0"}) as answer:
        if other and answer.status_code == 201:
            return None
        registry.expect(answer, 202, f"take parts for {repository}")
        return _place(registry, answer, target)


def _pieces(
    registry: Registry, repository: str, part: Descriptor, path: Path, place: httpx.URL, piece: int
) -> httpx.URL:
    """Send a blob piece by piece. Gives where to end the upload."""
    sent = breaks = 0
    while sent < part.size:
        end = min(sent + piece, part.size)
        start = sent
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{start}-{end - 1}",
            "Content-Length": str(end - start),
        }
        try:
            with registry.asked(
                "PATCH",
                place,
                push(repository),
                headers=headers,
                content=lambda start=start, end=end: _read(path, start, end),
                once=True,
            ) as answer:
                if answer.status_code >= 500 or answer.status_code == 416:
                    raise registry.refused(answer, f"take the part {part.digest[:19]}")
                registry.expect(answer, 202, f"take the part {part.digest[:19]}")
                place, sent, breaks = _place(registry, answer, place), end, 0
        except (RegistryUnreachable, RegistryRefused) as error:
            breaks += 1
            if breaks >= _BREAKS:
                raise
            registry.door.wait(breaks)
            with registry.asked("GET", place, push(repository)) as answer:
                if answer.status_code != 204:
                    raise RegistryUnreachable(error.message) from None
                found = _RANGE.fullmatch(answer.headers.get("range", ""))
                has = int(found[1]) + 1 if found and found[1] != "0" else 0
                place = _place(registry, answer, place)
            if not start <= has <= end:
                raise RegistryUnreachable(error.message) from None
            sent = has
    return place


def _place(registry: Registry, answer: httpx.Response, before: httpx.URL) -> httpx.URL:
    location = answer.headers.get("location", "")
    try:
        found = before.join(location)
    except (httpx.InvalidURL, ValueError):
        found = None
    if found is None or not location or found.scheme not in ("http", "https"):
        raise RegistryRefused(f"The registry {registry.host} gives no place to upload to: {location[:100]!a}.")
    return found


def _read(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left and (data := file.read(min(left, _CHUNK))):
            left -= len(data)
            yield data


def _say(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress("push", text)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count:,} bytes"
