"""From a request below /ui to a page: who is signed in, what they may, the proof of a form, the page's function.

What goes wrong is a page too, or a problem body where a script asks.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as StarletteRoute

from hotplate.control.api.access import Failures
from hotplate.control.api.problems import problem
from hotplate.control.event_stream import TYPE
from hotplate.control.log import log
from hotplate.control.storage import told
from hotplate.control.tokens import authenticate
from hotplate.control.ui import files, live, signing
from hotplate.control.ui.asking import PROOF_HEADER, call, check_origin, common, said, wants_json
from hotplate.control.ui.forms import PROOF, Form, read_form
from hotplate.control.ui.render import HEADERS, page
from hotplate.control.ui.sessions import Session, Sessions
from hotplate.control.ui.table import ROUTES
from hotplate.control.ui.view import PREFIX, Go, Page, Route, Services, View, check
from hotplate.edge.status import STATUS
from hotplate.errors import HotplateError, PlatformError, Unauthorized

Endpoint = Callable[[Request], Awaitable[Response]]


class Dashboard:
    """All pages, over what they share."""

    def __init__(self, services: Services, failures: Failures) -> None:
        self._services = services
        self._sessions = Sessions()
        self._signing = signing.Signing(services.plane, self._sessions, failures)

    def routes(self) -> list[StarletteRoute]:
        """For the app of control."""
        made = [
            StarletteRoute("/", self._to_pages, methods=["GET"]),
            StarletteRoute(PREFIX, self._to_pages, methods=["GET"]),
            StarletteRoute(f"{PREFIX}/static/{{file}}", files.answer, methods=["GET"]),
            StarletteRoute(f"{PREFIX}/sign-in", self._guarded(self._signing.page), methods=["GET"]),
            StarletteRoute(f"{PREFIX}/sign-in", self._guarded(self._signing.open), methods=["POST"]),
            StarletteRoute(f"{PREFIX}/sign-out", self._guarded(self._signing.close), methods=["POST"]),
        ]
        made += [
            StarletteRoute(PREFIX + each.path, self._guarded(self._endpoint(each)), methods=[each.method])
            for each in ROUTES
        ]
        made.append(StarletteRoute(f"{PREFIX}/{{rest:path}}", self._guarded(self._nothing), methods=["GET", "POST"]))
        return made

    async def _to_pages(self, _request: Request) -> Response:
        return RedirectResponse(f"{PREFIX}/", 303)

    async def _nothing(self, request: Request) -> Response:
        session = self._session(request)
        caller = await asyncio.to_thread(authenticate, self._services.plane.database, session.token)
        values = {"status": 404, "title": "There is no such page", "detail": request.url.path, "caller": caller}
        return page("wrong.html", {**values, "session": session, "here": ""}, 404)

    def _endpoint(self, route: Route) -> Endpoint:
        async def answer(request: Request) -> Response:
            session = self._session(request)
            caller = await asyncio.to_thread(authenticate, self._services.plane.database, session.token)
            if route.method == "POST":
                check_origin(request)
            check(route, caller, request.path_params)
            form, closing = Form(), None
            if route.method == "POST" and route.proof == "header":
                session.check_page(request.headers.get(PROOF_HEADER, ""))
            if route.method == "POST" and not route.raw:
                form, closing = await read_form(request)
                if route.proof == "form":
                    session.check_form(form.text(PROOF))
            view = View(
                services=self._services,
                caller=caller,
                session=session,
                path=request.path_params,
                query=dict(request.query_params),
                form=form,
                request=request,
            )
            try:
                return await self._answer(route, view)
            finally:
                if closing is not None:
                    await closing.close()

        return answer

    async def _answer(self, route: Route, view: View) -> Response:
        self._services.watch.seen()
        if route.method == "GET":
            await asyncio.to_thread(self._services.watch.fresh)
        if route.method == "GET" and view.request.headers.get("accept") == TYPE:
            made = await call(route, view)
            return live.stream(route, view, made) if isinstance(made, Page) else made  # pyright: ignore[reportReturnType]
        result = await call(route, view)
        if isinstance(result, Page):
            return page(result.template, common(view, said(view)) | dict(result.values))
        if isinstance(result, Go):
            view.session.note = result.note
            if wants_json(view.request):
                return Response(msgspec.json.encode({"go": result.to}), media_type="application/json")
            return RedirectResponse(result.to, 303)
        for name, value in HEADERS.items():
            result.headers.setdefault(name, value)
        return result

    def _session(self, request: Request) -> Session:
        session = self._sessions.find(request.cookies.get(signing.cookie_name(request), ""))
        if session is None:
            raise Unauthorized("You are not signed in.")
        return session

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """Errors as pages, or as problems where a script asks."""

        async def answer(request: Request) -> Response:
            request_id = uuid.uuid4().hex
            try:
                return await endpoint(request)
            except (ClientDisconnect, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001 - nothing of it reaches the page
                return self._wrong(request, _known(error, request_id), request_id)

        return answer

    def _wrong(self, request: Request, error: HotplateError, request_id: str) -> Response:
        session = self._sessions.find(request.cookies.get(signing.cookie_name(request), ""))
        if wants_json(request):
            answer = problem(error, request_id)
            if session is not None:  # a form that was refused can be mended and sent again
                answer.headers["x-hotplate-form"] = session.form_proof()
            return answer
        if isinstance(error, Unauthorized):
            to = request.url.path if request.method == "GET" else f"{PREFIX}/"
            answer = RedirectResponse(f"{PREFIX}/sign-in?to={to}", 303)
            answer.delete_cookie(signing.cookie_name(request), path=PREFIX)
            return answer
        status = STATUS.get(error.code, 500)
        values: dict[str, Any] = {"status": status, "title": _title(status), "detail": error.message, "here": ""}
        if isinstance(error, PlatformError):
            values["detail"] = f"Control's log has the details under {request_id}."
        caller = None
        if session is not None:
            try:
                caller = authenticate(self._services.plane.database, session.token)
            except Unauthorized:
                session = None
        return page("wrong.html", {**values, "caller": caller, "session": session}, status)


def _known(error: Exception, request_id: str) -> HotplateError:
    if isinstance(error, HotplateError):
        if isinstance(error, PlatformError):
            log("error", error.message, request_id=request_id)
        return error
    log("error", f"{type(error).__name__}: {error}", request_id=request_id)
    return told(error) or PlatformError("An internal error.")


def _title(status: int) -> str:
    titles: Mapping[int, str] = {
        403: "Not with this token",
        404: "There is no such thing",
        409: "That is not possible now",
        422: "Something is not right yet",
        429: "Too many tries",
        503: "Not now",
    }
    return titles.get(status, "That did not work" if status < 500 else "Something went wrong here")
