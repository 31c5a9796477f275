"""From a request head to what is done with it: the contract's routes, then the system's own.

A plan is made once per distinct head and cached with it (`edge/edge.py`), so nothing here is on the path of a
request whose head was seen before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from hotplate.contract import Contract, Mount
from hotplate.edge.exchange import Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import problem
from hotplate.server.plans import ACCEPT, CallPlan, Page, PagePlan, RefusalPlan, SystemPage, WaitPlan, meta_of
from hotplate.server.preflight import preflight
from hotplate.server.spoken import Answers, SpokenPlan, answers_of

if TYPE_CHECKING:
    from hotplate.server.access import AccessLog
    from hotplate.server.endpoint import Endpoint
    from hotplate.server.job_door import JobDoor
    from hotplate.server.plans import Plan
    from hotplate.server.traces import EndpointTraces

NO_JOBS = "The calls of this route are answered later, through jobs, and this server keeps none (see docs/jobs.md)."


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
        traces: EndpointTraces | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._access = access
        self._pages = pages
        self._other_origins = other_origins
        self._traces = traces
        self._max_body_bytes = max_body_bytes
        self._max_upload_bytes = max_upload_bytes
        self._routes: dict[str, dict[str, tuple[int, Mount]]] = {}
        self._contract = Contract(dialect="", entry="")
        self._spoken: dict[str, Answers] = {}
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
        self._spoken.clear()
        self._known = True

    def _answers(self, protocol: str) -> Answers:
        if protocol not in self._spoken:
            self._spoken[protocol] = answers_of(self._contract, protocol)
        return self._spoken[protocol]

    def _fixed(self, mount: Mount) -> SystemPage:
        """The page of a mount that runs no route."""
        yes = Page(mount.status, mount.answer.encode(), mount.content_type, mount.headers)
        no = Page(503, (mount.refusal or mount.answer).encode(), mount.content_type, mount.headers)
        if mount.state == "ready":
            return lambda _: yes if self._endpoint.accepting else no
        return lambda _: yes

    def plan(self, head: RequestHead) -> Plan:
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
                        return self.jobs.below(mount, "")
                    return PagePlan(self._access, self._fixed(mount))
                route = self._contract.routes[mount.call]
                plain = head.headers.get(b"content-type", b"application/json").lower().startswith(b"application/json")
                cap = self._max_body_bytes if plain else self._max_upload_bytes
                wants = mount.wants or (ACCEPT if route.returns.kind != "json" else ())
                if self.jobs is not None and (manner := self.jobs.manner(head, mount)):
                    return self.jobs.submit(manner, head, meta_of(head, "", mount, wants), cap)
                if mount.job:
                    return RefusalPlan(self._access, Refusal(501, problem(NO_JOBS, code="not_provided")))
                make = CallPlan if self._traces is None else self._traces.plan
                plan = make(self._endpoint, self._access, index, head, cap, mount, wants)
                if mount.spoken:
                    answers = self._answers(mount.spoken)
                    return SpokenPlan(self._endpoint, self._access, index, head, cap, mount, answers, plan)
                return plan
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
                return quote(head.prefix + path, safe="/:@!$&'()*+,;=~") + (f"?{head.query}" if head.query else "")
        return ""

    def _below(self, head: RequestHead) -> Plan | None:
        """The nearest mount above a path that nothing else answers: `/v2/*` for `/v2/models/other/infer`."""
        path = head.path
        while path:
            path = path.rpartition("/")[0]
            if found := self._routes.get(f"{path}/*"):
                mount = next(iter(found.values()))[1]
                if mount.job and self.jobs is not None:
                    return self.jobs.below(mount, head.path[len(path) + 1 :])
                return PagePlan(self._access, self._fixed(mount))
        return None


def redirect(head: RequestHead) -> str:
    """The same place without the slash at its end."""
    path = quote(f"{head.prefix}/" + head.path.strip("/"), safe="/:@!$&'()*+,;=~")
    return head.origin + path + (f"?{head.query}" if head.query else "")
