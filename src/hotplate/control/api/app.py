"""From a request to an answer: access, body, handler, JSON. An error is a problem body, never a traceback."""

from __future__ import annotations

import asyncio
import inspect
import re
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from hotplate.control.api import documents
from hotplate.control.api.access import Failures, check_access, identify
from hotplate.control.api.guard import Guard
from hotplate.control.api.problems import plain_problem, problem
from hotplate.control.api.route import PREFIX, Call, Route
from hotplate.control.api.table import ROUTES
from hotplate.control.builds import Builds
from hotplate.control.log import log
from hotplate.control.plane import Plane
from hotplate.control.pruning import prune_daily
from hotplate.control.rollouts import Rollouts
from hotplate.control.settings import convert
from hotplate.control.sharing import sharing_of
from hotplate.control.storage import told
from hotplate.control.ui.app import Dashboard
from hotplate.control.ui.deploys import Deploys
from hotplate.control.ui.view import Services
from hotplate.control.ui.watch import Watch
from hotplate.errors import HotplateError, InvalidInput, LimitExceeded, MalformedBody, UnsupportedMedia

MAX_BODY_BYTES = 1 << 20
BODY_S = 30.0
_CLEAN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(plane: Plane, hosts: Sequence[str] = ()) -> Guard:
    """The whole API of an installation, and its dashboard. `hosts`: names to answer to; none: every name."""
    services: list[tuple[Rollouts, Builds]] = []
    failures = Failures()
    sharing = sharing_of(plane)
    shared = Services(plane=plane, rollouts=lambda: services[0][0], watch=Watch(plane), deploys=Deploys(plane))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        rollouts, builds = Rollouts(plane), Builds(plane)
        services.append((rollouts, builds))
        running = [
            asyncio.create_task(rollouts.run(), name="rollouts"),
            asyncio.create_task(builds.run(), name="builds"),
            asyncio.create_task(prune_daily(plane), name="pruning"),
            asyncio.create_task(shared.watch.run(), name="watch"),
        ]
        if sharing is not None:
            running.append(asyncio.create_task(sharing.run(), name="sharing"))
        try:
            yield
        finally:
            shared.deploys.end()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def endpoint(route: Route) -> Endpoint:
        async def answer(request: Request) -> Response:
            request_id = _request_id(request)
            try:
                return await _answer(route, request, plane, services[0], failures)
            except HotplateError as error:
                if error.code in ("internal_error", "error"):
                    log("error", error.message, request_id=request_id)
                return problem(error, request_id)
            except (ClientDisconnect, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001 - nothing of it reaches the caller
                if known := told(error):
                    log("error", f"{type(error).__name__}: {error}", request_id=request_id)
                    return problem(known, request_id)
                log("error", f"{type(error).__name__}: {error}", request_id=request_id, route=route.path)
                detail = "An internal error. Control's log has the details under this request's id."
                return plain_problem(500, "internal_error", detail, request_id)

        answer.__name__ = route.operation_id
        return answer

    routes = [StarletteRoute(PREFIX + each.path, endpoint(each), methods=[each.method]) for each in ROUTES]
    for each in routes:
        each.methods = (each.methods or set()) - {"HEAD"}
    app = Starlette(
        routes=[*documents.routes(), *routes, *Dashboard(shared, failures).routes()],
        exception_handlers={HTTPException: _not_routed},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return Guard(app, hosts)


async def _answer(
    route: Route, request: Request, plane: Plane, services: tuple[Rollouts, Builds], failures: Failures
) -> Response:
    address = request.client.host if request.client else ""
    header = request.headers.get("authorization")
    caller = await asyncio.to_thread(identify, plane.database, failures, header, address)
    check_access(route, caller, request.path_params)
    body = None if route.body is None else await read_body(request, route)
    query = dict(request.query_params)
    call = Call(plane, *services, caller, request.path_params, query, body, request)
    if inspect.iscoroutinefunction(route.handler):
        result = await route.handler(call)
    else:
        result = await asyncio.to_thread(route.handler, call)
    if isinstance(result, Response):
        return result
    return Response(msgspec.json.encode(result), route.status, media_type="application/json")


async def read_body(request: Request, route: Route) -> Any:
    """The JSON body as the route's record.

    Raises:
        UnsupportedMedia, LimitExceeded, MalformedBody, InvalidInput: with the place in the body.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json":
        raise UnsupportedMedia("This route takes application/json.")
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                data += piece
                if len(data) > MAX_BODY_BYTES:
                    raise LimitExceeded(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    except TimeoutError:
        raise MalformedBody(f"The body did not arrive within {BODY_S:g} s.") from None
    try:
        value = msgspec.json.decode(bytes(data) or b"{}")
        bytes(data).decode()
        _no_surrogates(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedBody(f"The body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object.")
    return convert(value, route.body if not route.keep_body_as_dict else dict[str, Any])


def _no_surrogates(value: Any) -> None:
    """Half a surrogate pair is no character: it can be neither stored nor sent."""
    msgspec.json.encode(value)


async def _not_routed(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    codes = {404: ("not_found", "There is nothing here."), 405: ("method_not_allowed", "Not with this method.")}
    code, detail = codes.get(status, ("user_error" if status < 500 else "internal_error", "The request failed."))
    return plain_problem(status, code, detail, _request_id(request), headers)


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    return given if _CLEAN_ID.match(given) else uuid.uuid4().hex
