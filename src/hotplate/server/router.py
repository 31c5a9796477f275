"""From a request head to what is done with it: the contract's routes, then the system's own.

A plan is made once per distinct head and cached with it (`edge/edge.py`), so nothing here is on the path of a
request whose head was seen before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from hotplate.contract import Contract, Mount
from hotplate.edge.edge import named_id
from hotplate.edge.exchange import Exchange, Refusal
from hotplate.edge.exchange import Plan as EdgePlan
from hotplate.edge.head import RequestHead
from hotplate.edge.response import fields, problem
from hotplate.server.preflight import preflight
from hotplate.wire.frames import Meta, encode_meta

if TYPE_CHECKING:
    from hotplate.server.access import AccessLog
    from hotplate.server.endpoint import Endpoint
    from hotplate.server.job_door import JobDoor

JSON = "application/json"


class Page(NamedTuple):
    """An answer of the server itself. `headers` are those besides the content type."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


SystemPage = Callable[[RequestHead], Page]

_ACCEPT = ("accept",)
"""What every face wants to see where a route returns media. A mount that wants more also gets to see that a request
has no Content-Type; elsewhere such a body counts as JSON."""

NO_JOBS = "The calls of this route are answered later, through jobs, which are turned off here (jobs: off)."
SMALL_BODY_BYTES = 64 * 1024
"""System pages take no body; a small one is read and ignored."""


class CallPlan:
    """Run a route of the project. `meta` is what the worker gets besides the body; empty for plain JSON."""

    __slots__ = ("_access", "_endpoint", "_max_bytes", "_metrics", "error_key", "handle", "index", "meta", "named_id")

    def __init__(
        self,
        endpoint: Endpoint,
        access: AccessLog,
        index: int,
        head: RequestHead,
        max_bytes: int,
        mount: Mount,
        wants: tuple[str, ...],
    ) -> None:
        self._endpoint = endpoint
        self._access = access if access.on else None
        self._max_bytes = max_bytes
        self._metrics = endpoint.routes[index]
        self.handle = endpoint.submit
        self.index = index
        self.named_id = named_id(head).encode()
        self.error_key = mount.error_key
        self.meta = _encode(meta_of(head, self.named_id.decode(), mount, wants))

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Refuse a body early when there would be no place for the call."""
        endpoint = self._endpoint
        if endpoint.full and endpoint.links:
            endpoint.refused += 1
            detail = "Every slot is busy and the queue is full. Try again later."
            after = (("retry-after", str(endpoint.retry_after_s())),)
            return Refusal(503, problem(detail, self.error_key, code="overloaded"), after)
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """The cap for this kind of body."""
        return self._max_bytes

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Count and log the answer."""
        self._metrics.observe(status, (now_ns - exchange.received_ns) / 1e9)
        if self._access is not None:
            self._access.note(exchange, status)


class _Uncounted:
    """A plan whose answers are logged and not counted by route."""

    __slots__ = ("_access",)
    named_id = b""
    error_key = "detail"

    def __init__(self, access: AccessLog) -> None:
        self._access = access

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Log the answer."""
        if self._access.on:
            self._access.note(exchange, status)


class PagePlan(_Uncounted):
    """Answer from the server itself."""

    __slots__ = ("_page",)

    def __init__(self, access: AccessLog, page: SystemPage) -> None:
        super().__init__(access)
        self._page = page

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Nothing to refuse."""
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """What a page that ignores its body puts up with."""
        return SMALL_BODY_BYTES

    def handle(self, exchange: Exchange) -> None:
        """Answer at once."""
        exchange.free()
        page = self._page(exchange.head)
        extra = fields((("content-type", page.content_type), *page.headers))
        exchange.connection.answer(exchange, page.status, page.body, extra)


class RefusalPlan(_Uncounted):
    """Answer with a fixed error: no such path, no such method, a redirect."""

    __slots__ = ("_content_type", "_refusal")

    def __init__(self, access: AccessLog, refusal: Refusal, content_type: str = "application/json") -> None:
        super().__init__(access)
        self._refusal = refusal
        self._content_type = content_type.encode()

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Refuse before a large body is read."""
        return self._refusal if length < 0 or length > SMALL_BODY_BYTES else None

    def max_bytes(self, head: RequestHead) -> int:
        """A small body is read, so that the connection can go on."""
        return SMALL_BODY_BYTES

    def handle(self, exchange: Exchange) -> None:
        """Answer at once."""
        exchange.free()
        refusal = self._refusal
        content_type = b"content-type: %b\r\n" % self._content_type if refusal.body else b""
        extra = content_type + fields(refusal.headers)
        exchange.connection.answer(exchange, refusal.status, refusal.body, extra)


class WaitPlan(_Uncounted):
    """A path that may exist once the project is loaded: not ready."""

    __slots__ = ("_endpoint",)

    def __init__(self, access: AccessLog, endpoint: Endpoint) -> None:
        super().__init__(access)
        self._endpoint = endpoint

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Nothing large is read for a model that is not there."""
        if length < 0 or length > SMALL_BODY_BYTES:
            return Refusal(503, b'{"status":"%b"}' % self._endpoint.state.encode(), (("retry-after", "1"),))
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """A small body is read, so that the connection can go on."""
        return SMALL_BODY_BYTES

    def handle(self, exchange: Exchange) -> None:
        """Answer with the state."""
        self._endpoint.refuse_not_ready(exchange)


Plan = CallPlan | PagePlan | RefusalPlan | WaitPlan
"""The plans of this module; the jobs' own are made behind the door."""


class Router:
    """The table of routes, rebuilt when a contract arrives."""

    def __init__(
        self,
        endpoint: Endpoint,
        access: AccessLog,
        pages: dict[str, SystemPage],
        max_body_bytes: int,
        max_upload_bytes: int,
        *,
        other_origins: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._access = access
        self._pages = pages
        self._other_origins = other_origins
        self._max_body_bytes = max_body_bytes
        self._max_upload_bytes = max_upload_bytes
        self._routes: dict[str, dict[str, tuple[int, Mount]]] = {}
        self._contract = Contract(dialect="", entry="")
        self._known = False
        self.jobs: JobDoor | None = None

    def find(self, method: str, path: str) -> tuple[int, str] | None:
        """The index of the mount that a kept call names, and where its face has an error's text."""
        found = self._routes.get(path, {}).get(method)
        if found is None or found[1].call is None:
            return None
        return found[0], found[1].error_key

    def use(self, contract: Contract) -> None:
        """Serve the mounts of a contract."""
        self._contract = contract
        self._routes = {}
        for index, mount in enumerate(contract.mounts):
            self._routes.setdefault(mount.path, {})[mount.method] = (index, mount)
        self._known = True

    def _fixed(self, mount: Mount) -> SystemPage:
        """The page of a mount that runs no route."""
        yes = Page(mount.status, mount.answer.encode(), mount.content_type, mount.headers)
        no = Page(503, (mount.refusal or mount.answer).encode(), mount.content_type, mount.headers)
        if mount.state == "ready":
            return lambda _: yes if any(link.ready for link in self._endpoint.links) else no
        return lambda _: yes

    def plan(self, head: RequestHead) -> EdgePlan:
        """Find what to do with a request."""
        if self._other_origins and (allowed := preflight(head)) is not None:
            return RefusalPlan(self._access, allowed)
        methods = self._routes.get(head.path)
        if methods is not None:
            found = methods.get(head.method) or (methods.get("GET") if head.method == "HEAD" else None)
            if found is not None:
                index, mount = found
                if mount.call is None:
                    if mount.job and self.jobs is not None:
                        return self.jobs.below(mount, head, "")
                    return PagePlan(self._access, self._fixed(mount))
                route = self._contract.routes[mount.call]
                plain = head.headers.get(b"content-type", b"application/json").lower().startswith(b"application/json")
                cap = self._max_body_bytes if plain else self._max_upload_bytes
                wants = mount.wants or (_ACCEPT if route.returns.kind != "json" else ())
                if self.jobs is not None and (manner := self.jobs.manner(head, mount)):
                    return self.jobs.submit(manner, head, meta_of(head, "", mount, wants), cap)
                if mount.job:
                    return RefusalPlan(self._access, Refusal(501, problem(NO_JOBS, code="not_provided")))
                return CallPlan(self._endpoint, self._access, index, head, cap, mount, wants)
        page = self._pages.get(head.path)
        if page is not None and head.method in ("GET", "HEAD"):
            return PagePlan(self._access, page)
        if self.jobs is not None and methods is None and (place := self.jobs.page(head)):
            return place
        if methods is not None or page is not None:
            allowed = ", ".join(sorted({*(methods or ()), *(("GET", "HEAD") if page else ())}))
            key = next(iter(methods.values()))[1].error_key if methods else "detail"
            if key != "detail":
                return RefusalPlan(
                    self._access, Refusal(405, problem("Method Not Allowed", key), (("allow", allowed),))
                )
            return self._refuse(405, self._contract.refusals.not_allowed, ("allow", allowed))
        if self._contract.refusals.slash == "append" and (place := self._appended(head)):
            return self._refuse(308, "308: Permanent Redirect", ("location", place))
        stripped = head.path.rstrip("/") if head.path.endswith("/") else ""
        own = self._contract.refusals.slash == "strip" and stripped in self._routes
        if stripped and (own or stripped in self._pages):
            location = (("location", redirect(head)),)
            return RefusalPlan(self._access, Refusal(307, b"", location))
        if not self._known and head.method not in ("GET", "HEAD"):
            return WaitPlan(self._access, self._endpoint)
        if below := self._below(head):
            return below
        return self._refuse(404, self._contract.refusals.not_found)

    def _refuse(self, status: int, text: str, *headers: tuple[str, str]) -> RefusalPlan:
        """An answer in the words of the contract's own face."""
        return RefusalPlan(self._access, Refusal(status, text.encode(), headers), self._contract.refusals.content_type)

    def _appended(self, head: RequestHead) -> str:
        """The same place with one slash wherever there were several, and one at its end; nothing if there is none."""
        merged = re.sub("//+", "/", head.path)
        for path in (merged, f"{merged}/"):
            if path != head.path and head.method in self._routes.get(path, ()):
                return quote(path, safe="/:@!$&'()*+,;=~") + (f"?{head.query}" if head.query else "")
        return ""

    def _below(self, head: RequestHead) -> EdgePlan | None:
        """The nearest mount above a path that nothing else answers: `/v2/*` for `/v2/models/other/infer`."""
        path = head.path
        while path:
            path = path.rpartition("/")[0]
            if found := self._routes.get(f"{path}/*"):
                mount = next(iter(found.values()))[1]
                if mount.job and self.jobs is not None:
                    return self.jobs.below(mount, head, head.path[len(path) + 1 :])
                return PagePlan(self._access, self._fixed(mount))
        return None


def redirect(head: RequestHead) -> str:
    """The same place without the slash at its end. The host was validated with the head."""
    host = head.headers.get(b"host", b"").decode("ascii")
    path = quote("/" + head.path.strip("/"), safe="/:@!$&'()*+,;=~")
    return f"http://{host}{path}" + (f"?{head.query}" if head.query else "")


def meta_of(head: RequestHead, request_id: str, mount: Mount, wants: tuple[str, ...]) -> Meta:
    """What the worker is told of a request besides its body."""
    given = head.headers.get(b"content-type")
    untyped = mount.typed or (wants and wants != _ACCEPT)
    content_type = "" if given is None and untyped else "application/json"
    if given is not None and given != b"application/json":
        content_type = given.decode("latin-1")
        if content_type.lower().replace(" ", "") in ("application/json", "application/json;charset=utf-8"):
            content_type = "application/json"
    if "*" in wants:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers.items()}
    else:
        headers = {name: value.decode("latin-1") for name in wants if (value := head.headers.get(name.encode()))}
    if headers.get("accept") == "*/*" and wants == _ACCEPT:
        del headers["accept"]  # as good as none
    return Meta(content_type, head.query, headers, "", request_id)


def _encode(meta: Meta) -> bytes:
    """Nothing, where all that it says is what every plain JSON request says."""
    plain = meta.content_type == "application/json" and not meta.headers and not meta.query and not meta.request_id
    return b"" if plain else encode_meta(meta)
