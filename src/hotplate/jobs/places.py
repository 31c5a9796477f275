"""Where the settings say that jobs are kept, read without opening it: what is wrong with that is told at the start."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hotplate.errors import MissingExtra, SettingError

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

DATABASES = ("postgresql://", "postgres://")
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.*'()/-]*))?\Z")


def check_places(settings: Settings) -> None:
    """Refuse at the start what could not be opened with the first job.

    Raises:
        SettingError: a URL is none. MissingExtra: what it needs is not installed.
    """
    if settings.jobs_store is not None:
        if not settings.jobs_store.startswith(DATABASES):
            text = "`jobs_store` must be a URL such as postgresql://USER@HOST/DATABASE."
            raise SettingError(text, key="jobs_store")
        if find_spec("psycopg") is None:
            raise MissingExtra('Jobs in PostgreSQL need psycopg. Install it with: pip install "hotplate[postgres]"')
    if settings.jobs_blobs is not None:
        read_bucket(settings.jobs_blobs)
        if find_spec("obstore") is None:
            raise MissingExtra('Jobs in S3 need obstore. Install it with: pip install "hotplate[s3]"')


def read_bucket(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://BUCKET/PREFIX`; the prefix is empty or ends with a slash. Raises SettingError."""
    found = _BUCKET.match(url)
    prefix = (found.group(2) or "").strip("/") if found else ""
    if found is None or ".." in prefix.split("/"):
        text = f"`jobs_blobs` must be like s3://BUCKET or s3://BUCKET/PREFIX, not {url[:80]!r}."
        raise SettingError(text, key="jobs_blobs")
    return found.group(1), f"{prefix}/" if prefix else ""
