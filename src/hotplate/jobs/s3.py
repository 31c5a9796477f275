"""Large inputs and results in a bucket of S3, or of what speaks its protocol, so that several hosts find them.

Keys, region and endpoint are those of every tool for S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
AWS_ENDPOINT_URL, or the role of the machine. Signatures (SigV4), retries and parts are obstore's.

An object is named by its SHA-256, and what comes back is held against it. Objects that no row names are dropped only
when they are older than any row can be: another store may share the bucket.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from datetime import timedelta

from hotplate.errors import MissingExtra
from hotplate.jobs.blobs import part_of

try:
    import obstore
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
    from obstore.store import S3Store
except ImportError as error:
    text = 'Jobs in S3 need obstore. Install it with: pip install "hotplate[s3]"'
    raise MissingExtra(text) from error

SILENCE_S = 20.0
"""How long a bucket may say nothing before it counts as out of reach."""
REQUEST_S = 600.0
RETRIES = 2
WARN_S = 60.0
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class Unreachable(OSError):
    """The bucket did not take or give a blob. Its text names no bucket: callers read it."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.EIO, text)


class S3Blobs:
    """Blobs below a prefix of a bucket. `keep_s` is older than any row that could name one. Every method blocks."""

    shared = True

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        keep_s: float,
        warn: Callable[[str], None],
        silence_s: float = SILENCE_S,
    ) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._keep_s = keep_s
        self._warn = warn
        self._warned = float("-inf")
        plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
        self._store = S3Store(
            bucket,
            client_options={
                "allow_http": plain,
                "connect_timeout": timedelta(seconds=min(5.0, silence_s)),
                "read_timeout": timedelta(seconds=silence_s),
                "timeout": timedelta(seconds=REQUEST_S),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=silence_s)},
        )

    def put(self, data: bytes | memoryview) -> str:
        """Keep bytes and give their name, when the bucket has them. Raises Unreachable."""
        name = hashlib.sha256(data).hexdigest()
        path = self._prefix + part_of(name)
        try:
            obstore.put(self._store, path, data)  # written again: so it is young
        except (BaseError, OSError, ValueError) as error:
            raise self._explained(error) from error
        return name

    def get(self, name: str) -> bytes:
        """Give the bytes. Raises FileNotFoundError when they are gone, Unreachable when they cannot be had now."""
        path = self._prefix + part_of(name)
        try:
            data = bytes(obstore.get(self._store, path).bytes())
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._explained(error) from error
            raise FileNotFoundError(errno.ENOENT, "it is not in the bucket any more") from error
        except (BaseError, OSError, ValueError) as error:
            raise self._explained(error) from error
        if hashlib.sha256(data).hexdigest() != name:
            self._tell(f"an object in the bucket {self._bucket} is not what was written: {path}")
            raise Unreachable("what the bucket gave is not what was written")
        return data

    def collect(self, named: set[str]) -> int:
        """Drop objects that nothing names and that no row of another store can name any more."""
        before = time.time() - self._keep_s
        dropped = 0
        try:
            for page in self._store.list(self._prefix):  # pyright: ignore[reportUnknownMemberType]
                old = [
                    one["path"]
                    for one in page
                    if one["path"].rpartition("/")[2] not in named and one["last_modified"].timestamp() < before
                ]
                if old:
                    obstore.delete(self._store, old)
                    dropped += len(old)
        except (BaseError, OSError, ValueError) as error:
            raise self._explained(error) from error
        return dropped

    def _explained(self, error: Exception) -> Unreachable:
        """What a failure means, for callers; the log has the bucket's name, and its own words."""
        if "NoSuchBucket" in str(error):
            what = "the bucket for large inputs and results does not exist"
        elif isinstance(error, PermissionDeniedError | UnauthenticatedError):
            what = "the bucket for large inputs and results refuses this server"
        else:
            what = "the bucket for large inputs and results cannot be reached"
        said = " ".join(str(error).split())[:300]
        self._tell(f"{what} ({self._bucket}): {said}")
        return Unreachable(what)

    def _tell(self, text: str) -> None:
        """Write to the log, once in a while."""
        now = time.monotonic()
        if now - self._warned >= WARN_S:
            self._warned = now
            self._warn(text)
