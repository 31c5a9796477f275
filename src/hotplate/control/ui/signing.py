"""Signing in with a token, and out again. No script can read the cookie, and no other site sends it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hotplate.control.api.access import Failures, identify
from hotplate.control.plane import Plane
from hotplate.control.ui.asking import check_origin
from hotplate.control.ui.forms import PROOF, read_form
from hotplate.control.ui.render import page
from hotplate.control.ui.sessions import LASTS_S, Sessions
from hotplate.control.ui.view import PREFIX
from hotplate.errors import Forbidden, TooManyCalls, Unauthorized


def cookie_name(request: Request) -> str:
    """One for each port: cookies know hosts and not ports, and two installations may share a machine."""
    return f"hotplate-{request.url.port or 80}"


class Signing:
    """The pages that need no session."""

    def __init__(self, plane: Plane, sessions: Sessions, failures: Failures) -> None:
        self._plane = plane
        self._sessions = sessions
        self._failures = failures

    async def page(self, request: Request) -> Response:
        """The form."""
        return self._form(request, "")

    async def open(self, request: Request) -> Response:
        """Sign in."""
        check_origin(request)
        form, closing = await read_form(request)
        if closing is not None:
            await closing.close()
        address = request.client.host if request.client else ""
        token = form.text("token")
        try:
            await asyncio.to_thread(identify, self._plane.database, self._failures, f"Bearer {token}", address)
        except TooManyCalls as error:
            return self._form(request, f"{error.message} Try again in a minute.", 429)
        except Unauthorized as error:
            return self._form(request, error.message, 401)
        answer = RedirectResponse(_inside(form.text("to")), 303)
        answer.set_cookie(
            cookie_name(request),
            self._sessions.open(token),
            max_age=int(LASTS_S),
            path=PREFIX,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def close(self, request: Request) -> Response:
        """Sign out."""
        check_origin(request)
        cookie = request.cookies.get(cookie_name(request), "")
        session = self._sessions.find(cookie)
        form, closing = await read_form(request)
        if closing is not None:
            await closing.close()
        if session is None:
            raise Forbidden("You are not signed in.")
        session.check_form(form.text(PROOF))
        self._sessions.close(cookie)
        answer = RedirectResponse(f"{PREFIX}/sign-in", 303)
        answer.delete_cookie(cookie_name(request), path=PREFIX)
        return answer

    def _form(self, request: Request, wrong: str, status: int = 200) -> Response:
        to = _inside(request.query_params.get("to", ""))
        return page("sign_in.html", {"wrong": wrong, "to": to}, status)


def _inside(to: str) -> str:
    """A place below /ui, whatever was asked for: nobody is led elsewhere."""
    plain = to.isascii() and to.isprintable() and "\\" not in to and "//" not in to and ":" not in to
    return to if to.startswith(f"{PREFIX}/") and plain and ".." not in to else f"{PREFIX}/"
