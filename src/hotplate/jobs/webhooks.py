"""Webhooks: who wants to be told of a job, how a message is signed, and the sending of what lies in the outbox.

Messages are as Standard Webhooks say (https://www.standardwebhooks.com): an id that stays the same over all attempts,
the time of the attempt, and an HMAC-SHA256 over both and the body. They go through the guarded fetcher, so that nobody
can have this machine call what only it can reach.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import hmac
import os
import random
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import msgspec

from hotplate.edge.head import RequestHead
from hotplate.errors import BlockedURL, FetchFailed, JobError, LimitExceeded, SettingError
from hotplate.jobs.desk import Desk
from hotplate.jobs.records import EVENTS, Delivery, Event, Hook

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

SECRET_MARK = "whsec_"  # noqa: S105 - how a secret begins
SECRET_FILE = "webhook-secret"  # noqa: S105 - a file's name
SEND_S = 15.0
"""How long a receiver may take."""
AGAIN_S = 30.0
"""When a message is due again whose sender was killed: no attempt takes that long."""
MOST = 16
"""Messages on their way at the same time."""
BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 6 * 3600.0
GIVE_UP_S = 24 * 3600.0
QUIET_S = 10.0
"""A host that could not be reached is asked for nothing else for so long: or it would hold up all others."""
GONE = 410
"""What a receiver answers that wants no more of this (Standard Webhooks, "HTTP status codes")."""


# -- who is told


def read_hooks(head: RequestHead, settings: Settings) -> str:
    """The webhooks of a submit, as a job keeps them: the endpoint's own and the request's. Raises JobError."""
    hooks: list[Hook] = []
    if settings.webhook:
        hooks.append(Hook(settings.webhook, events_of(",".join(settings.webhook_events))))
    given = head.headers.get(b"hotplate-webhook")
    if given is not None:
        url = given.decode("latin-1")
        check_url(url)
        hooks.append(Hook(url, events_of(head.headers.get(b"hotplate-webhook-events", b"").decode("latin-1"))))
    return msgspec.json.encode(hooks).decode() if hooks else ""


def events_of(text: str) -> tuple[Event, ...]:
    """Events between commas; none: those that end a job. Raises JobError."""
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    for name in names:
        if name not in EVENTS:
            raise JobError(f"There is no event {name[:40]!r}; the events are {', '.join(EVENTS)}.")
    return cast("tuple[Event, ...]", names) or Hook("").events


def check_url(url: str) -> None:
    """Refuse what is no URL at a submit, not a day later. Raises JobError."""
    from hotplate.media.urls import parse

    try:
        parse(url)
    except BlockedURL as error:
        raise JobError(f"Hotplate-Webhook: {error.message}") from None


def check_settings(settings: Settings) -> None:
    """Refuse at the start what would be refused with each submit. Raises SettingError."""
    try:
        if settings.webhook:
            check_url(settings.webhook)
        events_of(",".join(settings.webhook_events))
    except JobError as error:
        text = error.message.removeprefix("Hotplate-Webhook: ")
        raise SettingError(text, key="webhook" if settings.webhook else "webhook_events") from None
    if settings.webhook_secret:
        read_secret(settings.webhook_secret)


# -- how it is signed


def make_secret() -> str:
    """A new secret."""
    return SECRET_MARK + b64encode(os.urandom(32)).decode()


def read_secret(text: str) -> bytes:
    """The key in a secret. Raises SettingError."""
    try:
        key = b64decode(text.removeprefix(SECRET_MARK), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_MARK) or not 24 <= len(key) <= 64:
        raise SettingError("`webhook_secret` must be `whsec_` and the base64 of 24 to 64 bytes.", key="webhook_secret")
    return key


def find_secret(folder: Path, settings: Settings, own: str | None = None) -> bytes:
    """The endpoint's own secret, that of the settings, or the one in the folder of the jobs, which is made with the
    first message.

    Raises SettingError.
    """
    if own is not None:
        return read_secret(own.strip())
    if settings.webhook_secret:
        return read_secret(settings.webhook_secret)
    path = folder / SECRET_FILE
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read_secret(path.read_text("ascii").strip())
    with os.fdopen(fd, "w") as file:
        secret = make_secret()
        file.write(f"{secret}\n")
    return read_secret(secret)


def signed(delivery: Delivery, key: bytes, at: int) -> dict[str, str]:
    """The headers of an attempt."""
    told = f"{delivery.id}.{at}.{delivery.payload}".encode()
    signature = b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "Webhook-Id": delivery.id,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": f"v1,{signature}",
        "Webhook-Attempt": str(delivery.attempt),
    }


# -- how it is sent


class Missed(Exception):
    """An attempt that failed. `final`: no other one would do better."""

    def __init__(self, text: str, *, status: int | None = None, final: bool = False, silent: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.final = final
        self.silent = silent


def post(delivery: Delivery, key: bytes, allow: tuple[str, ...]) -> int:
    """Send a message, and give the status of a receiver that took it. Blocks. Raises Missed."""
    from hotplate.media.addresses import opening_list
    from hotplate.media.fetch import FetchSettings, opened

    settings = FetchSettings(allow=opening_list(allow), total_s=SEND_S, max_bytes=64 * 1024)
    headers = signed(delivery, key, int(time()))
    try:
        with opened(
            delivery.url, method="POST", headers=headers, body=delivery.payload.encode(), settings=settings
        ) as answer:
            status = answer.status
    except BlockedURL as error:
        raise Missed(error.message, final=True) from None
    except (FetchFailed, LimitExceeded, OSError) as error:
        raise Missed(str(error), silent=True) from None
    if not 200 <= status < 300:
        raise Missed(f"The receiver answered {status}.", status=status, final=status == GONE)
    return status


class Postman:
    """Sends what lies in the outbox. `find_key(endpoint)` is what its messages are signed with, `allow` are private
    hosts that may be told.

    `count(endpoint, outcome)` is told of each attempt: `delivered`, `missed` or `failed`.
    """

    pick: Callable[[float, float], float] = staticmethod(random.uniform)
    """A random number between two."""

    def __init__(
        self,
        desk: Desk,
        find_key: Callable[[str], bytes],
        allow: tuple[str, ...],
        warn: Callable[[str], None],
        count: Callable[[str, str], None],
    ) -> None:
        self._desk = desk
        self._find_key = find_key
        self._allow = allow
        self._warn = warn
        self._count = count
        self._quiet: dict[str, float] = {}
        self._threads = ThreadPoolExecutor(MOST, thread_name_prefix="hotplate-webhook")
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self) -> None:
        """Take what is due, if anything is."""
        room = MOST - len(self._tasks)
        if room <= 0 or not await self._desk.read(lambda store: store.due()):
            return
        for delivery in await self._desk.wrote(lambda store: store.claim(room, AGAIN_S)):
            task = asyncio.get_running_loop().create_task(self._send(delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, delivery: Delivery) -> None:
        host = urlsplit(delivery.url).netloc
        wait_s = self._quiet.get(host, 0.0) - monotonic()
        try:
            if wait_s > 0:
                text = delivery.error or "The receiver gave no answer a moment ago."
                await self._desk.wrote(lambda store: store.missed(delivery, None, text, wait_s + self.pick(0.0, 1.0)))
                return
            loop = asyncio.get_running_loop()
            status = await loop.run_in_executor(self._threads, self._post, delivery)
            self._count(delivery.endpoint, "delivered")
            self._quiet.pop(host, None)
            await self._desk.wrote(lambda store: store.delivered(delivery, status))
        except Missed as error:
            await self._miss(delivery, host, error)
        except Exception as error:  # noqa: BLE001 - the message is due again in a while
            self._warn(f"a webhook could not be sent: {error!r}")

    def _post(self, delivery: Delivery) -> int:
        return post(delivery, self._find_key(delivery.endpoint), self._allow)

    async def _miss(self, delivery: Delivery, host: str, error: Missed) -> None:
        if error.silent:
            self._quiet[host] = monotonic() + QUIET_S
        over = error.final or time() - delivery.created_at > GIVE_UP_S
        delay_s = None if over else self.pick(0.0, backoff_s(delivery.attempt))
        self._count(delivery.endpoint, "failed" if over else "missed")
        if over:
            self._warn(f"webhook {delivery.id} of job {delivery.job} is given up: {error}")
        await self._desk.wrote(lambda store: store.missed(delivery, error.status, str(error)[:500], delay_s))

    def close(self) -> None:
        """Send nothing more. What is on its way is sent again by the next server."""
        for task in self._tasks:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)


def backoff_s(attempts: int) -> float:
    """The longest pause after so many attempts; the pause is anything below (full jitter)."""
    return min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(attempts, 30))
