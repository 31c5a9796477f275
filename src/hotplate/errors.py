"""The error tree, split by who must act. HTTP status lives in one table, `edge/status.py`, never here.

HotplateError
├── UserError                 the input, the project or its settings: fix them
│   ├── InvalidInput          a call's body or parameters do not fit the route
│   │   ├── LimitExceeded     a call is larger, deeper or longer than a limit allows
│   │   ├── InvalidMedia      bytes that are not the image, sound or video they should be (also a ValueError)
│   │   ├── BadArchive        an uploaded archive is damaged, or holds what may not be there
│   │   ├── MalformedBody     a body that cannot be read at all: broken multipart, text that is not UTF-8
│   │   └── UnsupportedMedia  a body of a type that the route does not take
│   ├── InvalidOutput         the author's function returned a value that does not fit its annotation
│   ├── ProjectError          the project cannot be read, matched or loaded
│   │   ├── MissingExtra      a package is needed that is not installed (also an ImportError)
│   │   ├── PackagesRefused   the packages that a project asks for cannot be had together, or at all
│   │   └── ImageFailed       a step of an image's build failed
│   ├── SettingError          a setting, flag or project file has a wrong value
│   ├── NotProvided           the project has no function for this, though callers may ask for it
│   ├── Unauthorized          no token, or one that is wrong, expired or revoked
│   ├── Forbidden             the token may not do this, or the request comes from another site
│   ├── NotFound              there is no such endpoint, revision, token, secret or volume
│   ├── Conflict              it is there already, or something else still uses it
│   ├── EngineRefused         the container engine says no
│   ├── TargetRefused         where replicas are to run, such a replica cannot be had
│   ├── ImageInvalid          an image, or what a registry sent of it, is not what it should be
│   ├── RegistryRefused       a registry does not give or take an image: unknown, not allowed, no room
│   ├── BlockedURL            a URL that may not be fetched from this machine
│   ├── FetchFailed           a URL that gave no usable answer (also a ValueError)
│   └── JobError              a request about a job cannot be met
│       ├── JobNotFound           there is no job with this id
│       ├── JobNotFinished        its result is not there yet
│       ├── JobFinished           it has ended, so it cannot be cancelled
│       ├── JobNotRetryable       it has not failed, or its input is gone
│       ├── ResultGone            its result is not kept any more
│       └── IdempotencyConflict   the key was used before with another request
├── Unavailable               try again; carries `retry_after_s`
│   ├── NotReady              the model is still starting
│   ├── Overloaded            the queue is full
│   ├── TooManyCalls          a token's rate or concurrency limit, or too many wrong tokens
│   ├── DeadlineExceeded      no answer within the request's deadline
│   ├── WorkerLost            the worker process died while it ran this call
│   ├── JobQueueFull          too many jobs wait
│   └── StorageFull           there is no room left on the disk for jobs
│   ├── DiskFull              no room is left on the disk
│   ├── IndexUnreachable      the package index gives no answer
│   ├── EngineUnavailable     no container engine answers
│   ├── TargetUnavailable     where replicas are to run, nobody answers, or there is no room now
│   └── RegistryUnreachable   a registry of images gives no answer, or breaks off again and again
└── PlatformError             ours; logged with an id
    └── WireError             a frame between server and worker is malformed

Each class has a stable `code` and uses its docstring as the default message.
"""

from __future__ import annotations

from typing import Any, ClassVar


class HotplateError(Exception):
    """Something went wrong in Hotplate."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        """The text for people: what happened, where, what to do."""
        return str(self.args[0])


class UserError(HotplateError):
    """The request or the project is wrong."""

    code = "user_error"


class InvalidInput(UserError):
    """The input does not fit the route.

    `details` are pydantic-shaped items: `{"type", "loc", "msg", "input", "ctx"?}`.
    """

    code = "invalid_input"

    def __init__(self, message: str | None = None, *, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message or "The input does not fit the route.")
        self.details: list[dict[str, Any]] = details or []


class LimitExceeded(InvalidInput):
    """The input is over a limit."""

    code = "limit_exceeded"


class InvalidMedia(InvalidInput, ValueError):
    """The data is not valid base64, or not media of the expected kind."""

    code = "invalid_media"


class BadArchive(InvalidInput):
    """The archive is damaged, or holds something that is no plain file or folder of its own."""

    code = "bad_archive"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class MalformedBody(InvalidInput):
    """There was an error parsing the body"""

    code = "malformed_body"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "There was an error parsing the body")


class UnsupportedMedia(InvalidInput):
    """The route does not take a body of this content type."""

    code = "unsupported_media_type"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "The route does not take a body of this content type.")


class InvalidOutput(UserError):
    """The function returned a value that does not fit its return annotation, or has no form in JSON."""

    code = "invalid_output"


class ProjectError(UserError):
    """The project cannot be served.

    `file` and `line` name the place in the user's project; `hint` says the next step. `trace` is the traceback of the
    user's code where this error comes from another process.
    """

    code = "project_error"

    def __init__(
        self,
        message: str | None = None,
        *,
        file: str | None = None,
        line: int | None = None,
        hint: str | None = None,
        trace: str = "",
    ) -> None:
        super().__init__(message or "The project cannot be served.")
        self.file = file
        self.line = line
        self.hint = hint
        self.trace = trace


class MissingExtra(ProjectError, ImportError):
    """A package that this needs is not installed. Install it with: pip install "hotplate[media]"."""

    code = "missing_extra"


class PackagesRefused(ProjectError):
    """The packages that the project asks for cannot be installed."""

    code = "packages_refused"


class ImageFailed(ProjectError):
    """The image of the project cannot be built."""

    code = "image_failed"


class SettingError(UserError):
    """A setting has a wrong value.

    `key` is the setting; `source` says where the value came from (a file and line, a flag, an environment
    variable); `hint` says the next step.
    """

    code = "setting_error"

    def __init__(
        self,
        message: str | None = None,
        *,
        key: str | None = None,
        source: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message or "A setting has a wrong value.")
        self.key = key
        self.source = source
        self.hint = hint


class NotProvided(UserError):
    """The project does not provide this."""

    code = "not_provided"


class Unauthorized(UserError):
    """This needs a token: send `Authorization: Bearer TOKEN`."""

    code = "unauthorized"


class Forbidden(UserError):
    """The token does not allow this."""

    code = "forbidden"


class NotFound(UserError):
    """There is nothing of this name."""

    code = "not_found"


class Conflict(UserError):
    """It is there already, or something else still uses it."""

    code = "conflict"


class EngineRefused(UserError):
    """The container engine refuses this."""

    code = "engine_refused"


class TargetRefused(UserError):
    """Such a replica cannot be had where the endpoint's replicas are to run."""

    code = "target_refused"


class ImageInvalid(UserError):
    """The image is not what it should be."""

    code = "image_invalid"


class RegistryRefused(UserError):
    """The registry does not give or take the image."""

    code = "registry_refused"


class BlockedURL(UserError):
    """The URL points to a place that may not be fetched. Allow its host with `fetch_allow` in hotplate.yaml."""

    code = "blocked_url"


class FetchFailed(UserError, ValueError):
    """The URL gave no usable answer. Check that it can be reached and answers with status 200."""

    code = "fetch_failed"


class JobError(UserError):
    """The request about this job cannot be met."""

    code = "job_error"


class JobNotFound(JobError):
    """There is no job with this id. It may have ended so long ago that its record was dropped."""

    code = "job_not_found"


class JobNotFinished(JobError):
    """The job has not ended, so it has no result yet. Ask again later, or wait with ?wait=30."""

    code = "job_not_finished"


class JobFinished(JobError):
    """The job has ended already, so it cannot be cancelled."""

    code = "job_finished"


class JobNotRetryable(JobError):
    """Only a job that failed can be retried, as long as its input is kept."""

    code = "job_not_retryable"


class ResultGone(JobError):
    """The result of this job is not kept any more, or there never was one."""

    code = "result_gone"


class IdempotencyConflict(JobError):
    """This Idempotency-Key was used before with another request. Use a new key for a new request."""

    code = "idempotency_conflict"


class Unavailable(HotplateError):
    """Not available right now. Try again later."""

    code = "unavailable"

    def __init__(self, message: str | None = None, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReady(Unavailable):
    """The model is still starting. Try again in a moment."""

    code = "not_ready"


class Overloaded(Unavailable):
    """Every slot is busy and the queue is full. Try again later."""

    code = "overloaded"


class TooManyCalls(Unavailable):
    """Too many calls. Try again after the time in Retry-After."""

    code = "too_many_calls"


class DeadlineExceeded(Unavailable):
    """No answer within the deadline. Raise `timeout` if the model needs longer."""

    code = "deadline_exceeded"


class WorkerLost(Unavailable):
    """The worker process died while it ran this call. It is being replaced; try again."""

    code = "worker_lost"


class JobQueueFull(Unavailable):
    """Too many jobs wait already. Try again later."""

    code = "job_queue_full"


class StorageFull(Unavailable):
    """There is no room left where jobs are stored. Calls without `Prefer: respond-async` still work."""

    code = "storage_full"


class DiskFull(Unavailable):
    """The disk is full. Make room (`hotplate prune` removes what no endpoint uses) and try again."""

    code = "disk_full"


class IndexUnreachable(Unavailable):
    """The package index gives no answer. Check the network, or set UV_DEFAULT_INDEX to another one."""

    code = "index_unreachable"


class EngineUnavailable(Unavailable):
    """No container engine answers. Start Docker or Podman, or name another one with --engine."""

    code = "engine_unavailable"


class TargetUnavailable(Unavailable):
    """Where the endpoint's replicas are to run, nobody answers, or there is no room now."""

    code = "target_unavailable"


class RegistryUnreachable(Unavailable):
    """The registry gives no answer. Check its name and the network, and try again."""

    code = "registry_unreachable"


class PlatformError(HotplateError):
    """An internal error. The log has the details under this request's id."""

    code = "internal_error"


class WireError(PlatformError):
    """A malformed frame between server and worker."""

    code = "wire_error"
