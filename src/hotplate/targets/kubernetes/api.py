"""Asks a cluster's API server: JSON there and back, watches and logs as streams. Not to be shared by threads."""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from hotplate.errors import HotplateError, NotFound, TargetRefused, TargetUnavailable
from hotplate.targets.kubernetes.kubeconfig import Access
from hotplate.targets.kubernetes.login import Login
from hotplate.targets.kubernetes.refusals import refusal

TIMEOUT_S = 30.0
MAX_ANSWER = 64 << 20
TRIES = 4
PAUSE_S = 0.5
"""Times what the cluster asks to wait, or 2, 4, 8."""
_AGAIN = frozenset((429, 500, 502, 503, 504))
"""Answers after which the same is asked again: everything that is sent here comes to the same when it is sent twice."""

JSON = "application/json"
APPLY = "application/apply-patch+yaml"


class Api:
    """One cluster, as one login sees it."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._login = Login(access)
        self._client = self._open()

    def _open(self) -> httpx.Client:
        timeout = httpx.Timeout(TIMEOUT_S, connect=10.0)
        return httpx.Client(verify=self._login.context(), timeout=timeout, proxy=self.access.proxy or None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._client.close()

    @property
    def where(self) -> str:
        """The cluster for people."""
        return f"The cluster {self.access.context or self.access.server}"

    def get(self, path: str, what: str, **query: str) -> dict[str, Any]:
        """Read an object or a list. `what` ends the sentence "may not …"."""
        return self.ask("GET", path, what, query=query)

    def find(self, path: str, what: str) -> dict[str, Any] | None:
        """Read an object that need not be there."""
        try:
            return self.get(path, what)
        except NotFound:
            return None

    def ask(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        kind: str = JSON,
    ) -> dict[str, Any]:
        """Ask, again and again where that may help, and give the answer.

        Raises:
            TargetUnavailable: no answer, or none in time.
            TargetRefused, NotFound, Conflict: it says no.
        """
        data = None if body is None else msgspec.json.encode(body)
        trouble: HotplateError | None = None
        for number in range(TRIES):
            if number:
                after = trouble.retry_after_s if isinstance(trouble, TargetUnavailable) else 1.0
                time.sleep(PAUSE_S * min(20.0, max(2.0**number, after)))
            try:
                answer = self._send(method, path, query, data, kind)
            except httpx.TransportError as error:
                trouble = self._trouble(error)
                if not isinstance(trouble, TargetUnavailable):
                    raise trouble from None
                continue
            if answer.is_success:
                return _decoded(answer.content, self.where)
            trouble = refusal(
                answer.status_code, answer.content, what, self.where, answer.headers.get("retry-after", "")
            )
            if answer.status_code == 401 and self._login.changes and not number:
                self._login.forget()
                self._client = self._open()
            elif answer.status_code not in _AGAIN:
                break
        assert trouble is not None
        raise trouble

    def watch(self, path: str, what: str, **query: str) -> Iterator[dict[str, Any]]:
        """Events of a watch, `{"type", "object"}`, until the server ends it.

        Raises:
            Gone: what it was to begin with is too old: read anew.
        """
        with self._stream(path, what, {**query, "watch": "true"}) as answer:
            for line in answer.iter_lines():
                if not line:
                    continue
                event = _decoded(line.encode(), self.where)
                if event.get("type") == "ERROR":
                    status = event.get("object", {})
                    if status.get("code") == 410:
                        raise Gone
                    raise refusal(int(status.get("code") or 500), msgspec.json.encode(status), what, self.where)
                yield event

    def lines(self, path: str, what: str, **query: str) -> Iterator[str]:
        """Lines of a log."""
        with self._stream(path, what, query) as answer:
            yield from answer.iter_lines()

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, data: bytes | None, kind: str
    ) -> httpx.Response:
        headers = {"Accept": JSON, **self._login.header(), **({"Content-Type": kind} if data is not None else {})}
        extensions = {"sni_hostname": self.access.server_name} if self.access.server_name else {}
        return self._client.request(
            method,
            self.access.server + path,
            params=dict(query or {}),
            content=data,
            headers=headers,
            extensions=extensions,
        )

    @contextmanager
    def _stream(self, path: str, what: str, query: Mapping[str, str]) -> Generator[httpx.Response]:
        url = self.access.server + path
        timeout = httpx.Timeout(TIMEOUT_S, read=TIMEOUT_S * 4)
        extensions = {"sni_hostname": self.access.server_name} if self.access.server_name else {}
        try:
            with self._client.stream(
                "GET", url, params=dict(query), headers=self._login.header(), timeout=timeout, extensions=extensions
            ) as answer:
                if answer.status_code == 410:
                    raise Gone
                if not answer.is_success:
                    answer.read()
                    raise refusal(answer.status_code, answer.content, what, self.where)
                yield answer
        except httpx.TransportError as error:
            raise self._trouble(error) from None

    def _trouble(self, error: httpx.TransportError) -> HotplateError:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return TargetRefused(
                    f"{self.where} shows a certificate that is not trusted: {cause.verify_message}. Look at "
                    "certificate-authority in the kubeconfig."
                )
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
            return TargetUnavailable(f"{self.where} gave no answer within {TIMEOUT_S:g} s.")
        return TargetUnavailable(
            f"{self.where} cannot be reached at {self.access.server}: {str(error) or type(error).__name__}. Look "
            "whether it is up, and the network."
        )


class Gone(Exception):
    """What a watch was to begin with is not kept any more (410)."""


def _decoded(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > MAX_ANSWER:
        raise TargetRefused(f"{where} sends more than {MAX_ANSWER >> 20} MiB at once.")
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise TargetRefused(
            f"{where} does not answer as Kubernetes does. Look at `server` in the kubeconfig."
        ) from None
