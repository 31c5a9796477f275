"""The one table from error code to HTTP status.

Read by the edge for answers that the server makes itself, and by faces (in the worker) for answers about a call;
so this module imports the standard library alone. `docs/errors.md` explains each row to users.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "error": 500,
        "user_error": 400,
        "invalid_input": 422,
        "limit_exceeded": 413,
        "malformed_body": 400,
        "bad_archive": 422,
        "unsupported_media_type": 415,
        "invalid_media": 422,
        "invalid_output": 500,
        "project_error": 500,
        "missing_extra": 500,
        "packages_refused": 422,
        "image_failed": 422,
        "setting_error": 500,
        "not_provided": 501,
        "unauthorized": 401,
        "forbidden": 403,
        "not_found": 404,
        "conflict": 409,
        "engine_refused": 422,
        "target_refused": 422,
        "image_invalid": 422,
        "registry_refused": 422,
        "blocked_url": 422,
        "fetch_failed": 422,
        "job_error": 400,
        "job_not_found": 404,
        "job_not_finished": 409,
        "job_finished": 409,
        "job_not_retryable": 409,
        "result_gone": 410,
        "idempotency_conflict": 409,
        "job_queue_full": 429,
        "storage_full": 503,
        "unavailable": 503,
        "not_ready": 503,
        "overloaded": 503,
        "too_many_calls": 429,
        "deadline_exceeded": 504,
        "worker_lost": 502,
        "disk_full": 507,
        "index_unreachable": 503,
        "engine_unavailable": 503,
        "target_unavailable": 503,
        "registry_unreachable": 503,
        "internal_error": 500,
        "wire_error": 500,
    }
)
"""`HotplateError.code` -> HTTP status. A code that is missing here is a defect; a test compares it with errors.py."""
