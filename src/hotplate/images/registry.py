"""A registry of images: reading manifests and blobs, and writing them. Nothing is believed that has not been hashed.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md; the numbers of its ends are named beside the
methods. A tag is written last, so that it never names an image of which a part is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import httpx
import msgspec

from hotplate.errors import HotplateError, ImageInvalid, NotFound, RegistryRefused, RegistryUnreachable
from hotplate.images.documents import INDEXES, MANIFESTS, MAX_DOCUMENT, Descriptor, digest_of
from hotplate.images.reference import Reference
from hotplate.images.registry_auth import NOBODY, Authority, Login, refusal
from hotplate.images.registry_http import MAX_ERROR, Door
from hotplate.media.addresses import Opening

_ACCEPT = ", ".join(sorted(MANIFESTS | INDEXES))
_STALLS = 8
"""How often a download may break off in a row without a byte more."""
_LOGINS = 3
"""How often one request is sent with another token: one may have expired."""


class Document(NamedTuple):
    """A manifest or an index as the registry has it."""

    data: bytes
    media_type: str
    digest: str


class Registry:
    """One registry. Not to be shared by threads."""

    def __init__(
        self,
        host: str,
        login: Login = NOBODY,
        *,
        allow: Sequence[Opening] = (),
        door: Door | None = None,
    ) -> None:
        self.door = door or Door(host, allow=allow)
        self.host = host
        self._authority = Authority(self.door, login)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.door.close()

    def document(self, reference: Reference) -> Document:
        """A manifest or index, checked against the digest that was asked for and the one that is stated (end-3).

        Raises:
            NotFound: there is no such image.
            ImageInvalid: its bytes are others than they should be.
        """
        target = f"/v2/{reference.repository}/manifests/{reference.asked}"
        scope = pull(reference.repository)
        with self.asked("GET", self.door.url(target), scope, headers={"Accept": _ACCEPT}) as answer:
            if answer.status_code == 404:
                raise NotFound(f"The registry {self.host} has no image {reference}, or not for this login.")
            self.expect(answer, 200, f"give the image {reference}")
            data = self.door.read(answer, MAX_DOCUMENT, "The manifest")
            stated = answer.headers.get("docker-content-digest", "")
            media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        digest = digest_of(data)
        for wanted in (reference.digest, stated if stated.startswith("sha256:") else ""):
            if wanted and wanted != digest:
                raise ImageInvalid(
                    f"The registry {self.host} sends a manifest of {reference} with the digest {digest[:19]}, where "
                    f"{wanted[:19]!a} is meant."
                )
        if media_type not in MANIFESTS | INDEXES:
            media_type = _media_type(data)
        if media_type not in MANIFESTS | INDEXES:
            raise ImageInvalid(f"The manifest of {reference} is of a kind that is not read: {media_type[:80]!a}.")
        return Document(data, media_type, digest)

    def blob(self, repository: str, part: Descriptor) -> Generator[bytes]:
        """A blob's bytes, from where they broke off when they did. Whoever takes them checks them (end-2).

        Raises:
            ImageInvalid: the registry has it not, though a manifest names it.
            RegistryUnreachable: it breaks off again and again.
        """
        url = self.door.url(f"/v2/{repository}/blobs/{part.digest}")
        got = stalls = 0
        while True:
            headers = {"Range": f"bytes={got}-"} if got else {}
            before = got
            with self.asked("GET", url, pull(repository), headers=headers) as answer:
                if answer.status_code == 404:
                    raise ImageInvalid(f"The registry {self.host} has no part {part.digest[:19]} of {repository}.")
                if answer.status_code == 200:
                    skip = got  # it does not know ranges, and starts anew
                else:
                    self.expect(answer, 206 if got else 200, f"give the part {part.digest[:19]}")
                    skip = 0
                try:
                    for data in answer.iter_raw():
                        fresh = data[skip:] if skip else data
                        skip = max(0, skip - len(data))
                        got += len(fresh)
                        if fresh:
                            yield fresh
                    return
                except httpx.TransportError:
                    pass
            if got >= part.size:
                return
            stalls = stalls + 1 if got == before else 0
            if stalls >= _STALLS:
                raise RegistryUnreachable(f"The registry {self.host} breaks off each time in {part.digest[:19]}.")
            self.door.wait(stalls)

    def has(self, repository: str, part: Descriptor) -> bool:
        """Whether the registry has a blob, as long as it should be (end-2)."""
        url = self.door.url(f"/v2/{repository}/blobs/{part.digest}")
        with self.asked("HEAD", url, push(repository)) as answer:
            if answer.status_code == 404:
                return False
            self.expect(answer, 200, f"say whether it has {part.digest[:19]}")
            length = answer.headers.get("content-length", "")
        return not length.isdigit() or int(length) == part.size

    def put(self, reference: Reference, data: bytes, media_type: str) -> str:
        """Give a manifest its tag, the very last thing of a push (end-7). Gives its digest."""
        target = f"/v2/{reference.repository}/manifests/{reference.asked}"
        with self.asked(
            "PUT",
            self.door.url(target),
            push(reference.repository),
            headers={"Content-Type": media_type, "Content-Length": str(len(data))},
            content=lambda: [data],
        ) as answer:
            self.expect(answer, 201, f"tag {reference}")
            stated = answer.headers.get("docker-content-digest", "")
        digest = digest_of(data)
        if stated.startswith("sha256:") and stated != digest:
            raise ImageInvalid(f"The registry {self.host} stored another manifest than it was sent: {stated[:80]!a}.")
        return digest

    def asked(
        self,
        method: str,
        url: httpx.URL,
        scope: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Callable[[], Iterable[bytes]] | None = None,
        once: bool = False,
    ) -> Asked:
        """Ask with a login where the registry wants one. The answer is a context manager that closes it."""
        for _ in range(_LOGINS):
            own = self._authority.header(scope) if self.door.is_own(url) else {}
            answer = self.door.open(method, url, headers={**(headers or {}), **own}, content=content, once=once)
            if answer.status_code != 401:
                return Asked(answer)
            answer.close()
            if not self.door.is_own(url) or not self._authority.learn(answer, scope):
                break
        raise RegistryRefused(refusal(self.host, self._authority.login, 401))

    def expect(self, answer: httpx.Response, status: int, what: str) -> None:
        """Raise RegistryRefused unless the answer is as it should be; its words are told, made harmless."""
        if answer.status_code == status:
            return
        raise self.refused(answer, what)

    def refused(self, answer: httpx.Response, what: str) -> HotplateError:
        """The error for an answer that is not as it should be."""
        try:
            said = _words(self.door.read(answer, MAX_ERROR, "The error"))
        except HotplateError:
            said = ""
        told = f" It says: {said}" if said else ""
        if answer.status_code in (401, 403):
            return RegistryRefused(f"{refusal(self.host, self._authority.login, answer.status_code)}{told}")
        text = f"The registry {self.host} does not {what} (status {answer.status_code}).{told}"
        return RegistryUnreachable(text) if answer.status_code >= 500 else RegistryRefused(text)


class Asked:
    """An answer whose body is still to be read, closed at the end of a `with`."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def __enter__(self) -> httpx.Response:
        return self._answer

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._answer.close()


def pull(repository: str) -> str:
    """The right to read a repository."""
    return f"repository:{repository}:pull"


def push(repository: str) -> str:
    """The right to write to a repository."""
    return f"repository:{repository}:pull,push"


def _media_type(data: bytes) -> str:
    """What a document says that it is, where the registry does not say it."""
    try:
        found: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return ""
    text = cast("dict[str, Any]", found).get("mediaType", "") if isinstance(found, dict) else ""
    return text if isinstance(text, str) else ""


def _words(data: bytes) -> str:
    """What an error says (the specification's `errors`), as one harmless line."""
    try:
        found: Any = msgspec.json.decode(data)
        texts = [f"{one.get('code', '')}: {one.get('message', '')}" for one in found["errors"]]
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError):
        return ""
    text = re.sub(r"\s+", " ", "; ".join(texts))
    return "".join(each for each in text if each.isprintable())[:300]
